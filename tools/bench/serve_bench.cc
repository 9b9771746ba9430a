// The server under load over loopback: a server in a process of its own, and on the same cores a client that sends batches
// built before, with new ids and times each time (moving_traffic.h). Live events, fsync durability, the shipped table with its
// rollups folding; every phase has a database of its own.
//
//   bench_serve [--seconds N] [--rate N] [--batches N] [--rows N] [--connections N] [--directory DIR]
//               [--only sustained|burst|latency|mixed|overload]
//
// sustained   events a second for --seconds (600) while the debt does not grow: rows in memory and rows that rollups have not
//             folded. The rate is looked for: from a minute at full speed and the time that its debt takes afterwards; a tenth
//             less as often as the debt still grows. --rate N says it instead.
// burst       60 s at full speed, and how long its debt takes to be paid afterwards.
// latency     60 s at half the sustained rate: from the moment a batch was due to its acknowledgement.
// mixed       the same while two clients ask what dashboards ask, one statement after the other, and where batches spent their time.
// overload    --seconds at 1.2 times the sustained rate offered: the server's memory, which must not grow.
//
// Settings of the server come from TALLY_SECTION_KEY in the environment. Full runs need 40 GiB of free disk, shorter ones in
// proportion; less, and the benchmark does not start.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/client/client.h"
#include "server/client/remote_query.h"
#include "tools/bench/ad_database.h"
#include "tools/bench/moving_traffic.h"
#include "tools/bench/options.h"
#include "tools/bench/serve_process.h"
#include "tools/bench/slope.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

constexpr uint64_t kFreeDiskBytes = 40 * limits::kGiB;
constexpr double kFullSeconds = 600;
constexpr double kShortSeconds = 60;  // of probe, burst and latency, at most
constexpr double kGrowthAllowed =
    0.02;  // of the debt, in a second half of a run, as a share of what was accepted meanwhile
constexpr double kOverload = 1.2;
constexpr int kTries = 4;

struct Arguments {
  double seconds = kFullSeconds;
  double rate = 0;
  uint64_t batches = 1'000;
  uint32_t rows = 10'000;
  uint64_t connections = 2;
  std::string directory = "/tmp";
  std::string only;
  double short_seconds() const { return std::min(seconds, kShortSeconds); }
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (tiny_bench()) {
    arguments.seconds = 1;
    arguments.batches = 4;
    arguments.rows = 1'000;
  }
  BenchOptions("the server under load over loopback")
      .add("--seconds", arguments.seconds, "of the sustained phase and of overload")
      .add("--rate", arguments.rate, "events/s sustained; 0: looked for")
      .add("--batches", arguments.batches, "built before, and sent in turn")
      .add("--rows", arguments.rows, "of a batch")
      .add("--connections", arguments.connections, "of the client")
      .add("--directory", arguments.directory, "where databases are made and removed")
      .add("--only", arguments.only, "sustained, burst, latency, mixed or overload")
      .parse(argc, argv);
  return arguments;
}

// --- what is seen from outside while it runs -----------------------------------------------------------------------------

struct Sample {
  double seconds = 0;
  double accepted = 0;
  double debt = 0;  // rows in memory, and rows in raw that are not folded
  double remembered = 0;
  double memory = 0;  // of the server
  double disk = 0;
};

class Watch {
 public:
  Watch(const ServerProcess& server, std::string directory)
      : server_(server), directory_(std::move(directory)), begun_(bench_now_us()), thread_([this] { run(); }) {}
  ~Watch() { stop(); }
  void stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }
  Sample now() const {
    auto metrics = server_.metrics();
    return {.seconds = seconds_since(begun_),
            .accepted = metrics["tally_events_total{table=\"ad_events\",outcome=\"accepted\"}"],
            .debt = metrics["tally_memtable_rows"] + metrics["tally_fold_debt_rows"],
            .remembered = metrics["tally_remembered_ids"],
            .memory = static_cast<double>(server_.memory_bytes()),
            .disk = static_cast<double>(disk_bytes(directory_))};
  }
  const std::vector<Sample>& samples() const { return samples_; }  // after stop()

 private:
  void run() {
    while (!over_) {
      samples_.push_back(now());
      for (int i = 0; i < 20 && !over_; ++i) system_clock().sleep_us(50'000);
    }
    samples_.push_back(now());
  }

  const ServerProcess& server_;
  const std::string directory_;
  const int64_t begun_;
  std::atomic<bool> over_{false};
  std::vector<Sample> samples_;
  std::thread thread_;
};

