#include "engine/id_run_merge.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "base/file_names.h"
#include "base/random.h"
#include "tests/support/engine/seed.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr int32_t kDay = 20'000;
using Runs = std::vector<std::shared_ptr<const IdRun>>;
using Model = std::map<Hash128, SeenEntry>;

IdRunWriter::Options options_for(FileSystem& fs, uint64_t number) {
  FileUuid uuid{};
  uuid.fill(static_cast<uint8_t>(number));
  return {.fs = &fs, .directory = "ids", .number = number, .uuid = uuid, .table_uuid = {}, .place = {}};
}

IdRunSummary summary_of(uint64_t number) {
  const auto day = kDay + static_cast<int32_t>(number);
  return {.newest_arrival_us = static_cast<TimeUs>(number) * 100,
          .max_lsn = number,
          .newest = {{day, day * kMicrosPerDay}}};
}

// Entries of a run are all of one day, its own, unless told otherwise.
Result<IdRunInfo> write_run(FileSystem& fs, uint64_t number, const Model& model) {
  TALLY_ASSIGN_OR_RETURN(auto writer, IdRunWriter::create(options_for(fs, number)));
  IdRunSummary summary = summary_of(number);
  for (const auto& [key, entry] : model) {
    TALLY_TRY(writer->add(std::span(&entry, 1)));
    summary.merge(
        {.newest_arrival_us = 0, .max_lsn = 0, .newest = {{entry.event_day, entry.event_day * kMicrosPerDay}}});
  }
  return writer->finish(summary);
}

Model random_model(Random& random, uint64_t number, size_t count) {
  Model model;
  while (model.size() < count) {
    Hash128 key{.lo = random.next(), .hi = random.next()};
    model[key] = {key, static_cast<uint32_t>(random.next()), kDay + static_cast<int32_t>(number)};
  }
  return model;
}

std::shared_ptr<const IdRun> open_run(FileSystem& fs, const IdRunInfo& info) {
  return IdRun::open(fs, "ids/" + id_run_name(info.number), &info).value();
}

bool holds(const std::shared_ptr<const IdRun>& run, const Model& model) {
  IdRunCursor cursor(run);
  auto expected = model.begin();
  for (;;) {
    auto entries = cursor.next();
    REQUIRE(entries);
    if (entries->empty()) return expected == model.end();
    for (const SeenEntry& entry : *entries) {
      if (expected == model.end() || expected->first != entry.key || expected->second.digest != entry.digest ||
          expected->second.event_day != entry.event_day) {
        return false;
      }
      ++expected;
    }
  }
}

struct Inputs {
  Runs runs;
  Model all;
};
Inputs write_inputs(FileSystem& fs, Random& random, std::initializer_list<size_t> sizes) {
  Inputs inputs;
  uint64_t number = 1;
  for (size_t size : sizes) {
    Model model = random_model(random, number, size);
    inputs.runs.push_back(open_run(fs, write_run(fs, number++, model).value()));
    inputs.all.insert(model.begin(), model.end());
  }
  return inputs;
}

// Runs and how often their ids were written, as spills come one by one and everything planned is done at once.
struct Upkeep {
  explicit Upkeep(size_t fan_in) : fan_in_(fan_in) {}
  std::vector<IdRunSize> runs;
  uint64_t next = 1, written = 0, entries = 0;
  size_t runs_max = 0;

  void spill(uint64_t size) {
    runs.push_back({next++, size});
    written += size;
    entries += size;
    runs_max = std::max(runs_max, runs.size());
    merge(false);
  }
  void merge(bool sealed) {
    for (;;) {
      std::vector<uint64_t> numbers = plan_id_run_merge(runs, sealed, fan_in_);
      if (numbers.empty()) return;
      REQUIRE(numbers.size() >= 2);
      uint64_t sum = 0;
      auto planned = [&](const IdRunSize& run) { return std::count(numbers.begin(), numbers.end(), run.number) == 1; };
      for (const IdRunSize& run : runs) sum += planned(run) ? run.entries : 0;
      REQUIRE(std::erase_if(runs, planned) == numbers.size());
      runs.push_back({next++, sum});
      written += sum;
    }
  }
  double amplification() const { return static_cast<double>(written) / static_cast<double>(entries); }

