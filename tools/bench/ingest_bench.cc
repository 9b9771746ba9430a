// The embedded ingest path on ad traffic: how many events a second it makes durable, de-duplicated and visible; how many
// batches share one fdatasync when many small producers write; what the log holds after a flush; how long a start takes.
//
//   bench_ingest [--events N] [--days D] [--seed S] [--directory DIR] [--only throughput|hot|groups|reopen|sustained]
//                [--seconds S --rate N: of the sustained part]
//
// sustained (only where it is asked for): ingest_sustained.h.
// hot: the same as throughput, with 10 M events (or --events, if fewer) whose times lie within 10 minutes.
//
// Batches are generated and encoded in slices outside the measured time (that cost is printed beside it); the measured
// part is what a service pays for: decode, validate, hash, order, log, decide, append, flush.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/work_queue.h"
#include "query/query.h"
#include "tools/bench/ad_database.h"
#include "tools/bench/ingest_sustained.h"
#include "tools/bench/options.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

struct Arguments {
  AdProfileOptions profile{.events = 50'000'000, .days = 30, .seed = 1, .start_us = 20'000 * kMicrosPerDay};
  std::string directory = "/tmp";
  std::string only;
  SustainedOptions sustained;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (tiny_bench()) {
    arguments.profile.events = 60'000;
    arguments.sustained.seconds = 1;
    arguments.sustained.batch_rows = 2'000;
  }
  BenchOptions("what ingest takes, in one process")
      .add("--events", arguments.profile.events, "events of the ad profile")
      .add("--days", arguments.profile.days, "days that they are spread over")
      .add("--seed", arguments.profile.seed, "of the profile")
      .add("--directory", arguments.directory, "where databases are made and removed")
      .add("--only", arguments.only, "one of the parts")
      .add("--batch", arguments.sustained.batch_rows, "rows of a batch")
      .add("--seconds", arguments.sustained.seconds, "of the sustained part")
      .add("--rate", arguments.sustained.rate, "events/s of the sustained part; 0: as fast as answers come")
      .parse(argc, argv);
  arguments.sustained.directory = arguments.directory;
  return arguments;
}

void bench_throughput(const Arguments& arguments, const char* name) {
  AdDatabase world(arguments.directory);
  AdBatches source(arguments.profile, *world.table().schema(), arguments.sustained.batch_rows);
  constexpr uint64_t kSlice = 2'000'000;
  double making = 0, ingesting = 0, cpu = 0;
  uint64_t events = 0, payload_bytes = 0;
  while (true) {
    const int64_t begun = bench_now_us();
    std::vector<IngestBatch> batches = source.take(kSlice);
    if (batches.empty()) break;
    for (const IngestBatch& batch : batches) payload_bytes += batch.payload.size();
    making += seconds_since(begun);
    const double cpu_before = cpu_seconds();
    const int64_t sent = bench_now_us();
    events += ingest_all(world.table(), std::move(batches)).accepted;
    ingesting += seconds_since(sent);
    cpu += cpu_seconds() - cpu_before;
  }
  const int64_t begun = bench_now_us();
  need(world.table().flush(), "flush");
  const double last_flush = seconds_since(begun);
  const Table::Stats stats = world.table().stats();
  const double n = static_cast<double>(events);
  std::printf("\n%s: %llu events in batches of %u, one sending thread\n", name, static_cast<unsigned long long>(events),
              arguments.sustained.batch_rows);
  std::printf("  generate and encode    %8.2f M events/s (not in the figures below)\n", n / making / 1e6);
  std::printf("  accepted and durable   %8.2f M events/s, last flush included (%.0f ns of processor time an event)\n",
              n / (ingesting + last_flush) / 1e6, cpu / n * 1e9);
  std::printf("  batch bytes            %8.1f an event\n", static_cast<double>(payload_bytes) / n);
  std::printf("  log                    %8.1f bytes an event, %llu groups, %llu fdatasyncs, slowest %.1f ms, by %s\n",
              static_cast<double>(stats.log.bytes_written) / n, static_cast<unsigned long long>(stats.log.groups),
              static_cast<unsigned long long>(stats.log.syncs), static_cast<double>(stats.log.slowest_sync_us) / 1e3,
              stats.log_io_method.c_str());
  std::printf("  segments               %8.1f bytes an event in %llu files, %llu flushes\n",
              static_cast<double>(stats.segment_bytes) / n, static_cast<unsigned long long>(stats.segments),
              static_cast<unsigned long long>(stats.flushes));
  std::printf("  log files after flush  %8llu (at most 2)\n", static_cast<unsigned long long>(world.log_files()));
  std::printf("  peak memory            %8.0f MiB for %llu remembered ids\n",
              static_cast<double>(peak_memory_bytes()) / static_cast<double>(limits::kMiB),
              static_cast<unsigned long long>(stats.remembered_ids));
  world.close();
}

Arguments hot_window(Arguments arguments) {
  arguments.profile.events = std::min<uint64_t>(arguments.profile.events, 10'000'000);
  arguments.profile.minutes = 10;
  return arguments;
}

// Eight producers with 100 rows a batch and four batches in flight each.
void bench_groups(const Arguments& arguments) {
  constexpr int kProducers = 8, kInFlight = 4;
  AdDatabase world(arguments.directory);
  AdProfileOptions options = arguments.profile;
  options.events = tiny_bench() ? 20'000 : 2'000'000;
  AdBatches source(options, *world.table().schema(), 100);
  std::vector<IngestBatch> batches = source.take(options.events);
  need(world.table().prepare_writes(), "prepare");
  std::atomic<size_t> next{0};
  std::vector<std::thread> producers;
  const int64_t begun = bench_now_us();
  for (int i = 0; i < kProducers; ++i) {
    producers.emplace_back([&] {
      Permits window(kInFlight);
      for (size_t at = next++; at < batches.size(); at = next++) {
        window.acquire();
        world.table().ingest_async(std::move(batches[at]), [&](Result<BatchResult>) { window.release(); });
      }
      for (int held = 0; held < kInFlight; ++held) window.acquire();
    });
  }
  for (std::thread& producer : producers) producer.join();
  const double seconds = seconds_since(begun);
  const LogStats log = world.table().stats().log;
  std::printf("\ngroup commit: %d producers, 100 rows a batch, %d in flight each\n", kProducers, kInFlight);
  std::printf("  batches                %8.0f batches/s, %.2f M events/s\n",
              static_cast<double>(batches.size()) / seconds, static_cast<double>(batches.size()) * 100 / seconds / 1e6);
  std::printf("  batches per fdatasync  %8.1f (at least 4), %.1f groups per fdatasync\n",
              static_cast<double>(log.records) / static_cast<double>(log.syncs),
              static_cast<double>(log.groups) / static_cast<double>(log.syncs));
  world.close();
}

struct StartTimes {
  double first_answer = 0;
  double first_accepted = 0;
};

StartTimes measure_start(AdDatabase& world, uint64_t number) {
  StartTimes times;
  const int64_t begun = bench_now_us();
  world.open();
  QueryEngine engine(world.database());
  auto answer = engine.run("SELECT COUNT(*) FROM ad_events WHERE ts < '2000-01-01'", {});
  if (!answer) stop_bench("query", answer.error().error);
  times.first_answer = seconds_since(begun);
  AdProfileOptions options{.events = 1, .days = 1, .seed = 1'000 + number, .start_us = 20'000 * kMicrosPerDay};
  AdBatches source(options, *world.table().schema(), 1);
  ingest_all(world.table(), source.take(1));
  times.first_accepted = seconds_since(begun);
  return times;
}

void bench_reopen(const Arguments& arguments) {
  std::printf("\nstart after a clean stop, everything flushed\n");
  AdDatabase world(arguments.directory);
  AdBatches source(arguments.profile, *world.table().schema(), arguments.sustained.batch_rows);
  uint64_t events = 0;
  const uint64_t small = std::min<uint64_t>(1'000'000, arguments.profile.events / 10);
  for (const uint64_t target : {small, small * 10}) {
    while (events < target) {
      const uint64_t step = std::min<uint64_t>(1'000'000, target - events);
      ingest_all(world.table(), source.take(step));
      events += step;
    }
    world.close();
    const StartTimes times = measure_start(world, events);
    std::printf("  %9llu events       %8.1f ms to the first answer, %.0f ms to the first accepted write\n",
                static_cast<unsigned long long>(events), times.first_answer * 1e3, times.first_accepted * 1e3);
  }
  world.close();
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  using namespace tally;
  const Arguments arguments = parse(argc, argv);
  print_yardsticks(measure_yardsticks(arguments.directory));
  auto wanted = [&](std::string_view part) { return arguments.only.empty() || arguments.only == part; };
  if (wanted("throughput")) bench_throughput(arguments, "throughput");
  if (wanted("hot")) bench_throughput(hot_window(arguments), "hot window of 10 minutes");
  if (wanted("groups")) bench_groups(arguments);
  if (wanted("reopen")) bench_reopen(arguments);
  if (arguments.only == "sustained" || tiny_bench()) {
    bench_ingest_sustained(arguments.sustained);
  }
  return 0;
}
