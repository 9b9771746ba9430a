// What of a result a chart shows: which columns are values, which name them. Threads: any.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "tools/shell/chart.h"

namespace tally {

struct ChartColumns {
  std::vector<size_t> values;  // columns of numbers
  std::vector<size_t> names;   // others
  std::optional<size_t> time;  // a column of timestamps, not among the names
};
std::expected<ChartColumns, std::string> choose_columns(const QueryResult& result,
                                                        const std::vector<std::string>& wanted);

std::optional<double> number_of(const Cell& cell);  // nullopt: NULL, or no number

// What the cells of `columns` say, for people: "men · bts".
std::string row_name(const std::vector<Cell>& row, const std::vector<size_t>& columns);

}  // namespace tally
