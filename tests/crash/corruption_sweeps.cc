// The corruption sweep in its long form: every bit of every byte, every cut, every sector, every file lost, exchanged with
// another or put back, of a closed database and of one that was killed, with and without a seal; each followed by scans and
// SQL. The harms come in an order made from the seed, so that a part of them is an even sample.
#include <numeric>

#include "base/random.h"
#include "tests/crash/sweeps.h"
#include "tests/query/corruption_questions.h"
#include "tests/support/engine/corruption_sweep.h"

namespace tally {
namespace {

using Ending = CorruptionWorld::Ending;

// 1 to `count`, each once, in steps that have no divisor in common with it.
std::vector<uint64_t> in_seeded_order(uint64_t count, uint64_t seed) {
  Random random(seed);
  uint64_t step = 1 + random.below(count);
  while (std::gcd(step, count) != 1) step = step % count + 1;
  std::vector<uint64_t> numbers(count);
  uint64_t at = random.below(count);
  for (uint64_t& number : numbers) {
    number = at + 1;
    at = (at + step) % count;
  }
  return numbers;
}

SweepOutcome run(Ending ending, const SweepRound& round) {
  const std::string name = std::string(CorruptionWorld::name(ending));
  const CorruptionWorld world(ending, round.seed, ask_in_sql);
  const CorruptionPlan plan(world);
  std::vector<uint64_t> numbers = in_seeded_order(plan.size(), round.seed);
  if (round.only_point != 0) numbers.assign(round.only_point <= plan.size() ? 1 : 0, round.only_point);
  CorruptionSweepOptions options;
  if (round.only_point != 0) options.resend_every = options.check_every = 1;
  if (round.stop) options.stop = round.stop;
  if (round.progress) {
    options.progress = [&](uint64_t done) {
      constexpr uint64_t kProgressEvery = 100'000;
      if (done % kProgressEvery == 0) {
        round.progress(name + ": " + std::to_string(done) + " of " + std::to_string(numbers.size()) + " harms");
      }
    };
  }
  CorruptionSweepResult result = sweep_corruption(world, plan, numbers, options);
  if (!result.failure.empty()) {
    result.failure += "\n  again with: ./dev crash --sweep corrupt-" + name + " --seed " + std::to_string(round.seed) +
                      " --point " + std::to_string(result.failed_number);
  }
  return {.points = result.states, .states = result.states, .failure = result.failure, .summary = result.summary()};
}

const SweepRegistration closed{{
    .name = "corrupt-closed",
    .what = "every bit, cut, sector and whole-file harm of a closed database",
    .run = [](const SweepRound& round) { return run(Ending::kClosed, round); },
}};
const SweepRegistration killed{{
    .name = "corrupt-killed",
    .what = "the same of one that was killed with rows in the log",
    .run = [](const SweepRound& round) { return run(Ending::kKilled, round); },
}};
const SweepRegistration sealed{{
    .name = "corrupt-sealed",
    .what = "the same of one that was killed after its log was sealed",
    .run = [](const SweepRound& round) { return run(Ending::kSealed, round); },
}};

}  // namespace
}  // namespace tally
