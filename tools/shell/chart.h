// A result drawn in Unicode: a line over its column of time, or bars. Several columns of numbers, and over time several
// series, are panels one above the other; series share their scale. Cells that are NULL are gaps.
//
//   line   braille dots, four rows and two columns a cell; the x axis is the time column, UTC
//   bars   a bar a row, in eighths of a cell, named by the columns that are no numbers
//
// Values are drawn from doubles; nothing of it is fit for arithmetic. Threads: any.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "query/query.h"

namespace tally {

enum class ChartKind : uint8_t {
  kAuto,
  kLine,
  kBars
};  // kAuto: a line where there is a time column and more than one row

struct ChartOptions {
  ChartKind kind = ChartKind::kAuto;
  std::vector<std::string> columns = {};  // only these; empty: all
  size_t width = 80;                      // of the terminal
  size_t height = 24;
};

inline constexpr size_t kChartPanelsMax = 8;
inline constexpr size_t kChartBarsMax = 200;

// Or a sentence that says why there is nothing to draw.
std::expected<std::string, std::string> draw_chart(const QueryResult& result, const ChartOptions& options);

}  // namespace tally
