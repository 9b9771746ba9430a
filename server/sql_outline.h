// A statement without its literals: `SELECT n FROM ads WHERE country = ?`. What a log may show: names, not data (C14).
// Threads: any.
#pragma once

#include <string>
#include <string_view>

namespace tally {

// Tokens with a space between them, comments left out, at most limits::kSqlOutlineBytesMax bytes; what follows a place that
// is no SQL is left out too.
std::string sql_outline(std::string_view sql);

}  // namespace tally
