// What exactness costs a shard: ids remembered in generations that are spilled, merged and forgotten as a table would, while
// the window turns; then look-ups of new ids and of old ones, on one core, in batches as they come. Every answer is checked.
// Beside the figures, what the machine can do.
//
//   bench_dedup [--ids N] [--classes 1|2] [--turns N] [--spill N] [--directory DIR]
//
// N ids remembered once the window is full (without --ids: 10 M, then 200 M), spilled every `--spill` ids. One class: WITHIN 72 hours
// alone. Two, as shipped: conversions, every hundredth id, are remembered 30 days. After the window is full it turns on by
// `--turns` generations, and what each of them cost is printed: memory and time have to stay flat.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_names.h"
#include "base/limits.h"

#include "base/random.h"
#include "engine/id_run_merge.h"
#include "engine/remembered_ids.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

constexpr size_t kRows = limits::kBatchRowsDefault;
constexpr TimeUs kWithin = 72 * kMicrosPerHour;
constexpr TimeUs kThird = kWithin / 3;
constexpr TimeUs kStart = 20'001 * kMicrosPerDay;

constexpr TimeUs kConversions = 30 * kMicrosPerDay;
constexpr uint64_t kConversionEvery = 100;

struct Arguments {
  uint64_t ids = 0;      // 0: 10 M, then 200 M
  uint64_t classes = 0;  // 0: one, then two
  uint64_t turns = 2;
  uint64_t spill = 1'000'000;
  std::string directory = "bench_dedup.data";
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (tiny_bench()) arguments.ids = 300'000, arguments.spill = 20'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--ids") arguments.ids = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--classes") arguments.classes = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--turns") arguments.turns = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--spill") arguments.spill = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--directory") arguments.directory = argv[i + 1];
  }
  return arguments;
}

Hash128 key_of(uint64_t number) {
  uint64_t state = number * 2;
  const uint64_t lo = splitmix64(state);
  return {.lo = lo, .hi = splitmix64(state)};
}

template <class T>
T demand(Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
  std::exit(1);
}
void demand(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
  std::exit(1);
}

// Wall and processor time: on a machine that others use too, the second says what the work costs.
struct Spent {
  double wall = 0;
  double cpu = 0;
};
class Stopwatch {
 public:
  explicit Stopwatch(Spent& spent) : spent_(spent) {}
  ~Stopwatch() {
    spent_.wall += seconds_since(begun_us_);
    spent_.cpu += cpu_seconds() - begun_cpu_;
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  Spent& spent_;
  const double begun_cpu_ = cpu_seconds();
  const int64_t begun_us_ = bench_now_us();
};

class Bench {
 public:
  explicit Bench(Arguments arguments) : arguments_(std::move(arguments)), fs_(make_posix_file_system()) {
    std::filesystem::remove_all(arguments_.directory);
    std::filesystem::create_directories(arguments_.directory);
  }
  ~Bench() { std::filesystem::remove_all(arguments_.directory); }

  void run() {
    std::printf("\n%s: WITHIN 72 hours%s\n", arguments_.classes == 1 ? "one class" : "two classes",
                arguments_.classes == 1 ? "" : ", conversions (every hundredth id) 30 days");
    fill();
    std::printf("%.1f M ids in %llu generations, %llu runs; %.1f M of them spilled\n", millions(ids_.size()),
                static_cast<unsigned long long>(ids_.stats().generations),
                static_cast<unsigned long long>(ids_.stats().runs), millions(ids_.stats().run_ids));
    print_room();
    for (uint64_t turn = 1; turn <= arguments_.turns; ++turn) turn_window(turn);
    print_room();
    print_upkeep();
    look_up_new();
    insert_new();
    look_up_known();
    start_again();
    std::printf("false verdicts                                             %8llu of %.1f M answers\n",
                static_cast<unsigned long long>(false_verdicts_), millions(answers_));
    TALLY_CHECK(false_verdicts_ == 0);
  }