double most(const std::vector<Sample>& samples, double Sample::* figure) {
  double value = 0;
  for (const Sample& sample : samples) value = std::max(value, sample.*figure);
  return value;
}

// How fast the figure grows, over the samples from `from` seconds on.
double growth(const std::vector<Sample>& samples, double Sample::* figure, double from) {
  std::vector<std::pair<double, double>> points;
  for (const Sample& sample : samples) {
    if (sample.seconds >= from) points.emplace_back(sample.seconds, sample.*figure);
  }
  return slope(points);
}

// --- a run ---------------------------------------------------------------------------------------------------------------

struct World {
  explicit World(const std::string& parent) : database(parent) {
    schema = database.table().schema();
    database.close();
    server = std::make_unique<ServerProcess>(database.directory());
  }
  AdDatabase database;
  std::shared_ptr<const Schema> schema;
  std::unique_ptr<ServerProcess> server;
};

struct Run {
  Ledger counts;
  uint64_t sent = 0;
  uint64_t failed = 0;
  std::vector<int64_t> took_us;
  double seconds = 0;
  double client_cpu = 0, server_cpu = 0;
  std::vector<Sample> samples;
  double rate() const { return static_cast<double>(counts.accepted) / seconds; }
  double debt_growth() const { return growth(samples, &Sample::debt, seconds / 2); }  // rows a second
};

// Sends for so long, at this rate (0: as fast as credits allow), and takes every answer.
class Producer {
 public:
  Producer(const Arguments& arguments, const ServerProcess& server, Run& run) : run_(run) {
    for (size_t i = 0; i < arguments.connections; ++i) {
      clients_.push_back(
          need(Client::connect({.address = server.address(), .table = kAdEventsTable.data(), .in_flight_max = 8}),
               "connect"));
    }
  }
  void produce(MovingTraffic& traffic, double rate, double seconds) {
    const int64_t begun = bench_now_us();
    for (size_t turn = 0; seconds_since(begun) < seconds; ++turn) {
      IngestBatch batch = traffic.next(system_clock().wall_us());
      int64_t due = bench_now_us();
      if (rate > 0) {
        due = begun + static_cast<int64_t>(static_cast<double>(run_.sent) / rate * 1e6);
        if (const int64_t wait = due - bench_now_us(); wait > 0) system_clock().sleep_us(wait);
      }
      clients_[turn % clients_.size()]->send(std::move(batch), [this, due](Result<BatchResult> result) {
        const int64_t took = bench_now_us() - due;
        std::lock_guard lock(mutex_);
        run_.took_us.push_back(took);
        if (result) {
          run_.counts += result->counts;
        } else if (run_.failed++ == 0) {
          std::fprintf(stderr, "a batch failed: %s\n", result.error().message.c_str());
        }
      });
      run_.sent += traffic.rows();
    }
    for (auto& client : clients_) client->finish();
    run_.seconds = seconds_since(begun);
  }

 private:
  Run& run_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Client>> clients_;
};

Run run_load(const Arguments& arguments, World& world, MovingTraffic& traffic, double rate, double seconds) {
  Run run;
  const double server_before = world.server->cpu_seconds();
  const double client_before = cpu_seconds();
  Watch watch(*world.server, world.database.directory());
  Producer(arguments, *world.server, run).produce(traffic, rate, seconds);
  watch.stop();
  run.samples = watch.samples();
  run.client_cpu = cpu_seconds() - client_before;
  run.server_cpu = world.server->cpu_seconds() - server_before;
  std::ranges::sort(run.took_us);
  const Ledger& counts = run.counts;
  if (run.failed > 0 || counts.received != run.sent || counts.accepted != run.sent || !counts.balanced()) {
    std::fprintf(stderr, "not to the event: sent %llu, accepted %llu, %llu batches failed\n",
                 static_cast<unsigned long long>(run.sent), static_cast<unsigned long long>(counts.accepted),
                 static_cast<unsigned long long>(run.failed));
    std::exit(1);
  }
  return run;
}

