// Loops over columns in memory, in two copies (docs/CONTRIBUTING.md, Kernels); column_loops.h has the right one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tally {

struct ColumnKernels {
  uint32_t (*max_code)(const uint32_t* codes, size_t count);  // 0 of none
  uint8_t (*max_byte)(const uint8_t* bytes, size_t count);    // 0 of none
  // The sums of the upper halves (signed) and of the lower halves: the sum is high * 2^32 + low. At most 2^31 values.
  void (*sum_halves)(const int64_t* values, size_t count, int64_t* high, uint64_t* low);
  // words[i] |= codes[i] << shift
  void (*pack_codes)(uint64_t* words, const uint32_t* codes, size_t count, unsigned shift);
  // How many words differ from the one before them.
  size_t (*count_changes)(const uint64_t* words, size_t count);
  // The numbers of those words, ascending; as many as count_changes() says, for which `places` must have room.
  void (*find_changes)(const uint64_t* words, size_t count, uint32_t* places);
  // places[i] = (times[i] - from) / width, rounded down; `width` is at least 1. False, with anything in places, where a time lies
  // before `from`, or 2^51 us or 2^30 widths behind it, or further.
  bool (*bucket_places)(const int64_t* times, size_t count, int64_t from, int64_t width, uint32_t* places);
};

namespace baseline {
extern const ColumnKernels kColumnKernels;
}
namespace avx2 {
extern const ColumnKernels kColumnKernels;
}

}  // namespace tally
