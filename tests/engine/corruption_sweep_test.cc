// Every byte of a small database with one bit flipped, every bit of its headers and footers, cuts, sectors and whole files
// lost or exchanged (tests/support/engine/corruption_sweep.h); `./dev crash --corrupt` goes through every bit and every cut.
#include "tests/support/engine/corruption_sweep.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/seed.h"

namespace tally {
namespace {

using Ending = CorruptionWorld::Ending;
using Part = std::vector<uint64_t> (CorruptionPlan::*)() const;

// Under sanitizers, where a start takes five times as long, a third of the harms; the release build takes all.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kStride = 3;
#elif defined(__has_feature)
constexpr size_t kStride = __has_feature(address_sanitizer) ? 3 : 1;
#else
constexpr size_t kStride = 1;
#endif

struct Swept {
  size_t harms = 0;  // those that were to be swept
  CorruptionSweepResult result;
};

// `path_part`: of the files to harm; a log that was not closed is what is different from a closed database.
Swept sweep(Ending ending, Part part, std::string_view path_part = "", size_t stride = kStride) {
  const uint64_t seed = test_seed(1);
  const CorruptionWorld world(ending, seed);
  const CorruptionPlan plan(world);
  std::vector<uint64_t> chosen;
  const std::vector<uint64_t> numbers = (plan.*part)();
  for (size_t i = seed % stride; i < numbers.size(); i += stride) {
    const std::string& path = world.files()[plan.at(numbers[i]).file].path;
    if (path.find(path_part) != std::string::npos) chosen.push_back(numbers[i]);
  }
  Swept swept{chosen.size(), sweep_corruption(world, plan, chosen, {})};
  MESSAGE(CorruptionWorld::name(ending) << ": " << swept.result.summary());
  CHECK_EQ(swept.result.failure, "");
  CHECK(swept.result.refused > 0);
  return swept;
}

std::set<std::string> names_of(const std::map<std::string, uint64_t>& tolerated) {
  std::set<std::string> names;
  for (const auto& [name, count] : tolerated) names.insert(name);
  return names;
}

}  // namespace

TEST_CASE("corruption: the database that is swept is small, and has a file of every kind") {
  for (Ending ending : {Ending::kClosed, Ending::kKilled, Ending::kSealed}) {
    const CorruptionWorld world(ending, test_seed(1));
    CHECK(world.used_bytes() <= 32 * 1024);
    CHECK(world.answers().rows.size() > 20);
    CHECK(world.answers().events < world.answers().rows.size());
    std::string paths;
    for (const CorruptionWorld::StoredFile& file : world.files()) paths += file.path + "\n";
    for (const char* part : {"TALLY", "CURRENT", "MANIFEST-", ".dict", ".seg", ".retr", ".log"}) {
      CAPTURE(part);
      CHECK(paths.find(part) != std::string::npos);
    }
    CHECK((paths.find("CLEAN") != std::string::npos) == (ending == Ending::kClosed));
    auto disk = world.disk();
    Error refused;
    CHECK_EQ(world.resend(*disk, refused), "");
    CHECK_EQ(refused.message, "");
  }
}

TEST_CASE("corruption: one bit of every byte") {
  const Swept swept = sweep(Ending::kClosed, &CorruptionPlan::every_byte);
  CHECK(swept.harms > 10'000 / kStride);
  CHECK(swept.result.states == swept.harms);
  CHECK(swept.result.refused > 5'000 / kStride);
  CHECK(swept.result.resent > 0);
  CHECK(swept.result.tolerated.empty());
}

TEST_CASE("corruption: every bit of headers and footers") {
  const Swept swept = sweep(Ending::kClosed, &CorruptionPlan::header_and_footer_bits);
  CHECK(swept.harms > 10'000 / kStride);
  CHECK(swept.result.states == swept.harms);
  CHECK(swept.result.refused > swept.harms * 3 / 4);
  CHECK(swept.result.tolerated.empty());
}

TEST_CASE("corruption: cuts, sectors, files lost, exchanged or put back") {
  CHECK(sweep(Ending::kClosed, &CorruptionPlan::the_rest, "", 1).result.tolerated.empty());
  // The manifest does not know which log files follow, nor how far they go.
  const std::set<std::string> sealed = {"an open log put back to an earlier state",
                                        "removal of the newest file of an open log"};
  std::set<std::string> killed = sealed;
  killed.insert("harm of the last group of an unsealed log");
  CHECK(names_of(sweep(Ending::kKilled, &CorruptionPlan::the_rest, "", 1).result.tolerated) == killed);
  CHECK(names_of(sweep(Ending::kSealed, &CorruptionPlan::the_rest, "", 1).result.tolerated) == sealed);
}

TEST_CASE("corruption: any cut of the newest log file is refused, closed or not") {
  for (Ending ending : {Ending::kClosed, Ending::kKilled, Ending::kSealed}) {
    const CorruptionWorld world(ending, test_seed(1));
    const CorruptionPlan plan(world);
    std::string newest;
    for (const CorruptionWorld::StoredFile& file : world.files()) {
      if (file.path.ends_with(".log")) newest = file.path;
    }
    std::vector<uint64_t> cuts;
    for (uint64_t number : plan.the_rest()) {
      const HarmedPlace place = plan.at(number);
      if (place.harm == Harm::kCut && world.files()[place.file].path == newest) cuts.push_back(number);
    }
    const CorruptionSweepResult result = sweep_corruption(world, plan, cuts, {});
    CAPTURE(CorruptionWorld::name(ending));
    CHECK_EQ(result.failure, "");
    CHECK(result.states > 10);
    CHECK(result.refused == result.states);
  }
}

TEST_CASE("corruption: one bit of every byte of a log that was not closed") {
  // Without a seal, harm of the last group looks like a write that a crash cut off: the only thing that is let pass.
  const CorruptionSweepResult killed = sweep(Ending::kKilled, &CorruptionPlan::every_byte, "/log/").result;
  REQUIRE(killed.tolerated.size() == 1);
  CHECK(killed.tolerated.begin()->first == "harm of the last group of an unsealed log");
  const CorruptionSweepResult sealed = sweep(Ending::kSealed, &CorruptionPlan::every_byte, "/log/").result;
  CHECK(sealed.tolerated.empty());
  CHECK(sealed.refused > killed.refused);
}

TEST_CASE("corruption: every bit of the headers of a log that was not closed") {
  CHECK(sweep(Ending::kKilled, &CorruptionPlan::header_and_footer_bits, "/log/").result.tolerated.size() == 1);
  CHECK(sweep(Ending::kSealed, &CorruptionPlan::header_and_footer_bits, "/log/").result.tolerated.empty());
}

TEST_CASE("corruption: the sweep sees what it is there for") {
  const CorruptionWorld world(Ending::kClosed, test_seed(1));
  const CorruptionPlan plan(world);
  CHECK(plan.at(1).harm == Harm::kRemove);  // of LOCK, which is empty
  CHECK(plan.at(plan.size()).harm == Harm::kStale);
  for (uint64_t number : {uint64_t{1}, plan.size() / 2, plan.size()}) CHECK(plan.describe(number).find("harm ") == 0);

  // A segment of another table of the same shape, whole and sound, in place of the right one.
  const CorruptionWorld other(Ending::kClosed, test_seed(1) + 1);
  auto strange = other.disk();
  CHECK_FALSE(*other.ask(*strange) == world.answers());
  auto same = world.disk();
  CHECK(*world.ask(*same) == world.answers());
  const std::string segment = std::string(CorruptionWorld::kTablePath) + "segments/00000001.seg";
  replace_file(*same, segment, strange->content(segment));
  auto refused = world.ask(*same);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find(segment) != std::string::npos);
}

}  // namespace tally
