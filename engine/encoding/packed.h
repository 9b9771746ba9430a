// Integers of one column block as a base and bit-packed distances from it (frame of reference; Zukowski, Heman, Nes, Boncz:
// Super-Scalar RAM-CPU Cache Compression, ICDE 2006). T: see int_stats.h.
//
//   OFFSET SIZE TYPE FIELD
//   0      8    i64  base
//   8      1    u8   width w of a distance, 0 to 57, or 64
//   9                value - base of each row at w bits (bit_pack.h)
//
// base is such that base + 2^w - 1 is a value of T still: whatever the bits are, no value is out of range. It is the
// smallest value, or lower where that would not hold.
//
// Example: 1000, 1003, 1001 as int64_t is e803000000000000 02 1c.
#pragma once

#include <span>

#include "base/bytes.h"
#include "engine/encoding/bit_pack.h"
#include "engine/encoding/int_predicate.h"
#include "engine/encoding/int_stats.h"
#include "engine/encoding/selection.h"

namespace tally {

inline constexpr size_t kPackedHeaderBytes = 9;

// The bytes that encode_packed() appends for `count` values between min and max.
uint64_t measure_packed(size_t count, int64_t min, int64_t max);
template <class T>
void encode_packed(std::span<const T> values, int64_t min, int64_t max, Bytes& out);
// The same with a base and width of the caller's, for other encodings: of each value the low bits of its distance from a base
// that packed_base() allows.
template <class T>
void encode_packed_low(std::span<const T> values, int64_t base, unsigned width, Bytes& out);
// `lowest`, or the highest base below it for which every pattern of `width` bits is a value of T.
template <class T>
int64_t packed_base(int64_t lowest, unsigned width);
// `bytes` must be used up exactly.
template <class T>
Status decode_packed(ByteSpan bytes, std::span<T> out);
// The same for the rows of `selected` alone; what stands in others is left as it was.
template <class T>
Status decode_packed_rows(ByteSpan bytes, std::span<const uint64_t> selected, std::span<T> out);
// Replaces selection_words(rows) words. What decode_packed() would refuse is refused here too.
template <class T>
Status select_packed(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words);

// The same as a part of other encodings: checked once, then decoded or searched; a view of the bytes.
class PackedInts {
 public:
  // Cuts `count` values off the front of `bytes`.
  template <class T>
  static Result<PackedInts> take(ByteSpan& bytes, size_t count);

  size_t count() const { return bits_.count(); }
  int64_t base() const { return base_; }
  unsigned width() const { return bits_.width(); }
  int64_t value_at(size_t i) const {  // for a few of them
    return static_cast<int64_t>(static_cast<uint64_t>(base_) + bits_.at(i));
  }
  template <class T>
  void decode(std::span<T> out) const;  // of the T that take() was asked for
  // The rows of `selected` alone, one by one; what stands in others is left as it was.
  template <class T>
  void decode_rows(std::span<const uint64_t> selected, std::span<T> out) const {
    for_each_selected(selected, [&](size_t row) { out[row] = static_cast<T>(value_at(row)); });
  }
  void select(const IntPredicate& predicate, std::span<uint64_t> words) const;

 private:
  void select_any(std::span<const int64_t> values, std::span<uint64_t> words) const;
  void select_bitmap(std::span<const int64_t> values, std::span<uint64_t> words) const;
  void select_decoded(std::span<const int64_t> values, std::span<uint64_t> words) const;

  int64_t base_ = 0;
  PackedBits bits_;
};

}  // namespace tally