// --- what is printed -----------------------------------------------------------------------------------------------------

double millions(double value) { return value / 1e6; }
double mib(double bytes) { return bytes / static_cast<double>(limits::kMiB); }

double percentile_ms(const Run& run, double share) {
  if (run.took_us.empty()) return 0;
  return static_cast<double>(run.took_us[static_cast<size_t>(share * static_cast<double>(run.took_us.size() - 1))]) /
         1e3;
}

void print_run(const Run& run) {
  const auto events = static_cast<double>(std::max<uint64_t>(run.counts.accepted, 1));
  std::printf("  acknowledged           %8.3f M events/s over %.0f s; every event sent was accepted\n",
              millions(run.rate()), run.seconds);
  std::printf(
      "  processor              client %.0f ns an event, server %.0f ns; the client's share %.0f %%; %.2f cores in "
      "all\n",
      run.client_cpu / events * 1e9, run.server_cpu / events * 1e9,
      100 * run.client_cpu / (run.client_cpu + run.server_cpu), (run.client_cpu + run.server_cpu) / run.seconds);
  std::printf("  acknowledgement        p50 %.2f, p99 %.2f, p99.9 %.2f, slowest %.2f ms\n", percentile_ms(run, 0.5),
              percentile_ms(run, 0.99), percentile_ms(run, 0.999), percentile_ms(run, 1));
  std::printf("  debt                   grows by %.3f M rows/s in the second half\n", millions(run.debt_growth()));
  for (const double part : {0.25, 0.5, 0.75, 1.0}) {
    const Sample& at = run.samples[static_cast<size_t>(part * static_cast<double>(run.samples.size() - 1))];
    std::printf(
        "    at %4.0f s            debt %.2f M rows, memory %.0f MiB, of it %.0f for %.1f M ids, disk %.2f GiB\n",
        at.seconds, millions(at.debt), mib(at.memory), mib(at.remembered * 1.5), millions(at.remembered),
        mib(at.disk) / 1024);
  }
  std::printf("  peak                   memory %.0f MiB, disk %.2f GiB (%.0f bytes an event)\n",
              mib(most(run.samples, &Sample::memory)), mib(most(run.samples, &Sample::disk)) / 1024,
              most(run.samples, &Sample::disk) / events);
}

bool debt_stands(const Run& run) { return run.debt_growth() <= kGrowthAllowed * run.rate(); }

