// Filter and sum over raw segments, one core: SUM(cost) where a dimension is one of some codes, at three selectivities, for a
// dimension that leads the sort order, one with a block index and one without; warm, and cold in a fresh process whose pages
// were dropped (posix_fadvise); beside the same loop over plain arrays in memory.
//
//   bench_scan [--events N] [--days D] [--seed S] [--directory DIR] [--runs R] [--column NAME: that one alone, warm]
//   bench_scan --cold DATABASE --column NAME --share PERMILLE        one cold run, in a process of its own
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_names.h"
#include "engine/encoding/selection.h"
#include "query/query.h"
#include "tools/bench/ad_database.h"
#include "tools/bench/options.h"
#include "tools/bench/run_self.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

struct Arguments {
  AdProfileOptions profile{.events = 10'000'000, .days = 6, .seed = 1, .start_us = 20'000 * kMicrosPerDay};
  std::string directory = "/tmp";
  std::string cold;  // a database
  std::string column;
  uint32_t share = 1000;
  uint32_t runs = 7;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (tiny_bench()) {
    arguments.profile.events = 60'000;
    arguments.runs = 1;
  }
  BenchOptions("scans of raw segments beside loops over plain arrays")
      .add("--events", arguments.profile.events, "events of the ad profile")
      .add("--days", arguments.profile.days, "days that they are spread over")
      .add("--seed", arguments.profile.seed, "of the profile")
      .add("--directory", arguments.directory, "where databases are made and removed")
      .add("--runs", arguments.runs, "of each scan")
      .add("--cold", arguments.cold, "used by the benchmark itself: a database")
      .add("--column", arguments.column, "likewise")
      .add("--share", arguments.share, "likewise, in thousandths")
      .parse(argc, argv);
  return arguments;
}

struct Answer {
  uint64_t rows = 0;  // that match
  int64_t sum = 0;
  friend bool operator==(const Answer&, const Answer&) = default;
};

// The columns of all rows, as a program that keeps them in memory would have them.
struct Plain {
  std::vector<uint32_t> codes;
  std::vector<int64_t> costs;
};

uint32_t column_id(const Snapshot& snapshot, std::string_view name) { return snapshot.schema().find_column(name)->id; }

Plain read_plain(const Snapshot& snapshot, std::string_view column) {
  Plain plain;
  ScanSpec spec;
  spec.columns.column_ids = {column_id(snapshot, column), column_id(snapshot, "cost")};
  auto scan = snapshot.scan(std::move(spec));
  while (const RowBlock* block = need(scan->next(), "scan")) {
    plain.codes.insert(plain.codes.end(), block->columns[0].codes, block->columns[0].codes + block->rows);
    plain.costs.insert(plain.costs.end(), block->columns[1].ints, block->columns[1].ints + block->rows);
  }
  return plain;
}

// Codes that together have about `permille` of the rows: rare ones for a small share, so that it is hit as closely as can be.
std::vector<int64_t> codes_with_share(const Plain& plain, uint32_t permille) {
  std::vector<uint64_t> counts;
  for (uint32_t code : plain.codes) {
    if (code >= counts.size()) counts.resize(code + 1);
    ++counts[code];
  }
  std::vector<int64_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return counts[static_cast<size_t>(a)] > counts[static_cast<size_t>(b)]; });
  const uint64_t wanted = plain.codes.size() * permille / 1000;
  std::vector<int64_t> chosen;
  uint64_t rows = 0;
  for (int64_t code : order) {
    const uint64_t count = counts[static_cast<size_t>(code)];
    if (count == 0 || (rows + count > wanted && permille < 1000)) continue;
    chosen.push_back(code);
    rows += count;
  }
  if (chosen.empty() && !order.empty()) {  // every value is more than that: the rarest
    while (counts[static_cast<size_t>(order.back())] == 0) order.pop_back();
    chosen.push_back(order.back());
  }
  return chosen;
}

// One table look-up a row, whatever the codes are: what a careful loop would do.
Answer sum_plain(const Plain& plain, const std::vector<uint8_t>& wanted) {
  Answer answer;
  const uint32_t* codes = plain.codes.data();
  const int64_t* costs = plain.costs.data();
  for (size_t row = 0, rows = plain.codes.size(); row < rows; ++row) {
    const int64_t matches = wanted[codes[row]];
    answer.rows += static_cast<uint64_t>(matches);
    answer.sum += costs[row] & -matches;
  }
  return answer;
}

Answer sum_scan(const Snapshot& snapshot, std::string_view column, const IntPredicate& codes, ScanStats& stats) {
  ScanSpec spec;
  spec.columns.times = false;
  spec.columns.kinds = false;
  spec.columns.column_ids = {column_id(snapshot, "cost")};
  spec.filter.predicates = {{.column_id = column_id(snapshot, column), .is_dimension = true, .matches = codes}};
  auto scan = snapshot.scan(std::move(spec));
  Answer answer;
  while (const RowBlock* block = need(scan->next(), "scan")) {
    const int64_t* costs = block->columns[0].ints;
    if (block->selected.empty()) {
      answer.rows += block->rows;
      answer.sum += std::accumulate(costs, costs + block->rows, int64_t{0});
      continue;
    }
    for (size_t word = 0; word < block->selected.size(); ++word) {
      for (uint64_t left = block->selected[word]; left != 0; left &= left - 1) {
        answer.sum += costs[word * 64 + static_cast<size_t>(std::countr_zero(left))];
        ++answer.rows;
      }
    }
  }
  stats = scan->stats();
  return answer;
}

