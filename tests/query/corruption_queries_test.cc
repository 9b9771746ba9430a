// The corruption sweep with SQL on top: what a harmed segment makes of indexes and zone maps is no other answer either.
#include <doctest/doctest.h>

#include "tests/query/corruption_questions.h"
#include "tests/support/engine/corruption_sweep.h"
#include "tests/support/seed.h"

namespace tally {

TEST_CASE("corruption: no SQL answer changes in silence, whatever byte of a segment is harmed") {
  constexpr size_t kStride = 7;
  const uint64_t seed = test_seed(1);
  const CorruptionWorld world(CorruptionWorld::Ending::kClosed, seed, ask_in_sql);
  const CorruptionPlan plan(world);
  CHECK(world.answers().more.find("click") == std::string::npos);
  CHECK(world.answers().more.find("a0") != std::string::npos);
  std::vector<uint64_t> numbers;
  for (uint64_t number : plan.every_byte()) {
    if (world.files()[plan.at(number).file].path.ends_with(".seg")) numbers.push_back(number);
  }
  std::vector<uint64_t> chosen;
  for (size_t i = seed % kStride; i < numbers.size(); i += kStride) chosen.push_back(numbers[i]);
  const CorruptionSweepResult result = sweep_corruption(world, plan, chosen, {});
  MESSAGE(result.summary());
  CHECK_EQ(result.failure, "");
  CHECK(result.refused > chosen.size() / 2);
}

}  // namespace tally