// Rows folded a second, with nothing else to do.
double pay_debt(const World& world) {
  const int64_t begun = bench_now_us();
  const double debt = world.server->metrics()["tally_fold_debt_rows"];
  while (world.server->metrics()["tally_fold_debt_rows"] > 0) system_clock().sleep_us(100'000);
  return debt / std::max(seconds_since(begun), 0.1);
}

// What can be taken and folded, from what was taken on both cores while hardly anything was folded, and what is folded on one
// of them.
double expected_rate(double taken, double folded) {
  return 0.95 * std::min(0.9 * folded, 2 / (2 / taken + 1 / std::max(folded, 1.0)));
}

// The rate that was found.
double bench_sustained(const Arguments& arguments, MovingTraffic& traffic) {
  double rate = arguments.rate;
  if (rate == 0) {
    World world(arguments.directory);
    const Run probe = run_load(arguments, world, traffic, 0, arguments.short_seconds());
    std::printf("\nat full speed: %zu connections, %zu batches of %u\n", arguments.connections, arguments.batches,
                arguments.rows);
    print_run(probe);
    const double folded = pay_debt(world);
    std::printf("  afterwards             %8.3f M rows/s folded\n", millions(folded));
    rate = expected_rate(probe.rate(), folded);
  }
  for (int i = 0; i < (tiny_bench() ? 1 : kTries); ++i) {
    World world(arguments.directory);
    const Run run = run_load(arguments, world, traffic, rate, arguments.seconds);
    std::printf("\nsustained: %.3f M events/s offered\n", millions(rate));
    print_run(run);
    if (debt_stands(run)) {
      std::printf("  SUSTAINED              %8.3f M events/s for %.0f s\n", millions(run.rate()), run.seconds);
      return run.rate();
    }
    std::printf("  the debt grows: a tenth less\n");
    rate = 0.9 * std::min(rate, run.rate());
  }
  return rate;
}

void bench_burst(const Arguments& arguments, MovingTraffic& traffic) {
  World world(arguments.directory);
  const Run run = run_load(arguments, world, traffic, 0, arguments.short_seconds());
  std::printf("\nburst of %.0f s at full speed\n", arguments.short_seconds());
  print_run(run);
  const int64_t begun = bench_now_us();
  const double folded = pay_debt(world);
  std::printf("  its debt was paid      %8.1f s later, %.3f M rows/s\n", seconds_since(begun), millions(folded));
}

void bench_latency(const Arguments& arguments, MovingTraffic& traffic, double sustained) {
  World world(arguments.directory);
  const Run run = run_load(arguments, world, traffic, sustained / 2, arguments.short_seconds());
  std::printf("\nlatency: %.3f M events/s offered, half of what is sustained\n", millions(sustained / 2));
  print_run(run);
}

// What dashboards ask, one statement after the other until stop().
class Dashboard {
 public:
  explicit Dashboard(const ServerProcess& server)
      : remote_(need(RemoteQuery::connect(server.address()), "connect")), thread_([this] { run(); }) {}
  ~Dashboard() { stop(); }
  void stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }
  const std::vector<int64_t>& took_us() const { return took_us_; }  // after stop()

 private:
  void run() {
    constexpr const char* kByMinute =
        "SELECT time_bucket('1 minute', ts) AS minute, SUM(impressions), SUM(clicks), SUM(spend) FROM ad_events GROUP "
        "BY "
        "minute ORDER BY minute";
    constexpr const char* kTopClicks =
        "SELECT campaign_id, SUM(clicks) AS c FROM ad_events WHERE country = 'US' GROUP BY campaign_id ORDER BY c DESC "
        "LIMIT 10";
    constexpr const char* kTopSpend =
        "SELECT campaign_id, SUM(spend) AS s FROM ad_events GROUP BY campaign_id ORDER BY s DESC LIMIT 100";
    constexpr std::array kStatements = {kByMinute, kTopClicks, kTopSpend};
    for (size_t turn = 0; !over_; ++turn) {
      const int64_t begun = bench_now_us();
      const auto answer = remote_->run(kStatements[turn % kStatements.size()], {});
      if (!answer) stop_bench("a statement", answer.error().error);
      took_us_.push_back(bench_now_us() - begun);
    }
  }

  std::unique_ptr<RemoteQuery> remote_;
  std::atomic<bool> over_{false};
  std::vector<int64_t> took_us_;
  std::thread thread_;  // last: it uses the others
};

// The bound that so large a share of the histogram's entries does not pass, in milliseconds.
double bound_ms(const std::map<std::string, double>& metrics, const std::string& name, const std::string& labels,
                double share) {
  const std::string front = name + "_bucket{" + labels + ",le=\"";
  std::map<double, double> buckets;
  for (auto found = metrics.lower_bound(front); found != metrics.end() && found->first.starts_with(front); ++found) {
    buckets[std::strtod(found->first.c_str() + front.size(), nullptr)] = found->second;
  }
  if (buckets.empty()) return 0;
  const double wanted = share * buckets.rbegin()->second;
  const auto reached = std::ranges::find_if(buckets, [&](const auto& bucket) { return bucket.second >= wanted; });
  return reached->first * 1e3;
}

void print_stages(const ServerProcess& server) {
  const auto metrics = server.metrics();
  const std::string table = "table=\"ad_events\"";
  const auto line = [&](const char* what, const char* name, const std::string& labels) {
    std::printf("    %-20s p50 %.2f, p99 %.2f, p99.9 %.2f, slowest %.2f ms at most\n", what,
                bound_ms(metrics, name, labels, 0.5), bound_ms(metrics, name, labels, 0.99),
                bound_ms(metrics, name, labels, 0.999), bound_ms(metrics, name, labels, 1));
  };
  std::printf("  where batches were, of the whole life of the server\n");
  line("decoding", "tally_ingest_stage_seconds", table + ",stage=\"prepare\"");
  line("waiting for its turn", "tally_ingest_stage_seconds", table + ",stage=\"order\"");
  line("in the log", "tally_ingest_stage_seconds", table + ",stage=\"log\"");
  line("being decided", "tally_visible_latency_seconds", table);
}

