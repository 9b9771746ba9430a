// Loops over columns in memory, with the instructions that this machine has.
#pragma once

#include "base/cpu.h"
#include "engine/column_kernels.h"

namespace tally {

inline const ColumnKernels& column_kernels() {
  return cpu_has_avx2() ? avx2::kColumnKernels : baseline::kColumnKernels;
}

}  // namespace tally