 private:
  static double millions(uint64_t count) { return static_cast<double>(count) / 1e6; }
  static double per(double sum, uint64_t count) { return count == 0 ? 0 : sum / static_cast<double>(count); }

  // Ids come evenly: a spill's worth moves arrival on by its share of the window. A generation is remembered for four to
  // five thirds after it began, so the window holds 3.5 thirds and what waits for its FORGET.
  void fill() {
    const uint64_t third_ids = arguments_.ids * 2 / 7;
    ids_of_spill_ = std::max<uint64_t>(std::min(arguments_.spill, third_ids / 4), 1000);
    step_us_ = static_cast<TimeUs>(static_cast<double>(kThird) * static_cast<double>(ids_of_spill_) /
                                   static_cast<double>(third_ids));
    arrival_us_ = kStart;
    if (arguments_.classes == 2) fill_conversions();
    const TimeUs full_us = arrival_us_ + 4 * kThird;
    while (arrival_us_ < full_us) round(kConversionEvery);
  }

  // Before the window of the other ids: of theirs nothing is left.
  void fill_conversions() {
    const TimeUs others_us = arrival_us_ + kConversions;
    const TimeUs step_us = step_us_;
    step_us_ *= kConversionEvery;
    while (arrival_us_ < others_us) round(1);
    step_us_ = step_us;
  }

  // What a table does between two markers. Every `conversion_every`-th id is a conversion.
  Spent round(uint64_t conversion_every) {
    conversion_every_ = conversion_every;
    const Spent spent = insert(ids_of_spill_);
    spill();
    merge();
    forget();
    arrival_us_ += step_us_;
    return spent;
  }

  void turn_window(uint64_t turn) {
    const TimeUs end_us = arrival_us_ + kThird;
    const RememberedIds::Stats before = ids_.stats();
    const uint64_t first = next_;
    Spent inserts, all;
    start_peak_memory();
    {
      Stopwatch watch(all);
      while (arrival_us_ < end_us) {
        const Spent one = round(kConversionEvery);
        inserts.wall += one.wall, inserts.cpu += one.cpu;
      }
    }
    const RememberedIds::Stats after = ids_.stats();
    const uint64_t count = next_ - first;
    std::printf(
        "turn %llu: %6.1f M ids remembered, %4.2f bytes of memory an id spilled, peak %5.2f GiB resident; "
        "%6.1f ns a new id (%.1f of processor), %6.1f with spills and merges; %.4f false reads an id\n",
        static_cast<unsigned long long>(turn), millions(ids_.size()),
        per(static_cast<double>(ids_.memory().spilled_bytes), after.run_ids),
        static_cast<double>(peak_since_start()) / (1 << 30), inserts.wall * 1e9 / static_cast<double>(count),
        inserts.cpu * 1e9 / static_cast<double>(count), all.wall * 1e9 / static_cast<double>(count),
        per(static_cast<double>(after.blocks_read - before.blocks_read), count));
    std::fflush(stdout);
  }

  // Batches of new ids, each looked up and inserted, as a shard does.
  Spent insert(uint64_t count) {
    Spent spent;
    const uint32_t usual = arguments_.classes == 1 ? 0 : 1;
    for (uint64_t done = 0; done < count; done += keys_.size()) {
      choose(next_, std::min<uint64_t>(kRows, count - done));
      next_ += keys_.size();
      uint64_t known = 0;
      Stopwatch watch(spent);
      demand(ids_.begin_batch(keys_, digests_));
      for (size_t row = 0; row < keys_.size(); ++row) {
        if (row + 16 < keys_.size()) ids_.prefetch(row + 16);
        if (ids_.find(row) == RememberedIds::Probe::kNew) {
          const uint32_t lateness_class = row % conversion_every_ == 0 ? 0 : usual;
          ids_.insert(row, {.lateness_class = lateness_class, .event_us = arrival_us_ - 1, .arrival_us = arrival_us_});
        } else {
          ++known;
        }
      }
      false_verdicts_ += known;
      answers_ += keys_.size();
    }
    return spent;
  }