 private:
  const size_t fan_in_;
};

}  // namespace

TEST_CASE("id run merge: runs of all sizes become one that holds every entry, and its keys are shown in order") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  SimDisk disk(seed);
  REQUIRE(disk.make_directory("ids"));
  Inputs inputs = write_inputs(disk, random, {1, 256, 5000, 300, 20'000});
  std::vector<Hash128> seen;
  auto merged = merge_id_runs(options_for(disk, 9), inputs.runs, [&](std::span<const Hash128> keys) {
    seen.insert(seen.end(), keys.begin(), keys.end());
  });
  REQUIRE(merged);
  CHECK(merged->repeated == 0);
  CHECK(merged->info.entries == inputs.all.size());
  CHECK(holds(open_run(disk, merged->info), inputs.all));
  CHECK(seen.size() == inputs.all.size());
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  const IdRunSummary& summary = merged->info.summary;
  CHECK(summary.newest_arrival_us == 500);
  CHECK(summary.max_lsn == 5);
  REQUIRE(summary.newest.size() == 5);
  CHECK(summary.newest[4] == NewestOfDay{kDay + 5, (kDay + 5) * kMicrosPerDay});
}

TEST_CASE("id run merge: an id in two runs is kept once if they agree, and is corruption if they do not") {
  Random random(1);
  SimDisk disk(1);
  REQUIRE(disk.make_directory("ids"));
  Model a = random_model(random, 1, 500);
  Model b = random_model(random, 2, 500);
  SeenEntry twice = std::next(a.begin(), 100)->second;
  for (bool agree : {true, false}) {
    b[twice.key] = twice;
    if (!agree) b[twice.key].digest ^= 1;
    Runs runs = {open_run(disk, write_run(disk, 1, a).value()), open_run(disk, write_run(disk, 2, b).value())};
    auto merged = merge_id_runs(options_for(disk, 3), runs);
    if (agree) {
      REQUIRE(merged);
      CHECK(merged->repeated == 1);
      CHECK(merged->info.entries == 1000);
      REQUIRE(disk.unlink("ids/00000003.run"));
    } else {
      REQUIRE_FALSE(merged);
      CHECK(merged.error().code == Code::kCorruption);
      CHECK(merged.error().message.find("00000001.run") != std::string::npos);
      CHECK(merged.error().message.find("00000002.run") != std::string::npos);
      CHECK_FALSE(disk.exists("ids/00000003.run"));
      CHECK_FALSE(disk.exists("ids/00000003.run.tmp"));
    }
  }
}

TEST_CASE("id run merge: damage in an input, and runs of different places, are refused") {
  Random random(2);
  SimDisk disk(2);
  REQUIRE(disk.make_directory("ids"));
  Inputs inputs = write_inputs(disk, random, {1000, 1000});
  IdRunWriter::Options elsewhere = options_for(disk, 9);
  elsewhere.place.generation = 1;
  CHECK(merge_id_runs(elsewhere, inputs.runs).error().code == Code::kInternal);
  REQUIRE(disk.flip_bit("ids/00000002.run", inputs.runs[1]->offset_of(2) + 50, 1));
  CHECK(merge_id_runs(options_for(disk, 9), inputs.runs).error().code == Code::kCorruption);
  CHECK_FALSE(disk.exists("ids/00000009.run"));
}

TEST_CASE("id run crash: at every change of a spill or a merge the final name is whole or not there") {
  uint64_t states = 0;
  for (bool merging : {false, true}) {
    for (uint64_t n = 1;; ++n) {
      SimDisk disk(n);
      REQUIRE(disk.make_directory("ids"));
      REQUIRE(disk.sync_directory("."));
      Random random(5);
      Inputs inputs;
      Model model = random_model(random, 7, 400);
      if (merging) inputs = write_inputs(disk, random, {400, 300});
      disk.crash_at(n);
      bool done = merging ? merge_id_runs(options_for(disk, 9), inputs.runs).has_value()
                          : write_run(disk, 9, model).has_value();
      if (!disk.crashed()) {
        CHECK(done);
        break;
      }
      CHECK_FALSE(done);
      for (Fate fate : kAllFates) {
        CAPTURE(n);
        CAPTURE(merging);
        CAPTURE(fate_name(fate));
        auto after = disk.after_crash(fate, n);
        for (size_t i = 0; i < inputs.runs.size(); ++i) {
          auto run = open_run(*after, inputs.runs[i]->info());
          CHECK(run->verify()->empty());
        }
        if (after->exists("ids/00000009.run")) {
          auto run = IdRun::open(*after, "ids/00000009.run", nullptr);
          REQUIRE(run);
          CHECK((*run)->verify()->empty());
          CHECK(holds(*run, merging ? inputs.all : model));
        }
        // And it can be done again.
        if (merging) {
          Runs runs = {open_run(*after, inputs.runs[0]->info()), open_run(*after, inputs.runs[1]->info())};
          CHECK(merge_id_runs(options_for(*after, 9), runs));
        } else {
          CHECK(write_run(*after, 9, model));
        }
        ++states;
      }
    }
  }
  CHECK(states >= 80);
}

TEST_CASE("id run errors: each I/O of a spill fails, once or from then on; what has the name is whole") {
  Random random(6);
  const Model model = random_model(random, 1, 400);
  for (FaultEffect effect : {FaultEffect::kIoError, FaultEffect::kNoSpace}) {
    for (bool persistent : {false, true}) {
      for (uint64_t n = 1;; ++n) {
        SimDisk disk(n);
        REQUIRE(disk.make_directory("ids"));
        disk.inject({.effect = effect, .ops = {}, .nth = n, .persistent = persistent});
        auto info = write_run(disk, 9, model);
        if (disk.faults_fired() == 0) break;
        disk.clear_faults();
        CAPTURE(n);
        if (!info && effect == FaultEffect::kNoSpace) CHECK(info.error().code == Code::kNoSpace);
        if (disk.exists("ids/00000009.run")) {
          auto run = IdRun::open(disk, "ids/00000009.run", nullptr);
          REQUIRE(run);
          CHECK((*run)->verify()->empty());
        }
        CHECK(write_run(disk, 9, model));
      }
    }
  }
}

TEST_CASE("id run plan: as the table of the header has it") {
  struct Row {
    size_t spills, runs_max;
    double amplification;
  };
  for (Row row : {Row{4, 4, 2.0}, Row{10, 8, 2.8}, Row{33, 11, 3.0}, Row{100, 15, 3.6}}) {
    Upkeep upkeep(limits::kIdRunFanIn);
    for (size_t i = 0; i < row.spills; ++i) upkeep.spill(1'000'000);
    CAPTURE(row.spills);
    upkeep.merge(true);
    MESSAGE(row.spills, " spills: at most ", upkeep.runs_max, " runs, written ", upkeep.amplification(), " times");
    CHECK(upkeep.runs_max == row.runs_max);
    CHECK(upkeep.amplification() == doctest::Approx(row.amplification).epsilon(0.02));
    CHECK(upkeep.runs.size() == 1);
  }
}

TEST_CASE("id run plan: spills of any sizes keep the number of runs and the writing bounded") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const size_t fan_in = random.between(2, 16);
    Upkeep upkeep(fan_in);
    for (int i = 0; i < 300; ++i) upkeep.spill(uint64_t{1} << random.below(21));
    CHECK(upkeep.runs_max <= fan_in * 16);  // 300 million entries at most: 14 sizes at a fan-in of 2
    if (fan_in >= 8) CHECK(upkeep.runs_max <= fan_in * 5);
    upkeep.merge(true);
    CHECK(upkeep.runs.size() == 1);
    if (fan_in >= 8) CHECK(upkeep.amplification() <= 6);
  }
  const IdRunSize large[] = {{1, limits::kIdRunEntriesMax - 10}, {2, 5}, {3, 5}, {4, 6}};
  CHECK(plan_id_run_merge(large, true) == std::vector<uint64_t>{2, 3, 4});
  CHECK(plan_id_run_merge(std::span(large, 2), true) == std::vector<uint64_t>{1, 2});
  CHECK(plan_id_run_merge(std::span(large, 1), true).empty());
  CHECK(plan_id_run_merge({}, false).empty());
}
