// SQL in, rows out: the one interface that shell, HTTP, PostgreSQL wire and dashboard stand on.
//
//   QueryEngine engine(database);
//   TALLY_ASSIGN_OR_RETURN(QueryResult result, engine.run("SELECT country, SUM(clicks) FROM ads GROUP BY country", {}));
//
// Errors of the text carry a position and render a caret line (QueryError::render). Threads: run() from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/database.h"

namespace tally {

enum class SqlType : uint8_t { kNull, kBool, kInt64, kDecimal, kDouble, kString, kTimestamp, kInterval };

// A column of a result: name, type, and for kDecimal the most digits after the point that a cell has; where rows leave as they are
// made (RowSink), of what is known before them.
struct ResultColumn {
  std::string name;
  SqlType type = SqlType::kString;
  uint8_t scale = 0;
};

// A cell. Sums are 128-bit: integers and decimals (scaled) are __int128.
struct Cell {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kDouble, kString, kTimestamp } kind = Kind::kNull;
  bool boolean = false;
  __int128 number = 0;  // kNumber: scaled by `scale`
  uint8_t scale = 0;
  double real = 0;
  int64_t timestamp = 0;  // microseconds UTC
  std::string text;
};

struct QueryStats {
  ScanStats scan;
  uint64_t rows = 0;  // of the answer, wherever they went
  int64_t elapsed_us = 0;
};

struct QueryResult {
  std::vector<ResultColumn> columns;  // empty for statements that return no rows
  std::vector<std::vector<Cell>> rows;
  bool handed_over = false;  // columns and rows went to a RowSink; `rows` is empty
  std::string message;       // of a statement without rows: "CREATE TABLE"
  QueryStats stats;
};

// Where in the text something is wrong; lines and columns count from 1, columns in characters.
struct SourcePosition {
  uint32_t offset = 0;
  uint32_t line = 1;
  uint32_t column = 1;
};

struct QueryError {
  Error error;  // message ends in " at line:column" where there is a position
  std::optional<SourcePosition> position;
  std::string render(std::string_view sql) const;  // message, the line, a caret under the place
};

// Takes the rows of an answer instead of QueryResult::rows: of a SELECT without ORDER BY while they are made, in pieces, so that no
// more than a piece is in memory; of anything else once they are there. A statement that fails on its way has handed over what
// came before. By the thread that runs the statement.
class RowSink {
 public:
  virtual ~RowSink() = default;
  // Once, before any row. Not for a statement that returns no rows.
  virtual Status begin(std::span<const ResultColumn> columns) = 0;
  // The next rows of the answer, at least one; good during the call. It may wait: the statement's time stands still meanwhile, what
  // it reads stays where it is. An error ends the statement with it.
  virtual Status take(std::span<const std::vector<Cell>> rows) = 0;
};
// What has not gone to the sink yet does, and leaves the result.
Status hand_over(QueryResult& result, RowSink& sink);

// What whoever asks may say beside the text. A statement looks at it between blocks of rows: within milliseconds.
struct QueryOptions {
  std::stop_token stop = {};  // once a stop is requested the statement ends with kCancelled
  int64_t timeout_us = 0;     // of the whole statement, past which it ends with kLimitExceeded; 0: none
  uint64_t memory_bytes = 0;  // for its groups, and for its answer; 0: limits::kQueryMemoryBytesMax
  RowSink* rows = nullptr;    // takes the rows
  bool from_raw = false;      // leave the rollups alone: what they say is to be compared, or they are in doubt
  std::atomic<uint64_t>* rows_read =
      nullptr;  // counts the rows read so far, for whoever shows progress; outlives the call
};

// What queries of one engine have between them.
struct QueryEngineOptions {
  unsigned threads = 1;        // of one query, its caller's among them
  uint64_t rows_a_thread = 0;  // to read, before another thread helps; 0: limits::kQueryRowsAThread
  uint64_t memory_bytes = 0;   // for all queries together; 0: limits::kQueriesMemoryBytesMax
};

class QueryEngine {
 public:
  explicit QueryEngine(Database& database, const QueryEngineOptions& options = {});
  ~QueryEngine();
  // One statement; a trailing semicolon is fine.
  std::expected<QueryResult, QueryError> run(std::string_view sql, const std::vector<Cell>& parameters,
                                             const QueryOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Splits a script at semicolons outside strings, quoted names and comments. `complete` is false when the last statement
// has no semicolon yet (the shell then asks for more).
struct SqlScript {
  std::vector<std::string_view> statements;
  bool complete = true;
};
SqlScript split_statements(std::string_view text);

}  // namespace tally
