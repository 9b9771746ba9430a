#include "query/format.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/decimal.h"
#include "base/timestamp.h"

namespace tally {
namespace {

constexpr std::array<std::pair<std::string_view, OutputFormat>, 7> kFormats{{
    {"table", OutputFormat::kTable},
    {"csv", OutputFormat::kCsv},
    {"tsv", OutputFormat::kTsv},
    {"json", OutputFormat::kJson},
    {"jsonl", OutputFormat::kJsonLines},
    {"markdown", OutputFormat::kMarkdown},
    {"vertical", OutputFormat::kVertical},
}};

bool is_null(const Cell& cell) { return cell.kind == Cell::Kind::kNull; }
bool is_number(const Cell& cell) { return cell.kind == Cell::Kind::kNumber || cell.kind == Cell::Kind::kDouble; }

uint32_t take_code_point(std::string_view text, size_t& at) {
  uint8_t first = static_cast<uint8_t>(text[at++]);
  unsigned more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  uint32_t value = more == 3 ? first & 0x07 : more == 2 ? first & 0x0F : more == 1 ? first & 0x1F : first;
  for (; more > 0 && at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80; --more) {
    value = value << 6 | (static_cast<uint8_t>(text[at++]) & 0x3F);
  }
  return value;
}

struct Range {
  uint32_t first, last;
};
// The common cases of UAX #11: East Asian wide and full width, emoji.
constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},  {0x3400, 0x4DBF},
                           {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xAC00, 0xD7A3},  {0xF900, 0xFAFF},
                           {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F},
                           {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
// Combining marks, joiners, variation selectors.
constexpr Range kZero[] = {{0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};

template <size_t N>
bool within(const Range (&ranges)[N], uint32_t code_point) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](Range range) { return code_point >= range.first && code_point <= range.last; });
}

// Control characters would move the cursor: they are shown as escapes.
std::string one_line(std::string_view text) {
  std::string result;
  for (char c : text) {
    switch (c) {
      case '\n': result += "\\n"; break;
      case '\r': result += "\\r"; break;
      case '\t': result += "\\t"; break;
      default: {
        bool control = static_cast<uint8_t>(c) < 0x20 || c == 0x7F;
        if (control)
          result += '?';
        else
          result += c;
      }
    }
  }
  return result;
}

std::string padded(const std::string& text, size_t width, bool right) {
  size_t have = display_width(text);
  std::string space(width > have ? width - have : 0, ' ');
  return right ? space + text : text + space;
}

void trim_right(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

struct Grid {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<size_t> widths;
  std::vector<bool> right;
};

Grid lay_out(const QueryResult& result) {
  Grid grid;
  for (const ResultColumn& column : result.columns) {
    grid.header.push_back(one_line(column.name));
    grid.widths.push_back(display_width(grid.header.back()));
    bool number = column.type == SqlType::kInt64 || column.type == SqlType::kDecimal || column.type == SqlType::kDouble;
    grid.right.push_back(number);
  }
  for (const auto& row : result.rows) {
    std::vector<std::string> texts;
    for (size_t i = 0; i < row.size(); ++i) {
      texts.push_back(one_line(cell_text(row[i])));
      grid.widths[i] = std::max(grid.widths[i], display_width(texts.back()));
    }
    grid.rows.push_back(std::move(texts));
  }
  return grid;
}

std::string format_table(const QueryResult& result) {
  Grid grid = lay_out(result);
  std::string out;
  auto line = [&](const std::vector<std::string>& texts) {
    std::string text;
    for (size_t i = 0; i < texts.size(); ++i) {
      text += (i == 0 ? " " : " | ") + padded(texts[i], grid.widths[i], grid.right[i]);
    }
    trim_right(text);
    out += text + "\n";
  };
  line(grid.header);
  for (size_t i = 0; i < grid.widths.size(); ++i) out += (i == 0 ? "" : "+") + std::string(grid.widths[i] + 2, '-');
  out += "\n";
  for (const auto& row : grid.rows) line(row);
  return out;
}

std::string format_markdown(const QueryResult& result) {
  Grid grid = lay_out(result);
  std::string out;
  auto line = [&](const std::vector<std::string>& texts) {
    out += "|";
    for (size_t i = 0; i < texts.size(); ++i) {
      std::string escaped;
      for (char c : texts[i]) {
        if (c == '|') escaped += '\\';
        escaped += c;
      }
      out += " " + padded(escaped, grid.widths[i], grid.right[i]) + " |";
    }
    out += "\n";
  };
  line(grid.header);
  out += "|";
  for (size_t i = 0; i < grid.widths.size(); ++i)
    out += std::string(grid.widths[i] + 1, '-') + (grid.right[i] ? ":|" : "-|");
  out += "\n";
  for (const auto& row : grid.rows) line(row);
  return out;
}

std::string format_vertical(const QueryResult& result) {
  Grid grid = lay_out(result);
  size_t widest = 0;
  for (const std::string& name : grid.header) widest = std::max(widest, display_width(name));
  std::string out;
  for (size_t row = 0; row < grid.rows.size(); ++row) {
    out += "row " + std::to_string(row + 1) + "\n";
    for (size_t i = 0; i < grid.header.size(); ++i)
      out += "  " + padded(grid.header[i], widest, false) + "  " + grid.rows[row][i] + "\n";
  }
  return out;
}

std::string csv_field(std::string_view text) {
  bool plain = !text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos && text.front() != ' ' &&
               text.back() != ' ';
  if (plain) return std::string(text);
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string tsv_field(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\\': out += "\\\\"; break;
      default: out += c;
    }
  }
  return out;
}

