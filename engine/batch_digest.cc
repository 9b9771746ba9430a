#include "engine/batch_digest.h"

#include "base/checksum.h"

namespace tally {
namespace {

constexpr uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// Never 0 for a column id: 0 would leave an integer 0 without a trace.
uint64_t seed_of(uint32_t column_id) { return mix(uint64_t{column_id} + 0x9E3779B97F4A7C15u); }

uint64_t int_cell(uint64_t value, uint64_t seed) { return mix(value ^ seed); }

}  // namespace

void RowDigests::add_ints(uint32_t column_id, std::span<const int64_t> values, std::span<const uint8_t> nulls) {
  uint64_t seed = seed_of(column_id);
  if (nulls.empty()) {
    for (size_t i = 0; i < values.size(); ++i) {
      sums_[i] += int_cell(static_cast<uint64_t>(values[i]), seed);
    }
    return;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    uint64_t cell = int_cell(static_cast<uint64_t>(values[i]), seed);
    sums_[i] += nulls[i] != 0 ? 0 : cell;
  }
}

void RowDigests::add_strings(uint32_t column_id, std::span<const StringRef> values) {
  uint64_t seed = seed_of(column_id);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i].is_null()) sums_[i] += xxh3(as_bytes(values[i].view()), seed);
  }
}

void RowDigests::add_dictionary(uint32_t column_id, std::span<const std::string_view> values, bool ints,
                                std::span<const uint32_t> codes) {
  uint64_t seed = seed_of(column_id);
  std::vector<uint64_t> cells(values.size() + 1);  // [0]: NULL adds nothing
  for (size_t i = 0; i < values.size(); ++i) {
    ByteSpan bytes = as_bytes(values[i]);
    cells[i + 1] = ints ? int_cell(load_le<uint64_t>(bytes.data()), seed) : xxh3(bytes, seed);
  }
  for (size_t i = 0; i < codes.size(); ++i) sums_[i] += cells[codes[i]];
}

void RowDigests::finish(std::vector<uint32_t>& digests) const {
  digests.resize(sums_.size());
  for (size_t i = 0; i < sums_.size(); ++i) {
    digests[i] = static_cast<uint32_t>(mix(sums_[i]) >> 32);
  }
}

}  // namespace tally
