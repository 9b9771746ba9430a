// The same questions to several answerers. Worlds and queries are made from one seed; every query goes to the engine and to
// the reference interpreter, and, if one is given, to another database that holds the same rows. Where the answers differ,
// the query is cut smaller as long as they still do.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/query/random_query.h"

namespace tally::reference {

// Another database: statements in, rows of text out (NULL: nullopt).
class Elsewhere {
 public:
  using Rows = std::vector<std::vector<std::optional<std::string>>>;
  virtual ~Elsewhere() = default;
  virtual std::expected<Rows, std::string> run(const std::string& sql) = 0;
};

struct DifferentialReport {
  uint64_t worlds = 0;
  uint64_t queries = 0;                          // asked of the engine and the interpreter
  uint64_t refused = 0;                          // of them: by both
  uint64_t rows = 0;                             // compared
  uint64_t asked_elsewhere = 0;                  // of them: also asked of the other database, and compared
  std::map<std::string, uint64_t> not_compared;  // why an answer from there could not be compared
  std::set<std::string> features;
  std::set<std::pair<std::string, std::string>> pairs;  // of features that stood in one query
  std::vector<std::string> differences;  // each with its world's seed, the smallest query, and both answers
};

struct DifferentialOptions {
  uint64_t seed = 1;
  uint64_t queries = 1'000;
  uint64_t queries_a_world = 200;
  uint64_t differences_max = 5;  // then it ends
  Elsewhere* elsewhere = nullptr;
  std::function<void(const DifferentialReport&)> progress;  // after each world
  // Before each query, with the statement that made its table: so that one which ends the process can be told.
  std::function<void(const std::string& table, const std::string& sql)> asking;
};

DifferentialReport run_differential(const DifferentialOptions& options);
std::string summary(const DifferentialReport& report);

}  // namespace tally::reference
