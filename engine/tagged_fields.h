// Tagged fields, the way our metadata grows: a later version adds a tag, and an older reader either skips it (bit 15 of
// the tag is set: nothing goes wrong without it) or refuses the whole with kUnsupported.
//
//   OFFSET SIZE TYPE FIELD
//   0      2    u16  tag; bit 15 set: a reader that does not know it may skip it
//   2      2    u16  zero
//   4      4    u32  length
//   8      n         content
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace tally {

inline constexpr uint16_t kFieldMaySkip = 0x8000;
inline constexpr size_t kFieldHeaderBytes = 8;

// put_field(out, kTagLedger, [&](ByteWriter& field) { field.u64(ledger.received); });
template <class Body>
void put_field(ByteWriter& out, uint16_t tag, Body&& body) {
  out.u16(tag);
  out.u16(0);
  size_t at = out.size();
  out.u32(0);
  body(out);
  TALLY_CHECK(out.size() - at - 4 <= UINT32_MAX);
  out.patch(at, static_cast<uint32_t>(out.size() - at - 4));
}

struct Field {
  uint16_t tag = 0;
  ByteSpan bytes;
};

// The next field of `in`; the view is valid as long as the bytes under it.
Result<Field> read_field(ByteReader& in, std::string_view what);
// For a tag that the caller does not know: nothing, or kUnsupported.
Status skip_unknown_field(const Field& field, std::string_view what);
// Fields that a later version may have put behind a record of known length.
Status skip_unknown_fields(ByteReader& in, std::string_view what);

}  // namespace tally
