// ./dev differential: the engine against the reference interpreter and, with --duckdb DIR, against DuckDB.
//   differential_driver [--queries N] [--seed S] [--duckdb DIR]
// Prints its seed first, then a line a hundred tables; differences with the smallest query that shows them. Exit code 1 where
// there are any.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

#include "tests/differential/duckdb_process.h"

namespace {

int usage() {
  std::fprintf(stderr, "usage: differential_driver [--queries N] [--seed S] [--duckdb DIR] [--trace FILE]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace tally::reference;
  DifferentialOptions options;
  options.queries = 10'000;
  options.seed = std::random_device()();
  std::string modules, trace;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 >= argc) return usage();
    if (std::strcmp(argv[i], "--queries") == 0) {
      options.queries = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (std::strcmp(argv[i], "--seed") == 0) {
      options.seed = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (std::strcmp(argv[i], "--duckdb") == 0) {
      modules = argv[i + 1];
    } else if (std::strcmp(argv[i], "--trace") == 0) {
      trace = argv[i + 1];
    } else {
      return usage();
    }
  }
  std::unique_ptr<Elsewhere> duckdb;
  if (!modules.empty()) {
    auto started = start_duckdb(modules);
    if (!started) {
      std::fprintf(stderr, "%s\n", started.error().c_str());
      return 1;
    }
    duckdb = *std::move(started);
    options.elsewhere = duckdb.get();
  }
  std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
  std::fflush(stdout);
  const auto begun = std::chrono::steady_clock::now();
  options.progress = [&](const DifferentialReport& report) {
    if (report.worlds % 100 != 0) return;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begun);
    std::printf("%llu s: %s\n", static_cast<unsigned long long>(seconds.count()), summary(report).c_str());
    std::fflush(stdout);
  };
  // The file holds the query that runs.
  if (!trace.empty()) {
    options.asking = [&](const std::string& table, const std::string& sql) {
      std::ofstream(trace) << table << ";\n\n" << sql << ";\n";
    };
  }
  const DifferentialReport report = run_differential(options);
  for (const std::string& difference : report.differences) std::printf("\nDIFFERENCE in %s\n", difference.c_str());
  std::printf("%s\n", summary(report).c_str());
  return report.differences.empty() ? 0 : 1;
}
