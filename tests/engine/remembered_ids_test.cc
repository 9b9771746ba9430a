#include "engine/remembered_ids.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/file_names.h"
#include "base/random.h"
#include "tests/support/engine/id_files.h"
#include "tests/support/engine/seed.h"

using namespace tally;
using Probe = RememberedIds::Probe;
using GenerationId = RememberedIds::GenerationId;

namespace {

// --- the shadow: a plain map beside the whole life of a shard ---------------------------------------------------------

class Shadow {
 public:
  explicit Shadow(uint64_t seed) : random_(seed), files_(seed) {
    const size_t classes = random_.between(1, 3);
    for (size_t i = 0; i < classes; ++i) {
      const TimeUs hours = random_.chance(0.3) ? 30 : 1;  // of a unit: some generations get many spills
      durations_.push_back(static_cast<TimeUs>(random_.between(10, 200)) * hours * kMicrosPerHour);
    }
    if (random_.chance(0.5)) plenty_bytes_ = 0;
    ids_ = std::make_unique<RememberedIds>(0, 1, durations_, plenty_bytes_);
    arrival_us_ = kStart;
  }

  // Until `steps` rows were decided.
  void run(uint64_t steps) {
    while (steps_ < steps) {
      const uint64_t what = random_.below(100);
      if (what < 70) batch();
      if (what >= 70 && what < 76) freeze();
      if (what >= 76 && what < 84) write_one();
      if (what >= 84 && what < 88) plan_merge();
      if (what >= 88 && what < 92) finish_merge();
      if (what >= 92 && what < 97) forget();
      if (what == 97 && random_.chance(0.3)) crash();
      if (what == 98) everything_is_found();
      if (what == 99) arrival_us_ += static_cast<TimeUs>(random_.below(40)) * kMicrosPerHour;
      arrival_us_ += static_cast<TimeUs>(random_.below(20)) * kMicrosPerMinute;
      ids_->check_invariants();
    }
    everything_is_found();
  }
  uint64_t spills = 0, merges = 0, bases = 0, ribbons = 0, forgets = 0, crashes = 0, repeats = 0;

 private:
  struct Known {
    uint32_t digest = 0;
    GenerationId generation;
    TimeUs event_us = 0;
    TimeUs arrival_us = 0;
    Lsn lsn = 0;  // of the marker it stands before
  };
  using Model = std::map<Hash128, Known>;

  Hash128 choose_key() {
    const uint64_t what = random_.below(10);
    if (what < 5 || numbers_ == 0) return key_of(numbers_++);
    if (what < 7) return key_of(numbers_ - 1 - random_.below(std::min<uint64_t>(numbers_, 50)));
    return key_of(random_.below(numbers_));
  }

  void batch() {
    std::vector<Hash128> keys(random_.between(1, 60));
    std::vector<uint32_t> digests(keys.size());
    for (Hash128& key : keys) key = choose_key();
    for (uint32_t& digest : digests) digest = static_cast<uint32_t>(random_.below(2));
    REQUIRE(ids_->begin_batch(keys, digests));
    for (size_t row = 0; row < keys.size(); ++row) {
      if (row + 4 < keys.size()) ids_->prefetch(row + 4);
      auto known = model_.find(keys[row]);
      const Probe want = known == model_.end()                  ? Probe::kNew
                         : known->second.digest == digests[row] ? Probe::kSameDigest
                                                                : Probe::kOtherDigest;
      REQUIRE(ids_->find(row) == want);
      ++steps_;
      repeats += want != Probe::kNew;
      if (want == Probe::kNew && random_.chance(0.9)) insert(row, keys[row], digests[row]);
    }
    CHECK(ids_->size() == model_.size());
  }

  void insert(size_t row, const Hash128& key, uint32_t digest) {
    const auto lateness_class = static_cast<uint32_t>(random_.below(durations_.size()));
    const TimeUs event_us = arrival_us_ - static_cast<TimeUs>(random_.below(200)) * kMicrosPerHour;
    ids_->insert(row, {.lateness_class = lateness_class, .event_us = event_us, .arrival_us = arrival_us_});
    const GenerationId id{lateness_class, ids_->generation_of(lateness_class, arrival_us_)};
    model_[key] = {digest, id, event_us, arrival_us_, lsn_ + 1};
  }

