#include "engine/encoding/column_block.h"

#include <algorithm>

#include "engine/encoding/id_list.h"
#include "engine/encoding/integers.h"
#include "engine/encoding/null_bitmap.h"
#include "engine/encoding/packed.h"
#include "engine/encoding/run_length.h"
#include "engine/encoding/selection.h"
#include "engine/encoding/string_list.h"

namespace tally {

namespace {

constexpr uint64_t kByParentShare = 16;

Status refuse_nulls(BlockForm form) {
  if ((form.flags & kBlockNulls) == 0) return {};
  return fail(Code::kCorruption, "a null bitmap on a column that has no NULL");
}

Status refuse_by_parent(BlockForm form) {
  if (form.encoding != Encoding::kByParent) return {};
  return fail(Code::kCorruption, "codes by their parent, and the parent's codes are not at hand");
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
    case Encoding::kPacked: return "packed";
    case Encoding::kRuns: return "runs";
    case Encoding::kDelta: return "delta";
    case Encoding::kIntDictionary: return "int_dictionary";
    case Encoding::kStringDictionary: return "string_dictionary";
    case Encoding::kNumberedStrings: return "numbered_strings";
    case Encoding::kPatched: return "patched";
    case Encoding::kUuid4Ids: return "uuid4_ids";
    case Encoding::kValueList: return "value_list";
    case Encoding::kByParent: return "by_parent";
    case Encoding::kBlockIndex: return "block_index";
    case Encoding::kIdFilter: return "id_filter";
    case Encoding::kRecordTimes: return "record_times";
  }
  return "unknown";
}

BlockForm ColumnEncoder::bytes(std::span<const uint8_t> values, Bytes& raw) {
  raw.clear();
  return {ints_.encode(values, raw), 0};
}

BlockForm ColumnEncoder::codes(std::span<const uint32_t> values, Bytes& raw) {
  raw.clear();
  return {ints_.encode(values, raw), 0};
}

BlockForm ColumnEncoder::codes_with_parent(std::span<const uint32_t> values, uint32_t parent_column,
                                           std::span<const uint32_t> parents, Bytes& raw) {
  // Measured before the others, which then have less to try for.
  auto [min, max] = std::minmax_element(values.begin(), values.end());
  uint64_t bytes = by_parent_.measure(parents, values, measure_packed(values.size(), *min, *max));
  if (bytes == UINT64_MAX) return codes(values, raw);
  // Who reads it reads the parent first: a hair's breadth is not worth it.
  raw.clear();
  std::optional<Encoding> alone = ints_.encode_below(values, bytes + bytes / kByParentShare, raw);
  if (alone) return {*alone, 0};
  by_parent_.encode(parent_column, raw);
  return {Encoding::kByParent, 0};
}

BlockForm ColumnEncoder::ints(std::span<const int64_t> values, std::span<const uint8_t> nulls, Bytes& raw) {
  raw.clear();
  if (!any_null(nulls)) return {ints_.encode(values, raw), 0};
  encode_null_bitmap(nulls, raw);
  // A NULL takes the value of some row that has one, so that it widens nothing.
  auto some = std::find(nulls.begin(), nulls.end(), 0);
  int64_t filler = some == nulls.end() ? 0 : values[static_cast<size_t>(some - nulls.begin())];
  filled_.resize(values.size());
  for (size_t row = 0; row < values.size(); ++row) filled_[row] = nulls[row] != 0 ? filler : values[row];
  return {ints_.encode(std::span<const int64_t>(filled_), raw), kBlockNulls};
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
  uint8_t flags = nulls ? kBlockNulls : uint8_t{0};
  size_t at = raw.size();
  Encoding encoding = encode_strings(values, raw);
  if (encoding == Encoding::kOneString) return {encoding, flags};
  uint64_t plain_bytes = raw.size() - at;
  uint64_t numbered_bytes = numbered_strings_.measure(values);
  uint64_t smaller_bytes = std::min(plain_bytes, numbered_bytes);
  if (string_dictionary_.measure(values, smaller_bytes) != UINT64_MAX) {
    raw.resize(at);
    string_dictionary_.encode(raw);
    return {Encoding::kStringDictionary, flags};
  }
  if (numbered_bytes >= plain_bytes) return {encoding, flags};
  raw.resize(at);
  numbered_strings_.encode(raw);
  return {Encoding::kNumberedStrings, flags};
}

BlockForm ColumnEncoder::ids(std::span<const IdSlot> ids, std::span<const IdKind> kinds, Bytes& raw) const {
  raw.clear();
  return {encode_ids(ids, kinds, raw), 0};
}

Status decode_bytes_block(BlockForm form, ByteSpan raw, std::span<uint8_t> out) {
  TALLY_TRY(refuse_nulls(form));
  return decode_int_block(form.encoding, raw, out);
}

Status decode_codes_block(BlockForm form, ByteSpan raw, std::span<uint32_t> out) {
  TALLY_TRY(refuse_nulls(form));
  TALLY_TRY(refuse_by_parent(form));
  return decode_int_block(form.encoding, raw, out);
}

Status decode_codes_block_with_parent(BlockForm form, ByteSpan raw, std::span<const uint32_t> parents,
                                      std::span<uint32_t> out) {
  if (form.encoding != Encoding::kByParent) return decode_codes_block(form, raw, out);
  TALLY_TRY(refuse_nulls(form));
  return decode_by_parent(raw, parents, out);
}

Result<bool> decode_codes_block_runs(BlockForm form, ByteSpan raw, size_t rows, size_t runs_max,
                                     std::vector<uint32_t>& codes, std::vector<uint32_t>& ends) {
  TALLY_TRY(refuse_nulls(form));
  if (form.encoding == Encoding::kRuns) return read_runs(raw, rows, runs_max, codes, ends);
  if (form.encoding != Encoding::kConstant || runs_max == 0) return false;
  codes.resize(1);
  ends.assign(1, static_cast<uint32_t>(rows));
  TALLY_TRY(decode_constant(raw, std::span(codes)));
  return true;
}

Result<bool> decode_ints_block(BlockForm form, ByteSpan raw, std::span<int64_t> out, std::span<uint8_t> nulls) {
  bool has_nulls = (form.flags & kBlockNulls) != 0;
  if (has_nulls) TALLY_TRY(take_nulls(raw, nulls));
  TALLY_TRY(decode_int_block(form.encoding, raw, out));
  if (has_nulls) {
    for (size_t row = 0; row < out.size(); ++row) out[row] = nulls[row] != 0 ? 0 : out[row];
  }
  return has_nulls;
}

Status decode_codes_block_rows(BlockForm form, ByteSpan raw, std::span<const uint64_t> selected,
                               std::span<uint32_t> out) {
  TALLY_TRY(refuse_nulls(form));
  return decode_int_block_rows(form.encoding, raw, selected, out);
}

Result<bool> decode_ints_block_rows(BlockForm form, ByteSpan raw, std::span<const uint64_t> selected,
                                    std::span<int64_t> out, std::span<uint8_t> nulls) {
  bool has_nulls = (form.flags & kBlockNulls) != 0;
  if (has_nulls) TALLY_TRY(take_nulls(raw, nulls));
  TALLY_TRY(decode_int_block_rows(form.encoding, raw, selected, out));
  if (has_nulls) for_each_selected(selected, [&](size_t row) { out[row] = nulls[row] != 0 ? 0 : out[row]; });
  return has_nulls;
}

Status decode_strings_block(BlockForm form, ByteSpan raw, std::span<StringRef> out, std::span<uint8_t> nulls) {
  bool has_nulls = (form.flags & kBlockNulls) != 0;
  if (has_nulls) TALLY_TRY(take_nulls(raw, nulls));
  if (form.encoding == Encoding::kStrings) {
    TALLY_TRY(decode_strings(raw, out));
  } else if (form.encoding == Encoding::kOneString) {
    TALLY_TRY(decode_one_string(raw, out));
  } else if (form.encoding == Encoding::kStringDictionary) {
    TALLY_TRY(decode_string_dictionary(raw, out));
  } else if (form.encoding == Encoding::kNumberedStrings) {
    TALLY_TRY(decode_numbered_strings(raw, out));
  } else {
    return fail(Code::kCorruption, "a column of strings in an encoding for something else");
  }
  for (size_t row = 0; has_nulls && row < out.size(); ++row) {
    if (nulls[row] == 0) continue;
    // In the others it stands as any string.
    bool must_be_empty = form.encoding == Encoding::kStrings || form.encoding == Encoding::kOneString;
    if (must_be_empty && out[row].size() != 0) return fail(Code::kCorruption, "a NULL string has a length");
    out[row] = StringRef::null();
  }
  return {};
}

Status decode_strings_block_rows(BlockForm form, ByteSpan raw, std::span<const uint64_t> selected,
                                 std::span<StringRef> out, std::span<uint8_t> nulls) {
  if (form.encoding != Encoding::kStrings) return decode_strings_block(form, raw, out, nulls);
  const bool has_nulls = (form.flags & kBlockNulls) != 0;
  if (has_nulls) TALLY_TRY(take_nulls(raw, nulls));
  TALLY_TRY(decode_strings_rows(raw, selected, out));
  if (!has_nulls) return {};
  bool sound = true;
  for_each_selected(selected, [&](size_t row) {
    if (nulls[row] == 0) return;
    sound = sound && out[row].size() == 0;
    out[row] = StringRef::null();
  });
  if (!sound) return fail(Code::kCorruption, "a NULL string has a length");
  return {};
}

Status decode_ids_block(BlockForm form, ByteSpan raw, std::span<IdSlot> ids, std::span<IdKind> kinds) {
  TALLY_TRY(refuse_nulls(form));
  if (form.encoding == Encoding::kFixedIds) return decode_fixed_ids(raw, ids, kinds);
  if (form.encoding == Encoding::kMixedIds) return decode_mixed_ids(raw, ids, kinds);
  if (form.encoding == Encoding::kUuid4Ids) return decode_uuid4_ids(raw, ids, kinds);
  return fail(Code::kCorruption, "a column of ids in an encoding for something else");
}

namespace {

// The bitmap of a block that has one, as bytes of 0 and 1, cut off `raw`.
Result<std::vector<uint8_t>> take_nulls_of(BlockForm form, ByteSpan& raw, size_t rows) {
  std::vector<uint8_t> nulls;
  if ((form.flags & kBlockNulls) == 0) return nulls;
  nulls.resize(rows);
  TALLY_TRY(take_nulls(raw, nulls));
  return nulls;
}

void drop_nulls(std::span<const uint8_t> nulls, std::span<uint64_t> words) {
  for (size_t row = 0; row < nulls.size(); ++row) words[row / 64] &= ~(uint64_t{nulls[row]} << row % 64);
}

}  // namespace

Status select_bytes_block(BlockForm form, ByteSpan raw, size_t rows, const IntPredicate& predicate,
                          std::span<uint64_t> words) {
  TALLY_TRY(refuse_nulls(form));
  return select_int_block<uint8_t>(form.encoding, raw, rows, predicate, words);
}

Status select_codes_block(BlockForm form, ByteSpan raw, size_t rows, const IntPredicate& predicate,
                          std::span<uint64_t> words) {
  TALLY_TRY(refuse_nulls(form));
  TALLY_TRY(refuse_by_parent(form));
  return select_int_block<uint32_t>(form.encoding, raw, rows, predicate, words);
}

Status select_codes_block_with_parent(BlockForm form, ByteSpan raw, std::span<const uint32_t> parents,
                                      const IntPredicate& predicate, std::span<uint64_t> words) {
  if (form.encoding != Encoding::kByParent) return select_codes_block(form, raw, parents.size(), predicate, words);
  TALLY_TRY(refuse_nulls(form));
  return select_by_parent(raw, parents, predicate, words);
}

Status select_ints_block(BlockForm form, ByteSpan raw, size_t rows, const IntPredicate& predicate,
                         std::span<uint64_t> words) {
  TALLY_ASSIGN_OR_RETURN(std::vector<uint8_t> nulls, take_nulls_of(form, raw, rows));
  TALLY_TRY(select_int_block<int64_t>(form.encoding, raw, rows, predicate, words));
  drop_nulls(nulls, words);
  return {};
}

Status select_strings_block(BlockForm form, ByteSpan raw, size_t rows, const StringPredicate& predicate,
                            std::span<uint64_t> words) {
  bool dictionary = form.encoding == Encoding::kStringDictionary;
  if (dictionary || form.encoding == Encoding::kNumberedStrings) {
    TALLY_ASSIGN_OR_RETURN(std::vector<uint8_t> nulls, take_nulls_of(form, raw, rows));
    TALLY_TRY(dictionary ? select_string_dictionary(raw, rows, predicate, words)
                         : select_numbered_strings(raw, rows, predicate, words));
    drop_nulls(nulls, words);
    return {};
  }
  std::vector<StringRef> values(rows);
  std::vector<uint8_t> nulls(rows);
  TALLY_TRY(decode_strings_block(form, raw, values, nulls));
  select_none(words);
  for (size_t row = 0; row < rows; ++row) {
    words[row / 64] |= static_cast<uint64_t>(predicate.matches(values[row])) << row % 64;
  }
  return {};
}

}  // namespace tally
