#include "query/format.h"

#include <cstdio>

#include "base/decimal.h"
#include "base/timestamp.h"

namespace tally {
namespace {

bool is_null(const Cell& cell) { return cell.kind == Cell::Kind::kNull; }
bool is_number(const Cell& cell) { return cell.kind == Cell::Kind::kNumber || cell.kind == Cell::Kind::kDouble; }

void add_csv(std::string_view text, std::string& out) {
  const bool plain = !text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos && text.front() != ' ' &&
                     text.back() != ' ';
  if (plain) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void add_tsv(std::string_view text, std::string& out) {
  for (char c : text) {
    switch (c) {
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\\': out += "\\\\"; break;
      default: out += c;
    }
  }
}

void add_json_string(std::string_view text, std::string& out) {
  out += '"';
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
  out += '"';
}

void add_json_value(const Cell& cell, std::string& out) {
  if (is_null(cell)) {
    out += "null";
  } else if (is_number(cell) || cell.kind == Cell::Kind::kBool) {
    out += cell_text(cell);
  } else {
    add_json_string(cell_text(cell), out);
  }
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

void ResultFormatter::separated(const std::vector<Cell>& row, std::string& out) const {
  const bool csv = format_ == OutputFormat::kCsv;
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out += csv ? ',' : '\t';
    if (is_null(row[i])) {
      out += csv ? "" : "\\N";
    } else {
      (csv ? add_csv : add_tsv)(cell_text(row[i]), out);
    }
  }
  out += '\n';
}

void ResultFormatter::object(const std::vector<Cell>& row, std::string& out) const {
  out += '{';
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out += ", ";
    add_json_string(columns_[i].name, out);
    out += ": ";
    add_json_value(row[i], out);
  }
  out += '}';
}

void ResultFormatter::begin(std::string& out) const {
  if (format_ == OutputFormat::kJson) out += '[';
  if (format_ == OutputFormat::kJson || format_ == OutputFormat::kJsonLines) return;
  const bool csv = format_ == OutputFormat::kCsv;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) out += csv ? ',' : '\t';
    (csv ? add_csv : add_tsv)(columns_[i].name, out);
  }
  out += '\n';
}

void ResultFormatter::rows(std::span<const std::vector<Cell>> rows, std::string& out) {
  for (const std::vector<Cell>& row : rows) {
    switch (format_) {
      case OutputFormat::kCsv:
      case OutputFormat::kTsv: separated(row, out); break;
      case OutputFormat::kJson:
        out += any_ ? ",\n  " : "\n  ";
        object(row, out);
        break;
      case OutputFormat::kJsonLines:
        object(row, out);
        out += '\n';
        break;
    }
    any_ = true;
  }
}

void ResultFormatter::end(std::string& out) const {
  if (format_ == OutputFormat::kJson) out += any_ ? "\n]\n" : "]\n";
}

std::string format_result(const QueryResult& result, OutputFormat format) {
  if (result.columns.empty()) return result.message.empty() ? "" : result.message + "\n";
  ResultFormatter formatter(format, result.columns);
  std::string out;
  formatter.begin(out);
  formatter.rows(result.rows, out);
  formatter.end(out);
  return out;
}

}  // namespace tally
