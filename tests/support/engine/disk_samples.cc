#include "tests/support/engine/disk_samples.h"

#include "engine/manifest_format.h"
#include "tests/support/engine/sample_schemas.h"

namespace tally {

ManifestState sample_state() {
  ManifestState state;
  state.table_uuid.fill(0x11);
  state.hash_key.fill(0x22);
  state.schemas.push_back(std::make_shared<const Schema>(small_schema()));
  return state;
}

SegmentInfo sample_segment(uint64_t number, Lsn max_lsn) {
  SegmentInfo segment;
  segment.number = number;
  segment.uuid.fill(static_cast<uint8_t>(number));
  segment.size = 1000 + number;
  segment.checksum = 77 * number;
  segment.rows = 10;
  segment.events = 9;
  segment.min_time = -5;
  segment.max_time = 5;
  segment.min_lsn = 1;
  segment.max_lsn = max_lsn;
  segment.schema_version = 1;
  return segment;
}

IdRunInfo sample_id_run(uint64_t number, Lsn max_lsn) {
  IdRunInfo run;
  run.number = number;
  run.uuid.fill(static_cast<uint8_t>(number));
  run.size = 2000 + number;
  run.checksum = 79 * number;
  run.entries = 9;
  run.place = {.lateness_class = 1, .generation = -3, .shard = 2, .shards = 5};
  run.summary = {.newest_arrival_us = 6, .max_lsn = max_lsn, .newest = {{-1, -5}, {0, 5}}};
  return run;
}

ManifestEdit sample_flush(const ManifestState& state, Lsn lsn) {
  ManifestEdit edit;
  edit.add_segments.push_back(sample_segment(state.next_file_number, lsn));
  edit.next_file_number = state.next_file_number + 1;
  edit.log = LogPosition{.flushed_lsn = lsn, .synced_lsn = lsn, .first_file = state.log.first_file + 1};
  Ledger ledger = state.ledger;
  ledger += Ledger{.received = 10, .accepted = 9, .duplicates = 1};
  edit.ledger = ledger;
  edit.newest_event_us = static_cast<TimeUs>(lsn);
  edit.newest_arrival_us = static_cast<TimeUs>(lsn) + 1;
  edit.reference_us = static_cast<TimeUs>(lsn);
  edit.dictionary_sizes[7] = static_cast<uint32_t>(lsn + 2);
  return edit;
}

bool same_state(const ManifestState& a, const ManifestState& b) {
  auto bytes = [](ManifestState state) {
    state.boot_id.clear();
    state.boottime_us = state.wall_us = 0;
    Bytes out;
    ByteWriter writer(out);
    manifest_format::encode_state(state, writer);
    return out;
  };
  return bytes(a) == bytes(b);
}

}  // namespace tally
