#include "query/sql_error.h"

#include <algorithm>

namespace tally {
namespace {

bool starts_character(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) != 0x80; }

std::string line_of(std::string_view sql, uint32_t offset) {
  size_t at = std::min<size_t>(offset, sql.size());
  size_t start = at == 0 ? std::string_view::npos : sql.rfind('\n', at - 1);
  start = start == std::string_view::npos ? 0 : start + 1;
  size_t end = std::min(sql.find('\n', at), sql.size());
  return std::string(sql.substr(start, end - start));
}

}  // namespace

SourcePosition locate(std::string_view sql, uint32_t offset) {
  SourcePosition position{offset, 1, 1};
  size_t end = std::min<size_t>(offset, sql.size());
  for (size_t i = 0; i < end; ++i) {
    if (sql[i] == '\n') {
      ++position.line;
      position.column = 1;
    } else if (starts_character(sql[i])) {
      ++position.column;
    }
  }
  return position;
}

QueryError to_query_error(std::string_view sql, SqlError error) {
  QueryError result;
  result.error.code = error.code;
  result.error.message = std::move(error.message);
  if (error.offset) {
    result.position = locate(sql, *error.offset);
    result.error.message +=
        " at " + std::to_string(result.position->line) + ":" + std::to_string(result.position->column);
  }
  result.error.message += error.hint;
  return result;
}

std::string QueryError::render(std::string_view sql) const {
  if (!position) return error.message;
  constexpr size_t kCharactersShown = 100;
  std::string line = line_of(sql, position->offset);
  // A long line is shown from a little before the place.
  size_t skip = position->column > kCharactersShown - 20 ? position->column - kCharactersShown / 2 : 0;
  std::string shown;
  size_t character = 0;
  for (char byte : line) {
    if (starts_character(byte)) ++character;
    if (character > skip && character <= skip + kCharactersShown) {
      shown += static_cast<uint8_t>(byte) < 0x20 ? ' ' : byte;
    }
  }
  return error.message + "\n  " + shown + "\n  " + std::string(position->column - 1 - skip, ' ') + "^";
}

std::string counted(uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string quoted(std::string_view name) { return "\"" + printable(name, 128) + "\""; }

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string printable(std::string_view text, size_t characters_max) {
  std::string result;
  size_t characters = 0;
  for (char byte : text) {
    if (starts_character(byte) && ++characters > characters_max) return result + "...";
    result += static_cast<uint8_t>(byte) < 0x20 || byte == 0x7F ? '?' : byte;
  }
  return result;
}

}  // namespace tally
