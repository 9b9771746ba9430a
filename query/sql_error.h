// Errors inside the query layer: what is wrong, where in the text (an offset), and what to do instead. The public
// QueryError, with line, column and a sentence, is made from it once, at the door (to_query_error).
//
//   SQL_ASSIGN(ExprPtr expr, parse_expression());     declares or assigns, or returns the error to the caller
//   SQL_TRY(expect(","));
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/nearest.h"
#include "base/status.h"
#include "query/query.h"

namespace tally {

struct SqlError {
  Code code = Code::kInvalidArgument;
  std::string message;
  std::optional<uint32_t> offset;  // in bytes, of the statement's text
  std::string hint;                // follows the position: `, did you mean "country"?`
};

template <class T>
using Sql = std::expected<T, SqlError>;

inline std::unexpected<SqlError> sql_fail(std::optional<uint32_t> offset, std::string message, std::string hint = {},
                                          Code code = Code::kInvalidArgument) {
  return std::unexpected<SqlError>(SqlError{code, std::move(message), offset, std::move(hint)});
}

inline SqlError to_sql_error(SqlError error) { return error; }
inline SqlError to_sql_error(Error error) { return {error.code, std::move(error.message), std::nullopt, {}}; }

QueryError to_query_error(std::string_view sql, SqlError error);
SourcePosition locate(std::string_view sql, uint32_t offset);

std::string counted(uint64_t count, std::string_view noun);                // "1 row", "2 rows"
std::string quoted(std::string_view name);                                 // "name"
std::string upper_case(std::string_view text);                             // ASCII
std::string lower_case(std::string_view text);                             // ASCII
std::string printable(std::string_view text, size_t characters_max = 60);  // for messages: cut, escaped

}  // namespace tally

#define SQL_TRY(expr)                                                                                      \
  do {                                                                                                     \
    auto sql_try_result = (expr);                                                                          \
    if (!sql_try_result) [[unlikely]]                                                                      \
      return std::unexpected<::tally::SqlError>(::tally::to_sql_error(std::move(sql_try_result).error())); \
  } while (false)

#define SQL_ASSIGN(lhs, expr) SQL_ASSIGN_INNER(TALLY_CONCAT(sql_result_, __LINE__), lhs, expr)
#define SQL_ASSIGN_INNER(tmp, lhs, expr)                                                      \
  auto tmp = (expr);                                                                          \
  if (!tmp) [[unlikely]]                                                                      \
    return std::unexpected<::tally::SqlError>(::tally::to_sql_error(std::move(tmp).error())); \
  lhs = *std::move(tmp)
