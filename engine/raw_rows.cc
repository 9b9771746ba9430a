#include "engine/raw_rows.h"

#include "engine/dictionary.h"

namespace tally {
namespace {

using Kind = RollupShape::Kind;

bool is_extreme(const RollupShape::Value& value) { return value.kind == Kind::kMin || value.kind == Kind::kMax; }

}  // namespace

bool RawRows::is_count(const RollupShape::Value& value) {
  return value.measure == nullptr || value.measure->kind == AggregateKind::kCount;
}

RawRows::RawRows(const RollupShape& shape)
    : shape_(shape), places_(shape.values.size()), codes_(shape.dimension_ids.size()) {
  uint32_t counts = 0;
  for (size_t i = 0; i < places_.size(); ++i) {
    const uint32_t bit = counts % 8 * 8;
    if (is_count(shape.values[i])) places_[i] = {.word = counts / 8, .shift = bit};
    if (is_extreme(shape.values[i])) places_[i].present = counts * 8;
    if (is_count(shape.values[i]) || is_extreme(shape.values[i])) ++counts;
  }
  count_words_ = (counts + 7) / 8;
  stride_ = count_words_;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (!is_count(shape.values[i]) && shape.values[i].kind != Kind::kSketch) places_[i].word = uint32_t(stride_++);
  }
  uint32_t halves = 0;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (shape.values[i].kind != Kind::kSketch) continue;
    places_[i] = {.word = static_cast<uint32_t>(stride_) + halves / 2, .shift = halves % 2 * 32};
    ++halves;
  }
  stride_ += (halves + 1) / 2;
}

void RawRows::clear(int32_t day) {
  day_begin_ = TimeUs{day} * kMicrosPerDay;
  for (auto& codes : codes_) codes.clear();
  minutes_.clear();
  values_.clear();
}

void RawRows::add(const RollupRows::Input& input, uint32_t first, uint32_t count) {
  add_keys(input, first, count);
  const size_t before = values_.size();
  values_.resize(before + count * stride_);
  uint64_t* rows = values_.data() + before;
  for (size_t word = 0; word < count_words_; ++word) {
    for (uint32_t row = 0; row < count; ++row) rows[row * stride_ + word] = kLaneBias;
  }
  for (size_t i = 0; i < places_.size(); ++i) add_value(i, input.values[i], first, count, rows);
  for (const RollupRows::Input::Carry& carry : input.carries) {
    if (carry.row >= first && carry.row - first < count) add_carry(input, carry);
  }
}

void RawRows::add_keys(const RollupRows::Input& input, uint32_t first, uint32_t count) {
  for (size_t d = 0; d < codes_.size(); ++d) {
    if (input.codes[d] == nullptr) {
      codes_[d].resize(codes_[d].size() + count, kNullCode);
    } else {
      codes_[d].insert(codes_[d].end(), input.codes[d] + first, input.codes[d] + first + count);
    }
  }
  const size_t before = minutes_.size();
  minutes_.resize(before + count);
  for (uint32_t row = 0; row < count; ++row) minutes_[before + row] = minute_of(input.times[first + row]);
}

void RawRows::add_value(size_t i, const RollupRows::Value& value, uint32_t first, uint32_t count, uint64_t* rows) {
  const Place place = places_[i];
  const size_t stride = stride_;
  uint64_t* to = rows + place.word;
  const uint8_t* nulls = value.nulls == nullptr ? nullptr : value.nulls + first;
  if (value.counts != nullptr) {
    const int8_t* counts = value.counts + first;
    for (uint32_t row = 0; row < count; ++row) {
      to[row * stride] += static_cast<uint64_t>(int64_t{counts[row]}) << place.shift;
    }
  } else if (value.ints != nullptr) {
    const int64_t* ints = value.ints + first;
    for (uint32_t row = 0; row < count; ++row) {
      to[row * stride] = nulls != nullptr && nulls[row] != 0 ? 0 : static_cast<uint64_t>(ints[row]);
    }
    if (!is_extreme(shape_.values[i])) return;
    uint64_t* present = rows + place.present / 64;
    for (uint32_t row = 0; row < count; ++row) {
      present[row * stride] += uint64_t{nulls == nullptr || nulls[row] == 0} << place.present % 64;
    }
  } else if (value.hashes != nullptr) {
    const uint64_t* hashes = value.hashes + first;
    const uint8_t precision = shape_.values[i].precision;
    for (uint32_t row = 0; row < count; ++row) {
      const uint64_t entry = SketchBuilder::entry_of(hashes[row], precision);
      to[row * stride] |= (nulls != nullptr && nulls[row] != 0 ? 0 : entry) << place.shift;
    }
  }
}

// As a row of its own, with the same key.
void RawRows::add_carry(const RollupRows::Input& input, const RollupRows::Input::Carry& carry) {
  add_keys(input, carry.row, 1);
  const size_t before = values_.size();
  values_.resize(before + stride_);
  for (size_t word = 0; word < count_words_; ++word) values_[before + word] = kLaneBias;
  values_[before + places_[carry.value].word] = 1;
}

}  // namespace tally
