#include "query/system_health.h"

namespace tally {

Sql<SystemRows> system_health(Catalog& catalog) {
  SystemRows result;
  result.add_columns(SqlType::kString, {"table", "part", "state", "takes_batches", "detail"});
  const auto add = [&](const std::string& table, const ConditionLine& line) {
    result.rows.push_back({Datum::of_text(table), Datum::of_text(line.part), Datum::of_text(line.state),
                           Datum::of_text(line.takes_no_batches ? "no" : "yes"), Datum::of_text(line.detail)});
  };
  for (const std::string& name : catalog.table_names()) {
    const Result<TableCondition> condition = catalog.condition(name);
    if (!condition) {
      add(name, {"table", "unreadable", condition.error().message, true});
      continue;
    }
    for (const ConditionLine& line : describe_condition(*condition)) add(name, line);
  }
  return result;
}

}  // namespace tally