std::string format_separated(const QueryResult& result, char separator, std::string (*field)(std::string_view),
                             std::string_view null) {
  std::string out;
  for (size_t i = 0; i < result.columns.size(); ++i) {
    if (i > 0) out += separator;
    out += field(result.columns[i].name);
  }
  out += "\n";
  for (const auto& row : result.rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += separator;
      out += is_null(row[i]) ? std::string(null) : field(cell_text(row[i]));
    }
    out += "\n";
  }
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: {
        if (static_cast<uint8_t>(c) >= 0x20) {
          out += c;
          break;
        }
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<uint8_t>(c)));
        out += escape;
      }
    }
  }
  return out + "\"";
}

std::string json_value(const Cell& cell) {
  if (is_null(cell)) return "null";
  if (is_number(cell) || cell.kind == Cell::Kind::kBool) return cell_text(cell);
  return json_string(cell_text(cell));
}

std::string json_object(const QueryResult& result, const std::vector<Cell>& row) {
  std::string out = "{";
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out += ", ";
    out += json_string(result.columns[i].name) + ": " + json_value(row[i]);
  }
  return out + "}";
}

std::string format_json(const QueryResult& result) {
  std::string out = "[";
  for (size_t i = 0; i < result.rows.size(); ++i)
    out += (i == 0 ? "\n  " : ",\n  ") + json_object(result, result.rows[i]);
  return out + (result.rows.empty() ? "]\n" : "\n]\n");
}

std::string format_json_lines(const QueryResult& result) {
  std::string out;
  for (const auto& row : result.rows) out += json_object(result, row) + "\n";
  return out;
}

}  // namespace

std::optional<OutputFormat> parse_output_format(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    uint32_t code_point = take_code_point(text, at);
    width += within(kZero, code_point) ? 0 : within(kWide, code_point) ? 2 : 1;
  }
  return width;
}

std::string cell_text(const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::kNull: return "NULL";
    case Cell::Kind::kBool: return cell.boolean ? "true" : "false";
    case Cell::Kind::kNumber: return format_decimal(cell.number, cell.scale);
    case Cell::Kind::kTimestamp: return format_timestamp(cell.timestamp);
    case Cell::Kind::kString: return cell.text;
    case Cell::Kind::kDouble: {
      char text[64];
      std::snprintf(text, sizeof text, "%.17g", cell.real);
      return text;
    }
  }
  return {};
}

std::string format_result(const QueryResult& result, OutputFormat format) {
  if (result.columns.empty()) return result.message.empty() ? "" : result.message + "\n";
  switch (format) {
    case OutputFormat::kTable: return format_table(result);
    case OutputFormat::kCsv: return format_separated(result, ',', csv_field, "");
    case OutputFormat::kTsv: return format_separated(result, '\t', tsv_field, "\\N");
    case OutputFormat::kJson: return format_json(result);
    case OutputFormat::kJsonLines: return format_json_lines(result);
    case OutputFormat::kMarkdown: return format_markdown(result);
    case OutputFormat::kVertical: return format_vertical(result);
  }
  return {};
}

}  // namespace tally
