// A QueryResult as text for programs (tools/shell/result_text.h has the formats for people). Every format ends its last line
// with LF and starts with the columns' names where it has a place for them. Timestamps are ISO 8601 UTC, numbers plain
// decimals with all digits of their scale, never an exponent.
//
//   csv       RFC 4180: header, LF, quotes where needed; NULL is empty, an empty string is ""
//   tsv       header; tab, newline and backslash escaped; NULL is \N
//   json      an array of objects; jsonl: an object a line. Numbers stay exact: integers beyond 2^53 and decimals are
//             written as JSON numbers with all their digits
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/query.h"

namespace tally {

enum class OutputFormat : uint8_t { kCsv, kTsv, kJson, kJsonLines };

std::string format_result(const QueryResult& result, OutputFormat format);

// The same in pieces, for an answer that is not in memory at once: begin(), rows as often as there are some, end(). Each appends
// to `out`. Threads: one.
class ResultFormatter {
 public:
  ResultFormatter(OutputFormat format, std::span<const ResultColumn> columns)
      : format_(format), columns_(columns.begin(), columns.end()) {}
  void begin(std::string& out) const;
  void rows(std::span<const std::vector<Cell>> rows, std::string& out);
  void end(std::string& out) const;

 private:
  void separated(const std::vector<Cell>& row, std::string& out) const;
  void object(const std::vector<Cell>& row, std::string& out) const;

  const OutputFormat format_;
  const std::vector<ResultColumn> columns_;
  bool any_ = false;  // a row has come
};

std::string cell_text(const Cell& cell);  // NULL is "NULL"

}  // namespace tally
