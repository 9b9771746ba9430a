// All that a query wants to know of a database: the names of its tables and a snapshot of one. Tests stand in for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "engine/background_policy.h"
#include "engine/schema.h"
#include "engine/snapshot.h"
#include "engine/table_condition.h"
#include "query/query_registry.h"

namespace tally {

class Database;

class Catalog {
 public:
  virtual ~Catalog() = default;
  virtual std::vector<std::string> table_names() const = 0;
  virtual Result<std::shared_ptr<const Snapshot>> snapshot(std::string_view table) = 0;
  virtual Result<BackgroundStats> background(std::string_view table) = 0;
  virtual Result<TableCondition> condition(std::string_view) { return TableCondition{}; }
  virtual Status create_table(Schema schema) = 0;
  virtual Status alter_table(Schema next) = 0;                    // Table::alter() of the table it names
  virtual std::vector<QueryEntry> queries() const { return {}; }  // by id
  virtual TimeUs now() const = 0;                                 // wall clock
  virtual TimeUs boottime_us() const = 0;                         // for how long something takes
};

// `queries`: of the statements that system.queries shows; nullptr: none. Both must outlive it.
std::unique_ptr<Catalog> make_catalog(Database& database, const QueryRegistry* queries = nullptr);

}  // namespace tally
