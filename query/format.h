// A QueryResult as text for programs (tools/shell/result_text.h has the formats for people). Every format ends its last line
// with LF and starts with the columns' names where it has a place for them. Timestamps are ISO 8601 UTC, numbers plain
// decimals with all digits of their scale, never an exponent.
//
//   csv       RFC 4180: header, LF, quotes where needed; NULL is empty, an empty string is ""
//   tsv       header; tab, newline and backslash escaped; NULL is \N
//   json      an array of objects; jsonl: an object a line. Numbers stay exact: integers beyond 2^53 and decimals are
//             written as JSON numbers with all their digits
#pragma once

#include <string>
#include <string_view>

#include "query/query.h"

namespace tally {

enum class OutputFormat : uint8_t { kCsv, kTsv, kJson, kJsonLines };

std::string format_result(const QueryResult& result, OutputFormat format);
std::string cell_text(const Cell& cell);  // NULL is "NULL"

}  // namespace tally
