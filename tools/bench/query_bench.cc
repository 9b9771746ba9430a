// Eight questions to the `ad` profile (shared design, "What it must reach"): median and 99th percentile of each, for ten
// parameters from the hottest to the coldest; from the shipped rollups and from raw rows alone; warm, cold in a fresh process
// whose pages were dropped, and while a producer sends events.
//
//   bench_query [--events N] [--days D] [--seed S] [--directory DIR] [--runs R] [--seconds T a parameter at most]
//               [--only Q1[,Q2...]] [--mode rollups|raw|ingest|cold|alone|all] [--rate N events/s of the producer]
//               [--keep DIR: a database made there once and used again]
//   bench_query --cold DATABASE --sql TEXT      one cold run, in a process of its own
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/duration_histogram.h"
#include "base/file_names.h"
#include "base/timestamp.h"
#include "engine/write_figures.h"
#include "query/query.h"
#include "tools/bench/ad_database.h"
#include "tools/bench/options.h"
#include "tools/bench/run_self.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

struct Arguments {
  AdProfileOptions profile{.events = 50'000'000, .days = 30, .seed = 1, .start_us = 20'000 * kMicrosPerDay};
  std::string directory = "/tmp";
  std::string keep;
  std::string only;
  std::string mode = "all";
  std::string cold, sql;
  uint32_t runs = 1'000;
  double seconds = 10;
  uint64_t rate = 200'000;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (tiny_bench()) {
    arguments.profile.events = 60'000;
    arguments.runs = 2;
    arguments.rate = 20'000;
  }
  BenchOptions("the eight questions of the design")
      .add("--events", arguments.profile.events, "events of the ad profile")
      .add("--days", arguments.profile.days, "days that they are spread over")
      .add("--seed", arguments.profile.seed, "of the profile")
      .add("--directory", arguments.directory, "where databases are made and removed")
      .add("--keep", arguments.keep, "a database made there once, and used again")
      .add("--only", arguments.only, "Q1[,Q2...]")
      .add("--mode", arguments.mode, "rollups, raw, cold, ingest, all, or alone: the producer without questions")
      .add("--runs", arguments.runs, "of each question and parameter, at most")
      .add("--seconds", arguments.seconds, "for each, at most")
      .add("--rate", arguments.rate, "events/s of the producer beside them")
      .add("--cold", arguments.cold, "used by the benchmark itself: a database")
      .add("--sql", arguments.sql, "likewise: the question")
      .parse(argc, argv);
  if (!arguments.only.empty()) arguments.only += ',';
  return arguments;
}

// What stands for {x} in a question: values of a column, hottest first, or nothing.
struct Question {
  const char* name;
  const char* what;
  double target_ms;
  const char* parameter;  // the column that {x} is of; nullptr: none
  const char* sql;        // {from}: of the last 30 days, {week}, {day}: of the last 7 and 1; {to}
};

constexpr Question kQuestions[] = {
    {"Q1", "a campaign by minute, 24 h", 0.9, "campaign_id",
     "SELECT time_bucket('1 minute', ts) AS minute, SUM(impressions), SUM(clicks), SUM(spend) FROM ad_events "
     "WHERE campaign_id = '{x}' AND ts >= '{day}' AND ts < '{to}' GROUP BY minute ORDER BY minute"},
    {"Q2", "an advertiser by day and device, 30 days", 1.0, "advertiser_id",
     "SELECT time_bucket('1 day', ts) AS day, device_type, SUM(impressions), SUM(clicks), SUM(spend) FROM ad_events "
     "WHERE advertiser_id = '{x}' AND ts >= '{from}' AND ts < '{to}' GROUP BY day, device_type ORDER BY day, "
     "device_type"},
    {"Q3", "top 10 campaigns by clicks in a country, 7 days", 7, "country",
     "SELECT campaign_id, SUM(clicks) AS c FROM ad_events WHERE country = '{x}' AND ts >= '{week}' AND ts < '{to}' "
     "GROUP BY campaign_id ORDER BY c DESC, campaign_id LIMIT 10"},
    {"Q4", "CTR and spend by country and device of an advertiser, 30 days", 0.9, "advertiser_id",
     "SELECT country, device_type, ctr, SUM(spend) FROM ad_events WHERE advertiser_id = '{x}' AND ts >= '{from}' "
     "AND ts < '{to}' GROUP BY country, device_type ORDER BY country, device_type"},
    {"Q5", "clicks by hour, 30 days, everything", 5, nullptr,
     "SELECT time_bucket('1 hour', ts) AS hour, SUM(clicks) FROM ad_events WHERE ts >= '{from}' AND ts < '{to}' "
     "GROUP BY hour ORDER BY hour"},
    {"Q6", "unique users of a campaign, 30 days", 1.7, "campaign_id",
     "SELECT APPROX_COUNT_DISTINCT(users) FROM ad_events WHERE campaign_id = '{x}' AND ts >= '{from}' AND ts < '{to}'"},
    {"Q7", "four filters by day, 30 days", 1.3, "advertiser_id",
     "SELECT time_bucket('1 day', ts) AS day, SUM(impressions), SUM(clicks), SUM(spend) FROM ad_events "
     "WHERE advertiser_id = '{x}' AND country IN ('US', 'IN', 'BR') AND device_type = 'phone' AND os = 'android' "
     "AND ts >= '{from}' AND ts < '{to}' GROUP BY day ORDER BY day"},
    {"Q8", "all campaigns by spend, top 100, 30 days", 6, nullptr,
     "SELECT campaign_id, SUM(spend) AS s FROM ad_events WHERE ts >= '{from}' AND ts < '{to}' "
     "GROUP BY campaign_id ORDER BY s DESC, campaign_id LIMIT 100"},
};

