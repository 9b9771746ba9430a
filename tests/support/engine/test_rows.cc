#include "tests/support/engine/test_rows.h"

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

Measure& add_measure(Schema& schema, std::string_view name, AggregateKind kind, std::string_view column) {
  Measure& made = schema.measures.emplace_back();
  made.name = name;
  made.kind = kind;
  if (!column.empty()) made.column_id = schema.find_column(column)->id;
  return made;
}

void add_campaign_rollup(Schema& schema, std::string_view name, TimeUs minute_us, TimeUs hour_us, TimeUs day_us) {
  Rollup& made = schema.rollups.emplace_back();
  made.name = name;
  made.dimension_ids = {schema.find_column("campaign")->id};
  made.retention_us[1] = minute_us;
  made.retention_us[2] = hour_us;
  made.retention_us[3] = day_us;
}

LatenessClass lateness_of_click(const Schema& schema, int64_t click, TimeUs lateness_us) {
  Condition condition;
  condition.op = Condition::Op::kEq;
  condition.column_id = schema.find_column("click")->id;
  condition.values = {Value{click}};
  return {.lateness_us = lateness_us,
          .condition = std::move(condition),
          .condition_text = "click = " + std::to_string(click)};
}

IngestBatch make_test_batch(const Schema& schema, TimeUs now_us, const std::vector<TestRow>& rows, bool replay) {
  BatchBuilder builder(schema);
  for (const TestRow& row : rows) {
    builder.set_time(now_us - row.age_us);
    builder.set_id(row.id);
    builder.set_string(2, row.campaign);
    builder.set_int64(3, row.click);
    builder.set_string(4, row.user);
    const Status ended = builder.end_row();
    TALLY_CHECK(ended.has_value());
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

TableOptions small_table_options() {
  return {.threads = false,
          .shards = 2,
          .memtable_bytes_max = 512 * limits::kMiB,
          .log_file_bytes = 64 * limits::kKiB,
          .background = false,
          .free_bytes_soft = 0,
          .free_bytes_hard = 0};
}

}  // namespace tally
