// Questions to rows that no segment has yet: ad traffic in the memtable of one table, one thread a query. Of each question the
// first run (which may make orders of the chunks, engine/chunk_order.h), and the median and 99th percentile of the rest.
//
//   bench_memtable [--events N] [--days D] [--seed S] [--directory DIR] [--runs R]
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "query/query.h"
#include "tools/bench/ad_database.h"
#include "tools/bench/options.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

struct Arguments {
  AdProfileOptions profile{.events = 2'000'000, .days = 1, .seed = 1, .start_us = 20'000 * kMicrosPerDay};
  std::string directory = "/tmp";
  uint32_t runs = 200;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (tiny_bench()) {
    arguments.profile.events = 60'000;
    arguments.runs = 2;
  }
  BenchOptions("questions to rows in memory")
      .add("--events", arguments.profile.events, "events of the ad profile")
      .add("--days", arguments.profile.days, "days that they are spread over")
      .add("--seed", arguments.profile.seed, "of the profile")
      .add("--directory", arguments.directory, "where the database is made and removed")
      .add("--runs", arguments.runs, "of each question")
      .parse(argc, argv);
  return arguments;
}

struct Question {
  std::string what;
  std::string where;
};

constexpr const char* kSelect =
    "SELECT time_bucket('1 minute', ts) AS minute, SUM(impressions), SUM(clicks), SUM(spend) FROM ad_events ";

class Memtable {
 public:
  explicit Memtable(const Arguments& arguments) : arguments_(arguments), files_(arguments.directory) {
    // Nothing is flushed while it is asked.
    files_.close();
    TableOptions options;
    options.memtable_bytes_max = 16 * limits::kGiB;
    database_ = need(Database::open(files_.fs(), system_clock(), files_.directory(), {.table = options}), "open");
    table_ = need(database_->table(kAdEventsTable), "table");
    AdBatches batches(arguments.profile, *table_->schema(), limits::kBatchRowsDefault);
    for (auto slice = batches.take(500'000); !slice.empty(); slice = batches.take(500'000)) {
      ingest_all(*table_, std::move(slice));
    }
    engine_ = std::make_unique<QueryEngine>(*database_);
  }

  void show_size(const char* when) const {
    const Table::Stats stats = table_->stats();
    std::printf("%s: %llu rows, %.1f MiB in memory, %llu flushes\n", when,
                static_cast<unsigned long long>(stats.memtable_rows),
                static_cast<double>(stats.memtable_bytes) / (1 << 20), static_cast<unsigned long long>(stats.flushes));
  }

  void measure(const Question& question) {
    const std::string sql = kSelect + question.where + " GROUP BY minute ORDER BY minute";
    std::vector<double> milliseconds;
    QueryStats stats;
    for (uint32_t run = 0; run <= arguments_.runs; ++run) {
      const int64_t begun = bench_now_us();
      auto answer = engine_->run(sql, {});
      milliseconds.push_back(seconds_since(begun) * 1e3);
      if (!answer) stop_bench(answer.error().render(sql), answer.error().error);
      stats = answer->stats;
    }
    const double first = milliseconds.front();
    std::sort(milliseconds.begin() + 1, milliseconds.end());
    const auto of = [&](double share) {
      return milliseconds[1 + static_cast<size_t>(share * static_cast<double>(milliseconds.size() - 2))];
    };
    std::printf("  %-34s %8.3f ms median %8.3f p99 %8.3f first; %9llu rows read, %9llu selected\n",
                question.what.c_str(), of(0.5), of(0.99), first, static_cast<unsigned long long>(stats.scan.rows_read),
                static_cast<unsigned long long>(stats.scan.rows_selected));
  }

  // The n-th value of a column by its rows, n / 1000 of the way from the most to the fewest.
  std::string value(const std::string& column, size_t place) {
    if (ranked_of_ != column) {
      const std::string sql =
          "SELECT " + column + ", SUM(events) AS n FROM ad_events GROUP BY " + column + " ORDER BY n DESC, " + column;
      auto answer = engine_->run(sql, {});
      if (!answer) stop_bench(answer.error().render(sql), answer.error().error);
      ranked_.clear();
      for (const auto& row : answer->rows) ranked_.push_back(row[0].text);
      ranked_of_ = column;
    }
    return "'" + ranked_[std::min(place, ranked_.size() - 1)] + "'";
  }

 private:
  const Arguments& arguments_;
  AdDatabase files_;
  std::unique_ptr<Database> database_;
  Table* table_ = nullptr;
  std::unique_ptr<QueryEngine> engine_;
  std::string ranked_of_;
  std::vector<std::string> ranked_;
};

std::vector<Question> questions(Memtable& memtable, const AdProfileOptions& profile) {
  const TimeUs end = profile.start_us + TimeUs{profile.days} * kMicrosPerDay;
  std::vector<Question> made;
  for (const size_t place : {0, 30, 1'000, 100'000}) {
    made.push_back({"a campaign, place " + std::to_string(place + 1),
                    "WHERE campaign_id = " + memtable.value("campaign_id", place)});
  }
  std::string ten;
  for (size_t i = 0; i < 10; ++i) ten += (i > 0 ? ", " : "") + memtable.value("campaign_id", 100 + 10 * i);
  made.push_back({"ten campaigns", "WHERE campaign_id IN (" + ten + ")"});
  made.push_back({"an advertiser, place 21", "WHERE advertiser_id = " + memtable.value("advertiser_id", 20)});
  made.push_back({"a publisher, place 101", "WHERE publisher_id = " + memtable.value("publisher_id", 100)});
  made.push_back({"half an hour", "WHERE ts >= '" + format_timestamp(end - kMicrosPerHour / 2) + "'"});
  made.push_back({"all rows: os <> ''", "WHERE os <> ''"});
  made.push_back({"many rows: the first country", "WHERE country = " + memtable.value("country", 0)});
  made.push_back({"everything", ""});
  return made;
}

void measure(const Arguments& arguments) {
  Memtable memtable(arguments);
  memtable.show_size("before");
  for (const Question& question : questions(memtable, arguments.profile)) memtable.measure(question);
  memtable.show_size("behind");
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  const tally::Arguments arguments = tally::parse(argc, argv);
  tally::measure(arguments);
  return 0;
}
