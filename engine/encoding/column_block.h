// One column of one block of rows as bytes: a null bitmap where there is a NULL, then the values in the encoding that is the
// smallest for them by measured size. What is chosen is told beside the bytes. Predicates are answered on the encoded bytes.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/string_ref.h"
#include "engine/encoding/by_parent.h"
#include "engine/encoding/encoding.h"
#include "engine/encoding/int_block.h"
#include "engine/encoding/numbered_strings.h"
#include "engine/encoding/string_dictionary.h"
#include "engine/event_id.h"

namespace tally {

struct BlockForm {
  Encoding encoding = Encoding::kConstant;
  uint8_t flags = 0;
  friend bool operator==(const BlockForm&, const BlockForm&) = default;
};

// Each replaces `raw`. `nulls`: 1 = NULL; empty = none. Memory is reused from call to call: keep the object.
class ColumnEncoder {
 public:
  BlockForm bytes(std::span<const uint8_t> values, Bytes& raw);
  BlockForm codes(std::span<const uint32_t> values, Bytes& raw);
  // Codes that may follow from those of another column in the same rows (by_parent.h). Only where that saves a sixteenth.
  BlockForm codes_with_parent(std::span<const uint32_t> values, uint32_t parent_column,
                              std::span<const uint32_t> parents, Bytes& raw);
  BlockForm ints(std::span<const int64_t> values, std::span<const uint8_t> nulls, Bytes& raw);
  BlockForm strings(std::span<const StringRef> values, Bytes& raw);
  BlockForm ids(std::span<const IdSlot> ids, std::span<const IdKind> kinds, Bytes& raw) const;

 private:
  IntBlockEncoder ints_;
  ByParentBuilder by_parent_;
  StringDictionaryBuilder string_dictionary_;
  NumberedStringsBuilder numbered_strings_;
  std::vector<int64_t> filled_;
  std::vector<uint8_t> nulls_;
};

// Exactly the rows of `out`, or kCorruption. A block of another type's encoding is corruption.
Status decode_bytes_block(BlockForm form, ByteSpan raw, std::span<uint8_t> out);
Status decode_codes_block(BlockForm form, ByteSpan raw, std::span<uint32_t> out);
// The same for a block that may be by_parent (kCorruption above): `parents` holds the codes of the rows in the column that
// by_parent_column(raw) names, as many as `out`; of no matter for other encodings.
Status decode_codes_block_with_parent(BlockForm form, ByteSpan raw, std::span<const uint32_t> parents,
                                      std::span<uint32_t> out);
// Codes that stand in runs: codes[i] in the rows up to ends[i]. False, and the two are of no use, where the block does not have
// them so, or in more than `runs_max` runs.
Result<bool> decode_codes_block_runs(BlockForm form, ByteSpan raw, size_t rows, size_t runs_max,
                                     std::vector<uint32_t>& codes, std::vector<uint32_t>& ends);
// `nulls` is as long as `out`; returns whether there is a NULL, and only then fills it. A NULL's value is 0.
Result<bool> decode_ints_block(BlockForm form, ByteSpan raw, std::span<int64_t> out, std::span<uint8_t> nulls);
// The rows of `selected` alone, few of many; what stands in other rows, their NULLs too, means nothing.
Status decode_codes_block_rows(BlockForm form, ByteSpan raw, std::span<const uint64_t> selected,
                               std::span<uint32_t> out);
Result<bool> decode_ints_block_rows(BlockForm form, ByteSpan raw, std::span<const uint64_t> selected,
                                    std::span<int64_t> out, std::span<uint8_t> nulls);
// Long strings point into `raw`. `nulls` is room for as many rows.
Status decode_strings_block(BlockForm form, ByteSpan raw, std::span<StringRef> out, std::span<uint8_t> nulls);
// At least the chosen rows.
Status decode_strings_block_rows(BlockForm form, ByteSpan raw, std::span<const uint64_t> selected,
                                 std::span<StringRef> out, std::span<uint8_t> nulls);
Status decode_ids_block(BlockForm form, ByteSpan raw, std::span<IdSlot> ids, std::span<IdKind> kinds);

// Which of `rows` rows match (engine/encoding/selection.h; selection_words(rows) words, replaced), without decoding rows
// that cannot. NULL never matches. What decoding would refuse is refused here too.
Status select_bytes_block(BlockForm form, ByteSpan raw, size_t rows, const IntPredicate& predicate,
                          std::span<uint64_t> words);
Status select_codes_block(BlockForm form, ByteSpan raw, size_t rows, const IntPredicate& predicate,
                          std::span<uint64_t> words);
Status select_codes_block_with_parent(BlockForm form, ByteSpan raw, std::span<const uint32_t> parents,
                                      const IntPredicate& predicate, std::span<uint64_t> words);
Status select_ints_block(BlockForm form, ByteSpan raw, size_t rows, const IntPredicate& predicate,
                         std::span<uint64_t> words);
Status select_strings_block(BlockForm form, ByteSpan raw, size_t rows, const StringPredicate& predicate,
                            std::span<uint64_t> words);

}  // namespace tally
