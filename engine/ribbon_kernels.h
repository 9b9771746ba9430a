// The inner loops of the ribbon filter, in two copies (docs/CONTRIBUTING.md, Kernels); remembered_ribbon.h says what they mean
// and calls the right one.
//
// What both sides derive from a key (lo, hi) and a chunk's seed stands in RibbonHash: the first of 64 rows, which of the 64
// count (the first always does), and a byte that is added to the value.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tally {

struct RibbonHash {
  uint32_t start = 0;
  uint8_t mask = 0;
  uint64_t coefficients = 1;
};

inline RibbonHash ribbon_hash(uint64_t lo, uint64_t hi, uint32_t seed, uint32_t rows) {
  const uint64_t mixed = (hi + seed * uint64_t{0x9E3779B97F4A7C15}) * 0xBF58476D1CE4E5B9;
  const uint64_t place = (lo ^ mixed >> 29) * 0xD6E8FEB86659FD93;
  return {.start = static_cast<uint32_t>((place >> 32) * (rows - 63) >> 32),
          .mask = static_cast<uint8_t>(place >> 24),
          .coefficients = (mixed ^ mixed >> 32) * 0x94D049BB133111EB | 1};
}

// Where the rows of a chunk begin, how many they are (64 to 65,535; 0: it could not be solved), and its seed.
struct RibbonChunk {
  uint64_t offset = 0;
  uint16_t rows = 0;
  uint16_t seed = 0;
};
inline uint32_t ribbon_chunk_of(uint64_t lo, uint32_t chunks) {
  return static_cast<uint32_t>((lo >> 32) * chunks >> 32);
}

inline constexpr uint8_t kRibbonNone = 0xFF;  // certainly in none of the sets
inline constexpr uint8_t kRibbonAny = 0xFE;   // maybe in any

struct RibbonKernels {
  // `keys` are pairs of words, low and high; out[i] is the set that key i may be in, below `sets`, or one of the two above.
  // 64 bytes behind the last row may be read.
  void (*probe)(const uint8_t* rows, const RibbonChunk* chunks, uint32_t chunk_count, uint32_t sets,
                const uint64_t* keys, size_t count, uint8_t* out);
  // Rows from the equations in echelon form: coefficients[i] has its lowest bit for row i, or is 0 where row i is free. The 64
  // bytes behind the last row may be anything.
  void (*solve)(const uint64_t* coefficients, const uint8_t* values, size_t count, uint8_t* rows);
};

namespace baseline {
extern const RibbonKernels kRibbonKernels;
}
namespace avx2 {
extern const RibbonKernels kRibbonKernels;
}

}  // namespace tally
