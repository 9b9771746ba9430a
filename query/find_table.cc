#include "query/find_table.h"

#include <algorithm>

namespace tally {

Sql<std::shared_ptr<const Snapshot>> snapshot_of(const std::string& table, uint32_t offset, Catalog& catalog) {
  auto snapshot = catalog.snapshot(table);
  if (snapshot) return *std::move(snapshot);
  const std::vector<std::string> names = catalog.table_names();
  const bool known = std::find(names.begin(), names.end(), table) != names.end();  // it is there, and cannot be opened
  if (known || snapshot.error().code != Code::kNotFound) return std::unexpected(to_sql_error(snapshot.error()));
  const std::string hint = names.empty() ? "; the database has no tables yet" : did_you_mean(table, names);
  return sql_fail(offset, "unknown table " + quoted(table), hint, Code::kNotFound);
}

}  // namespace tally
