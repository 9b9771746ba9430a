// What could stand at the cursor of an unfinished statement: words of the language, tables, columns, and the values of the
// column that the statement compares. A function of the text and of names that somebody looks up. Threads: one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/shell/line_editor.h"

namespace tally {

// Names of a database. Each answers at once, or with nothing.
class Names {
 public:
  struct Column {
    std::string name;
    std::string kind;  // as DESCRIBE says: "event time", "dimension", "measure", ...
  };
  struct Values {
    std::vector<std::string> values = {};
    bool more = false;
  };
  virtual ~Names() = default;
  virtual std::vector<std::string> tables() = 0;
  virtual std::vector<Column> columns(const std::string& table) = 0;
  virtual std::vector<std::string> system_tables() = 0;
  // Of a dimension: those that begin so.
  virtual Values values(const std::string& table, const std::string& column, const std::string& front) = 0;
};

// `before` is the text of the statement up to the cursor, earlier lines included; `behind` what follows it.
Completions complete_statement(std::string_view before, std::string_view behind, Names& names);

// Those of `choices` that begin like `word`, in any case of letters; each with `tail`.
Completions matching(std::string_view word, const std::vector<std::string>& choices, const std::string& tail);

std::string name_in_sql(const std::string& name);   // in quotes where it needs them
std::string string_in_sql(std::string_view value);  // 'it''s'

}  // namespace tally