  void freeze() {
    if (!waiting_.empty()) return;
    RememberedIds::Frozen frozen = ids_->freeze(++lsn_);
    forgotten_before_edit_.clear();
    edit_forgets_ = std::move(frozen.forgotten);
    for (SpillWork& work : frozen.spills) waiting_.push_back(std::move(work));
    if (waiting_.empty()) commit();
  }

  // One piece of the flush's work; behind the last, its edit, and the runs are taken over.
  void write_one() {
    if (waiting_.empty()) return;
    written_.push_back(write_spill(waiting_.front(), files_.target()).value());
    waiting_.pop_front();
    if (waiting_.empty()) commit();
  }
  void commit() {
    for (const GenerationId& id : edit_forgets_) files_.drop(id);
    edit_forgets_.clear();
    for (SpilledIds& spilled : written_) {
      const IdRunInfo& info = spilled.run->info();
      CHECK(info.summary.max_lsn == lsn_);
      files_.listed[info.number] = info;
      ids_->adopt(std::move(spilled));
      ++spills;
    }
    written_.clear();
    durable_lsn_ = lsn_;
  }

  void plan_merge() {
    if (merge_) return;
    merge_ = ids_->plan_merge(arrival_us_);
    CHECK((!merge_ || !ids_->plan_merge(arrival_us_)));  // one at a time
  }
  void finish_merge() {
    if (!merge_) return;
    if (random_.chance(0.1)) {
      ids_->abandon_merge();
    } else {
      MergedIds merged = write_merge(*merge_, files_.target()).value();
      CHECK(merged.repeated == 0);
      const bool live = merged.run && std::all_of(merged.inputs.begin(), merged.inputs.end(),
                                                  [&](uint64_t number) { return files_.listed.contains(number); });
      if (merged.run) {
        for (uint64_t number : merged.inputs) files_.listed.erase(number);
      }
      if (live) files_.listed[merged.run->info().number] = merged.run->info();
      ribbons += merged.ribbon != nullptr;
      bases += merged.filter != nullptr && !merged.run;
      ids_->adopt(std::move(merged));
      ++merges;
    }
    merge_.reset();
  }

  void forget() {
    std::map<GenerationId, std::map<int32_t, TimeUs>> newest;
    std::map<GenerationId, TimeUs> arrivals;
    for (const auto& [key, known] : model_) {
      TimeUs& time = newest[known.generation].try_emplace(utc_day(known.event_us), known.event_us).first->second;
      time = std::max(time, known.event_us);
      TimeUs& arrival = arrivals[known.generation];
      arrival = std::max(arrival, known.arrival_us);
    }
    size_t due = 0;
    for (const auto& [id, arrival] : arrivals) {
      due += arrival + durations_[id.lateness_class] + limits::kForgetGraceUs < arrival_us_;
    }
    std::vector<RememberedIds::Forgettable> candidates = ids_->candidates_to_forget(arrival_us_);
    CHECK(candidates.size() == due);
    for (const auto& [id, days] : candidates) {
      CHECK(arrivals[id] + durations_[id.lateness_class] + limits::kForgetGraceUs < arrival_us_);
      std::map<int32_t, TimeUs> told;
      for (const NewestOfDay& day : days) told[day.day] = day.event_us;
      CHECK(told == newest[id]);
      if (random_.chance(0.7)) forget_one(id);
    }
  }
  void forget_one(const GenerationId& id) {
    CHECK(ids_->forget(id));
    CHECK_FALSE(ids_->forget(id));
    forgotten_before_edit_.push_back(id);
    std::erase_if(model_, [&](const auto& item) { return item.second.generation == id; });
    ++forgets;
  }

