// A table of its own, made by chance: columns, measures, rows with NULLs, extremes, duplicates and conflicts, events taken back
// before and after they came, columns and measures that came later, partly in segments and partly in memory; and the same rows as a reference table, decided by hand
// from what was sent.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "query/catalog.h"
#include "query/query.h"
#include "tests/support/manual_clock.h"
#include "tests/support/query/reference_value.h"
#include "tests/support/sim_disk.h"

namespace tally::reference {

// A column or measure as the generator of queries knows it.
struct WorldColumn {
  std::string name;
  ColumnRole role = ColumnRole::kField;
  bool text = false;  // else a number
  unsigned precision = 18, scale = 0;
};
struct WorldMeasure {
  std::string use;        // "SUM(m1)", "m4"
  std::string elsewhere;  // the same in DuckDB over all rows; empty: it has no such thing
  bool ratio = false;     // digits differ elsewhere
};

class RandomWorld {
 public:
  explicit RandomWorld(uint64_t seed);

  const std::vector<WorldColumn>& columns() const { return columns_; }
  const std::vector<WorldMeasure>& measures() const { return measures_; }
  const std::string& create_sql() const { return create_sql_; }
  const Table& table() const { return table_; }
  Catalog& catalog() { return *catalog_; }
  std::expected<QueryResult, QueryError> run(std::string_view sql, const std::vector<Cell>& parameters);

  // Strings and numbers that stand in the rows, as literals; others besides.
  std::string text_literal(Random& random) const;
  std::string number_literal(Random& random) const;
  std::string time_literal(Random& random) const;

  // The same table for DuckDB: `t` with every decided row and its kind, and a view `t_raw` of the counted ones.
  std::vector<std::string> elsewhere() const;

 private:
  void choose_columns();
  void choose_measures();
  std::string rollup_definition(const std::string& name);
  void send_rows();
  void send_batch();
  Row random_row();
  void keep(Row row, uint64_t lsn);
  void take_back_some();
  void alter();
  void alter_rollups();
  void run_alter(const std::string& change);
  std::string since() const;  // elsewhere: rows of the version in force
  Value random_value(const WorldColumn& column);

  Random random_;
  SeededRandomScope scope_;
  SimDisk disk_{1};
  ManualClock clock_;
  std::vector<WorldColumn> columns_;
  std::vector<WorldMeasure> measures_;
  std::string create_sql_;
  std::vector<std::string> words_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<QueryEngine> engine_;
  std::unique_ptr<Catalog> catalog_;
  Table table_;
  std::map<std::string, Row> counted_;  // by id: its event
  std::set<std::string> asked_back_;    // ids with a verdict
  uint64_t next_id_ = 0;
};

}  // namespace tally::reference
