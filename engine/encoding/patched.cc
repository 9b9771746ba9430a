#include "engine/encoding/patched.h"

#include <algorithm>
#include <limits>

#include "engine/encoding/packed.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

constexpr size_t kCountBytes = 4;
constexpr unsigned kGapWidthMax = 32;
constexpr unsigned kWidthMax = 56;
constexpr size_t kSampleRows = 64;
constexpr size_t kGuessRowsMin =
    1024;  // of more, every seventh chooses base and width; what that costs is then measured
constexpr unsigned kWorseWidthsMax = 4;  // tried in a row without getting better
constexpr uint64_t kFewerShare = 32;     // one of so many parts of the bytes is not worth more exceptions

size_t guess_step(size_t rows) { return rows > kGuessRowsMin ? 7 : 1; }

uint64_t distance(int64_t value, int64_t base) { return static_cast<uint64_t>(value) - static_cast<uint64_t>(base); }

// Bits that one exception is expected to need besides its row's own: the gap before it, and what is above the low bits.
uint64_t exception_bits(uint64_t rows, uint64_t exceptions, unsigned full_width, unsigned width) {
  return static_cast<uint64_t>(std::bit_width(rows / exceptions)) + 2 + (full_width - width);
}

uint64_t expected_bits(uint64_t rows, uint64_t exceptions, unsigned full_width, unsigned width) {
  if (exceptions == 0) return rows * width;
  return rows * width + exceptions * exception_bits(rows, exceptions, full_width, width);
}

// The most of `sorted` that a window of values less than 2^width apart holds: [begin, begin + count).
struct Window {
  size_t begin = 0;
  size_t count = 0;
};

Window fullest_window(std::span<const int64_t> sorted, unsigned width) {
  Window best;
  uint64_t span = packed_largest(width);
  for (size_t begin = 0, end = 0; begin < sorted.size() && best.count < sorted.size() - begin; ++begin) {
    while (end < sorted.size() && distance(sorted[end], sorted[begin]) <= span) ++end;
    if (end - begin > best.count) best = {begin, end - begin};
  }
  return best;
}

// What to make of an encoded block.
struct Patched {
  PackedInts ints;
  std::vector<uint32_t> rows;   // of the exceptions
  std::vector<int64_t> excess;  // of each, not shifted

  int64_t value_of(size_t exception, int64_t low) const {
    return static_cast<int64_t>(static_cast<uint64_t>(low) +
                                (static_cast<uint64_t>(excess[exception]) << ints.width()));
  }
};

std::unexpected<Error> out_of_range() { return fail(Code::kCorruption, "an exception is out of range"); }

// Gaps become rows.
Status sum_up_gaps(std::span<uint32_t> gaps, size_t rows) {
  uint64_t next = 0;
  for (uint32_t& gap : gaps) {
    next += gap;
    if (next >= rows) return fail(Code::kCorruption, "an exception behind the last row");
    gap = static_cast<uint32_t>(next++);
  }
  return {};
}

template <class T>
Result<Patched> open_patched(ByteSpan bytes, size_t rows) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(uint32_t count, in.u32("the number of exceptions"));
  if (count < 1 || count > rows) {
    return fail(Code::kCorruption, std::to_string(count) + " exceptions in " + std::to_string(rows) + " rows");
  }
  bytes = bytes.subspan(kCountBytes);
  Patched patched;
  TALLY_ASSIGN_OR_RETURN(patched.ints, PackedInts::take<T>(bytes, rows));
  unsigned width = patched.ints.width();
  if (width > kWidthMax) return fail(Code::kCorruption, "exceptions to " + std::to_string(width) + " bits");
  if (bytes.empty()) return fail(Code::kCorruption, "exceptions without their gaps");
  unsigned gap_width = bytes[0];
  if (gap_width > kGapWidthMax) return fail(Code::kCorruption, "gaps of " + std::to_string(gap_width) + " bits");
  bytes = bytes.subspan(1);
  TALLY_ASSIGN_OR_RETURN(PackedBits gaps, take_bits(bytes, count, gap_width));
  TALLY_ASSIGN_OR_RETURN(PackedInts excess, PackedInts::take<int64_t>(bytes, count));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind patched integers");
  patched.rows.resize(count);
  gaps.unpack(uint32_t{0}, patched.rows);
  TALLY_TRY(sum_up_gaps(patched.rows, rows));
  patched.excess.resize(count);
  excess.decode(std::span(patched.excess));
  return patched;
}

}  // namespace