constexpr size_t kParameters = 10;
const QueryEngineOptions kAllCores{.threads = std::thread::hardware_concurrency()};

void replace(std::string& text, std::string_view what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what)) text.replace(at, what.size(), with);
}

QueryResult ask(QueryEngine& engine, const std::string& sql, const QueryOptions& options = {}) {
  auto answer = engine.run(sql, {}, options);
  if (!answer) stop_bench(answer.error().render(sql), answer.error().error);
  return *std::move(answer);
}

class Questions {
 public:
  Questions(QueryEngine& engine, const AdProfileOptions& profile) : engine_(engine), profile_(profile) {}

  // The statement for each parameter, hottest first.
  std::vector<std::string> statements(const Question& question) {
    std::vector<std::string> made;
    for (const std::string& value : values(question.parameter)) {
      std::string sql = question.sql;
      const TimeUs to = profile_.start_us + TimeUs{profile_.days} * kMicrosPerDay;
      replace(sql, "{x}", value);
      replace(sql, "{from}", format_timestamp(to - 30 * kMicrosPerDay));
      replace(sql, "{week}", format_timestamp(to - 7 * kMicrosPerDay));
      replace(sql, "{day}", format_timestamp(to - kMicrosPerDay));
      replace(sql, "{to}", format_timestamp(to));
      made.push_back(std::move(sql));
    }
    return made;
  }

 private:
  // Values of the column, evenly apart in the logarithm of their rank.
  std::vector<std::string> values(const char* column) {
    if (column == nullptr) return {""};
    const std::string name = column;
    const QueryResult ranked = ask(
        engine_, "SELECT " + name + ", SUM(events) AS n FROM ad_events GROUP BY " + name + " ORDER BY n DESC, " + name);
    std::vector<std::string> values;
    for (size_t i = 0; i < kParameters; ++i) {
      const double share = static_cast<double>(i) / (kParameters - 1);
      const double rank = std::pow(static_cast<double>(ranked.rows.size()), share);
      values.push_back(ranked.rows[std::min(static_cast<size_t>(rank) - 1, ranked.rows.size() - 1)][0].text);
    }
    return values;
  }

  QueryEngine& engine_;
  const AdProfileOptions& profile_;
};

struct Timing {
  double median_ms = 0, p99_ms = 0;
  size_t runs = 0;
};

Timing measure(QueryEngine& engine, const std::string& sql, const Arguments& arguments, const QueryOptions& options) {
  (void)ask(engine, sql, options);  // warm
  std::vector<double> took;
  const int64_t begun = bench_now_us();
  while (took.size() < arguments.runs && seconds_since(begun) < arguments.seconds) {
    const int64_t start = bench_now_us();
    (void)ask(engine, sql, options);
    took.push_back(static_cast<double>(bench_now_us() - start) / 1e3);
  }
  std::sort(took.begin(), took.end());
  return {took[took.size() / 2], took[took.size() * 99 / 100], took.size()};
}

bool wanted(const Arguments& arguments, const Question& question) {
  return arguments.only.empty() || arguments.only.find(std::string(question.name) + ",") != std::string::npos;
}

// The plan's first line: what answers.
std::string source_of(QueryEngine& engine, const std::string& sql, const QueryOptions& options) {
  const std::string line = ask(engine, "EXPLAIN " + sql, options).rows.at(0).at(0).text;
  const size_t from = line.find("from "), end = line.find_first_of(",:", from);
  return from == std::string::npos ? line : line.substr(from + 5, end - from - 5);
}

