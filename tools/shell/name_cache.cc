#include "tools/shell/name_cache.h"

#include "query/format.h"
#include "query/system_tables.h"

namespace tally {

namespace {

constexpr size_t kAnswersKept = 256;

std::string like_front(const std::string& front) {
  std::string pattern;
  for (char c : front) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return string_in_sql(pattern + "%");
}

}  // namespace

const QueryResult& NameCache::ask(const std::string& sql) {
  const TimeUs now = system_clock().boottime_us();
  if (kept_.size() > kAnswersKept) kept_.clear();
  Kept& kept = kept_[sql];
  if (kept.until_us > now) return kept.result;
  auto result = runner_.ask(sql, kNamesTimeoutUs);
  kept.result = result ? std::move(*result) : QueryResult{};
  kept.until_us = result ? now + kNamesKeptUs : now;
  return kept.result;
}

std::vector<std::string> NameCache::tables() {
  std::vector<std::string> names;
  for (const auto& row : ask("SHOW TABLES").rows) names.push_back(row.at(0).text);
  return names;
}

std::vector<Names::Column> NameCache::columns(const std::string& table) {
  std::vector<Column> columns;
  for (const auto& row : ask("DESCRIBE " + name_in_sql(table)).rows)
    columns.push_back({row.at(0).text, row.at(1).text});
  return columns;
}

std::vector<std::string> NameCache::system_tables() { return system_table_names(); }

// Bounded by the number of values and by time: a dimension has at most a million of them, and the smallest rollup that has it
// answers.
Names::Values NameCache::values(const std::string& table, const std::string& column, const std::string& front) {
  const std::string name = name_in_sql(column);
  std::string sql = "SELECT DISTINCT " + name + " FROM " + name_in_sql(table);
  sql += front.empty() ? " WHERE " + name + " IS NOT NULL" : " WHERE " + name + " LIKE " + like_front(front);
  sql += " ORDER BY 1 LIMIT " + std::to_string(kValuesMax + 1);
  Values found;
  for (const auto& row : ask(sql).rows) found.values.push_back(cell_text(row.at(0)));
  found.more = found.values.size() > kValuesMax;
  if (found.more) found.values.pop_back();
  return found;
}

void NameCache::forget() { kept_.clear(); }

}  // namespace tally
