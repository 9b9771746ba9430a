#include "query/system_queries.h"

namespace tally {

Sql<SystemRows> system_queries(Catalog& catalog) {
  SystemRows result;
  result.add_columns(SqlType::kInt64, {"id"});
  result.add_columns(SqlType::kString, {"state"});
  result.add_columns(SqlType::kTimestamp, {"started"});
  result.add_columns(SqlType::kInt64, {"elapsed_us", "rows_read", "rows"});
  result.add_columns(SqlType::kString, {"sql", "error"});
  for (const QueryEntry& query : catalog.queries()) {
    const bool running = query.state == "running";
    result.rows.push_back({number(query.id), Datum::of_text(query.state), Datum::of_time(query.started_us),
                           number(static_cast<uint64_t>(query.elapsed_us)), number(query.rows_read),
                           running ? Datum() : number(query.rows), Datum::of_text(query.sql),
                           query.error.empty() ? Datum() : Datum::of_text(query.error)});
  }
  return result;
}

}  // namespace tally
