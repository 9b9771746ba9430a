#include "tests/support/engine/table_world.h"

#include <doctest/doctest.h>

namespace tally {

TableWorld::TableWorld(uint64_t seed, TableOptions options, Schema schema)
    : disk(seed), random_(seed), options_(options), schema_(std::move(schema)) {
  REQUIRE(init_database(disk, path_));
  open();
}

Status TableWorld::try_open() {
  table_ = nullptr;
  database_.reset();
  TALLY_ASSIGN_OR_RETURN(database_, Database::open(disk, clock, path_, {.table = options_}));
  Result<Table*> found = database_->table("events");
  if (!found && found.error().code == Code::kNotFound) found = database_->create_table(schema_);
  TALLY_ASSIGN_OR_RETURN(table_, std::move(found));
  return {};
}

void TableWorld::open() {
  const Status opened = try_open();
  REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().to_string()));
}

Result<BatchResult> TableWorld::try_send(const std::vector<TestRow>& rows, bool replay) {
  return table_->ingest(make_test_batch(*table_->schema(), clock.wall_us(), rows, replay));
}

BatchResult TableWorld::send(const std::vector<TestRow>& rows, bool replay) {
  Result<BatchResult> result = try_send(rows, replay);
  REQUIRE_MESSAGE(result, (result ? "" : result.error().to_string()));
  return *result;
}

void TableWorld::flush() { REQUIRE(table_->flush()); }

void TableWorld::close() {
  const Status closed = database_->close();
  CHECK_MESSAGE(closed, (closed ? "" : closed.error().to_string()));
  database_.reset();
  table_ = nullptr;
}

void TableWorld::kill() {
  disk.kill_process();
  database_.reset();
  table_ = nullptr;
}

void TableWorld::power_failure(Fate fate, uint64_t seed) {
  kill();
  disk.crash(fate, seed);
  clock.reboot(kMicrosPerMinute);
}

std::vector<StoredRow> TableWorld::rows() {
  Result<std::shared_ptr<const Snapshot>> snapshot = table_->snapshot();
  REQUIRE(snapshot);
  Result<std::vector<StoredRow>> rows = stored_rows(**snapshot);
  REQUIRE_MESSAGE(rows, (rows ? "" : rows.error().to_string()));
  return *rows;
}

std::map<std::string, int> TableWorld::events_by_id() {
  std::map<std::string, int> counts;
  for (const StoredRow& row : rows()) {
    if (row.kind == RowKind::kEvent) ++counts[row.id];
  }
  return counts;
}

uint64_t TableWorld::events() {
  uint64_t events = 0;
  for (const StoredRow& row : rows()) events += row.kind == RowKind::kEvent ? 1 : 0;
  return events;
}

}  // namespace tally
