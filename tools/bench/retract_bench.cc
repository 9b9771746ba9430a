// Taking events back: verdicts a second, from the request to the durable answer, over ad traffic in segments; and what a producer of
// small batches notices of it.
//
//   bench_retract [--events N] [--days D] [--verdicts N] [--directory DIR]
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "tools/bench/ad_database.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

struct Arguments {
  uint64_t events = 10'000'000;
  uint64_t days = 6;
  uint64_t verdicts = 1'000'000;
  std::string directory = ".";
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (tiny_bench()) arguments.events = 50'000, arguments.verdicts = 10'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--events") arguments.events = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--days") arguments.days = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--verdicts") arguments.verdicts = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--directory") arguments.directory = argv[i + 1];
  }
  return arguments;
}

// Ids spread evenly over what the table holds, in requests of the largest size.
std::vector<RetractRequest> make_requests(Table& table, uint64_t verdicts) {
  auto snapshot = need(table.snapshot(), "a snapshot");
  const uint64_t every = std::max<uint64_t>(1, snapshot->ledger().accepted / verdicts);
  ScanSpec spec;
  spec.columns.times = spec.columns.kinds = false;
  spec.columns.ids = true;
  spec.columns.cached = false;
  auto scan = snapshot->scan(std::move(spec));
  std::vector<RetractRequest> requests;
  uint64_t row = 0, taken = 0;
  while (const RowBlock* block = need(scan->next(), "a scan")) {
    for (uint32_t i = 0; i < block->rows && taken < verdicts; ++i) {
      if (row++ % every != 0) continue;
      if (taken++ % limits::kRetractionIdsMax == 0) requests.push_back({.ids = {}, .by = "bench", .reason = "fraud"});
      requests.back().ids.push_back(format_id(block->id_kinds[i], block->ids[i]));
    }
  }
  return requests;
}

struct Waiter {
  void done(Result<RetractResult> result) {
    std::lock_guard lock(mutex);
    all += need(std::move(result), "a retraction");
    ++answered;
    changed.notify_one();
  }
  void wait(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return answered == count; });
  }
  std::mutex mutex;
  std::condition_variable changed;
  RetractResult all;
  size_t answered = 0;
};

RetractResult retract_all(Table& table, const std::vector<RetractRequest>& requests) {
  Waiter waiter;
  for (const RetractRequest& request : requests) {
    table.retract_async(request, [&](Result<RetractResult> result) { waiter.done(std::move(result)); });
  }
  waiter.wait(requests.size());
  return waiter.all;
}

// Acknowledgements of batches of 100 rows, one at a time, while `work` runs.
class Producer {
 public:
  Producer(Table& table, std::vector<IngestBatch> batches) : table_(table), batches_(std::move(batches)) {}

  template <class Work>
  std::vector<int64_t> while_running(Work work) {
    std::atomic<bool> over{false};
    std::vector<int64_t> times;
    std::thread sender([&] {
      while (!over && next_ < batches_.size()) {
        const int64_t begun = bench_now_us();
        need(table_.ingest(std::move(batches_[next_++])), "a batch");
        times.push_back(bench_now_us() - begun);
      }
    });
    work();
    over = true;
    sender.join();
    std::sort(times.begin(), times.end());
    return times;
  }

 private:
  Table& table_;
  std::vector<IngestBatch> batches_;
  size_t next_ = 0;
};

void print_times(const char* name, const std::vector<int64_t>& times) {
  if (times.empty()) return;
  auto at = [&](double share) {
    return times[std::min(times.size() - 1, static_cast<size_t>(share * static_cast<double>(times.size())))];
  };
  std::printf("  %-34s median %6lld us   p99 %6lld us   longest %6lld us   (%zu batches)\n", name,
              static_cast<long long>(at(0.5)), static_cast<long long>(at(0.99)), static_cast<long long>(times.back()),
              times.size());
}

void run(const Arguments& arguments) {
  AdDatabase database(arguments.directory);
  AdProfileOptions profile;
  profile.events = arguments.events;
  profile.days = static_cast<uint32_t>(arguments.days);
  load_ad_events(database, profile);
  const std::vector<RetractRequest> requests = make_requests(database.table(), arguments.verdicts);
  AdProfileOptions more = profile;
  more.seed += 1;
  more.events = std::min<uint64_t>(arguments.events, 2'000'000);
  Producer producer(database.table(), AdBatches(more, *database.table().schema(), 100).take(more.events));
  const auto quiet =
      producer.while_running([] { std::this_thread::sleep_for(std::chrono::seconds(tiny_bench() ? 0 : 1)); });

  RetractResult result;
  double seconds = 0, cpu = 0;
  const auto busy = producer.while_running([&] {
    const int64_t begun = bench_now_us();
    const double cpu_before = cpu_seconds();
    result = retract_all(database.table(), requests);
    seconds = seconds_since(begun);
    cpu = cpu_seconds() - cpu_before;
  });
  std::printf("%llu events in %llu segments, %llu verdicts in %zu requests\n",
              static_cast<unsigned long long>(arguments.events),
              static_cast<unsigned long long>(database.table().stats().segments),
              static_cast<unsigned long long>(result.received), requests.size());
  const auto count = static_cast<double>(result.received);
  std::printf("  taken back %llu in %.2f s: %.0f verdicts/s, with a producer beside it (%.2f s of processor, both)\n",
              static_cast<unsigned long long>(result.retracted), seconds, count / seconds, cpu);
  const int64_t again = bench_now_us();
  const RetractResult repeated = retract_all(database.table(), requests);
  std::printf("  all again, alone: %llu asked before, %.0f verdicts/s\n",
              static_cast<unsigned long long>(repeated.repeated), count / seconds_since(again));
  const int64_t one = bench_now_us();
  constexpr int kSingles = 20;
  for (int i = 0; i < kSingles; ++i) {
    need(database.table().retract({.ids = {"stranger " + std::to_string(i)}, .by = "bench", .reason = ""}), "one id");
  }
  std::printf("  one id nobody has sent: %.2f ms\n", seconds_since(one) * 1e3 / kSingles);
  print_times("acknowledgement, nothing beside", quiet);
  print_times("acknowledgement, verdicts beside", busy);
  const int64_t flushed = bench_now_us();
  need(database.table().flush(), "the flush");
  std::printf("  flush of all of it: %.2f s\n", seconds_since(flushed));
  database.close();
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  const tally::Arguments arguments = tally::parse(argc, argv);
  tally::run(arguments);
  tally::print_yardsticks(tally::measure_yardsticks(arguments.directory));
}