  // As logged FORGET records would have it; the files go with the next edit of the manifest.
  void forget() {
    for (const RememberedIds::Forgettable& candidate : ids_.candidates_to_forget(arrival_us_)) {
      if (ids_.forgettable_from(candidate.id) >= arrival_us_) continue;
      TALLY_CHECK(ids_.forget(candidate.id));
      std::erase_if(live_, [&](const IdRunInfo& info) {
        const bool gone = info.place.lateness_class == candidate.id.lateness_class &&
                          info.place.generation == candidate.id.generation;
        if (gone) demand(fs_->unlink(join_path(arguments_.directory, id_run_name(info.number))));
        return gone;
      });
    }
  }

  void choose(uint64_t first, size_t count) {
    keys_.resize(count);
    digests_.assign(count, 7);
    for (size_t i = 0; i < count; ++i) keys_[i] = key_of(first + i);
  }

  IdRunTarget target() {
    return {.fs = fs_.get(),
            .directory = arguments_.directory,
            .number = ++number_,
            .uuid = random_uuid(),
            .table_uuid = {}};
  }
  void list(const IdRunInfo& info) {
    live_.push_back(info);
    written_bytes_ += info.size;
  }

  void spill() {
    RememberedIds::Frozen frozen = ids_.freeze(++lsn_);
    for (const SpillWork& work : frozen.spills) {
      SpilledIds spilled = [&] {
        Stopwatch watch(spill_spent_);
        return demand(write_spill(work, target()));
      }();
      spilled_ids_ += spilled.run->info().entries;
      list(spilled.run->info());
      ids_.adopt(std::move(spilled));
    }
  }

  void merge() {
    while (std::optional<MergeWork> work = ids_.plan_merge(arrival_us_)) {
      Spent& spent = writes_a_run(*work) ? merge_spent_ : work->sealed.empty() ? base_spent_ : ribbon_spent_;
      MergedIds merged = [&] {
        Stopwatch watch(spent);
        return demand(write_merge(*work, target()));
      }();
      if (!merged.run) {
        if (merged.ribbon) ribbon_ids_ += merged.ribbon->ids();
        if (merged.filter) base_ids_ += merged.filter->ids();
        ids_.adopt(std::move(merged));
        continue;
      }
      merged_ids_ += merged.run->info().entries;
      std::erase_if(live_, [&](const IdRunInfo& info) {
        const bool input = std::count(merged.inputs.begin(), merged.inputs.end(), info.number) != 0;
        if (input) demand(fs_->unlink(join_path(arguments_.directory, id_run_name(info.number))));
        return input;
      });
      list(merged.run->info());
      ids_.adopt(std::move(merged));
    }
  }

  void print_room() {
    uint64_t bytes = 0, entries = 0;
    for (const IdRunInfo& info : live_) bytes += info.size, entries += info.entries;
    const RememberedIds::Memory memory = ids_.memory();
    std::printf("%-58s %8.2f bytes an id\n", "on disk", per(static_cast<double>(bytes), entries));
    std::printf("%-58s %8.2f bytes an id (filters, directories)\n", "in memory, of spilled ids",
                per(static_cast<double>(memory.spilled_bytes), entries));
    std::printf("%-58s %8.2f bytes an id (%.1f MiB of cache)\n", "in memory, cache included",
                per(static_cast<double>(memory.spilled_bytes + memory.cache_bytes), entries),
                static_cast<double>(memory.cache_bytes) / (1 << 20));
  }
  static void print_rate(const char* what, const Spent& spent, uint64_t ids) {
    std::printf("%-58s %8.2f M ids/s (%.2f a processor second)\n", what, millions(ids) / spent.wall,
                millions(ids) / spent.cpu);
  }
  void print_upkeep() {
    print_rate("spill: sort, write, sync, read back, filter", spill_spent_, spilled_ids_);
    if (merged_ids_ > 0) print_rate("merge: read, write, sync, read back, filter", merge_spent_, merged_ids_);
    if (base_ids_ > 0) print_rate("base of filters: read, add", base_spent_, base_ids_);
    if (ribbon_ids_ > 0) print_rate("ribbon of sealed generations: read, solve", ribbon_spent_, ribbon_ids_);
    std::printf("%-58s %8.2f and %.2f times\n", "each id put into a ribbon and a base",
                per(static_cast<double>(ribbon_ids_), spilled_ids_), per(static_cast<double>(base_ids_), spilled_ids_));
    std::printf("%-58s %8.2f times (%.1f bytes an id)\n", "each id written",
                per(static_cast<double>(spilled_ids_ + merged_ids_), spilled_ids_),
                per(static_cast<double>(written_bytes_), spilled_ids_));
  }

