// Tables under system.: computed when asked, then filtered, grouped and ordered like any other.
//
// A new one is a function of this shape in a file of its own (system_NAME.h/.cc), its include, and one line of
// kSystemTables in system_tables.cc:
//
//   {"dead_letters", system_dead_letters},
//
// The function lists the columns even where there are no rows. A cell that is NULL is Datum().
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
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
  std::vector<std::vector<Datum>> rows;  // one Datum a column, of its type or NULL

  void add_columns(SqlType type, std::initializer_list<std::string_view> names) {
    for (std::string_view name : names) columns.push_back({std::string(name), type});
  }
};

// A cell of what is counted.
inline Datum number(uint64_t value) { return Datum::of_number({static_cast<Int128>(value), 0}); }

using SystemTable = Sql<SystemRows> (*)(Catalog& catalog);

// Without "system.", in alphabetical order.
std::vector<std::string> system_table_names();

// Those of interfaces.md that the engine has nothing to show for yet fail by name; others as unknown, with the nearest.
Sql<SystemRows> read_system_table(const std::string& name, Catalog& catalog);

}  // namespace tally
