// A database on a simulated disk with one small table, for tests that tell stories: send rows, flush, cut the power, open
// again, look at what is there. Everything runs in the calling thread, so that one seed gives one sequence of operations.
//
//   TableWorld world(seed);
//   world.send({{"a", 10}, {"b", 20}});
//   world.power_failure(Fate::kDropUnsynced);
//   CHECK(world.events() == 2);
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "engine/database.h"
#include "tests/support/engine/test_rows.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"

namespace tally {

class TableWorld {
 public:
  explicit TableWorld(uint64_t seed, TableOptions options = small_table_options(), Schema schema = test_schema());

  // The verbs. Those that return nothing CHECK that they succeed.
  Result<BatchResult> try_send(const std::vector<TestRow>& rows, bool replay = false);
  BatchResult send(const std::vector<TestRow>& rows, bool replay = false);
  void flush();
  void close();
  void kill();  // the process dies, the machine does not
  void power_failure(Fate fate, uint64_t seed = 1);
  Status try_open();
  void open();
  void reopen() {
    close();
    open();
  }

  std::vector<StoredRow> rows();
  std::map<std::string, int> events_by_id();  // how often each id stands there as an event
  uint64_t events();
  Ledger ledger() { return table().stats().ledger; }
  Table& table() { return *table_; }
  Database& database() { return *database_; }
  const std::string& path() const { return path_; }

  SimDisk disk;
  ManualClock clock;

 private:
  SeededRandomScope random_;
  const std::string path_ = "/db";
  const TableOptions options_;
  const Schema schema_;
  std::unique_ptr<Database> database_;
  Table* table_ = nullptr;
};

}  // namespace tally
