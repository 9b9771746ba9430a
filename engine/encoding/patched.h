// Integers of one column block as bit-packed distances from a base, with exceptions: what does not fit the width that is best
// for most rows, below the base or above, costs a correction of its own. For columns of small values with a few large ones,
// as prices. After Zukowski, Heman, Nes, Boncz: Super-Scalar RAM-CPU Cache Compression, ICDE 2006 (PFOR), and Lemire, Boytsov:
// Decoding billions of integers per second through vectorization, 2015; that an exception leaves its low bits where the
// others stand is after Yan, Ding, Suel: Inverted index compression and query processing with optimized document ordering,
// WWW 2009. T: see int_stats.h.
//
//   OFFSET SIZE TYPE FIELD
//   0      4    u32  exceptions e, 1 to rows
//   4                each row as packed.h has integers, of a width w up to 56: the low w bits of its distance from the base
//   ...    1    u8   width of a gap, 0 to 32
//   ...              the gap before each exception (rows between it and the exception before, or the first row), at that
//                    width (bit_pack.h)
//   ...              what each exception has above the low w bits, as packed.h has integers of 64 bits: its value is that of
//                    the row above, plus this * 2^w, modulo 2^64
//
// A gap has no sign, so exceptions ascend and stand in different rows. A value outside T is corruption.
//
// Example: 5, 6, 1000, 4, 7, -900 as int64_t is 02000000 0400000000000000 02 0903 02 0a 1effffffffffffff 09 db0100: base 4,
// low bits 1, 2, 0, 0, 3, 0; exceptions behind gaps of 2 and 2; 249 and -226 above the low bits, from -226 on.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "engine/encoding/int_predicate.h"
#include "engine/encoding/int_stats.h"

namespace tally {

// Chooses base and width. Memory is kept from block to block: keep the object.
class PatchedIntsBuilder {
 public:
  // The bytes that encode() would append, or UINT64_MAX if they would be `give_up` or more: judged by a sample first, so
  // that columns without outliers cost little.
  template <class T>
  uint64_t measure(std::span<const T> values, const IntStats& stats, uint64_t give_up);
  // Of the values that the last measure() did not give up on; T as there.
  template <class T>
  void encode(std::span<const T> values, Bytes& out) const;

 private:
  template <class T>
  bool guess_base(std::span<const T> values, const IntStats& stats, uint64_t give_up);
  template <class T>
  void choose_width(std::span<const T> values, const IntStats& stats);
  template <class T>
  void find_exceptions(std::span<const T> values);

  int64_t base_ = 0;
  unsigned width_ = 0;
  std::vector<int64_t> sample_;
  std::vector<uint32_t> rows_;   // of the exceptions, ascending
  std::vector<int64_t> excess_;  // of each: its distance from the base, without the low bits
  int64_t min_excess_ = 0;
  int64_t max_excess_ = 0;
  uint32_t widest_gap_ = 0;
};

// `bytes` must be used up exactly.
template <class T>
Status decode_patched(ByteSpan bytes, std::span<T> out);
// The same for the rows of `selected` alone; what stands in others is left as it was.
template <class T>
Status decode_patched_rows(ByteSpan bytes, std::span<const uint64_t> selected, std::span<T> out);
// Searches the packed bits, then looks at each exception. Replaces selection_words(rows) words.
template <class T>
Status select_patched(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words);

}  // namespace tally
