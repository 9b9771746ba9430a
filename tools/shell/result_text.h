// A QueryResult as text, in whatever format the shell was told: those for people here (aligned, vertical, markdown), those
// for programs in query/format.h. Cells are fit for a terminal (terminal_text.h) in the formats for people.
//
//   table      aligned: numbers to the right, NULL shown, wide characters counted as two cells
//   vertical   a line a value
//   markdown   a table
//
// Threads: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/format.h"

namespace tally {

enum class ResultFormat : uint8_t { kTable, kCsv, kTsv, kJson, kJsonLines, kMarkdown, kVertical };

std::optional<ResultFormat> parse_result_format(std::string_view name);
std::string_view result_format_name(ResultFormat format);
const std::vector<std::string>& result_format_names();
std::optional<OutputFormat> for_programs(
    ResultFormat format);  // nothing: it is for people, and needs all rows to lay them out

struct ResultStyle {
  bool thousands = false;  // 1,234,567 in the formats for people
};

std::string result_text(const QueryResult& result, ResultFormat format, const ResultStyle& style = {});
// Cells that the widest line of kTable takes.
size_t table_width(const QueryResult& result, const ResultStyle& style = {});

// The cells of the last column broken at spaces into rows of their own, so that kTable is at most `width` wide where it can be.
QueryResult with_last_column_wrapped(const QueryResult& result, size_t width);

// A cell as people read it.
std::string cell_for_people(const Cell& cell, const ResultStyle& style);
std::string grouped_digits(std::string_view number);  // -1234567.1234 is -1,234,567.1234

bool is_number(const ResultColumn& column);

}  // namespace tally