template <class Run>
double median_seconds(int runs, Run run) {
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i) {
    const int64_t begun = bench_now_us();
    run();
    seconds.push_back(seconds_since(begun));
  }
  std::sort(seconds.begin(), seconds.end());
  return std::max(seconds[seconds.size() / 2], 1e-6);
}

void drop_pages(FileSystem& fs, const TablePaths& paths) {
  for (const FileInfo& file : need(fs.list(paths.segment_directory()), "list")) {
    auto opened = need(fs.open(join_path(paths.segment_directory(), file.name), OpenMode::kRead), "open");
    opened->drop_cache(0, need(opened->size(), "size"));
  }
}

// The codes are found before the pages are dropped, so that the run itself starts with nothing.
void run_cold(const Arguments& arguments) {
  auto fs = make_posix_file_system();
  std::vector<int64_t> codes;
  size_t rows = 0;
  {
    auto database = need(Database::open(*fs, system_clock(), arguments.cold, {}), "open");
    auto snapshot = need(need(database->table(kAdEventsTable), "table")->snapshot(), "snapshot");
    const Plain plain = read_plain(*snapshot, arguments.column);
    codes = codes_with_share(plain, arguments.share);
    rows = plain.codes.size();
  }
  drop_pages(*fs, DatabasePaths(arguments.cold).table(kAdEventsTable));
  auto database = need(Database::open(*fs, system_clock(), arguments.cold, {}), "open");
  auto snapshot = need(need(database->table(kAdEventsTable), "table")->snapshot(), "snapshot");
  ScanStats stats;
  const int64_t begun = bench_now_us();
  const Answer answer = sum_scan(*snapshot, arguments.column, IntPredicate::any_of(codes), stats);
  const double seconds = seconds_since(begun);
  std::printf("  %-14s %9llu rows match %8.1f ms %8.0f M rows/s cold\n", arguments.column.c_str(),
              static_cast<unsigned long long>(answer.rows), seconds * 1e3, static_cast<double>(rows) / seconds / 1e6);
}

struct Case {
  const char* column;
  const char* what;
};
constexpr Case kCases[] = {{"advertiser_id", "leading"}, {"publisher_id", "indexed"}, {"os", "no index"}};
constexpr uint32_t kShares[] = {1, 50, 1000};  // of a thousand rows

void run_case(const Arguments& arguments, const Snapshot& snapshot, const Case& test) {
  const Plain plain = read_plain(snapshot, test.column);
  const double rows = static_cast<double>(plain.codes.size());
  for (uint32_t permille : kShares) {
    const std::vector<int64_t> codes = codes_with_share(plain, permille);
    std::vector<uint8_t> wanted(*std::max_element(plain.codes.begin(), plain.codes.end()) + 1);
    for (int64_t code : codes) wanted[static_cast<size_t>(code)] = 1;
    const IntPredicate predicate = IntPredicate::any_of(codes);
    Answer expected, found;
    ScanStats stats;
    const double plain_s = median_seconds(arguments.runs, [&] { expected = sum_plain(plain, wanted); });
    (void)sum_scan(snapshot, test.column, predicate, stats);  // fills the cache
    const double warm_s =
        median_seconds(arguments.runs, [&] { found = sum_scan(snapshot, test.column, predicate, stats); });
    if (!(found == expected)) stop_bench("scan", Error{Code::kInternal, "the sums differ"});
    std::printf("  %-14s %-9s %5zu codes %6.2f %% of rows %6.2f %% of blocks %8.0f M rows/s plain %8.0f warm (%5.2f x)",
                test.column, test.what, codes.size(), static_cast<double>(found.rows) / rows * 100,
                static_cast<double>(stats.blocks.read) / static_cast<double>(stats.blocks.all) * 100,
                rows / plain_s / 1e6, rows / warm_s / 1e6, plain_s / warm_s);
    std::printf("\n");
  }
}

// The whole way from the text, for comparison: the executor is not part of the target.
void run_sql(AdDatabase& database, int runs) {
  QueryEngine engine(database.database());
  for (const char* where : {"advertiser_id = 'a1900'", "publisher_id = 'p900'", "os = 'ios'", "os <> 'none'"}) {
    const std::string sql = std::string("SELECT SUM(spend) FROM ad_events WHERE ") + where;
    auto run = [&] {
      if (auto answer = engine.run(sql, {}); !answer) stop_bench(sql, answer.error().error);
    };
    run();
    std::printf("  %10.2f ms  %s\n", median_seconds(runs, run) * 1e3, sql.c_str());
  }
}

void measure(const Arguments& arguments, const char* self) {
  AdDatabase database(arguments.directory);
  load_ad_events(database, arguments.profile);
  database.close();
  database.open();
  {
    auto snapshot = need(database.table().snapshot(), "snapshot");
    std::printf("\nfilter and sum, one core, %llu events in blocks of %u rows; rows a second of the whole table\n",
                static_cast<unsigned long long>(arguments.profile.events), limits::kSegmentBlockRows);
    for (const Case& test : kCases) {
      if (arguments.column.empty() || arguments.column == test.column) run_case(arguments, *snapshot, test);
    }
    if (!arguments.column.empty()) return;
    std::printf("from SQL, warm\n");
    run_sql(database, arguments.runs);
  }
  database.close();
  std::printf("cold: a fresh process each, pages dropped\n");
  std::fflush(stdout);
  for (const Case& test : kCases) {
    for (uint32_t permille : kShares) {
      run_self(self, {"--cold", database.directory(), "--column", test.column, "--share", std::to_string(permille)});
    }
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
  measure(arguments, argv[0]);
  return 0;
}