  static void print_line(const char* what, const Spent& spent, uint64_t ids) {
    const double scale = 1e9 / static_cast<double>(ids);
    std::printf("%-58s %8.1f ns an id (%.1f of processor)\n", what, spent.wall * scale, spent.cpu * scale);
  }

  void look_up_new() {
    const uint64_t count = tiny_bench() ? 100'000 : 4'000'000;
    const RememberedIds::Stats before = ids_.stats();
    Spent both, runs;
    uint64_t known = 0;
    std::vector<RememberedIds::Probe> probes(kRows);
    for (uint64_t done = 0; done < count; done += kRows) {
      choose((uint64_t{1} << 50) + done, kRows);
      {
        Stopwatch watch(runs);
        demand(ids_.begin_batch(keys_, digests_));
      }
      choose((uint64_t{1} << 51) + done, kRows);
      Stopwatch watch(both);
      demand(ids_.find_batch(keys_, digests_, probes));
      for (RememberedIds::Probe probe : probes) known += probe != RememberedIds::Probe::kNew;
    }
    const RememberedIds::Stats after = ids_.stats();
    print_line("new id, look-up alone, nothing hot", both, count);
    print_line("    of it: filters, and runs for what they let through", runs, count);
    std::printf("    let through %.2f %% of the ids, all generations together; %.4f blocks read an id; known: %llu\n",
                100 * per(static_cast<double>(after.false_positives - before.false_positives), 2 * count),
                per(static_cast<double>(after.blocks_read - before.blocks_read), 2 * count),
                static_cast<unsigned long long>(known));
    false_verdicts_ += known;
    answers_ += count;
  }

  void insert_new() {
    const uint64_t first = tiny_bench() ? 20'000 : 1'000'000;
    print_line("new id, look-up and insert, as many as between two flushes", insert(first), first);
    print_line("new id, look-up and insert, as many again: the table grows", insert(first), first);
    print_line("duplicate of a hot id", look_up(next_ - first, next_), std::min(first, kMeasured));
    std::printf("%-58s %8.2f bytes an id\n", "in memory, of hot ids",
                per(static_cast<double>(ids_.memory().hot_bytes), ids_.hot_ids()));
  }

  static constexpr uint64_t kMeasured = 1'000'000;
  // Ids chosen at random in [first, end): every one of them has to be known.
  Spent look_up(uint64_t first, uint64_t end) {
    const uint64_t count = std::min(end - first, kMeasured);
    Spent spent;
    uint64_t known = 0;
    std::vector<RememberedIds::Probe> probes;
    for (uint64_t done = 0; done < count; done += keys_.size()) {
      keys_.resize(std::min<uint64_t>(kRows, count - done));
      digests_.assign(keys_.size(), 7);
      for (Hash128& key : keys_) key = key_of(random_.between(first, end - 1));
      probes.resize(keys_.size());
      {
        Stopwatch watch(spent);
        demand(ids_.find_batch(keys_, digests_, probes));
      }
      for (RememberedIds::Probe probe : probes) known += probe == RememberedIds::Probe::kSameDigest;
    }
    false_verdicts_ += count - known;
    answers_ += count;
    return spent;
  }

