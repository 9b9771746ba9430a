// Event ids of one column block, as fixed_ids or mixed_ids. Ids are random: nothing is gained by compressing the 16 bytes.
//
// fixed_ids                                    mixed_ids
//   OFFSET SIZE TYPE FIELD                       OFFSET SIZE TYPE FIELD
//   0      1    u8   kind of all: 0 UUID,        0      n    u8   kind of each row: 0 UUID, 1 text, 2 derived
//                    2 derived                   n      2*n  u16  length of each row: 16, or of a text 1 and more
//   1      16*n      the ids                     3*n              the bytes, row after row
//
// Example: the texts "a" and "bc" are 01 01 0100 0200 61 62 63.
#pragma once

#include <span>

#include "base/bytes.h"
#include "engine/encoding/encoding.h"
#include "engine/event_id.h"

namespace tally {

Encoding encode_ids(std::span<const IdSlot> ids, std::span<const IdKind> kinds, Bytes& out);
// Long texts point into `bytes`.
Status decode_fixed_ids(ByteSpan bytes, std::span<IdSlot> ids, std::span<IdKind> kinds);
Status decode_mixed_ids(ByteSpan bytes, std::span<IdSlot> ids, std::span<IdKind> kinds);

}  // namespace tally