  // Memory is gone; what the last edit listed comes back, then the log's FORGET records behind it.
  void crash() {
    waiting_.clear();
    written_.clear();
    merge_.reset();
    std::erase_if(model_, [&](const auto& item) { return item.second.lsn > durable_lsn_; });
    lsn_ = durable_lsn_;
    files_.remove_unlisted();
    ids_ = std::make_unique<RememberedIds>(0, 1, durations_, plenty_bytes_);
    REQUIRE(ids_->load(files_.disk, "ids", files_.infos()));
    forgotten_before_edit_.insert(forgotten_before_edit_.end(), edit_forgets_.begin(), edit_forgets_.end());
    edit_forgets_.clear();
    for (const GenerationId& id : forgotten_before_edit_) (void)ids_->forget(id);
    ++crashes;
    everything_is_found();
  }

  void everything_is_found() {
    std::vector<Hash128> keys;
    std::vector<uint32_t> digests;
    for (const auto& [key, known] : model_) {
      keys.push_back(key);
      digests.push_back(known.digest);
    }
    std::vector<Probe> probes(keys.size());
    REQUIRE(ids_->find_batch(keys, digests, probes));
    CHECK(std::count(probes.begin(), probes.end(), Probe::kSameDigest) == static_cast<ptrdiff_t>(keys.size()));
    CHECK(ids_->size() == model_.size());
  }

  Random random_;
  Files files_;
  std::vector<TimeUs> durations_;
  uint64_t plenty_bytes_ = RememberedFilters::kPlentyBytes;
  std::unique_ptr<RememberedIds> ids_;
  TimeUs arrival_us_ = 0;
  Model model_;
  uint64_t numbers_ = 0, steps_ = 0;
  Lsn lsn_ = 0, durable_lsn_ = 0;
  std::deque<SpillWork> waiting_;
  std::vector<SpilledIds> written_;
  std::vector<GenerationId> edit_forgets_;           // of the flush under way
  std::vector<GenerationId> forgotten_before_edit_;  // that no edit has seen: the log still says so
  std::optional<MergeWork> merge_;
};

}  // namespace

