// Which copy of a kernel to call (docs/CONTRIBUTING.md, Kernels).
#pragma once

namespace tally {

// AVX2 and what came with it (BMI, BMI2, LZCNT, POPCNT, FMA), and an operating system that saves the registers. Asked once; TALLY_ISA=baseline in the environment
// makes it false, so that a test can run the other half.
bool cpu_has_avx2();

}  // namespace tally
