// Integers of one column block as the first value and the step from each row to the next: for times, LSNs and arrivals that
// are sorted, or nearly. Steps are packed around the smallest of them, so that a steady pace costs nothing and falling
// values no more than rising ones. T: see int_stats.h.
//
//   OFFSET SIZE TYPE FIELD
//   0      8    i64  the first value
//   8                the steps, one fewer than rows, modulo 2^64, as packed.h has integers of 64 bits
//
// Example: 100, 110, 121, 131 is 6400000000000000 0a00000000000000 01 02 (steps of 10 + 0, 1, 0).
#pragma once

#include <span>

#include "base/bytes.h"
#include "engine/encoding/int_predicate.h"
#include "engine/encoding/int_stats.h"

namespace tally {

uint64_t measure_delta(const IntStats& stats);
template <class T>
void encode_delta(std::span<const T> values, const IntStats& stats, Bytes& out);
// `bytes` must be used up exactly, and every sum be a value of T.
template <class T>
Status decode_delta(ByteSpan bytes, std::span<T> out);
// Sums all rows up. Replaces selection_words(rows) words.
template <class T>
Status select_delta(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words);

}  // namespace tally
