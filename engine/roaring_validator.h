// Says whether bytes are a Roaring bitmap in its portable format (Lemire, Kaser and others, RoaringFormatSpec), strictly:
// CRoaring 0.2 reads what it is given without looking, so nothing reaches it that has not passed here.
//
//   cookie   u32 12346, then u32 containers; or, where a container holds runs, u16 12347, u16 containers - 1, and one bit
//            for each container, padded to bytes: it holds runs
//   header   of each container: u16 key (the upper 16 bits of its values), u16 cardinality - 1
//   offsets  of each container: u32 where it begins; left out behind cookie 12347 if there are fewer than 4 containers
//   content  of each container: runs: u16 runs, then of each u16 first value, u16 length - 1
//                               up to 4096 values: u16 of each, ascending
//                               more: a bitmap of 8192 bytes
//
// Accepted is exactly what CRoaring itself may write: keys ascending, cardinalities true, values ascending, runs neither
// overlapping nor touching and none beyond 65535, padding zero, offsets true, cookie 12347 only where there are runs, not
// a byte more. So whatever passes comes out of CRoaring as the same bytes.
//
// Example: the values 1 and 3 are 3a300000 01000000 0000 0100 10000000 0100 0300.
#pragma once

#include "base/bytes.h"

namespace tally {

// kCorruption with the place, or success: then every value is below `values_end`.
Status validate_roaring(ByteSpan bytes, uint64_t values_end);

}  // namespace tally
