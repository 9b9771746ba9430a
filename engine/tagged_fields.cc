#include "engine/tagged_fields.h"

namespace tally {

Result<Field> read_field(ByteReader& in, std::string_view what) {
  Field field;
  TALLY_ASSIGN_OR_RETURN(field.tag, in.u16(what));
  TALLY_TRY(in.expect_zero(2, what));
  TALLY_ASSIGN_OR_RETURN(uint32_t length, in.u32(what));
  TALLY_ASSIGN_OR_RETURN(field.bytes, in.bytes(length, what));
  return field;
}

Status skip_unknown_field(const Field& field, std::string_view what) {
  if ((field.tag & kFieldMaySkip) != 0) return {};
  return fail(Code::kUnsupported, std::string(what) + " has a field of kind " + std::to_string(field.tag) +
                                      ", which a newer Tally has written and this one does not know");
}

Status skip_unknown_fields(ByteReader& in, std::string_view what) {
  while (!in.at_end()) {
    TALLY_ASSIGN_OR_RETURN(Field field, read_field(in, what));
    TALLY_TRY(skip_unknown_field(field, what));
  }
  return {};
}

}  // namespace tally