TEST_CASE("remembered ids answer as a plain map does, through spills, merges, forgetting and crashes") {
  uint64_t seed = test_seed(1);
  uint64_t spills = 0, merges = 0, bases = 0, ribbons = 0, forgets = 0, crashes = 0;
  for (uint64_t life = 0; life < 12; ++life, ++seed) {
    CAPTURE(seed);
    Shadow shadow(seed);
    shadow.run(25'000);
    spills += shadow.spills;
    merges += shadow.merges;
    bases += shadow.bases;
    ribbons += shadow.ribbons;
    forgets += shadow.forgets;
    crashes += shadow.crashes;
    CHECK(shadow.repeats > 5000);
  }
  MESSAGE(spills, " spills, ", merges, " merges, of them ", bases, " bases of filters and ", ribbons, " ribbons, ",
          forgets, " forgotten generations, ", crashes, " crashes");
  CHECK(spills > 100);
  CHECK(merges > 20);
  CHECK(bases > 2);
  CHECK(ribbons > 10);
  CHECK(forgets > 50);
  CHECK(crashes > 5);
}

TEST_CASE("remembered ids: rows before in a batch are seen, with their digest; a row not inserted is not") {
  RememberedIds ids = one_class();
  const Hash128 keys[] = {key_of(1), key_of(1), key_of(2), key_of(2), key_of(1), {}, {}};
  const uint32_t digests[] = {5, 5, 6, 6, 9, 1, 1};
  REQUIRE(ids.begin_batch(keys, digests));
  CHECK(ids.find(0) == Probe::kNew);
  ids.insert(0, {.lateness_class = 0, .event_us = kStart, .arrival_us = kStart});
  CHECK(ids.find(1) == Probe::kSameDigest);
  CHECK(ids.find(2) == Probe::kNew);  // refused by the shard, say: too late
  CHECK(ids.find(3) == Probe::kNew);
  CHECK(ids.find(4) == Probe::kOtherDigest);
  CHECK(ids.find(5) == Probe::kNew);  // the all-zero hash is an id as any other
  ids.insert(5, {.lateness_class = 0, .event_us = kStart, .arrival_us = kStart});
  CHECK(ids.find(6) == Probe::kSameDigest);
  CHECK(ids.size() == 2);
}

TEST_CASE("remembered ids: generations are thirds of each class's duration, also before 1970") {
  const TimeUs durations[] = {kWithin, 30 * kMicrosPerDay};
  RememberedIds ids(0, 1, durations);
  CHECK(ids.generation_of(0, 0) == 0);
  CHECK(ids.generation_of(0, kMicrosPerDay - 1) == 0);
  CHECK(ids.generation_of(0, kMicrosPerDay) == 1);
  CHECK(ids.generation_of(0, -1) == -1);
  CHECK(ids.generation_of(0, -kMicrosPerDay) == -1);
  CHECK(ids.generation_of(1, 10 * kMicrosPerDay) == 1);
  ids.add_class(3);
  CHECK(ids.generation_of(2, 7) == 7);
}

TEST_CASE("remembered ids: forgotten not a microsecond before arrival has passed duration and grace") {
  Files files(1);
  RememberedIds ids = one_class();
  remember(ids, 0, 100, kStart + 1000);
  for (bool flushed : {false, true}) {
    if (flushed) flush(ids, files, 1);
    const TimeUs edge = kStart + 1000 + kWithin + 5 * kMicrosPerMinute;
    CHECK(ids.candidates_to_forget(edge).empty());
    auto candidates = ids.candidates_to_forget(edge + 1);
    REQUIRE(candidates.size() == 1);
    CHECK(candidates[0].id == GenerationId{0, ids.generation_of(0, kStart)});
    CHECK(candidates[0].newest == std::vector<NewestOfDay>{{20'000, kStart + 999}});
  }
  REQUIRE(ids.forget({0, ids.generation_of(0, kStart)}));
  CHECK(ids.size() == 0);
  CHECK(known_of(ids, 0, 100) == 0);
  flush(ids, files, 2);  // the edit at or past the FORGET record takes the files away
  CHECK(files.listed.empty());
}

TEST_CASE("remembered ids: a generation forgotten while its run is written or merged stays forgotten") {
  Files files(2);
  RememberedIds ids = one_class();
  const GenerationId id{0, ids.generation_of(0, kStart)};
  remember(ids, 0, 1000, kStart);
  flush(ids, files, 1);
  remember(ids, 1000, 2000, kStart);
  RememberedIds::Frozen frozen = ids.freeze(2);
  REQUIRE(frozen.spills.size() == 1);
  SpilledIds spilled = write_spill(frozen.spills[0], files.target()).value();
  CHECK(known_of(ids, 0, 2000) == 2000);
  REQUIRE(ids.forget(id));
  ids.adopt(std::move(spilled));
  CHECK(known_of(ids, 0, 2000) == 0);
  CHECK(ids.freeze(3).forgotten == std::vector<GenerationId>{id});
  ids.check_invariants();

  for (uint64_t i = 0; i < 8; ++i) {
    remember(ids, i * 100, i * 100 + 100, kStart);
    flush(ids, files, 4 + i);
  }
  auto work = ids.plan_merge(kStart);
  REQUIRE(work);
  CHECK(work->inputs.size() == 8);
  CHECK(work->filters.size() > 0);  // all runs: a base is made with it
  MergedIds merged = write_merge(*work, files.target()).value();
  REQUIRE(ids.forget(id));
  remember(ids, 0, 10, kStart);  // the clock was put back: the generation begins anew
  ids.adopt(std::move(merged));
  CHECK(known_of(ids, 0, 800) == 10);
  ids.check_invariants();
}

TEST_CASE("remembered ids: a run spilled while the others are merged keeps its ids in the filter") {
  Files files(3);
  RememberedIds ids = one_class();
  const TimeUs later = kStart + kWithin / 3;
  remember(ids, 0, 1000, kStart);
  flush(ids, files, 1);
  remember(ids, 1000, 2000, kStart);
  flush(ids, files, 2);
  auto work = ids.plan_merge(later);
  REQUIRE(work);
  CHECK(work->filters.size() == 2);
  SUBCASE("spilled and taken over before the merge") {
    remember(ids, 2000, 3000, kStart);
    flush(ids, files, 3);
    ids.adopt(write_merge(*work, files.target()).value());
  }
  SUBCASE("frozen before the merge is taken over, taken over behind it") {
    remember(ids, 2000, 3000, kStart);
    RememberedIds::Frozen frozen = ids.freeze(3);
    SpilledIds spilled = write_spill(frozen.spills[0], files.target()).value();
    ids.adopt(write_merge(*work, files.target()).value());
    CHECK(known_of(ids, 0, 3000) == 3000);
    ids.adopt(std::move(spilled));
  }
  CHECK(known_of(ids, 0, 3000) == 3000);
  CHECK(ids.stats().runs == 2);
  ids.check_invariants();
  merge_all(ids, files, later);
  CHECK(known_of(ids, 0, 3000) == 3000);
  CHECK(ids.stats().runs == 1);
}

TEST_CASE("remembered ids: a base of all runs takes the place of six filters, and what is spilled meanwhile is found") {
  Files files(5);
  RememberedIds ids = one_class();
  Lsn lsn = 0;
  uint64_t next = 0;
  const auto spill = [&](uint64_t count) {
    remember(ids, next, next + count, kStart);
    next += count;
    flush(ids, files, ++lsn);
  };
  spill(300'000);  // and then runs of another size, each too large for the filter before
  while (ids.stats().filters < RememberedFilters::kWanted) spill(40'000);
  auto work = ids.plan_merge(kStart);
  REQUIRE(work);
  CHECK(work->inputs.empty());
  CHECK(work->base_of.size() == RememberedFilters::kWanted);
  CHECK_FALSE(writes_a_run(*work));
  const uint64_t before = next;
  spill(1000);
  spill(1000);
  CHECK(ids.stats().filters > RememberedFilters::kWanted);
  MergedIds based = write_merge(*work, files.target()).value();
  CHECK(based.filter->ids() == before);

  SUBCASE("taken over") {
    ids.adopt(std::move(based));
    CHECK(ids.stats().filters <= 3);
    CHECK(ids.stats().runs == RememberedFilters::kWanted + 2);
    spill(10);
    CHECK(ids.stats().filters <= 4);
  }
  SUBCASE("the generation was forgotten meanwhile, and has begun anew") {
    REQUIRE(ids.forget({0, ids.generation_of(0, kStart)}));
    remember(ids, 0, 10, kStart);
    flush(ids, files, ++lsn);
    ids.adopt(std::move(based));
    CHECK(ids.stats().filters == 1);
    CHECK(known_of(ids, 0, next) == 10);
    ids.check_invariants();
    return;
  }
  SUBCASE("it came to nothing") { ids.abandon_merge(); }
  ids.check_invariants();
  CHECK(known_of(ids, 0, next) == next);
  CHECK(known_of(ids, next, next + 1000) == 0);
  merge_all(ids, files, kStart);
  ids.check_invariants();
  CHECK(known_of(ids, 0, next) == next);
}

TEST_CASE("remembered ids: a generation that nobody works behind has twelve filters at most, and knows every id") {
  Files files(6);
  RememberedIds ids = one_class();
  for (Lsn lsn = 1; lsn <= 60; ++lsn) {
    remember(ids, (lsn - 1) * 100, lsn * 100, kStart);
    flush(ids, files, lsn);
    CHECK(ids.stats().filters <= RememberedFilters::kMax);
    ids.check_invariants();
  }
  CHECK(ids.stats().filters == RememberedFilters::kMax);
  CHECK(ids.stats().runs == 60);
  CHECK(known_of(ids, 0, 6000) == 6000);
  CHECK(known_of(ids, 6000, 7000) == 0);
  merge_all(ids, files, kStart);
  CHECK(ids.stats().filters == 1);
  CHECK(known_of(ids, 0, 6000) == 6000);
}

TEST_CASE("remembered ids: spilled ids take at most 1.5 bytes of memory each, however they came") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  Files files(seed);
  RememberedIds ids = one_class();
  uint64_t next = 0;
  for (Lsn lsn = 1; lsn <= 40; ++lsn) {
    const uint64_t count = random.between(2000, 20'000);
    remember(ids, next, next + count, kStart);
    next += count;
    flush(ids, files, lsn);
    merge_all(ids, files, kStart);
    const RememberedIds::Memory memory = ids.memory();
    const uint64_t fixed = 1000 * ids.stats().runs;  // of objects, not of ids
    CHECK(memory.spilled_bytes <= next * 3 / 2 + fixed);
    CHECK(memory.cache_bytes <= limits::kIdRunCacheBytesMax);
    CHECK(memory.hot_bytes == 0);
  }
  CHECK(known_of(ids, 0, next) == next);
  CHECK(known_of(ids, next, 2 * next) == 0);
  const RememberedIds::Stats stats = ids.stats();
  CHECK(stats.blocks_read < 2 * next * 6 / 100);  // of those remembered and those asked for; 5 runs
}

TEST_CASE(
    "remembered ids: filters of few ids have so many bits that hardly a block is read in vain, until they are large") {
  Files files(7);
  RememberedIds ids = one_class(256 << 10);  // twenty bits for 100,000 ids
  uint64_t next = 0;
  const auto spill = [&](Lsn lsn) {
    remember(ids, next, next + 20'000, kStart);
    next += 20'000;
    flush(ids, files, lsn);
    merge_all(ids, files, kStart);
  };
  for (Lsn lsn = 1; lsn <= 4; ++lsn) spill(lsn);
  CHECK(ids.memory().spilled_bytes <= next * 27 / 10);
  const uint64_t before = ids.stats().blocks_read;
  CHECK(known_of(ids, next, 2 * next) == 0);
  CHECK(ids.stats().blocks_read - before < next * 2 / 1000);
  for (Lsn lsn = 5; lsn <= 30; ++lsn) spill(lsn);
  CHECK(ids.memory().spilled_bytes <= next * 3 / 2 + 30'000);
  CHECK(known_of(ids, 0, next) == next);
}

TEST_CASE("remembered ids: after the number of shards has changed each id is known to its shard") {
  Files files(4);
  const TimeUs durations[] = {kWithin};
  std::vector<std::unique_ptr<RememberedIds>> shards;
  auto open_shards = [&](uint32_t count) {
    shards.clear();
    for (uint32_t i = 0; i < count; ++i) {
      shards.push_back(std::make_unique<RememberedIds>(i, count, durations));
      REQUIRE(shards.back()->load(files.disk, "ids", files.infos()));
    }
  };
  uint64_t ids = 0;
  for (uint32_t count : {1u, 3u, 2u, 5u, 5u}) {
    CAPTURE(count);
    open_shards(count);
    uint64_t sum = 0;
    for (auto& shard : shards) sum += shard->size();
    CHECK(sum == ids);
    for (uint64_t i = 0; i < ids + 500; ++i) {
      const Hash128 key = key_of(i);
      RememberedIds& shard = *shards[shard_of(key, count)];
      const uint32_t digest = 7;
      REQUIRE(shard.begin_batch(std::span(&key, 1), std::span(&digest, 1)));
      REQUIRE(shard.find(0) == (i < ids ? Probe::kSameDigest : Probe::kNew));
      if (i >= ids) shard.insert(0, {.lateness_class = 0, .event_us = kStart, .arrival_us = kStart});
    }
    ids += 500;
    for (auto& shard : shards) {
      flush(*shard, files, count);
      shard->check_invariants();
      merge_all(*shard, files, kStart + kWithin);  // runs of other shards stay as they are
    }
  }
  // All of it goes when its time has come.
  for (auto& shard : shards) {
    auto candidates = shard->candidates_to_forget(kStart + 2 * kWithin);
    REQUIRE(candidates.size() == 1);
    REQUIRE(shard->forget(candidates[0].id));
    CHECK(shard->size() == 0);
  }
}

TEST_CASE("remembered ids: an error of a run is an error of the batch, and of a start") {
  Files files(5);
  RememberedIds ids = one_class();
  remember(ids, 0, 1000, kStart);
  flush(ids, files, 1);
  const std::vector<IdRunInfo> infos = files.infos();
  const Hash128 key = key_of(3);
  const uint32_t digest = 7;
  auto begin = [&](RememberedIds& of) { return of.begin_batch(std::span(&key, 1), std::span(&digest, 1)); };
  files.disk.inject({.effect = FaultEffect::kIoError, .ops = {DiskOp::kRead}, .nth = 1});
  CHECK(begin(ids).error().code == Code::kIoError);
  REQUIRE(begin(ids));
  CHECK(ids.find(0) == Probe::kSameDigest);
  for (uint64_t at = 130; at < infos[0].size - 300; at += 97) REQUIRE(files.disk.flip_bit("ids/00000001.run", at, 0));
  RememberedIds again = one_class();
  CHECK(again.load(files.disk, "ids", infos).error().code == Code::kCorruption);
  IdRunInfo stranger = infos[0];
  stranger.place.lateness_class = 1;
  RememberedIds third = one_class();
  CHECK(third.load(files.disk, "ids", std::span(&stranger, 1)).error().code == Code::kCorruption);
}

TEST_CASE("remembered ids: a spill that failed is done again, and look-ups go on meanwhile") {
  Files files(6);
  RememberedIds ids = one_class();
  remember(ids, 0, 5000, kStart);
  RememberedIds::Frozen frozen = ids.freeze(1);
  for (uint64_t n = 1;; ++n) {
    const uint64_t before = files.disk.faults_fired();
    files.disk.inject({.effect = FaultEffect::kNoSpace, .ops = {}, .nth = n});
    auto spilled = write_spill(frozen.spills[0], files.target());
    const bool fired = files.disk.faults_fired() > before;
    files.disk.clear_faults();
    CHECK(known_of(ids, 0, 5000) == 5000);
    if (fired) continue;
    REQUIRE(spilled);
    ids.adopt(*std::move(spilled));
    break;
  }
  CHECK(known_of(ids, 0, 5000) == 5000);
  CHECK(ids.hot_ids() == 0);
}

TEST_CASE("remembered ids: a shard decides while another thread writes and merges its runs") {
  Files files(7);
  RememberedIds ids = one_class();
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<SpillWork> spills;
  std::deque<MergeWork> merges;
  std::deque<SpilledIds> spilled;
  std::deque<MergedIds> merged;
  bool stop = false;
  std::thread background([&] {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return stop || !spills.empty() || !merges.empty(); });
      if (!spills.empty()) {
        SpillWork work = std::move(spills.front());
        spills.pop_front();
        lock.unlock();
        auto done = write_spill(work, files.target());
        lock.lock();
        spilled.push_back(std::move(done).value());
      } else if (!merges.empty()) {
        MergeWork work = std::move(merges.front());
        merges.pop_front();
        lock.unlock();
        auto done = write_merge(work, files.target());
        lock.lock();
        merged.push_back(std::move(done).value());
      } else if (stop) {
        return;
      }
    }
  });
  uint64_t next = 0;
  size_t spills_taken = 0, merges_taken = 0;
  bool spilling = false, merging = false;
  for (int round = 0; round < 400 || spills_taken < 10; ++round) {
    remember(ids, next, next + 200, kStart);
    next += 200;
    const uint64_t from = next / 3 * static_cast<uint64_t>(round % 3);
    REQUIRE(known_of(ids, from, std::min(from + 300, next)) == std::min<uint64_t>(300, next - from));
    std::lock_guard lock(mutex);
    if (!spilled.empty()) {
      ids.adopt(std::move(spilled.front()));
      spilled.pop_front();
      spilling = false;
      ++spills_taken;
    }
    if (!merged.empty()) {
      ids.adopt(std::move(merged.front()));
      merged.pop_front();
      merging = false;
      ++merges_taken;
    }
    if (!spilling) {
      RememberedIds::Frozen frozen = ids.freeze(static_cast<Lsn>(round) + 1);
      for (SpillWork& work : frozen.spills) spills.push_back(std::move(work));
      spilling = !spills.empty();
    }
    if (!merging) {
      if (auto work = ids.plan_merge(kStart)) {
        merges.push_back(*std::move(work));
        merging = true;
      }
    }
    changed.notify_one();
  }
  {
    std::lock_guard lock(mutex);
    stop = true;
  }
  changed.notify_one();
  background.join();
  CHECK(known_of(ids, 0, next) == next);
  CHECK(spills_taken >= 10);
  MESSAGE(spills_taken, " spills and ", merges_taken, " merges beside ", next, " ids");
  ids.check_invariants();
}
