#include "engine/forget_record.h"

namespace tally {

namespace {
constexpr uint8_t kVersion = 1;
constexpr std::string_view kWhat = "a FORGET record";
}  // namespace

void encode_forget(const ForgetRecord& record, Bytes& out) {
  ByteWriter writer(out);
  writer.u8(kVersion);
  for (int i = 0; i < 3; ++i) writer.u8(0);
  writer.u32(record.id.lateness_class);
  writer.i64(record.id.generation);
  writer.u32(static_cast<uint32_t>(record.newest.size()));
  for (const NewestOfDay& of : record.newest) {
    writer.u32(static_cast<uint32_t>(of.day));
    writer.i64(of.event_us);
  }
}

Result<ForgetRecord> decode_forget(ByteSpan bytes) {
  ByteReader in(bytes);
  ForgetRecord record;
  TALLY_ASSIGN_OR_RETURN(uint8_t version, in.u8(kWhat));
  if (version != kVersion) return fail(Code::kUnsupported, "a FORGET record of version " + std::to_string(version));
  TALLY_TRY(in.expect_zero(3, kWhat));
  TALLY_ASSIGN_OR_RETURN(record.id.lateness_class, in.u32(kWhat));
  TALLY_ASSIGN_OR_RETURN(record.id.generation, in.i64(kWhat));
  TALLY_ASSIGN_OR_RETURN(uint32_t days, in.u32(kWhat));
  for (uint32_t i = 0; i < days; ++i) {
    TALLY_ASSIGN_OR_RETURN(uint32_t day, in.u32(kWhat));
    TALLY_ASSIGN_OR_RETURN(TimeUs event_us, in.i64(kWhat));
    const NewestOfDay of{static_cast<int32_t>(day), event_us};
    const bool ascending = record.newest.empty() || record.newest.back().day < of.day;
    if (!ascending || utc_day(event_us) != of.day)
      return fail(Code::kCorruption, "a FORGET record with days out of order");
    record.newest.push_back(of);
  }
  TALLY_TRY(in.expect_end(kWhat));
  return record;
}

}  // namespace tally
