// Integers of one column block as runs of equal neighbours. T: see int_stats.h.
//
//   OFFSET SIZE TYPE FIELD
//   0      4    u32  runs, 1 to rows
//   4                the value of each run, as packed.h has integers
//   ...    1    u8   width w of a length, 0 to 32
//   ...              length - 1 of each run at w bits (bit_pack.h)
//
// Example: 7, 7, 7, 9 is 02000000 0700000000000000 02 08 02 02 (values 0, 2 and lengths 2, 0 at 2 bits).
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "engine/encoding/int_predicate.h"
#include "engine/encoding/int_stats.h"

namespace tally {

uint64_t measure_runs(const IntStats& stats);
template <class T>
void encode_runs(std::span<const T> values, const IntStats& stats, Bytes& out);
// `bytes` must be used up exactly, and the lengths add up to the rows.
template <class T>
Status decode_runs(ByteSpan bytes, std::span<T> out);
// The same without the rows: values[i] stands in the rows up to ends[i]. False, and nothing is read further, where there are more
// than `runs_max`.
template <class T>
Result<bool> read_runs(ByteSpan bytes, size_t rows, size_t runs_max, std::vector<T>& values,
                       std::vector<uint32_t>& ends);
// Looks at each run once, at no row. Replaces selection_words(rows) words.
template <class T>
Status select_runs(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words);

}  // namespace tally
