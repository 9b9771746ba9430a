// The inner loops of the id filter, in two copies (docs/CONTRIBUTING.md, Kernels); id_filter.h calls the right one.
// `hashes` are pairs of words, low and high, of which the low one drives the filter; `bits` are 32 bytes a block.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tally {

struct IdFilterKernels {
  void (*add)(uint8_t* bits, uint32_t blocks, const uint64_t* hashes, size_t count);
  // Bit i % 64 of words[i / 64] says whether hash i may have been added; bits beyond the last are zero.
  void (*probe)(const uint8_t* bits, uint32_t blocks, const uint64_t* hashes, size_t count, uint64_t* words);
};

namespace baseline {
extern const IdFilterKernels kIdFilterKernels;
}
namespace avx2 {
extern const IdFilterKernels kIdFilterKernels;
}

}  // namespace tally
