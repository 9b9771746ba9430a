#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "base/random.h"
#include "engine/remembered_ids.h"
#include "tests/support/engine/id_files.h"
#include "tests/support/engine/seed.h"

using namespace tally;
using Probe = RememberedIds::Probe;

TEST_CASE("remembered ids: sealed generations of every class stand in one ribbon, until they are forgotten") {
  Files files(8);
  const TimeUs durations[] = {kWithin, 30 * kMicrosPerDay};
  RememberedIds ids(0, 1, durations, 0);
  const TimeUs third = kWithin / 3;
  auto day = [&](uint64_t number) { return kStart + static_cast<TimeUs>(number) * third + kMicrosPerHour; };
  uint64_t next = 0;
  auto live = [&](uint64_t number) {  // two spills of either class
    for (Lsn half = 0; half < 2; ++half) {
      remember(ids, next, next + 900, day(number));
      remember(ids, next + 900, next + 1000, day(number), 1);
      next += 1000;
      flush(ids, files, number * 2 + half + 1);
    }
    merge_all(ids, files, day(number));
    ids.check_invariants();
  };
  for (uint64_t number = 0; number < 3; ++number) live(number);
  CHECK(ids.stats().ribbon_runs == 2);
  CHECK(known_of(ids, 0, next) == next);
  CHECK(known_of(ids, next, 20 * next) == 0);
  const RememberedIds::Stats stats = ids.stats();
  CHECK(stats.false_positives < next * 19 / 20);  // a twentieth of the strangers

  live(3);
  CHECK(ids.stats().ribbon_runs == 3);
  REQUIRE(ids.forget({0, ids.generation_of(0, day(0))}));
  ids.check_invariants();
  CHECK(ids.stats().ribbon_runs == 2);
  CHECK(known_of(ids, 0, 900) == 0);
  CHECK(known_of(ids, 900, 1000) == 100);  // of the other class
  CHECK(known_of(ids, 2000, next) == next - 2000);
  live(4);  // the ribbon is made anew without it
  CHECK(ids.stats().ribbon_runs == 3);
  CHECK(known_of(ids, 2000, next) == next - 2000);

  RememberedIds again(0, 1, durations);
  std::erase_if(files.listed, [&](const auto& item) {
    return item.second.place.lateness_class == 0 && item.second.place.generation == ids.generation_of(0, day(0));
  });
  REQUIRE(again.load(files.disk, "ids", files.infos()));
  again.check_invariants();
  CHECK(again.stats().ribbon_runs == 0);  // filters are sooner made
  CHECK(known_of(again, 2000, next) == next - 2000);
  merge_all(again, files, day(4));
  CHECK(again.stats().ribbon_runs == 3);
  CHECK(known_of(again, 2000, next) == next - 2000);
  for (uint64_t number : {1, 2, 3}) REQUIRE(again.forget({0, again.generation_of(0, day(number))}));
  again.check_invariants();
  CHECK(again.stats().ribbon_runs == 0);
}

TEST_CASE("remembered ids: what comes to a generation in the ribbon is found beside it") {
  Files files(9);
  RememberedIds ids = one_class();
  remember(ids, 0, 3000, kStart);
  flush(ids, files, 1);
  merge_all(ids, files, kStart + kWithin / 3);  // arrival is said to have gone on
  REQUIRE(ids.stats().ribbon_runs == 1);
  for (Lsn lsn = 2; lsn < 5; ++lsn) {
    remember(ids, lsn * 3000, lsn * 3000 + 3000, kStart);
    flush(ids, files, lsn);
    ids.check_invariants();
    CHECK(known_of(ids, 0, 3000) == 3000);
    CHECK(known_of(ids, 6000, lsn * 3000 + 3000) == (lsn - 1) * 3000);
  }
  merge_all(ids, files, kStart + kWithin / 3);
  ids.check_invariants();
  CHECK(ids.stats().runs == 2);
  CHECK(known_of(ids, 0, 3000) == 3000);
  CHECK(known_of(ids, 6000, 15'000) == 9000);
}

TEST_CASE("remembered ids: of equal ids in a batch of any size the later ones know what became of the first") {
  Random random(test_seed());
  for (const size_t rows : {1, 2, 3, 31, 64, 1000, 40'000}) {
    RememberedIds ids = one_class();
    std::vector<Hash128> keys(rows);
    for (Hash128& key : keys) key = key_of(random.below(rows / 2 + 1));
    const std::vector<uint32_t> digests(rows, 7);
    std::map<Hash128, bool> inserted;
    REQUIRE(ids.begin_batch(keys, digests));
    for (size_t row = 0; row < rows; ++row) {
      REQUIRE((ids.find(row) == Probe::kSameDigest) == inserted[keys[row]]);
      if (inserted[keys[row]] || random.chance(0.3)) continue;
      ids.insert(row, {.lateness_class = 0, .event_us = kStart, .arrival_us = kStart});
      inserted[keys[row]] = true;
    }
  }
}
