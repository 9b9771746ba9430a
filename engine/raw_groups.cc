#include "engine/raw_groups.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "engine/column_loops.h"
#include "engine/key_sort.h"

namespace tally {
namespace {

using Kind = RollupShape::Kind;

constexpr uint32_t kBlocksAtOnce = 4;  // that go to the writer
constexpr size_t kRunsAhead = 12;      // whose rows are asked of memory before they are needed
constexpr size_t kLineBytes = 64;

size_t place_among(std::span<const uint32_t> ids, uint32_t id) {
  return static_cast<size_t>(std::ranges::find(ids, id) - ids.begin());
}

}  // namespace

template <size_t kWords>
struct RawGroups::Run {
  std::array<uint64_t, kWords> key;
  uint32_t first = 0;
  uint32_t count = 0;
};

RawGroups::RawGroups(const RollupShape& shape, std::vector<uint32_t> code_bits, const RollupShape& all,
                     const RawRows& rows)
    : shape_(shape),
      code_bits_(std::move(code_bits)),
      rows_(rows),
      lanes_(rows.count_words()),
      counts_(rows.count_words() * 8),
      codes_(shape.dimension_ids.size()),
      columns_(shape.values.size()) {
  for (uint32_t id : shape.dimension_ids) dimensions_.push_back(place_among(all.dimension_ids, id));
  for (size_t i = 0; i < shape.values.size(); ++i) {
    const RollupShape::Value& value = shape.values[i];
    const auto same = std::ranges::find(all.values, value.column_id, &RollupShape::Value::column_id);
    const RawRows::Place& place = rows.place(static_cast<size_t>(same - all.values.begin()));
    if (RawRows::is_count(value)) {
      of_counts_.push_back({.value = i, .lane = place.word * 8 + place.shift / 8});
    } else if (value.kind == Kind::kSum) {
      sums_.push_back({.value = i, .word = place.word});
    } else if (value.kind == Kind::kSketch) {
      sketches_.push_back({i, place.word, place.shift, SketchBuilder(value.precision)});
    } else {
      extremes_.push_back({.value = i, .word = place.word, .present = place.present, .min = value.kind == Kind::kMin});
    }
  }
}

Status RawGroups::write(const Target& target) {
  if (rows_.rows() == 0) return {};
  const RollupKeys keys(code_bits_, shape_.tier, target.day);
  pack_keys(keys);
  switch (keys.words()) {
    case 1: TALLY_TRY(write_by<1>(keys, target)); break;
    case 2: TALLY_TRY(write_by<2>(keys, target)); break;
    case 3: TALLY_TRY(write_by<3>(keys, target)); break;
    default: TALLY_TRY(write_wide(keys, target)); break;
  }
  return flush(target);
}

// --- order ---------------------------------------------------------------------------------------------------------

void RawGroups::pack_keys(const RollupKeys& keys) {
  const size_t rows = rows_.rows(), words = keys.words();
  words_.assign(rows * words, 0);
  auto pack = [&](const RollupKeys::Place& place, const uint32_t* parts) {
    if (words == 1) return column_kernels().pack_codes(words_.data(), parts, rows, place.shift);
    uint64_t* to = words_.data() + place.word;
    for (size_t row = 0; row < rows; ++row) to[row * words] |= uint64_t{parts[row]} << place.shift;
  };
  for (size_t d = 0; d < dimensions_.size(); ++d) pack(keys.dimension(d), rows_.codes(dimensions_[d]));
  const uint32_t* minutes = rows_.minutes();
  if (shape_.tier == Tier::kMinute) pack(keys.bucket(), minutes);
  if (shape_.tier != Tier::kHour) return;
  buckets_.resize(rows);
  for (size_t row = 0; row < rows; ++row) buckets_[row] = minutes[row] / 60;
  pack(keys.bucket(), buckets_.data());
}

// Whether they ascend as they are.
template <size_t kWords>
bool RawGroups::find_runs(std::vector<Run<kWords>>& runs) const {
  const uint32_t rows = rows_.rows();
  runs.reserve(kWords == 1 ? column_kernels().count_changes(words_.data(), rows) + 1 : rows);
  bool ascend = true;
  for (uint32_t row = 0; row < rows; ++row) {
    std::array<uint64_t, kWords> key;
    std::copy_n(words_.data() + size_t{row} * kWords, kWords, key.begin());
    if (row > 0 && key == runs.back().key) {
      ++runs.back().count;
      continue;
    }
    ascend = ascend && (row == 0 || runs.back().key < key);
    runs.push_back({key, row, 1});
  }
  return ascend;
}

template <size_t kWords>
Status RawGroups::write_by(const RollupKeys& keys, const Target& target) {
  std::vector<Run<kWords>> runs;
  if (!find_runs(runs)) {
    std::vector<Run<kWords>> other;
    for (size_t word = kWords; word-- > 0;) {
      sort_by_radix(runs, other, keys.bits(word), [word](const Run<kWords>& run) { return run.key[word]; });
    }
  }
  const size_t row_bytes = rows_.stride() * sizeof(uint64_t);
  for (size_t i = 0; i < runs.size(); ++i) {
    if (i + kRunsAhead < runs.size()) {
      const char* ahead = reinterpret_cast<const char*>(rows_.values(runs[i + kRunsAhead].first));
      for (size_t at = 0; at < row_bytes; at += kLineBytes) __builtin_prefetch(ahead + at);
    }
    if (i > 0 && runs[i].key != runs[i - 1].key) TALLY_TRY(end_group(keys, runs[i - 1].key.data(), target));
    add_rows(runs[i].first, runs[i].count);
  }
  return end_group(keys, runs.back().key.data(), target);
}

// Keys of many words: rare, and compared where they stand.
Status RawGroups::write_wide(const RollupKeys& keys, const Target& target) {
  const size_t words = keys.words();
  auto key = [&](uint32_t row) { return std::span(words_).subspan(size_t{row} * words, words); };
  std::vector<uint32_t> order(rows_.rows());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return std::ranges::lexicographical_compare(key(a), key(b)); });
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && !std::ranges::equal(key(order[i]), key(order[i - 1]))) {
      TALLY_TRY(end_group(keys, key(order[i - 1]).data(), target));
    }
    add_rows(order[i], 1);
  }
  return end_group(keys, key(order.back()).data(), target);
}

