#include "engine/rollup_rows.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "engine/dictionary.h"
#include "engine/hyperloglog.h"

namespace tally {
namespace {

constexpr uint32_t kDigitBits = 11;  // of a pass: its counters stay in the first-level cache

constexpr size_t kFewBytes = 4096;  // of sketches that become one: beyond it registers are merged all at once

}  // namespace

RollupRows::RollupRows(const RollupShape& shape, std::vector<uint32_t> code_bits, int32_t day)
    : shape_(shape),
      day_(day),
      keys_of_(std::move(code_bits), shape.tier, day),
      added_(shape.values.size()),
      builders_(shape.values.size()),
      out_codes_(shape.dimension_ids.size()),
      out_(shape.values.size()) {
  for (size_t i = 0; i < shape.values.size(); ++i) {
    if (shape.values[i].kind != RollupShape::Kind::kSketch) continue;
    builders_[i] = std::make_unique<SketchBuilder>(shape.values[i].precision);
  }
}

void RollupRows::pack_key(const Input& input, uint32_t row, std::span<uint64_t> words) const {
  std::fill(words.begin(), words.end(), 0);
  for (size_t d = 0; d < input.codes.size(); ++d) {
    const RollupKeys::Place& place = keys_of_.dimension(d);
    const uint64_t code = input.codes[d] == nullptr ? kNullCode : input.codes[d][row];
    words[place.word] |= code << place.shift;
  }
  words[keys_of_.bucket().word] |= keys_of_.bucket_of(input.times[row]) << keys_of_.bucket().shift;
}

void RollupRows::add(const Input& input, uint32_t first, uint32_t count) {
  TALLY_CHECK(input.carries.empty());
  const size_t words = keys_of_.words();
  const size_t before = keys_.size();
  keys_.resize(before + count * words);
  uint64_t* keys = keys_.data() + before;
  for (size_t d = 0; d < input.codes.size(); ++d) {
    if (input.codes[d] == nullptr) continue;
    const uint32_t* codes = input.codes[d] + first;
    const RollupKeys::Place place = keys_of_.dimension(d);
    for (uint32_t row = 0; row < count; ++row) keys[row * words + place.word] |= uint64_t{codes[row]} << place.shift;
  }
  const RollupKeys::Place place = keys_of_.bucket();
  for (uint32_t row = 0; row < count; ++row) {
    keys[row * words + place.word] |= keys_of_.bucket_of(input.times[first + row]) << place.shift;
  }
  for (size_t value = 0; value < added_.size(); ++value) {
    add_value(shape_.values[value], input.values[value], first, count, added_[value]);
  }
  rows_ += count;
}

// Rows before the first that brings something are filled in when it comes: most tables have no conflicts, say.
void RollupRows::add_value(const RollupShape::Value& shape, const Value& value, uint32_t first, uint32_t count,
                           Added& added) {
  TALLY_CHECK(value.counts == nullptr && value.hashes == nullptr);
  const bool given = value.ints != nullptr || value.sketches != nullptr;
  if (!given && !added.any) return;
  added.any = true;
  const bool sum = shape.kind == RollupShape::Kind::kSum;
  added.ints.resize(rows_ + count);
  if (!sum) {
    added.nulls.resize(rows_, 1);
    added.nulls.resize(rows_ + count, given ? 0 : 1);
  }
  if (!given) return;
  int64_t* ints = added.ints.data() + rows_;
  uint8_t* nulls = sum ? nullptr : added.nulls.data() + rows_;
  if (value.sketches != nullptr) {
    for (uint32_t row = 0; row < count; ++row) {
      const StringRef& sketch = value.sketches[first + row];
      nulls[row] = sketch.is_null() ? 1 : 0;
      if (nulls[row] != 0) continue;
      const std::string_view bytes = sketch.view();
      ints[row] = static_cast<int64_t>(uint64_t{added.bytes.size()} << 20 | bytes.size());
      added.bytes.insert(added.bytes.end(), bytes.begin(), bytes.end());
    }
    return;
  }
  std::copy_n(value.ints + first, count, ints);
  if (value.nulls == nullptr) return;
  for (uint32_t row = 0; row < count; ++row) {
    if (value.nulls[first + row] == 0) continue;
    if (sum)
      ints[row] = 0;
    else
      nulls[row] = 1;
  }
}

Status RollupRows::combine() {
  if (rows_ == 0) return {};
  sort();
  find_groups();
  first_out_ = static_cast<uint32_t>(out_times_.size());
  rests_.clear();
  combine_keys();
  for (size_t value = 0; value < added_.size(); ++value) {
    switch (shape_.values[value].kind) {
      case RollupShape::Kind::kSum: combine_sums(value); break;
      case RollupShape::Kind::kMin: combine_extremes(value, true); break;
      case RollupShape::Kind::kMax: combine_extremes(value, false); break;
      case RollupShape::Kind::kSketch: TALLY_TRY(combine_sketches(value)); break;
    }
  }
  append_rests();
  clear_added();
  return {};
}

// --- order ---------------------------------------------------------------------------------------------------------

void RollupRows::sort() {
  if (keys_of_.words() == 1) return sort_by_radix<1>();
  if (keys_of_.words() == 2) return sort_by_radix<2>();
  sort_wide();
}

// Least significant digit first; a digit that is the same in all rows needs no pass.
template <size_t kWords>
void RollupRows::sort_by_radix() {
  struct Entry {
    std::array<uint64_t, kWords> words;
    uint32_t row;
  };
  std::vector<Entry> entries(rows_), other(rows_);
  for (uint32_t row = 0; row < rows_; ++row) {
    for (size_t word = 0; word < kWords; ++word) entries[row].words[word] = keys_[row * kWords + word];
    entries[row].row = row;
  }
  for (size_t word = kWords; word-- > 0;) {
    for (uint32_t shift = 0; shift < keys_of_.bits(word); shift += kDigitBits) {
      std::array<uint32_t, 1 << kDigitBits> at{};
      auto digit = [&](const Entry& entry) { return entry.words[word] >> shift & (at.size() - 1); };
      for (const Entry& entry : entries) ++at[digit(entry)];
      if (at[digit(entries.front())] == rows_) continue;
      uint32_t next = 0;
      for (uint32_t& count : at) next += std::exchange(count, next);
      for (const Entry& entry : entries) other[at[digit(entry)]++] = entry;
      std::swap(entries, other);
    }
  }
  order_.resize(rows_);
  for (uint32_t i = 0; i < rows_; ++i) {
    order_[i] = entries[i].row;
    for (size_t word = 0; word < kWords; ++word) keys_[i * kWords + word] = entries[i].words[word];
  }
}

void RollupRows::sort_wide() {
  order_.resize(rows_);
  std::iota(order_.begin(), order_.end(), 0);
  const size_t words = keys_of_.words();
  auto key = [&](uint32_t row) { return std::span(keys_).subspan(row * words, words); };
  std::stable_sort(order_.begin(), order_.end(),
                   [&](uint32_t a, uint32_t b) { return std::ranges::lexicographical_compare(key(a), key(b)); });
  std::vector<uint64_t> sorted(keys_.size());
  for (uint32_t i = 0; i < rows_; ++i)
    std::ranges::copy(key(order_[i]), sorted.begin() + static_cast<ptrdiff_t>(i * words));
  keys_ = std::move(sorted);
}

// keys_ stand in order now.
void RollupRows::find_groups() {
  groups_.clear();
  const size_t words = keys_of_.words();
  for (uint32_t i = 0; i < rows_; ++i) {
    const bool same = i > 0 && std::equal(keys_.begin() + static_cast<ptrdiff_t>(i * words),
                                          keys_.begin() + static_cast<ptrdiff_t>((i + 1) * words),
                                          keys_.begin() + static_cast<ptrdiff_t>((i - 1) * words));
    if (!same) groups_.push_back(i);
  }
  groups_.push_back(rows_);
}

// --- values --------------------------------------------------------------------------------------------------------

void RollupRows::combine_keys() {
  const size_t count = groups_.size() - 1;
  auto key = [&](size_t group) { return keys_.data() + groups_[group] * keys_of_.words(); };
  for (size_t d = 0; d < out_codes_.size(); ++d) {
    out_codes_[d].reserve(out_codes_[d].size() + count);
    for (size_t group = 0; group < count; ++group) out_codes_[d].push_back(keys_of_.code_in(key(group), d));
  }
  for (size_t group = 0; group < count; ++group) out_times_.push_back(keys_of_.time_in(key(group)));
}

void RollupRows::combine_sums(size_t value) {
  const Added& added = added_[value];
  std::vector<int64_t>& out = out_[value].ints;
  const size_t count = groups_.size() - 1;
  out.resize(first_out_ + count);
  if (!added.any) return;
  for (size_t group = 0; group < count; ++group) {
    __int128 sum = 0;
    for (uint32_t i = groups_[group]; i < groups_[group + 1]; ++i) sum += added.ints[order_[i]];
    const auto fits = static_cast<int64_t>(std::clamp<__int128>(sum, INT64_MIN, INT64_MAX));
    out[first_out_ + group] = fits;
    if (sum != fits) rests_.push_back({static_cast<uint32_t>(group), value, sum - fits});
  }
}

void RollupRows::combine_extremes(size_t value, bool min) {
  const Added& added = added_[value];
  Waiting& out = out_[value];
  const size_t count = groups_.size() - 1;
  out.ints.resize(first_out_ + count);
  out.nulls.resize(first_out_ + count, 1);
  if (!added.any) return;
  for (size_t group = 0; group < count; ++group) {
    int64_t best = 0;
    bool found = false;
    for (uint32_t i = groups_[group]; i < groups_[group + 1]; ++i) {
      const uint32_t row = order_[i];
      if (added.nulls[row] != 0) continue;
      const int64_t one = added.ints[row];
      if (!found || (min ? one < best : one > best)) best = one;
      found = true;
    }
    out.ints[first_out_ + group] = best;
    out.nulls[first_out_ + group] = found ? 0 : 1;
  }
}

Status RollupRows::combine_sketches(size_t value) {
  const Added& added = added_[value];
  Waiting& out = out_[value];
  const size_t count = groups_.size() - 1;
  out.ints.resize(first_out_ + count);
  out.lengths.resize(first_out_ + count);
  out.nulls.resize(first_out_ + count, 1);
  if (!added.any) return {};
  for (size_t group = 0; group < count; ++group) {
    sketches_.clear();
    for (uint32_t i = groups_[group]; i < groups_[group + 1]; ++i) {
      if (added.nulls[order_[i]] != 0) continue;
      const auto place = static_cast<uint64_t>(added.ints[order_[i]]);
      sketches_.push_back(ByteSpan(added.bytes).subspan(place >> 20, place & ((uint64_t{1} << 20) - 1)));
    }
    if (sketches_.empty()) continue;
    const size_t at = out.bytes.size();
    TALLY_TRY(merge_sketches(sketches_, value, out.bytes));
    out.ints[first_out_ + group] = static_cast<int64_t>(at);
    out.lengths[first_out_ + group] = static_cast<uint32_t>(out.bytes.size() - at);
    out.nulls[first_out_ + group] = 0;
  }
  return {};
}

Status RollupRows::merge_sketches(std::span<const ByteSpan> sketches, size_t value, Bytes& out) {
  if (sketches.size() == 1) {
    out.insert(out.end(), sketches[0].begin(), sketches[0].end());
    return {};
  }
  size_t bytes = 0;
  for (const ByteSpan& sketch : sketches) bytes += sketch.size();
  if (bytes <= kFewBytes) {
    for (const ByteSpan& sketch : sketches) TALLY_TRY(builders_[value]->merge(sketch));
    builders_[value]->finish(out);
    return {};
  }
  HyperLogLog merged(shape_.values[value].precision);
  for (const ByteSpan& sketch : sketches) TALLY_TRY(merge_stored_sketch(sketch, merged));
  encode_sketch(merged, out);
  return {};
}

namespace {

// Copies `values` from `first` on, each as often as `copies` says.
template <class T>
void repeat(std::vector<T>& values, uint32_t first, std::span<const uint32_t> copies) {
  const std::vector<T> before(values.begin() + first, values.end());
  values.resize(first);
  for (size_t i = 0; i < before.size(); ++i) values.insert(values.end(), copies[i], before[i]);
}

}  // namespace

// Rare: a row more for each part of a sum that 64 bits do not hold, behind the row it belongs to. Their other values are nothing.
void RollupRows::append_rests() {
  if (rests_.empty()) return;
  std::ranges::stable_sort(rests_, {}, &Rest::group);
  std::vector<uint32_t> copies(groups_.size() - 1, 1);
  std::vector<PartOfRest> parts;
  for (Rest& rest : rests_) {
    while (rest.left != 0) {
      const auto part = static_cast<int64_t>(std::clamp<__int128>(rest.left, INT64_MIN, INT64_MAX));
      rest.left -= part;
      parts.push_back({rest.group, rest.value, part});
      ++copies[rest.group];
    }
  }
  repeat(out_times_, first_out_, copies);
  for (auto& codes : out_codes_) repeat(codes, first_out_, copies);
  for (size_t value = 0; value < out_.size(); ++value) spread_value(value, copies, parts);
}

// `parts` by group, in the order of their rows.
void RollupRows::spread_value(size_t value, std::span<const uint32_t> copies, std::span<const PartOfRest> parts) {
  Waiting& out = out_[value];
  repeat(out.ints, first_out_, copies);
  if (!out.nulls.empty()) repeat(out.nulls, first_out_, copies);
  if (!out.lengths.empty()) repeat(out.lengths, first_out_, copies);
  size_t row = first_out_, next = 0;
  for (uint32_t group = 0; group < copies.size(); ++group, ++row) {
    for (uint32_t copy = 1; copy < copies[group]; ++copy, ++next) {
      ++row;
      TALLY_CHECK(parts[next].group == group);
      out.ints[row] = parts[next].value == value ? parts[next].part : 0;
      if (!out.nulls.empty()) out.nulls[row] = 1;
      if (!out.lengths.empty()) out.lengths[row] = 0;
    }
  }
}

void RollupRows::clear_added() {
  rows_ = 0;
  keys_.clear();
  for (Added& added : added_) {
    added.ints.clear();
    added.nulls.clear();
    added.bytes.clear();
    added.any = false;
  }
}

// --- out -----------------------------------------------------------------------------------------------------------

// Of sketches that are written. Offsets ascend with the rows.
void RollupRows::drop_bytes(Waiting& out) {
  if (out.bytes.empty()) return;
  const auto first = std::ranges::find(out.nulls, 0);
  const int64_t begin = first == out.nulls.end() ? static_cast<int64_t>(out.bytes.size())
                                                 : out.ints[static_cast<size_t>(first - out.nulls.begin())];
  out.bytes.erase(out.bytes.begin(), out.bytes.begin() + begin);
  for (int64_t& offset : out.ints) offset -= begin;
}

Status RollupRows::write(SegmentWriter& writer, Lsn above, Lsn through, uint32_t block_rows, bool all) {
  const size_t waiting = out_times_.size();
  const auto count = static_cast<uint32_t>(all ? waiting : waiting - waiting % block_rows);
  if (count == 0) return {};
  RawColumns columns;
  columns.rows = count;
  columns.times = out_times_.data();
  for (const auto& codes : out_codes_) columns.codes.push_back(codes.data());
  std::vector<std::vector<StringRef>> strings(out_.size());
  for (size_t value = 0; value < out_.size(); ++value) {
    const Waiting& out = out_[value];
    RawColumns::Field& field = columns.fields.emplace_back();
    if (shape_.values[value].kind != RollupShape::Kind::kSketch) {
      field.ints = out.ints.data();
      if (!out.nulls.empty()) field.nulls = out.nulls.data();
      continue;
    }
    strings[value].assign(count, StringRef::null());
    for (uint32_t row = 0; row < count; ++row) {
      if (out.nulls[row] != 0) continue;
      strings[value][row] =
          StringRef(as_text(ByteSpan(out.bytes).subspan(static_cast<size_t>(out.ints[row]), out.lengths[row])));
    }
    field.strings = strings[value].data();
  }
  TALLY_TRY(writer.add(day_, columns, above, through));
  auto drop = [count](auto& array) {
    if (!array.empty()) array.erase(array.begin(), array.begin() + count);
  };
  drop(out_times_);
  for (auto& codes : out_codes_) drop(codes);
  for (Waiting& out : out_) {
    drop(out.ints);
    drop(out.nulls);
    drop(out.lengths);
    drop_bytes(out);
  }
  return {};
}

}  // namespace tally
