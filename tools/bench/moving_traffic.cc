#include "tools/bench/moving_traffic.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/random.h"
#include "engine/batch_format.h"
#include "tools/bench/ad_database.h"

namespace tally {
namespace {

constexpr size_t kFrameBytes = 32, kEntryBytes = 12;

}  // namespace

MovingTraffic::Movable MovingTraffic::locate(Bytes payload, const Schema& schema) {
  Movable found{.payload = std::move(payload)};
  const uint8_t* bytes = found.payload.data();
  const auto rows = load_le<uint32_t>(bytes + 12);
  const auto columns = load_le<uint16_t>(bytes + 16);
  size_t at = kFrameBytes + columns * kEntryBytes;
  for (size_t i = 0; i < columns; ++i) {
    const uint8_t* entry = bytes + kFrameBytes + i * kEntryBytes;
    const Column* column = schema.find_column(load_le<uint32_t>(entry));
    TALLY_CHECK(column != nullptr);
    if (column->role == ColumnRole::kEventTime) {
      TALLY_CHECK(entry[4] == static_cast<uint8_t>(ColumnEncoding::kInts));
      found.base_at = at + 1;
      const uint8_t width = bytes[at];
      for (uint32_t row = 0; row < rows; ++row) {
        int64_t offset = 0;
        std::memcpy(&offset, bytes + at + 9 + size_t{row} * width, width);
        found.newest_offset = std::max(found.newest_offset, offset);
      }
    }
    if (column->role == ColumnRole::kId) {
      TALLY_CHECK(entry[4] == static_cast<uint8_t>(ColumnEncoding::kUuids));
      found.ids_at = at;
    }
    at += load_le<uint32_t>(entry + 8);
  }
  TALLY_CHECK(found.base_at != 0 && found.ids_at != 0 && at == found.payload.size());
  return found;
}

MovingTraffic::MovingTraffic(const Schema& schema, size_t batches, uint32_t rows) : rows_(rows), state_(random_u64()) {
  const AdProfileOptions profile{.events = batches * rows, .minutes = 1, .seed = 1, .start_us = 20'000 * kMicrosPerDay};
  AdBatches source(profile, schema, rows);
  while (batches_.size() < batches) {
    for (IngestBatch& batch : source.take(rows)) {
      payload_bytes_ += batch.payload.size();
      batches_.push_back(locate(std::move(batch.payload), schema));
    }
  }
}

IngestBatch MovingTraffic::next(TimeUs now_us) {
  const Movable& from = batches_[turn_++ % batches_.size()];
  const uint64_t mask = splitmix64(state_);
  IngestBatch batch;
  batch.payload = from.payload;
  uint8_t* bytes = batch.payload.data();
  store_le<int64_t>(bytes + from.base_at, now_us - from.newest_offset);
  uint8_t* ids = bytes + from.ids_at;
  for (uint32_t row = 0; row < rows_; ++row, ids += 16) store_le(ids, load_le<uint64_t>(ids) ^ mask);
  batch.payload_xxh3 = xxh3(batch.payload);
  return batch;
}

}  // namespace tally
