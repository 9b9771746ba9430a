// The meta bytes of a FORGET record: which generation of remembered ids is dropped, and what the horizons take over from it.
//
//   SIZE  FIELD
//   1     version, 1
//   3     zero
//   4     lateness class
//   8     generation
//   4     number of days, each:
//           4  UTC day, ascending
//           8  newest event time among the generation's ids of that day
//
// Example: generation 5 of class 1, whose newest id of day 0 is of 9 us:
//   01 000000 01000000 0500000000000000 01000000 00000000 0900000000000000
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "engine/remembered_ids.h"

namespace tally {

struct ForgetRecord {
  RememberedIds::GenerationId id;
  std::vector<NewestOfDay> newest;
};

void encode_forget(const ForgetRecord& record, Bytes& out);
Result<ForgetRecord> decode_forget(ByteSpan bytes);  // kCorruption, kUnsupported

}  // namespace tally
