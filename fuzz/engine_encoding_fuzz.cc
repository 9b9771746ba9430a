// Hostile bytes as one encoded column block, as a list of values, or as codes behind those of their parent. The first byte picks the type and the encoding, the second the rows; the rest is
// the block. Decoding and searching must both refuse it or tell of the same rows; what decodes is encoded again and must
// come back the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "engine/encoding/column_block.h"
#include "engine/encoding/selection.h"
#include "engine/encoding/value_list.h"

namespace tally {
namespace {

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

struct Input {
  BlockForm form;
  ByteSpan bytes;
  size_t rows = 1;
};

IntPredicate predicate_for(std::span<const int64_t> values, size_t kind) {
  int64_t some = values[kind % values.size()];
  if (kind % 3 == 0) return IntPredicate::equals(some);
  if (kind % 3 == 1) return IntPredicate::range(some, values.back());
  std::vector<int64_t> set;
  for (size_t i = 0; i < values.size(); i += 3) set.push_back(values[i]);
  return IntPredicate::any_of(std::move(set));
}

void check_ints(const Input& input) {
  std::vector<int64_t> values(input.rows);
  std::vector<uint8_t> nulls(input.rows);
  auto decoded = decode_ints_block(input.form, input.bytes, values, nulls);
  for (size_t kind = 0; kind < 3; ++kind) {
    IntPredicate predicate = predicate_for(values, kind);
    std::vector<uint64_t> words(selection_words(input.rows));
    Status selected = select_ints_block(input.form, input.bytes, input.rows, predicate, words);
    demand(selected.has_value() == decoded.has_value(), "decoding and searching disagree on what is sound");
    for (size_t row = 0; decoded && row < input.rows; ++row) {
      bool null = *decoded && nulls[row] != 0;
      demand(is_selected(words, row) == (!null && predicate.matches(values[row])), "a wrong row is selected");
    }
  }
  if (!decoded) return;
  if (!*decoded) nulls.clear();
  ColumnEncoder encoder;
  Bytes raw;
  BlockForm form = encoder.ints(values, nulls, raw);
  std::vector<int64_t> again(input.rows);
  std::vector<uint8_t> again_nulls(input.rows);
  demand(decode_ints_block(form, raw, again, again_nulls).has_value(), "what was encoded does not decode");
  demand(again == values, "integers differ");
}

template <class T, class Decode, class Select, class Encode>
void check_unsigned(const Input& input, Decode decode, Select select, Encode encode) {
  std::vector<T> values(input.rows);
  bool decoded = decode(input.form, input.bytes, values).has_value();
  std::vector<int64_t> wide(values.begin(), values.end());
  for (size_t kind = 0; kind < 3; ++kind) {
    IntPredicate predicate = predicate_for(wide, kind);
    std::vector<uint64_t> words(selection_words(input.rows));
    bool selected = select(input.form, input.bytes, input.rows, predicate, words).has_value();
    demand(selected == decoded, "decoding and searching disagree on what is sound");
    for (size_t row = 0; decoded && row < input.rows; ++row) {
      demand(is_selected(words, row) == predicate.matches(wide[row]), "a wrong row is selected");
    }
  }
  if (!decoded) return;
  Bytes raw;
  BlockForm form = encode(values, raw);
  std::vector<T> again(input.rows);
  demand(decode(form, raw, again).has_value() && again == values, "codes differ");
}

void check_strings(const Input& input) {
  std::vector<StringRef> values(input.rows);
  std::vector<uint8_t> nulls(input.rows);
  bool decoded = decode_strings_block(input.form, input.bytes, values, nulls).has_value();
  std::vector<uint64_t> words(selection_words(input.rows));
  StringPredicate predicate = StringPredicate::any_of({decoded ? values[0].view() : "a", "click"});
  // Decoding also finds a NULL that has a length, where searching does not look.
  bool selected = select_strings_block(input.form, input.bytes, input.rows, predicate, words).has_value();
  demand(selected == decoded, "decoding and searching disagree on what is sound");
  if (!decoded) return;
  for (size_t row = 0; row < input.rows; ++row) {
    demand(is_selected(words, row) == predicate.matches(values[row]), "a wrong row is selected");
  }
  ColumnEncoder encoder;
  Bytes raw;
  BlockForm form = encoder.strings(values, raw);
  std::vector<StringRef> again(input.rows);
  demand(decode_strings_block(form, raw, again, nulls).has_value() && again == values, "strings differ");
}

void check_ids(const Input& input) {
  std::vector<IdSlot> ids(input.rows), again(input.rows);
  std::vector<IdKind> kinds(input.rows), again_kinds(input.rows);
  if (!decode_ids_block(input.form, input.bytes, ids, kinds)) return;
  ColumnEncoder encoder;
  Bytes raw;
  BlockForm form = encoder.ids(ids, kinds, raw);
  demand(form.encoding == input.form.encoding || encoding_is_random_bytes(form.encoding), "ids in another encoding");
  demand(raw.size() <= input.bytes.size(), "ids became longer");
  demand(decode_ids_block(form, raw, again, again_kinds).has_value(), "ids do not decode again");
  for (size_t row = 0; row < input.rows; ++row) {
    demand(same_id(kinds[row], ids[row], again_kinds[row], again[row]), "ids differ");
  }
}

void check_value_list(const Input& input) {
  std::vector<uint32_t> codes(input.rows), again_codes(input.rows);
  std::vector<StringRef> values(input.rows), again(input.rows);
  if (!decode_value_list(input.bytes, input.rows, codes, values)) return;
  ColumnEncoder encoder;
  Bytes raw;
  encode_value_list(codes, values, encoder, raw);
  demand(decode_value_list(raw, input.rows, again_codes, again).has_value(), "a list of values does not decode again");
  demand(codes == again_codes && values == again, "a list of values differs");
}

// The first byte of each row is its parent's code; the block is behind.
void check_by_parent(const Input& input) {
  if (input.bytes.size() < input.rows) return;
  std::vector<uint32_t> parents(input.bytes.begin(), input.bytes.begin() + static_cast<std::ptrdiff_t>(input.rows));
  check_unsigned<uint32_t>(
      {{Encoding::kByParent, input.form.flags}, input.bytes.subspan(input.rows), input.rows},
      [&](BlockForm form, ByteSpan raw, std::span<uint32_t> out) {
        return decode_codes_block_with_parent(form, raw, parents, out);
      },
      [&](BlockForm form, ByteSpan raw, size_t, const IntPredicate& predicate, std::span<uint64_t> words) {
        return select_codes_block_with_parent(form, raw, parents, predicate, words);
      },
      [&](const std::vector<uint32_t>& values, Bytes& raw) {
        ByParentBuilder builder;
        builder.measure(parents, values, UINT64_MAX);
        builder.encode(7, raw);
        demand(by_parent_column(raw).value() == 7, "another parent column");
        return BlockForm{Encoding::kByParent, 0};
      });
}

// Codes by runs are those by rows, and are refused where those are.
void check_code_runs(const Input& input) {
  std::vector<uint32_t> codes(input.rows), run_codes, run_ends, by_run;
  const bool decoded = decode_codes_block(input.form, input.bytes, codes).has_value();
  const auto in_runs = decode_codes_block_runs(input.form, input.bytes, input.rows, input.rows, run_codes, run_ends);
  const bool never = in_runs && !*in_runs;  // of an encoding that has none
  demand(never || in_runs.has_value() == decoded, "decoding by runs and by rows disagree on what is sound");
  if (never || !decoded) return;
  for (size_t run = 0; run < run_codes.size(); ++run) by_run.resize(run_ends[run], run_codes[run]);
  demand(by_run == codes, "codes by runs differ");
}

void check_block(const Input& input, unsigned type) {
  ColumnEncoder encoder;
  if (type == 0) check_ints(input);
  if (type == 1) {
    check_code_runs(input);
    check_unsigned<uint32_t>(
        input, decode_codes_block, select_codes_block,
        [&](const std::vector<uint32_t>& values, Bytes& raw) { return encoder.codes(values, raw); });
  }
  if (type == 2) {
    check_unsigned<uint8_t>(input, decode_bytes_block, select_bytes_block,
                            [&](const std::vector<uint8_t>& values, Bytes& raw) { return encoder.bytes(values, raw); });
  }
  if (type == 3) check_strings(input);
  if (type == 4) check_ids(input);
  if (type == 5) check_value_list(input);
  if (type == 6) check_by_parent(input);
}

}  // namespace
}  // namespace tally

// First byte: the encoding in the low five bits, the type above; second: rows - 1, and the flags by its top bit.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  tally::Input input;
  input.form.encoding = static_cast<tally::Encoding>(data[0] & 31);
  input.form.flags = (data[1] & 128) != 0 ? tally::kBlockNulls : uint8_t{0};
  input.rows = (data[1] & 127) + 1;
  input.bytes = tally::ByteSpan(data + 2, size - 2);
  tally::check_block(input, data[0] >> 5);
  return 0;
}