// --- groups --------------------------------------------------------------------------------------------------------

void RawGroups::add_rows(uint32_t first, uint32_t count) {
  const size_t stride = rows_.stride();
  const uint64_t* row = rows_.values(first);
  for (uint32_t i = 0; i < count; ++i, row += stride) {
    for (size_t word = 0; word < lanes_.size(); ++word) lanes_[word] += row[word];
    if (++lane_rows_ == RawRows::kLaneRows) spread_lanes();
    for (Sum& sum : sums_) sum.sum += static_cast<int64_t>(row[sum.word]);
    for (Extreme& extreme : extremes_) add_extreme(extreme, row);
    for (Sketch& sketch : sketches_) {
      const auto entry = static_cast<uint32_t>(row[sketch.word] >> sketch.shift);
      if (entry != 0) sketch.builder.raise(entry);
    }
  }
}

void RawGroups::add_extreme(Extreme& extreme, const uint64_t* row) const {
  const bool present = (row[extreme.present / 64] >> extreme.present % 64 & 0xFF) == 2;  // one more than it is
  if (!present) return;
  const auto value = static_cast<int64_t>(row[extreme.word]);
  if (!extreme.found || (extreme.min ? value < extreme.best : value > extreme.best)) extreme.best = value;
  extreme.found = true;
}

void RawGroups::spread_lanes() {
  for (const Count& count : of_counts_) {
    const uint64_t lane = lanes_[count.lane / 8] >> count.lane % 8 * 8 & 0xFF;
    counts_[count.lane] += static_cast<int64_t>(lane) - lane_rows_;
  }
  std::ranges::fill(lanes_, 0);
  lane_rows_ = 0;
}

// More than one row where a sum is larger than 64 bits hold: the first has everything, the others what is left of such sums.
Status RawGroups::end_group(const RollupKeys& keys, const uint64_t* key, const Target& target) {
  spread_lanes();
  bool more = true;
  while (more) {
    more = end_row();
    TALLY_TRY(put_row(keys, key, target));
  }
  return {};
}

// True: a sum needs another row.
bool RawGroups::end_row() {
  for (const Count& count : of_counts_) columns_[count.value].ints.push_back(std::exchange(counts_[count.lane], 0));
  bool more = false;
  for (Sum& sum : sums_) {
    const auto part = static_cast<int64_t>(std::clamp<__int128>(sum.sum, INT64_MIN, INT64_MAX));
    columns_[sum.value].ints.push_back(part);
    sum.sum -= part;
    more = more || sum.sum != 0;
  }
  for (Extreme& extreme : extremes_) {
    columns_[extreme.value].ints.push_back(std::exchange(extreme.best, 0));
    columns_[extreme.value].nulls.push_back(std::exchange(extreme.found, false) ? 0 : 1);
  }
  for (Sketch& sketch : sketches_) {
    Column& column = columns_[sketch.value];
    if (!sketch.builder.empty()) sketch.builder.finish(column.bytes);
    column.ends.push_back(static_cast<uint32_t>(column.bytes.size()));
  }
  return more;
}

Status RawGroups::put_row(const RollupKeys& keys, const uint64_t* key, const Target& target) {
  times_.push_back(keys.time_in(key));
  for (size_t d = 0; d < codes_.size(); ++d) codes_[d].push_back(keys.code_in(key, d));
  return times_.size() < size_t{kBlocksAtOnce} * target.block_rows ? Status{} : flush(target);
}

// --- out -----------------------------------------------------------------------------------------------------------

Status RawGroups::flush(const Target& target) {
  RawColumns out;
  out.rows = static_cast<uint32_t>(times_.size());
  out.times = times_.data();
  for (const auto& codes : codes_) out.codes.push_back(codes.data());
  for (size_t value = 0; value < columns_.size(); ++value) {
    Column& column = columns_[value];
    RawColumns::Field& field = out.fields.emplace_back();
    if (shape_.values[value].kind != Kind::kSketch) {
      field.ints = column.ints.data();
      if (!column.nulls.empty()) field.nulls = column.nulls.data();
      continue;
    }
    column.strings.clear();
    uint32_t begin = 0;
    for (uint32_t end : column.ends) {
      const std::string_view bytes = as_text(ByteSpan(column.bytes).subspan(begin, end - begin));
      column.strings.push_back(begin == end ? StringRef::null() : StringRef(bytes));
      begin = end;
    }
    field.strings = column.strings.data();
  }
  TALLY_TRY(target.writer->add(target.day, out, target.above, target.through));
  times_.clear();
  for (auto& codes : codes_) codes.clear();
  for (Column& column : columns_) {
    column.ints.clear();
    column.nulls.clear();
    column.ends.clear();
    column.bytes.clear();
  }
  return {};
}

}  // namespace tally