  // The ids of `count` last ones are remembered in the newest generations; those a window before, in the oldest.
  void look_up_known() {
    const uint64_t third_ids = arguments_.ids * 2 / 7;
    const uint64_t oldest = next_ - std::min(next_, third_ids * 3);
    const RememberedIds::Stats before = ids_.stats();
    print_line("duplicate in the oldest generation, batches of nothing else", look_up(oldest, oldest + third_ids / 2),
               std::min(third_ids / 2, kMeasured));
    const RememberedIds::Stats after = ids_.stats();
    std::printf("    %.2f blocks read an id\n",
                per(static_cast<double>(after.blocks_read - before.blocks_read), std::min(third_ids / 2, kMeasured)));
    const uint64_t hot = ids_.hot_ids();
    print_line("duplicate in the newest generation", look_up(next_ - hot - third_ids / 4, next_ - hot),
               std::min(third_ids / 4, kMeasured));
    look_up_conflicts(next_ - third_ids, next_);
  }

  // The same ids with other content.
  void look_up_conflicts(uint64_t first, uint64_t end) {
    std::vector<RememberedIds::Probe> probes(kRows);
    keys_.resize(kRows);
    digests_.assign(kRows, 8);
    for (Hash128& key : keys_) key = key_of(random_.between(first, end - 1));
    demand(ids_.find_batch(keys_, digests_, probes));
    for (RememberedIds::Probe probe : probes) false_verdicts_ += probe != RememberedIds::Probe::kOtherDigest;
    answers_ += kRows;
  }

  void start_again() {
    spill();
    RememberedIds again(0, 1, durations_);
    Spent spent;
    {
      Stopwatch watch(spent);
      demand(again.load(*fs_, arguments_.directory, live_));
    }
    TALLY_CHECK(again.size() == ids_.size());
    print_rate("start: open runs, make filters", spent, again.size());
  }

  const Arguments arguments_;
  const std::unique_ptr<FileSystem> fs_;
  Random random_{1};
  // By lateness class, the rarer one first, as a schema has them.
  const std::vector<TimeUs> durations_ =
      arguments_.classes == 1 ? std::vector<TimeUs>{kWithin} : std::vector<TimeUs>{kConversions, kWithin};
  RememberedIds ids_{0, 1, durations_};
  TimeUs arrival_us_ = 0, step_us_ = 0;
  uint64_t ids_of_spill_ = 0, conversion_every_ = 1;
  uint64_t next_ = 0, number_ = 0;
  uint64_t answers_ = 0, false_verdicts_ = 0;
  Lsn lsn_ = 0;
  std::vector<IdRunInfo> live_;
  std::vector<Hash128> keys_;
  std::vector<uint32_t> digests_;
  Spent spill_spent_, merge_spent_, base_spent_, ribbon_spent_;
  uint64_t spilled_ids_ = 0, merged_ids_ = 0, ribbon_ids_ = 0, base_ids_ = 0, written_bytes_ = 0;
};

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  const tally::Arguments arguments = tally::parse(argc, argv);
  tally::print_yardsticks(tally::measure_yardsticks("."));
  const std::vector<uint64_t> sizes =
      arguments.ids != 0 ? std::vector<uint64_t>{arguments.ids} : std::vector<uint64_t>{10'000'000, 200'000'000};
  for (const uint64_t ids : sizes) {
    for (const uint64_t classes : {uint64_t{1}, uint64_t{2}}) {
      if (arguments.classes != 0 && classes != arguments.classes) continue;
      tally::Arguments one = arguments;
      one.ids = ids;
      one.classes = classes;
      tally::Bench(std::move(one)).run();
    }
  }
}
