#include "tests/support/engine/small_rows.h"

#include "base/checksum.h"

namespace tally {

std::unique_ptr<PreparedBatch> small_batch(const Schema& schema, Random& random, uint32_t rows) {
  BatchBuilder builder(schema);
  for (uint32_t i = 0; i < rows; ++i) {
    builder.set_time(1'700'000'000 * kMicrosPerSecond + static_cast<TimeUs>(random.below(1000)));
    std::string id(1 + random.below(40), 'i');
    for (char& c : id) c = static_cast<char>('a' + random.below(26));
    if (random.chance(0.5)) {
      IdSlot slot;
      random.fill({slot.raw, sizeof slot.raw});
      id = format_id(IdKind::kUuid, slot);
    }
    builder.set_id(id);
    for (size_t c = 2; c < schema.columns.size(); ++c) {
      if (random.chance(0.2)) continue;
      if (schema.columns[c].type == ColumnType::kString) {
        builder.set_string(c, std::string(random.below(6) * 6, static_cast<char>('a' + c)));
      } else {
        builder.set_int64(c, static_cast<int64_t>(random.below(11)) - 5);
      }
    }
    TALLY_CHECK(builder.end_row().has_value());
  }
  Bytes payload = builder.finish();
  uint64_t sum = xxh3(payload);
  auto batch = decode_batch(schema, IdHasher(HashKey{}), 1, std::move(payload), sum).value();
  for (auto& dimension : batch->dimensions) {
    for (uint32_t i = 1; i < dimension.table_codes.size(); ++i) dimension.table_codes[i] = i + 10;
  }
  return batch;
}

}  // namespace tally
