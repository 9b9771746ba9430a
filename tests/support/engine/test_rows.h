// Rows of one small table, and how they look when they come back: shared by stories, windows and sweeps of a table. Free of
// the test framework, so that the crash driver can use it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/table.h"

namespace tally {

struct TestRow {
  std::string id;
  TimeUs age_us = 0;  // event time = the clock's wall time minus this
  std::string campaign = "c1";
  int64_t click = 0;
  std::string user = "u";
  friend bool operator==(const TestRow&, const TestRow&) = default;
};

struct StoredRow {
  RowKind kind = RowKind::kEvent;
  std::string id;
  TimeUs time = 0;
  std::string campaign;
  int64_t click = 0;
  std::string user;
  Lsn lsn = 0;
};

// ts, event_id UNIQUE WITHIN 72 hours, campaign DIMENSION, click INT64, user STRING.
Schema test_schema(std::string_view table = "events");
// Adds to it, once its columns have ids. `column`: nothing for kCount. Valid until the next is added.
Measure& add_measure(Schema& schema, std::string_view name, AggregateKind kind, std::string_view column = {});
// Tiers with a retention of 0 are not kept.
void add_campaign_rollup(Schema& schema, std::string_view name, TimeUs minute_us, TimeUs hour_us, TimeUs day_us);
// Rows with this click have this lateness.
LatenessClass lateness_of_click(const Schema& schema, int64_t click, TimeUs lateness_us);
IngestBatch make_test_batch(const Schema& schema, TimeUs now_us, const std::vector<TestRow>& rows, bool replay = false);
// Every decided row that a snapshot shows.
Result<std::vector<StoredRow>> stored_rows(const Snapshot& snapshot);
// No threads, two shards, small log files: one seed gives one sequence of operations.
TableOptions small_table_options();

}  // namespace tally
