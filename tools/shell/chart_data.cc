#include "tools/shell/chart_data.h"

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "tools/shell/result_text.h"

namespace tally {

namespace {

std::string names_of(const QueryResult& result) {
  std::string text;
  for (const ResultColumn& column : result.columns) text += (text.empty() ? "" : ", ") + column.name;
  return text;
}

std::expected<std::vector<size_t>, std::string> wanted_columns(const QueryResult& result,
                                                               const std::vector<std::string>& wanted) {
  std::vector<size_t> columns;
  std::vector<std::string> names;
  for (const ResultColumn& column : result.columns) names.push_back(column.name);
  for (const std::string& name : wanted) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      const std::string near = did_you_mean(name, names);
      return std::unexpected("the last result has no column \"" + name + "\"" +
                             (near.empty() ? ": it has " + names_of(result) : near));
    }
    columns.push_back(static_cast<size_t>(found - names.begin()));
  }
  return columns;
}

}  // namespace

std::expected<ChartColumns, std::string> choose_columns(const QueryResult& result,
                                                        const std::vector<std::string>& wanted) {
  auto chosen = wanted_columns(result, wanted);
  if (!chosen) return std::unexpected(chosen.error());
  const auto is_wanted = [&](size_t column) {
    return chosen->empty() || std::find(chosen->begin(), chosen->end(), column) != chosen->end();
  };
  const auto wanted_of = [&](auto&& kind) {
    return std::any_of(chosen->begin(), chosen->end(), [&](size_t column) { return kind(result.columns[column]); });
  };
  // Naming values alone keeps what names them, and the other way round.
  const bool some_values = wanted_of([](const ResultColumn& column) { return is_number(column); });
  const bool some_names = wanted_of([](const ResultColumn& column) { return !is_number(column); });
  ChartColumns columns;
  for (size_t i = 0; i < result.columns.size(); ++i) {
    const bool value = is_number(result.columns[i]);
    if ((value ? some_values : some_names) && !is_wanted(i)) continue;
    if (value) {
      columns.values.push_back(i);
    } else if (result.columns[i].type == SqlType::kTimestamp && !columns.time) {
      columns.time = i;
    } else {
      columns.names.push_back(i);
    }
  }
  if (columns.values.empty()) {
    return std::unexpected("there is no column of numbers to draw among " + names_of(result));
  }
  return columns;
}

std::optional<double> number_of(const Cell& cell) {
  if (cell.kind == Cell::Kind::kDouble) return std::isfinite(cell.real) ? std::optional(cell.real) : std::nullopt;
  if (cell.kind != Cell::Kind::kNumber) return std::nullopt;
  return static_cast<double>(cell.number) / std::pow(10.0, cell.scale);
}

std::string row_name(const std::vector<Cell>& row, const std::vector<size_t>& columns) {
  std::string text;
  for (size_t column : columns) text += (text.empty() ? "" : " · ") + cell_for_people(row[column], {});
  return text;
}

}  // namespace tally
