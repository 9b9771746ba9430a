#include "tools/bench/ingest_sustained.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "engine/fold_debt.h"
#include "engine/work_queue.h"
#include "tools/bench/ad_database.h"
#include "tools/bench/moving_traffic.h"
#include "tools/bench/slope.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

constexpr size_t kBatchesBuilt = 50;
constexpr int kInFlight = 16;
constexpr uint64_t kIdsMax = 1'000'000'000;  // ten minutes may bring more than the default
// A debt that grows by less than this share of the rate stands still: what waits goes up and down by a flush.
constexpr double kGrowthAllowed = 0.02;

using Samples =
    std::vector<std::pair<double, double>>;  // seconds, and the debt then: rows in memory, and not folded in raw

double debt_of(Table& table) {
  const auto snapshot = need(table.snapshot(), "snapshot");
  return static_cast<double>(table.stats().memtable_rows + fold_debt_rows(snapshot->manifest()));
}

// Looks at the debt every second, until it is told to stop.
class DebtWatch {
 public:
  explicit DebtWatch(Table& table) : table_(table), begun_(bench_now_us()), thread_([this] { run(); }) {}
  ~DebtWatch() {
    if (thread_.joinable()) (void)stop();
  }
  const Samples& stop() {
    over_ = true;
    thread_.join();
    return samples_;
  }

 private:
  void run() {
    while (!over_) {
      samples_.emplace_back(seconds_since(begun_), debt_of(table_));
      for (int i = 0; i < 20 && !over_; ++i) system_clock().sleep_us(50'000);
    }
    samples_.emplace_back(seconds_since(begun_), debt_of(table_));
  }

  Table& table_;
  const int64_t begun_;
  std::atomic<bool> over_{false};
  Samples samples_;
  std::thread thread_;  // last: it uses the others
};

struct Sent {
  std::mutex mutex;
  Ledger counts;
  std::vector<int64_t> took_us;
  uint64_t rows = 0, failed = 0;
};

void produce(Table& table, MovingTraffic& traffic, const SustainedOptions& options, Sent& sent) {
  Permits window(kInFlight);
  const int64_t begun = bench_now_us();
  while (seconds_since(begun) < options.seconds) {
    window.acquire();
    IngestBatch batch = traffic.next(system_clock().wall_us());
    int64_t due = bench_now_us();
    if (options.rate > 0) {
      due = begun + static_cast<int64_t>(static_cast<double>(sent.rows) / static_cast<double>(options.rate) * 1e6);
      if (const int64_t wait = due - bench_now_us(); wait > 0) system_clock().sleep_us(wait);
    }
    table.ingest_async(std::move(batch), [&, due](Result<BatchResult> result) {
      {
        const std::lock_guard lock(sent.mutex);
        sent.took_us.push_back(bench_now_us() - due);
        if (result) {
          sent.counts += result->counts;
        } else if (sent.failed++ == 0) {
          std::fprintf(stderr, "a batch failed: %s\n", result.error().to_string().c_str());
        }
      }
      window.release();
    });
    sent.rows += traffic.rows();
  }
  for (int held = 0; held < kInFlight; ++held) window.acquire();
}

void print_debt(const Samples& samples, double rate) {
  const double grown = slope({samples.begin() + static_cast<ptrdiff_t>(samples.size() / 2), samples.end()});
  std::printf("  debt                   grows by %.3f M rows/s in the second half: %s\n", grown / 1e6,
              grown <= kGrowthAllowed * rate ? "SUSTAINED" : "not sustained");
  for (const double part : {0.25, 0.5, 0.75, 1.0}) {
    const auto& [at_seconds, debt] = samples[static_cast<size_t>(part * static_cast<double>(samples.size() - 1))];
    std::printf("    at %4.0f s            %.2f M rows\n", at_seconds, debt / 1e6);
  }
}

void print_background(const Table::Stats& stats, double events) {
  const BackgroundStats& done = stats.background;
  std::printf("  folding                %8.2f M raw rows/s into all rollups together, %.0f ns of processor a row\n",
              static_cast<double>(done.raw_rows_in) / std::max(static_cast<double>(done.raw_fold_us), 1.0),
              static_cast<double>(done.raw_fold_processor_us) * 1e3 / std::max<double>(1, done.raw_rows_in));
  std::printf("  written                %8.1f bytes an event by folds and joins, %.1f by the log\n",
              static_cast<double>(done.bytes_written) / events, static_cast<double>(stats.log.bytes_written) / events);
}

}  // namespace

void bench_ingest_sustained(const SustainedOptions& options) {
  TableOptions table;
  table.remembered_ids_max = kIdsMax;
  AdDatabase world(options.directory, "", table);
  MovingTraffic traffic(*world.table().schema(), kBatchesBuilt, options.batch_rows);
  need(world.table().prepare_writes(), "prepare");
  Sent sent;
  const double cpu_before = cpu_seconds();
  const int64_t begun = bench_now_us();
  DebtWatch watch(world.table());
  produce(world.table(), traffic, options, sent);
  const double seconds = seconds_since(begun);
  const Samples& samples = watch.stop();
  const double cpu = cpu_seconds() - cpu_before;
  if (sent.failed > 0 || sent.counts.accepted != sent.rows || !sent.counts.balanced()) {
    std::fprintf(stderr, "not to the event: sent %llu, accepted %llu\n", static_cast<unsigned long long>(sent.rows),
                 static_cast<unsigned long long>(sent.counts.accepted));
    std::exit(1);
  }
  const auto events = static_cast<double>(std::max<uint64_t>(sent.counts.accepted, 1));
  std::ranges::sort(sent.took_us);
  const auto at_ms = [&](double share) {
    return static_cast<double>(
               sent.took_us[static_cast<size_t>(share * static_cast<double>(sent.took_us.size() - 1))]) /
           1e3;
  };
  std::printf("\nsustained, with folding: batches of %u, one sending thread\n", options.batch_rows);
  std::printf("  accepted and durable   %8.3f M events/s over %.0f s, %.0f ns of processor an event, %.2f cores\n",
              events / seconds / 1e6, seconds, cpu / events * 1e9, cpu / seconds);
  std::printf("  acknowledgement        p50 %.2f, p99 %.2f, p99.9 %.2f, slowest %.2f ms\n", at_ms(0.5), at_ms(0.99),
              at_ms(0.999), at_ms(1));
  print_debt(samples, events / seconds);
  const Table::Stats stats = world.table().stats();
  print_background(stats, events);
  std::printf("  peak memory            %8.0f MiB for %llu remembered ids\n",
              static_cast<double>(peak_memory_bytes()) / static_cast<double>(limits::kMiB),
              static_cast<unsigned long long>(stats.remembered_ids));
  world.close();
}

}  // namespace tally
