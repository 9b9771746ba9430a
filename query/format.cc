#include "query/format.h"

#include <cstdio>

#include "base/decimal.h"
#include "base/timestamp.h"

namespace tally {
namespace {

bool is_null(const Cell& cell) { return cell.kind == Cell::Kind::kNull; }
bool is_number(const Cell& cell) { return cell.kind == Cell::Kind::kNumber || cell.kind == Cell::Kind::kDouble; }

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
    case OutputFormat::kCsv: return format_separated(result, ',', csv_field, "");
    case OutputFormat::kTsv: return format_separated(result, '\t', tsv_field, "\\N");
    case OutputFormat::kJson: return format_json(result);
    case OutputFormat::kJsonLines: return format_json_lines(result);
  }
  return {};
}

}  // namespace tally
