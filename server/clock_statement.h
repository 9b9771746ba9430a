// The statements CLOCK SHOW, CLOCK CONFIRM and CLOCK BACK, each of all tables or of one (CLOCK BACK TABLE ads): what `tally clock`
// sends to a running server, and does itself with a stopped database. docs/OPERATIONS.md says when to type which.
// Threads: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/database.h"
#include "query/query.h"

namespace tally {

struct ClockStatement {
  enum class Action : uint8_t { kShow, kConfirm, kBack };
  Action action = Action::kShow;
  std::string table;  // empty: all
  friend bool operator==(const ClockStatement&, const ClockStatement&) = default;
};

// nullopt: it is no such statement.
std::optional<ClockStatement> clock_statement(std::string_view sql);
std::string clock_statement_text(const ClockStatement& statement);  // that is read as the same

// Rows of table, part, state, outcome ("shown", "confirmed", "taken back", "nothing to do", "refused") and detail. An error
// only where the one table that was named cannot do it.
std::expected<QueryResult, QueryError> run_clock_statement(Database& database, const ClockStatement& statement);

}  // namespace tally