void run_mode(QueryEngine& engine, const Arguments& arguments, const char* title, bool raw) {
  QueryOptions options;
  options.from_raw = raw;
  Questions questions(engine, arguments.profile);
  std::printf("\n%s\n  %-3s %-62s %8s %8s %8s %8s %8s %6s %6s\n", title, "", "", "target", "median", "hottest",
              "coldest", "worst", "p99/md", "runs");
  for (const Question& question : kQuestions) {
    if (!wanted(arguments, question)) continue;
    std::vector<Timing> timings;
    const std::vector<std::string> statements = questions.statements(question);
    for (const std::string& sql : statements) timings.push_back(measure(engine, sql, arguments, options));
    std::vector<double> medians;
    double tail = 0;
    size_t runs = timings[0].runs;
    for (const Timing& timing : timings) {
      medians.push_back(timing.median_ms);
      tail = std::max(tail, timing.p99_ms / timing.median_ms);
      runs = std::min(runs, timing.runs);
    }
    std::sort(medians.begin(), medians.end());
    std::printf("  %-3s %-62s %8.1f %8.2f %8.2f %8.2f %8.2f %6.1f %6zu  %s\n", question.name, question.what,
                raw ? 50.0 : question.target_ms, medians[medians.size() / 2], timings.front().median_ms,
                timings.back().median_ms, medians.back(), tail, runs,
                source_of(engine, statements[0], options).c_str());
    std::fflush(stdout);
  }
}

// Sends events of the following day at a rate until told to stop.
class Producer {
 public:
  Producer(Table& table, const Arguments& arguments) : table_(table), rate_(arguments.rate) {
    AdProfileOptions options = arguments.profile;
    options.seed += 1;
    options.start_us += TimeUs{options.days} * kMicrosPerDay;
    options.events = kPrepared;
    options.days = 1;
    batches_ = AdBatches(options, *table.schema(), kBatchRows).take(kPrepared);
    // The first batch of a process loads the remembered ids: a cost of starting, which is none of the questions' doing.
    const int64_t start = bench_now_us();
    need(table_.ingest(std::move(batches_.front())), "ingest");
    first_ms_ = static_cast<double>(bench_now_us() - start) / 1e3;
    batches_.erase(batches_.begin());
    before_ = write_reading(table_);
    thread_ = std::thread([this] { run(); });
  }
  ~Producer() { stop(); }

  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void report() const {
    const double seconds = seconds_since(begun_us_);
    std::printf("  beside it: %.0f events/s; longest acknowledgement %.1f ms, p99.9 %.1f ms\n",
                static_cast<double>(sent_) / seconds, longest_ms_, percentile(0.999));
    std::printf("  (the first of all, which loads the remembered ids: %.1f ms)\n", first_ms_);
    const WriteReading reading = write_reading(table_);
    for (size_t i = 0; i < kWriteStages; ++i) {
      DurationHistogram::Reading stage = reading.stages[i];
      for (size_t k = 0; k < stage.counts.size(); ++k) stage.counts[k] -= before_.stages[i].counts[k];
      stage.count -= before_.stages[i].count;
      std::printf("  of which %-8s p99 %8.2f, p99.9 %8.2f, longest %8.2f ms at most\n",
                  std::string(write_stage_name(static_cast<WriteStage>(i))).c_str(), at_most_ms(stage, 0.99),
                  at_most_ms(stage, 0.999), at_most_ms(stage, 1));
    }
  }

 private:
  static constexpr uint64_t kPrepared = 20'000'000;
  static constexpr uint32_t kBatchRows = 2'000;

  void run() {
    begun_us_ = bench_now_us();
    for (IngestBatch& batch : batches_) {
      if (stopping_) return;
      const int64_t start = bench_now_us();
      need(table_.ingest(std::move(batch)), "ingest");
      took_ms_.push_back(static_cast<double>(bench_now_us() - start) / 1e3);
      longest_ms_ = std::max(longest_ms_, took_ms_.back());
      sent_ += kBatchRows;
      const int64_t due = begun_us_ + static_cast<int64_t>(sent_ * 1'000'000 / rate_);
      if (const int64_t now = bench_now_us(); now < due)
        std::this_thread::sleep_for(std::chrono::microseconds(due - now));
    }
  }

