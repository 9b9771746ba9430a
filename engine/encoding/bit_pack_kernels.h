// The inner loops over bit-packed integers, in two copies (docs/CONTRIBUTING.md, Kernels); bit_pack.h calls the right one.
// Value i stands in bits [i * width, (i + 1) * width) of a stream of bits, the lowest bit of a byte first.
//
// Each reads at most kBitOverread bytes beyond the last byte of the last value: the caller sees to it that they are there.
// Widths are 1 to 57, and 64 where 64-bit values come out; anything else the caller deals with.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tally {

inline constexpr size_t kBitOverread = 16;

struct BitKernels {
  // out[i] = base + value i, modulo 2^32 (width at most 32) or 2^64.
  void (*unpack32)(const uint8_t* bits, size_t count, unsigned width, uint32_t base, uint32_t* out);
  void (*unpack64)(const uint8_t* bits, size_t count, unsigned width, uint64_t base, uint64_t* out);
  // Bit i % 64 of words[i / 64] says whether first <= value i <= last; bits beyond the last value are zero.
  void (*select_range)(const uint8_t* bits, size_t count, unsigned width, uint64_t first, uint64_t last,
                       uint64_t* words);
  // The same of: value i is below `set_bits` and bit i of `set` is on. Width at most 32, set_bits at least 1.
  void (*select_in)(const uint8_t* bits, size_t count, unsigned width, const uint32_t* set, uint32_t set_bits,
                    uint64_t* words);
};

namespace baseline {
extern const BitKernels kBitKernels;
}
namespace avx2 {
extern const BitKernels kBitKernels;
}

}  // namespace tally
