// Event ids of one column block, as fixed_ids, mixed_ids or uuid4_ids. Ids are random: nothing is gained by compressing the
// 16 bytes, except that six bits of a random UUID say no more than that it is one (version 4, variant 10; RFC 9562, 5.4).
//
// fixed_ids                                    mixed_ids
//   OFFSET SIZE TYPE FIELD                       OFFSET SIZE TYPE FIELD
//   0      1    u8   kind of all: 0 UUID,        0      n    u8   kind of each row: 0 UUID, 1 text, 2 derived
//                    2 derived                   n      2*n  u16  length of each row: 16, or of a text 1 and more
//   1      16*n      the ids                     3*n              the bytes, row after row
//
// uuid4_ids: UUIDs all, of version 4
//   OFFSET SIZE TYPE FIELD
//   0      14*n      bytes 0 to 5, 7 and 9 to 15 of each id
//   14*n             of each row 10 bits (bit_pack.h): the low four of byte 6, then the low six of byte 8
//
// Example: the texts "a" and "bc" are 01 01 0100 0200 61 62 63; the UUID 00010203-0405-4a07-8809-0a0b0c0d0e0f is
// 00010203040507090a0b0c0d0e0f 8a00.
#pragma once

#include <span>

#include "base/bytes.h"
#include "engine/encoding/encoding.h"
#include "engine/encoding/id_predicate.h"
#include "engine/event_id.h"

namespace tally {

// The shortest that can hold them. At least one.
Encoding encode_ids(std::span<const IdSlot> ids, std::span<const IdKind> kinds, Bytes& out);
// Long texts point into `bytes`.
Status decode_fixed_ids(ByteSpan bytes, std::span<IdSlot> ids, std::span<IdKind> kinds);
Status decode_uuid4_ids(ByteSpan bytes, std::span<IdSlot> ids, std::span<IdKind> kinds);
Status decode_mixed_ids(ByteSpan bytes, std::span<IdSlot> ids, std::span<IdKind> kinds);

// Whether one of `rows` rows may be among the ids that the predicate asks for, told from the first bytes of each row without
// decoding it; true where that cannot be told. Mostly false where it is not there.
Result<bool> ids_may_match(Encoding encoding, ByteSpan bytes, size_t rows, const IdPredicate& predicate);

}  // namespace tally
