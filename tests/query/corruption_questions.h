// SQL questions of the table that the corruption sweep harms (tests/support/engine/corruption_world.h): equalities, ranges and
// groups over dimensions and fields of every type, so that what indexes and zone maps leave out is seen to be right too.
#pragma once

#include <string>

#include "query/query.h"

namespace tally {

inline Result<std::string> ask_in_sql(Database& database) {
  static constexpr const char* kQuestions[] = {
      "SELECT count(*), sum(amount), min(cost), max(cost) FROM small.raw",
      "SELECT country, count(*), sum(amount) FROM small.raw GROUP BY country ORDER BY country",
      "SELECT count(*), sum(amount) FROM small.raw WHERE country = 'a0'",
      "SELECT count(*), sum(amount) FROM small.raw WHERE slot = 3",
      "SELECT count(*), sum(cost) FROM small.raw WHERE slot IN (0, 2) AND country >= 'b'",
      "SELECT count(*) FROM small.raw WHERE kind = 'click' AND amount > 200000",
      "SELECT count(*) FROM small.raw WHERE cost IS NULL",
  };
  QueryEngine engine(database);
  std::string text;
  for (const char* question : kQuestions) {
    auto answer = engine.run(question, {});
    if (!answer) return std::unexpected(std::move(answer).error().error);
    for (const auto& row : answer->rows) {
      for (const Cell& cell : row) {
        text += std::to_string(static_cast<int>(cell.kind)) + ":" + std::to_string(static_cast<int64_t>(cell.number)) +
                ":" + std::to_string(cell.real) + ":" + cell.text + " ";
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace tally
