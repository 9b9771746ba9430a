#include "tests/support/engine/table_world.h"

#include <doctest/doctest.h>

#include "base/checksum.h"

namespace tally {

Schema test_schema(std::string_view table) {
  Schema schema;
  schema.table_name = table;
  schema.within_us = 72 * kMicrosPerHour;
  auto column = [](std::string_view name, ColumnRole role, ColumnType type) {
    Column made;
    made.name = name;
    made.role = role;
    made.type = type;
    return made;
  };
  schema.columns = {column("ts", ColumnRole::kEventTime, ColumnType::kTimestamp),
                    column("event_id", ColumnRole::kId, ColumnType::kId),
                    column("campaign", ColumnRole::kDimension, ColumnType::kString),
                    column("click", ColumnRole::kField, ColumnType::kInt64),
                    column("user", ColumnRole::kField, ColumnType::kString)};
  return schema;
}

IngestBatch make_test_batch(const Schema& schema, TimeUs now_us, const std::vector<TestRow>& rows, bool replay) {
  BatchBuilder builder(schema);
  for (const TestRow& row : rows) {
    builder.set_time(now_us - row.age_us);
    builder.set_id(row.id);
    builder.set_string(2, row.campaign);
    builder.set_int64(3, row.click);
    builder.set_string(4, row.user);
    REQUIRE(builder.end_row());
  }
  IngestBatch batch;
  batch.payload = builder.finish();
  batch.payload_xxh3 = xxh3(batch.payload);
  batch.replay = replay;
  return batch;
}

Result<std::vector<StoredRow>> stored_rows(const Snapshot& snapshot) {
  const Schema& schema = snapshot.schema();
  ScanSpec spec;
  for (size_t position : {size_t{2}, size_t{3}, size_t{4}})
    spec.columns.column_ids.push_back(schema.columns[position].id);
  spec.columns.ids = spec.columns.lsns = true;
  std::unique_ptr<RawScan> scan = snapshot.scan(spec);
  std::vector<StoredRow> rows;
  while (true) {
    TALLY_ASSIGN_OR_RETURN(const RowBlock* block, scan->next());
    if (block == nullptr) return rows;
    for (uint32_t i = 0; i < block->rows; ++i) {
      const uint32_t code = block->columns[0].codes[i];
      rows.push_back({.kind = block->kinds[i],
                      .id = format_id(block->id_kinds[i], block->ids[i]),
                      .time = block->times[i],
                      .campaign = code < kFirstValueCode ? "" : std::string(snapshot.dictionary(0).value(code)),
                      .click = block->columns[1].ints[i],
                      .user = std::string(block->columns[2].strings[i].view()),
                      .lsn = block->lsns[i]});
    }
  }
}

TableOptions TableWorld::small_options() {
  return {.threads = false, .shards = 2, .memtable_bytes_max = 512 * limits::kMiB, .log_file_bytes = 64 * limits::kKiB};
}

TableWorld::TableWorld(uint64_t seed, TableOptions options) : disk(seed), options_(options) {
  REQUIRE(init_database(disk, path_));
  open();
}

Status TableWorld::try_open() {
  table_ = nullptr;
  database_.reset();
  TALLY_ASSIGN_OR_RETURN(database_, Database::open(disk, clock, path_, {.table = options_}));
  Result<Table*> found = database_->table("events");
  if (!found && found.error().code == Code::kNotFound) found = database_->create_table(test_schema());
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