// The window that is the cheapest for a sample of the rows says where the base is, and whether it is worth a closer look.
template <class T>
bool PatchedIntsBuilder::guess_base(std::span<const T> values, const IntStats& stats, uint64_t give_up) {
  size_t count = std::min(values.size(), kSampleRows);
  sample_.resize(count);
  size_t part = values.size() / count;
  for (size_t i = 0; i < count; ++i) {
    // Somewhere in the i-th part: at even distances it might fall in with a rhythm of the rows.
    size_t within = (i * 0x9E3779B1u >> 16) % part;
    sample_[i] = static_cast<int64_t>(values[i * part + within]);
  }
  std::sort(sample_.begin(), sample_.end());
  unsigned full_width = packed_width(distance(stats.max, stats.min));
  uint64_t best_bits = expected_bits(count, 0, full_width, full_width);
  Window best;
  unsigned best_width = full_width;
  auto width = static_cast<int>(std::min(full_width - 1, kWidthMax));
  for (unsigned worse = 0; width >= 0 && worse < kWorseWidthsMax; --width) {
    Window window = fullest_window(sample_, static_cast<unsigned>(width));
    uint64_t span = distance(sample_[window.begin + window.count - 1], sample_[window.begin]);
    width = std::min(width, static_cast<int>(std::bit_width(span)));
    uint64_t bits = expected_bits(count, count - window.count, full_width, static_cast<unsigned>(width));
    ++worse;
    if (bits >= best_bits) continue;
    best_bits = bits;
    best = window;
    best_width = static_cast<unsigned>(width);
    worse = 0;
  }
  if (best.count == 0 || best_bits * values.size() / count / 8 >= give_up) return false;
  // The lowest row from which the window is still covered: rows reach a little further than the sample does.
  int64_t last = sample_[best.begin + best.count - 1];
  uint64_t reach = std::min(packed_largest(best_width), distance(last, stats.min));
  base_ = last;
  for (size_t i = 0, step = guess_step(values.size()); i < values.size(); i += step) {
    auto value = static_cast<int64_t>(values[i]);
    base_ = value < base_ && distance(last, value) <= reach ? value : base_;
  }
  return true;
}

// From that base: how many rows need how many bits.
template <class T>
void PatchedIntsBuilder::choose_width(std::span<const T> values, const IntStats& stats) {
  uint32_t needing[2][65] = {};  // two, for neighbours often need the same
  uint64_t rows = 0;
  for (size_t i = 0, step = guess_step(values.size()); i < values.size(); i += step) {
    ++needing[rows++ % 2][std::bit_width(distance(static_cast<int64_t>(values[i]), base_))];
  }
  // As wide as the farthest above and the farthest below together; below, distances are large modulo 2^64.
  unsigned full_width = packed_width(distance(stats.max, stats.min));
  uint64_t best = UINT64_MAX;
  uint64_t exceptions = 0;
  for (unsigned width = 64; width <= 64; --width) {
    if (width <= std::min(full_width, kWidthMax)) {
      uint64_t bits = expected_bits(rows, exceptions, full_width, width);
      if (best == UINT64_MAX || bits + bits / kFewerShare < best) best = bits, width_ = width;
    }
    exceptions += needing[0][width] + needing[1][width];
  }
  base_ = packed_base<T>(base_, width_);
}

template <class T>
void PatchedIntsBuilder::find_exceptions(std::span<const T> values) {
  rows_.resize(values.size());
  size_t count = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    rows_[count] = static_cast<uint32_t>(i);
    count += distance(static_cast<int64_t>(values[i]), base_) >> width_ != 0;
  }
  rows_.resize(count);
  excess_.resize(count);
  uint32_t next = 0;
  widest_gap_ = 0;
  min_excess_ = INT64_MAX, max_excess_ = INT64_MIN;
  for (size_t i = 0; i < count; ++i) {
    widest_gap_ = std::max(widest_gap_, rows_[i] - next);
    next = rows_[i] + 1;
    excess_[i] = static_cast<int64_t>(distance(static_cast<int64_t>(values[rows_[i]]), base_)) >> width_;
    min_excess_ = std::min(min_excess_, excess_[i]);
    max_excess_ = std::max(max_excess_, excess_[i]);
  }
}

template <class T>
uint64_t PatchedIntsBuilder::measure(std::span<const T> values, const IntStats& stats, uint64_t give_up) {
  if (stats.min == stats.max || !guess_base(values, stats, give_up)) return UINT64_MAX;
  choose_width(values, stats);
  find_exceptions(values);
  if (rows_.empty()) return UINT64_MAX;
  uint64_t bytes = kCountBytes + kPackedHeaderBytes + packed_bytes(values.size(), width_) + 1 +
                   packed_bytes(rows_.size(), packed_width(widest_gap_)) +
                   measure_packed(rows_.size(), min_excess_, max_excess_);
  return bytes >= give_up ? UINT64_MAX : bytes;
}

