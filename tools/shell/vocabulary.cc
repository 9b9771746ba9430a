#include "tools/shell/vocabulary.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace tally::vocabulary {

const Words& statements() {
  static const Words words{"SELECT",   "EXPLAIN",      "EXPLAIN ANALYZE", "SHOW TABLES", "SHOW SETTINGS",
                           "DESCRIBE", "CREATE TABLE", "ALTER TABLE",     "DROP TABLE"};
  return words;
}

const Words& operands() {
  static const Words words{"ALL",      "DISTINCT", "NOT",  "NULL",      "TRUE", "FALSE",
                           "INTERVAL", "CASE",     "WHEN", "TIMESTAMP", "DATE"};
  return words;
}

const Words& functions() {
  static const Words words{"SUM(",         "COUNT(",      "MIN(",   "MAX(",      "AVG(",   "APPROX_COUNT_DISTINCT(",
                           "time_bucket(", "date_trunc(", "now()",  "ROUND(",    "ABS(",   "TRUNC(",
                           "FLOOR(",       "CEIL(",       "MOD(",   "GREATEST(", "LEAST(", "COALESCE(",
                           "NULLIF(",      "CAST(",       "LOWER(", "UPPER(",    "LENGTH("};
  return words;
}

const Words& after_operand() {
  static const Words words{"FROM",        "WHERE",      "GROUP BY", "FILL", "HAVING",        "ORDER BY", "LIMIT",
                           "OFFSET",      "AS",         "AND",      "OR",   "NOT",           "IN",       "BETWEEN",
                           "LIKE",        "ILIKE",      "IS",       "NULL", "DISTINCT FROM", "ASC",      "DESC",
                           "NULLS FIRST", "NULLS LAST", "THEN",     "WHEN", "ELSE",          "END"};
  return words;
}

const Words& of_create() {
  static const Words words{
      "IF NOT EXISTS", "TIMESTAMP", "EVENT TIME", "ID",        "UNIQUE",   "WITHIN",   "FROM",      "STRING",
      "INT64",         "DECIMAL(",  "DIMENSION",  "LIMIT",     "FIELD",    "MEASURE",  "COUNT",     "SUM(",
      "MIN(",          "MAX(",      "UNIQUE(",    "PRECISION", "WHERE",    "AS",       "RETENTION", "raw",
      "minute",        "hour",      "day",        "ROLLUP",    "MEASURES", "LATENESS", "GRACE",     "DURABILITY"};
  return words;
}

const Words& of_alter() {
  static const Words words{"ADD", "DROP", "SET"};
  return words;
}

const Words& things_to_alter() {
  static const Words words{"DIMENSION", "FIELD", "MEASURE", "ROLLUP"};
  return words;
}

const Words& types() {
  static const Words words{"INT64", "DECIMAL(", "STRING", "TIMESTAMP", "BOOLEAN", "INTERVAL"};
  return words;
}

const Words& things_to_set() {
  static const Words words{"RETENTION", "LATENESS", "GRACE", "DURABILITY"};
  return words;
}

const Words& engine_measures() {
  static const Words words{"events", "duplicates", "conflicts", "late", "retracted"};
  return words;
}

bool wants_operand(const std::string& word) {
  static constexpr std::array<std::string_view, 21> kWords{
      "select", "distinct", "all",  "where", "and",  "or",   "not",   "by",     "having", "in", "like",
      "ilike",  "between",  "case", "when",  "then", "else", "limit", "offset", "fill",   "is"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

}  // namespace tally::vocabulary
