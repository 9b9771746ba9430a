#include "tools/sql/session.h"

#include <algorithm>

#include "base/clock.h"

namespace tally {

namespace {

uint64_t line_of(std::string_view script, std::string_view statement) {
  return 1 + static_cast<uint64_t>(std::count(script.data(), statement.data(), '\n'));
}

// Line ends and space in front of a statement belong to the one before it; comments stay.
std::string_view trim_front(std::string_view text) {
  size_t start = text.find_first_not_of(" \t\r\n");
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

}  // namespace

bool SqlSession::run_script(std::string_view text, const std::string& name) {
  for (std::string_view statement : split_statements(text).statements) {
    statement = trim_front(statement);
    if (!statement.empty() && !run_statement(statement, text, name)) return false;
  }
  return true;
}

bool SqlSession::run_statement(std::string_view statement, std::string_view script, const std::string& name) {
  TimeUs begun = system_clock().boottime_us();
  auto result = run_(statement);
  if (!result) {
    std::string where;
    if (!name.empty()) {
      uint64_t line = line_of(script, statement);
      if (result.error().position) line += result.error().position->line - 1;
      where = name + ":" + std::to_string(line) + ": ";
    }
    console_.message(where + result.error().render(statement));
    return false;
  }
  show(*result, static_cast<double>(system_clock().boottime_us() - begun) / 1e6);
  return true;
}

void SqlSession::show(const QueryResult& result, double seconds) {
  if (result.columns.empty()) {
    if (!result.message.empty()) console_.message(result.message);
    return;
  }
  console_.result(format_result(result, format_));
  if (timing_) console_.message("(" + quantity(result.rows.size(), "row") + ", " + human_seconds(seconds) + ")");
}

}  // namespace tally
