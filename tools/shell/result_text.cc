#include "tools/shell/result_text.h"

#include <algorithm>
#include <array>

#include "tools/terminal_text.h"

namespace tally {

namespace {

constexpr std::array<std::pair<std::string_view, ResultFormat>, 7> kFormats{{
    {"table", ResultFormat::kTable},
    {"csv", ResultFormat::kCsv},
    {"tsv", ResultFormat::kTsv},
    {"json", ResultFormat::kJson},
    {"jsonl", ResultFormat::kJsonLines},
    {"markdown", ResultFormat::kMarkdown},
    {"vertical", ResultFormat::kVertical},
}};

// The cells of a result as they will be shown, and how wide that makes each column.
struct Grid {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<size_t> widths;
  std::vector<Align> aligns;
};

Grid lay_out(const QueryResult& result, const ResultStyle& style, std::string (*protect)(std::string)) {
  Grid grid;
  for (const ResultColumn& column : result.columns) {
    grid.header.push_back(protect(terminal_text(column.name)));
    grid.widths.push_back(display_width(grid.header.back()));
    grid.aligns.push_back(is_number(column) ? Align::kRight : Align::kLeft);
  }
  for (const std::vector<Cell>& row : result.rows) {
    std::vector<std::string>& texts = grid.rows.emplace_back();
    for (size_t i = 0; i < row.size(); ++i) {
      texts.push_back(protect(cell_for_people(row[i], style)));
      grid.widths[i] = std::max(grid.widths[i], display_width(texts.back()));
    }
  }
  return grid;
}

std::string as_it_is(std::string text) { return text; }

std::string without_bars(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

void trim_right(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

std::string table_text(const Grid& grid) {
  std::string out;
  const auto add = [&](const std::vector<std::string>& texts) {
    std::string line;
    for (size_t i = 0; i < texts.size(); ++i) {
      line += (i == 0 ? " " : " | ") + padded(texts[i], grid.widths[i], grid.aligns[i]);
    }
    trim_right(line);
    out += line + "\n";
  };
  add(grid.header);
  for (size_t i = 0; i < grid.widths.size(); ++i) out += (i == 0 ? "" : "+") + std::string(grid.widths[i] + 2, '-');
  out += "\n";
  for (const auto& row : grid.rows) add(row);
  return out;
}

std::string markdown_text(const Grid& grid) {
  std::string out;
  const auto add = [&](const std::vector<std::string>& texts) {
    out += "|";
    for (size_t i = 0; i < texts.size(); ++i) out += " " + padded(texts[i], grid.widths[i], grid.aligns[i]) + " |";
    out += "\n";
  };
  add(grid.header);
  out += "|";
  for (size_t i = 0; i < grid.widths.size(); ++i) {
    out += std::string(grid.widths[i] + 1, '-') + (grid.aligns[i] == Align::kRight ? ":|" : "-|");
  }
  out += "\n";
  for (const auto& row : grid.rows) add(row);
  return out;
}

std::string vertical_text(const Grid& grid) {
  size_t widest = 0;
  for (const std::string& name : grid.header) widest = std::max(widest, display_width(name));
  std::string out;
  for (size_t row = 0; row < grid.rows.size(); ++row) {
    out += "row " + std::to_string(row + 1) + "\n";
    for (size_t i = 0; i < grid.header.size(); ++i) {
      out += "  " + padded(grid.header[i], widest, Align::kLeft) + "  " + grid.rows[row][i] + "\n";
    }
  }
  return out;
}

}  // namespace

std::optional<OutputFormat> for_programs(ResultFormat format) {
  switch (format) {
    case ResultFormat::kCsv: return OutputFormat::kCsv;
    case ResultFormat::kTsv: return OutputFormat::kTsv;
    case ResultFormat::kJson: return OutputFormat::kJson;
    case ResultFormat::kJsonLines: return OutputFormat::kJsonLines;
    case ResultFormat::kTable:
    case ResultFormat::kMarkdown:
    case ResultFormat::kVertical: return std::nullopt;
  }
  return std::nullopt;
}

std::optional<ResultFormat> parse_result_format(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

QueryResult with_last_column_wrapped(const QueryResult& result, size_t width) {
  constexpr size_t kNarrowest = 20;
  QueryResult others = result;
  others.columns.back().name.clear();
  for (std::vector<Cell>& row : others.rows) row.back().text.clear();
  const size_t taken = table_width(others);
  const size_t room = width > taken + kNarrowest ? width - taken : kNarrowest;
  QueryResult wrapped = result;
  wrapped.rows.clear();
  for (const std::vector<Cell>& row : result.rows) {
    std::string rest = row.back().text;
    std::vector<Cell> next = row;
    do {
      size_t end = rest.size();
      while (display_width(rest.substr(0, end)) > room && rest.rfind(' ', end - 1) != std::string::npos && end > 1) {
        end = rest.rfind(' ', end - 1);
      }
      if (end == 0) end = rest.size();
      next.back().text = rest.substr(0, end);
      wrapped.rows.push_back(next);
      rest.erase(0, std::min(rest.size(), end + 1));
      for (Cell& cell : next) cell.text.clear();
    } while (!rest.empty());
  }
  return wrapped;
}

std::string_view result_format_name(ResultFormat format) {
  for (const auto& [name, known] : kFormats) {
    if (known == format) return name;
  }
  return "";
}

const std::vector<std::string>& result_format_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, format] : kFormats) all.emplace_back(name);
    return all;
  }();
  return names;
}

bool is_number(const ResultColumn& column) {
  return column.type == SqlType::kInt64 || column.type == SqlType::kDecimal || column.type == SqlType::kDouble;
}

std::string grouped_digits(std::string_view number) {
  std::string text(number);
  const size_t first = text.starts_with('-') ? 1 : 0;
  size_t at = std::min(text.find('.'), text.size());
  if (text.find_first_not_of("0123456789.", first) != std::string::npos) return text;
  while (at > first + 3) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string cell_for_people(const Cell& cell, const ResultStyle& style) {
  const bool number = cell.kind == Cell::Kind::kNumber || cell.kind == Cell::Kind::kDouble;
  std::string text = cell_text(cell);
  if (number) return style.thousands ? grouped_digits(text) : text;
  return terminal_text(text);
}

std::string result_text(const QueryResult& result, ResultFormat format, const ResultStyle& style) {
  if (const auto output = for_programs(format)) return format_result(result, *output);
  if (result.columns.empty()) return result.message.empty() ? "" : terminal_text(result.message) + "\n";
  if (format == ResultFormat::kMarkdown) return markdown_text(lay_out(result, style, without_bars));
  const Grid grid = lay_out(result, style, as_it_is);
  return format == ResultFormat::kTable ? table_text(grid) : vertical_text(grid);
}

size_t table_width(const QueryResult& result, const ResultStyle& style) {
  size_t width = 0;
  for (size_t column : lay_out(result, style, as_it_is).widths) width += column + 3;
  return width == 0 ? 0 : width - 1;
}

}  // namespace tally
