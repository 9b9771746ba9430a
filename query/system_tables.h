// Tables under system.: computed when asked, then filtered and grouped like any other.
#pragma once

#include <string>
#include <vector>

#include "query/catalog.h"
#include "query/datum.h"
#include "query/sql_error.h"

namespace tally {

struct SystemRows {
  struct Column {
    std::string name;
    SqlType type = SqlType::kString;
  };
  std::vector<Column> columns;
  std::vector<std::vector<Datum>> rows;
};

// tables, segments, segment_columns. Others of interfaces.md fail by name until the engine has what they would show.
Sql<SystemRows> read_system_table(const std::string& name, Catalog& catalog);

}  // namespace tally
