// A database on a simulated disk for SQL tests: statements in, text out.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "engine/database.h"
#include "query/query.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"

namespace tally {

class SqlWorld {
 public:
  SqlWorld();

  // The answer in CSV, or "error: " and the message.
  std::string run(std::string_view sql, const std::vector<Cell>& parameters = {});
  std::expected<QueryResult, QueryError> ask(std::string_view sql, const QueryOptions& options) {
    return engine_->run(sql, {}, options);
  }
  // What a person reads who asked something wrong: the message, the line, a caret.
  std::string refusal(std::string_view sql);
  // Rows as CSV with a header of column names: an empty cell is NULL, "" an empty string. Returns an error or nothing.
  std::string load(const std::string& table, const std::vector<std::string>& lines, bool replay);
  std::string retract(const std::string& table, const std::string& reason, const std::vector<std::string>& ids);
  std::string flush(const std::string& table);
  // Many rows by rule; the rules are described in tests/query/cases/README.md.
  std::string fill(const std::string& table, uint32_t rows, const std::vector<std::string>& rules);

  SeededRandomScope random{1};  // keys and file ids: the same rows go to the same shards on every run
  SimDisk disk;
  ManualClock clock;

 private:
  std::unique_ptr<Database> database_;
  std::unique_ptr<QueryEngine> engine_;
};

// One block of a .test file; the format is described in tests/query/cases/README.md.
struct SqlCase {
  size_t line = 0;                    // where it starts, from 1
  std::string verb;                   // "statement", "query", "error", "load", "flush", "clock"
  std::vector<std::string> words;     // behind the verb
  std::vector<std::string> input;     // before ----
  std::vector<std::string> expected;  // behind it
};
std::vector<SqlCase> parse_sql_cases(const std::string& text);
std::string run_sql_case(SqlWorld& world, const SqlCase& test);  // what came out, to compare with `expected`
std::string joined(const std::vector<std::string>& lines);

}  // namespace tally