template <class T>
void PatchedIntsBuilder::encode(std::span<const T> values, Bytes& out) const {
  ByteWriter(out).u32(static_cast<uint32_t>(rows_.size()));
  encode_packed_low(values, base_, width_, out);
  unsigned gap_width = packed_width(widest_gap_);
  ByteWriter(out).u8(static_cast<uint8_t>(gap_width));
  pack_bits(rows_.size(), gap_width, out, [&](size_t i) { return i == 0 ? rows_[0] : rows_[i] - rows_[i - 1] - 1; });
  encode_packed(std::span<const int64_t>(excess_), min_excess_, max_excess_, out);
}

template <class T>
Status decode_patched(ByteSpan bytes, std::span<T> out) {
  TALLY_ASSIGN_OR_RETURN(Patched patched, open_patched<T>(bytes, out.size()));
  patched.ints.decode(out);
  bool in_range = true;
  for (size_t i = 0; i < patched.rows.size(); ++i) {
    T& to = out[patched.rows[i]];
    int64_t value = patched.value_of(i, static_cast<int64_t>(to));
    in_range &= int_fits<T>(value);
    to = static_cast<T>(value);
  }
  if (!in_range) return out_of_range();
  return {};
}

template <class T>
Status decode_patched_rows(ByteSpan bytes, std::span<const uint64_t> selected, std::span<T> out) {
  TALLY_ASSIGN_OR_RETURN(Patched patched, open_patched<T>(bytes, out.size()));
  patched.ints.decode_rows(selected, out);
  bool in_range = true;
  for (size_t i = 0; i < patched.rows.size(); ++i) {
    const size_t row = patched.rows[i];
    if (!is_selected(selected, row)) continue;
    int64_t value = patched.value_of(i, static_cast<int64_t>(out[row]));
    in_range &= int_fits<T>(value);
    out[row] = static_cast<T>(value);
  }
  if (!in_range) return out_of_range();
  return {};
}

template <class T>
Status select_patched(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words) {
  TALLY_ASSIGN_OR_RETURN(Patched patched, open_patched<T>(bytes, rows));
  patched.ints.select(predicate, words);
  const int64_t base = patched.ints.base();
  const auto span = static_cast<int64_t>(packed_largest(patched.ints.width()));
  bool in_range = true;
  for (size_t i = 0; i < patched.rows.size(); ++i) {
    const size_t row = patched.rows[i];
    const uint64_t bit = uint64_t{1} << row % 64;
    words[row / 64] &= ~bit;
    // What is above the low bits mostly says enough.
    const int64_t low = patched.value_of(i, base);
    const bool known = int_fits<T>(low) && low <= std::numeric_limits<int64_t>::max() - span && int_fits<T>(low + span);
    if (known && (low > predicate.last() || low + span < predicate.first())) continue;
    const int64_t value = patched.value_of(i, patched.ints.value_at(row));
    in_range &= int_fits<T>(value);
    words[row / 64] |= predicate.matches(value) ? bit : 0;
  }
  if (!in_range) return out_of_range();
  return {};
}

template uint64_t PatchedIntsBuilder::measure(std::span<const uint8_t>, const IntStats&, uint64_t);
template uint64_t PatchedIntsBuilder::measure(std::span<const uint32_t>, const IntStats&, uint64_t);
template uint64_t PatchedIntsBuilder::measure(std::span<const int64_t>, const IntStats&, uint64_t);
template void PatchedIntsBuilder::encode(std::span<const uint8_t>, Bytes&) const;
template void PatchedIntsBuilder::encode(std::span<const uint32_t>, Bytes&) const;
template void PatchedIntsBuilder::encode(std::span<const int64_t>, Bytes&) const;
template Status decode_patched(ByteSpan, std::span<uint8_t>);
template Status decode_patched(ByteSpan, std::span<uint32_t>);
template Status decode_patched(ByteSpan, std::span<int64_t>);
template Status decode_patched_rows(ByteSpan, std::span<const uint64_t>, std::span<uint8_t>);
template Status decode_patched_rows(ByteSpan, std::span<const uint64_t>, std::span<uint32_t>);
template Status decode_patched_rows(ByteSpan, std::span<const uint64_t>, std::span<int64_t>);
template Status select_patched<uint8_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_patched<uint32_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_patched<int64_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);

}  // namespace tally