  // The bound of the bucket that holds the share's last.
  static double at_most_ms(const DurationHistogram::Reading& reading, double share) {
    const auto wanted = static_cast<uint64_t>(std::ceil(static_cast<double>(reading.count) * share));
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < DurationHistogram::kBuckets; ++bucket) {
      seen += reading.counts[bucket];
      if (seen >= wanted) return static_cast<double>(DurationHistogram::bound_us(bucket)) / 1e3;
    }
    return INFINITY;
  }

  double percentile(double share) const {
    if (took_ms_.empty()) return 0;
    std::vector<double> sorted = took_ms_;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<size_t>(static_cast<double>(sorted.size() - 1) * share)];
  }

  Table& table_;
  const uint64_t rate_;
  std::vector<IngestBatch> batches_;
  std::atomic<bool> stopping_{false};
  int64_t begun_us_ = 0;
  uint64_t sent_ = 0;
  double longest_ms_ = 0, first_ms_ = 0;
  WriteReading before_;  // of the stages, behind the first batch
  std::vector<double> took_ms_;
  std::thread thread_;
};

void run_cold(const Arguments& arguments) {
  auto fs = make_posix_file_system();
  const TablePaths paths = DatabasePaths(arguments.cold).table(kAdEventsTable);
  for (const FileInfo& file : need(fs->list(paths.segment_directory()), "list")) {
    auto opened = need(fs->open(join_path(paths.segment_directory(), file.name), OpenMode::kRead), "open");
    opened->drop_cache(0, need(opened->size(), "size"));
  }
  DatabaseOptions options;
  options.table.background = false;
  auto database = need(Database::open(*fs, system_clock(), arguments.cold, options), "open");
  QueryEngine engine(*database, kAllCores);
  const int64_t begun = bench_now_us();
  (void)ask(engine, arguments.sql);
  std::printf("%8.1f", static_cast<double>(bench_now_us() - begun) / 1e3);
}

void run_cold_all(AdDatabase& database, const Arguments& arguments, const char* self) {
  std::vector<std::pair<const Question*, std::vector<std::string>>> all;
  {
    QueryEngine engine(database.database(), kAllCores);
    Questions questions(engine, arguments.profile);
    for (const Question& question : kQuestions) {
      if (wanted(arguments, question)) all.emplace_back(&question, questions.statements(question));
    }
  }
  database.close();
  std::printf("\ncold, from the shipped rollups: a fresh process each, pages dropped; ms, hottest to coldest\n");
  for (const auto& [question, statements] : all) {
    std::printf("  %-3s", question->name);
    for (const std::string& sql : statements) {
      std::fflush(stdout);
      run_self(self, {"--cold", database.directory(), "--sql", sql});
    }
    std::printf("\n");
  }
  database.open();
}

void prepare(AdDatabase& database, const Arguments& arguments) {
  if (!database.made()) return;
  QueryEngine engine(database.database(), kAllCores);
  // Long enough to keep what is asked.
  (void)ask(engine, "ALTER TABLE ad_events SET RETENTION raw '90 days'");
  (void)ask(engine,
            "ALTER TABLE ad_events SET RETENTION by_campaign minute '90 days', hour '730 days', day '730 days'");
  const int64_t begun = bench_now_us();
  load_ad_events(database, arguments.profile);
  need(database.table().run_background(), "background");
  std::printf("loaded %llu events and folded them in %.0f s\n",
              static_cast<unsigned long long>(arguments.profile.events), seconds_since(begun));
}

void run_all(const Arguments& arguments, const char* self) {
  AdDatabase database(arguments.directory, arguments.keep);
  prepare(database, arguments);
  const bool all = arguments.mode == "all";
  {
    QueryEngine engine(database.database(), kAllCores);
    if (all || arguments.mode == "rollups") run_mode(engine, arguments, "warm, from the shipped rollups; ms", false);
    if (all || arguments.mode == "raw") run_mode(engine, arguments, "warm, from raw rows alone; ms", true);
  }
  if (all || arguments.mode == "cold") run_cold_all(database, arguments, self);
  if (arguments.mode == "alone") {
    Producer producer(database.table(), arguments);
    std::this_thread::sleep_for(std::chrono::duration<double>(arguments.seconds));
    producer.stop();
    producer.report();
  }
  if (all || arguments.mode == "ingest") {
    QueryEngine engine(database.database(), kAllCores);
    Producer producer(database.table(), arguments);
    run_mode(engine, arguments, "warm, from the shipped rollups, while a producer sends events; ms", false);
    producer.stop();
    producer.report();
  }
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  using namespace tally;
  const Arguments arguments = parse(argc, argv);
  if (!arguments.cold.empty()) {
    run_cold(arguments);
    return 0;
  }
  print_yardsticks(measure_yardsticks(arguments.directory));
  run_all(arguments, argv[0]);
  return 0;
}
