// The inner loops over registers, in two copies (docs/CONTRIBUTING.md, Kernels); hyperloglog.cc calls the right one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tally {

// `count` is a multiple of 64, as every number of registers is.
struct HyperLogLogKernels {
  // registers[i] = max(registers[i], others[i]), a byte each.
  void (*raise)(uint8_t* registers, const uint8_t* others, size_t count);
  // The same of ranks of 6 bits each, packed as bit_pack.h does: 3 bytes hold four of them.
  void (*raise_packed)(uint8_t* registers, const uint8_t* packed, size_t count);
};

namespace baseline {
extern const HyperLogLogKernels kHyperLogLogKernels;
}
namespace avx2 {
extern const HyperLogLogKernels kHyperLogLogKernels;
}

}  // namespace tally
