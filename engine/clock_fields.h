// The field of a manifest that holds what the wall clock was believed by (engine/arrival_clock.h). docs/formats/manifest.md
// lists it; retired tags are never used again.
//
//   OFFSET SIZE TYPE FIELD
//   0      8    i64  CLOCK_BOOTTIME, microseconds
//   8      8    i64  wall clock, microseconds since 1970-01-01T00:00:00Z
//   16     1    u8   1: confirmed by somebody
//   17     4+n       boot id: u32 length, bytes; then tagged fields that a later version adds
//
// Example: 1,000 us after boot "b1" the clock showed 2,000 us, and somebody confirmed it:
//   e803000000000000 d007000000000000 01 02000000 6231
#pragma once

#include <optional>

#include "base/bytes.h"
#include "engine/arrival_clock.h"

namespace tally::manifest_format {

inline constexpr uint16_t kClockAnchor = 31;
inline constexpr size_t kBootIdBytesMax = 256;

void put_clock_anchor(ByteWriter& out, const std::optional<ClockAnchor>& anchor);  // the whole field; none: nothing
Result<ClockAnchor> read_clock_anchor(ByteReader& in);                             // its content

}  // namespace tally::manifest_format
