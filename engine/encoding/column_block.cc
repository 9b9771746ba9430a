#include "engine/encoding/column_block.h"

#include <algorithm>

#include "engine/encoding/id_list.h"
#include "engine/encoding/integers.h"
#include "engine/encoding/null_bitmap.h"
#include "engine/encoding/string_list.h"

namespace tally {

namespace {

template <class T>
Status decode_integers(BlockForm form, ByteSpan bytes, std::span<T> out) {
  if (form.encoding == Encoding::kConstant) return decode_constant(bytes, out);
  if (form.encoding == Encoding::kNarrow) return decode_narrow(bytes, out);
  return fail(Code::kCorruption, "a column of integers in an encoding for something else");
}

Status refuse_nulls(BlockForm form) {
  if ((form.flags & kBlockNulls) == 0) return {};
  return fail(Code::kCorruption, "a null bitmap on a column that has no NULL");
}

// Cuts the bitmap off `raw`.
Status take_nulls(ByteSpan& raw, std::span<uint8_t> nulls) {
  size_t size = null_bitmap_bytes(nulls.size());
  if (raw.size() < size) return fail(Code::kCorruption, "a null bitmap is cut off");
  TALLY_TRY(decode_null_bitmap(raw.first(size), nulls));
  raw = raw.subspan(size);
  return {};
}

}  // namespace

std::string_view encoding_name(Encoding encoding) {
  switch (encoding) {
    case Encoding::kConstant: return "constant";
    case Encoding::kNarrow: return "narrow";
    case Encoding::kStrings: return "strings";
    case Encoding::kOneString: return "one_string";
    case Encoding::kFixedIds: return "fixed_ids";
    case Encoding::kMixedIds: return "mixed_ids";
    case Encoding::kValues: return "values";
  }
  return "unknown";
}

BlockForm ColumnEncoder::bytes(std::span<const uint8_t> values, Bytes& raw) const {
  raw.clear();
  return {encode_integers(values, raw), 0};
}

BlockForm ColumnEncoder::codes(std::span<const uint32_t> values, Bytes& raw) const {
  raw.clear();
  return {encode_integers(values, raw), 0};
}

BlockForm ColumnEncoder::ints(std::span<const int64_t> values, std::span<const uint8_t> nulls, Bytes& raw) {
  raw.clear();
  if (!any_null(nulls)) return {encode_integers(values, raw), 0};
  encode_null_bitmap(nulls, raw);
  // A NULL takes the value of some row that has one, so that it widens nothing.
  auto some = std::find(nulls.begin(), nulls.end(), 0);
  int64_t filler = some == nulls.end() ? 0 : values[static_cast<size_t>(some - nulls.begin())];
  filled_.resize(values.size());
  for (size_t row = 0; row < values.size(); ++row) filled_[row] = nulls[row] != 0 ? filler : values[row];
  return {encode_integers(std::span<const int64_t>(filled_), raw), kBlockNulls};
}

BlockForm ColumnEncoder::strings(std::span<const StringRef> values, Bytes& raw) {
  raw.clear();
  nulls_.resize(values.size());
  bool nulls = false;
  for (size_t row = 0; row < values.size(); ++row) {
    nulls_[row] = values[row].is_null() ? 1 : 0;
    nulls |= nulls_[row] != 0;
  }
  if (nulls) encode_null_bitmap(nulls_, raw);
  return {encode_strings(values, raw), nulls ? kBlockNulls : uint8_t{0}};
}

BlockForm ColumnEncoder::ids(std::span<const IdSlot> ids, std::span<const IdKind> kinds, Bytes& raw) const {
  raw.clear();
  return {encode_ids(ids, kinds, raw), 0};
}

Status decode_bytes_block(BlockForm form, ByteSpan raw, std::span<uint8_t> out) {
  TALLY_TRY(refuse_nulls(form));
  return decode_integers(form, raw, out);
}

Status decode_codes_block(BlockForm form, ByteSpan raw, std::span<uint32_t> out) {
  TALLY_TRY(refuse_nulls(form));
  return decode_integers(form, raw, out);
}

Result<bool> decode_ints_block(BlockForm form, ByteSpan raw, std::span<int64_t> out, std::span<uint8_t> nulls) {
  bool has_nulls = (form.flags & kBlockNulls) != 0;
  if (has_nulls) TALLY_TRY(take_nulls(raw, nulls));
  TALLY_TRY(decode_integers(form, raw, out));
  if (has_nulls) {
    for (size_t row = 0; row < out.size(); ++row) out[row] = nulls[row] != 0 ? 0 : out[row];
  }
  return has_nulls;
}

Status decode_strings_block(BlockForm form, ByteSpan raw, std::span<StringRef> out, std::span<uint8_t> nulls) {
  bool has_nulls = (form.flags & kBlockNulls) != 0;
  if (has_nulls) TALLY_TRY(take_nulls(raw, nulls));
  if (form.encoding == Encoding::kStrings) {
    TALLY_TRY(decode_strings(raw, out));
  } else if (form.encoding == Encoding::kOneString) {
    TALLY_TRY(decode_one_string(raw, out));
  } else {
    return fail(Code::kCorruption, "a column of strings in an encoding for something else");
  }
  for (size_t row = 0; has_nulls && row < out.size(); ++row) {
    if (nulls[row] == 0) continue;
    if (out[row].size() != 0) return fail(Code::kCorruption, "a NULL string has a length");
    out[row] = StringRef::null();
  }
  return {};
}

Status decode_ids_block(BlockForm form, ByteSpan raw, std::span<IdSlot> ids, std::span<IdKind> kinds) {
  TALLY_TRY(refuse_nulls(form));
  if (form.encoding == Encoding::kFixedIds) return decode_fixed_ids(raw, ids, kinds);
  if (form.encoding == Encoding::kMixedIds) return decode_mixed_ids(raw, ids, kinds);
  return fail(Code::kCorruption, "a column of ids in an encoding for something else");
}

}  // namespace tally
