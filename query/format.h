// A QueryResult as text. Every format ends its last line with LF and starts with the columns' names where it has a place
// for them. Timestamps are ISO 8601 UTC, numbers plain decimals with all digits of their scale, never an exponent.
//
//   table     aligned for a terminal: numbers to the right, NULL shown, wide characters counted as two cells
//   csv       RFC 4180: header, LF, quotes where needed; NULL is empty, an empty string is ""
//   tsv       header; tab, newline and backslash escaped; NULL is \N
//   json      an array of objects; jsonl: an object a line. Numbers stay exact: integers beyond 2^53 and decimals are
//             written as JSON numbers with all their digits
//   markdown  a table; vertical: a line a value
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "query/query.h"

namespace tally {

enum class OutputFormat : uint8_t { kTable, kCsv, kTsv, kJson, kJsonLines, kMarkdown, kVertical };

std::optional<OutputFormat> parse_output_format(std::string_view name);  // "table", "csv", "tsv", "json", "jsonl", ...
inline constexpr std::string_view kOutputFormatNames = "table, csv, tsv, json, jsonl, markdown, vertical";

std::string format_result(const QueryResult& result, OutputFormat format);
std::string cell_text(const Cell& cell);      // NULL is "NULL"
size_t display_width(std::string_view text);  // terminal cells

}  // namespace tally