void bench_mixed(const Arguments& arguments, MovingTraffic& traffic, double sustained) {
  World world(arguments.directory);
  std::vector<std::unique_ptr<Dashboard>> dashboards;
  for (int i = 0; i < 2; ++i) dashboards.push_back(std::make_unique<Dashboard>(*world.server));
  const Run run = run_load(arguments, world, traffic, sustained / 2, arguments.short_seconds());
  std::vector<int64_t> took_us;
  for (const auto& dashboard : dashboards) {
    dashboard->stop();
    took_us.insert(took_us.end(), dashboard->took_us().begin(), dashboard->took_us().end());
  }
  std::ranges::sort(took_us);
  std::printf("\nmixed: %.3f M events/s offered while two clients ask\n", millions(sustained / 2));
  print_run(run);
  print_stages(*world.server);
  if (took_us.empty()) return;
  const auto statement_ms = [&](double share) {
    return static_cast<double>(took_us[static_cast<size_t>(share * static_cast<double>(took_us.size() - 1))]) / 1e3;
  };
  std::printf("  statements             %zu, p50 %.1f, p99 %.1f, slowest %.1f ms\n", took_us.size(), statement_ms(0.5),
              statement_ms(0.99), statement_ms(1));
}

void bench_overload(const Arguments& arguments, MovingTraffic& traffic, double sustained) {
  World world(arguments.directory);
  const Run run = run_load(arguments, world, traffic, kOverload * sustained, arguments.seconds);
  std::printf("\noverload: %.3f M events/s offered, 1.2 times what is sustained\n", millions(kOverload * sustained));
  print_run(run);
  const double ids = growth(run.samples, &Sample::remembered, run.seconds / 2) * 1.5;
  std::printf("  memory                 grows by %.3f MiB/s in the second half, of it %.3f for remembered ids\n",
              mib(growth(run.samples, &Sample::memory, run.seconds / 2)), mib(ids));
}

bool room_on_disk(const Arguments& arguments) {
  const auto fs = make_posix_file_system();
  const uint64_t free = need(fs->space(arguments.directory), "free disk").free_bytes;
  const double share = std::min(1.0, arguments.seconds / kFullSeconds);
  const auto needed = static_cast<uint64_t>(share * static_cast<double>(kFreeDiskBytes));
  if (free >= needed) return true;
  std::fprintf(stderr, "bench serve: %.1f GiB of %s are free, and %.1f are needed\n",
               mib(static_cast<double>(free)) / 1024, arguments.directory.c_str(),
               mib(static_cast<double>(needed)) / 1024);
  return false;
}

int bench(const Arguments& arguments) {
  (void)std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a run takes half an hour: what is known is shown
  if (!room_on_disk(arguments)) return 1;
  print_yardsticks(measure_yardsticks(arguments.directory));
  const auto wanted = [&](std::string_view part) { return arguments.only.empty() || arguments.only == part; };
  std::unique_ptr<MovingTraffic> traffic;
  {
    AdDatabase pattern(arguments.directory);
    traffic = std::make_unique<MovingTraffic>(*pattern.table().schema(), arguments.batches, arguments.rows);
  }
  std::printf("traffic: %zu batches of %u, %.1f bytes an event\n", arguments.batches, arguments.rows,
              static_cast<double>(traffic->payload_bytes()) / static_cast<double>(arguments.batches * arguments.rows));
  double sustained = arguments.rate;
  const bool search = sustained == 0 && (wanted("latency") || wanted("mixed") || wanted("overload"));
  if (wanted("sustained") || search) sustained = bench_sustained(arguments, *traffic);
  if (wanted("burst")) bench_burst(arguments, *traffic);
  if (wanted("latency")) bench_latency(arguments, *traffic, sustained);
  if (wanted("mixed")) bench_mixed(arguments, *traffic, sustained);
  if (wanted("overload")) bench_overload(arguments, *traffic, sustained);
  return 0;
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--server") {
    tally::run_bench_server(argv[2], static_cast<int>(std::strtol(argv[3], nullptr, 10)));
  }
  return tally::bench(tally::parse(argc, argv));
}
