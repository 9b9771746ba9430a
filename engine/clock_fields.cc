#include "engine/clock_fields.h"

#include "engine/tagged_fields.h"

namespace tally::manifest_format {

void put_clock_anchor(ByteWriter& out, const std::optional<ClockAnchor>& anchor) {
  if (!anchor) return;
  put_field(out, kClockAnchor, [&](ByteWriter& field) {
    field.i64(anchor->boottime_us);
    field.i64(anchor->wall_us);
    field.u8(anchor->confirmed ? 1 : 0);
    field.string(std::string_view(anchor->boot_id).substr(0, kBootIdBytesMax));
  });
}

Result<ClockAnchor> read_clock_anchor(ByteReader& in) {
  constexpr std::string_view kWhat = "the clock's anchor";
  ClockAnchor anchor;
  TALLY_ASSIGN_OR_RETURN(anchor.boottime_us, in.i64(kWhat));
  TALLY_ASSIGN_OR_RETURN(anchor.wall_us, in.i64(kWhat));
  TALLY_ASSIGN_OR_RETURN(uint8_t confirmed, in.u8(kWhat));
  if (confirmed > 1) return fail(Code::kCorruption, "a clock's anchor that is neither confirmed nor not");
  anchor.confirmed = confirmed == 1;
  TALLY_ASSIGN_OR_RETURN(std::string_view boot_id, in.string(kBootIdBytesMax, kWhat));
  anchor.boot_id = boot_id;
  TALLY_TRY(skip_unknown_fields(in, kWhat));
  return anchor;
}

}  // namespace tally::manifest_format
