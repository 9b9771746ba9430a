#include "engine/encoding/column_block.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "base/random.h"
#include "engine/encoding/integers.h"
#include "engine/encoding/selection.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

constexpr size_t kRows = 8192;

Encoding chosen(const std::function<uint32_t(size_t)>& value_at) {
  std::vector<uint32_t> values(kRows);
  for (size_t i = 0; i < kRows; ++i) values[i] = value_at(i);
  ColumnEncoder encoder;
  Bytes raw;
  BlockForm form = encoder.codes(values, raw);
  std::vector<uint32_t> out(kRows);
  REQUIRE(decode_codes_block(form, raw, out).has_value());
  REQUIRE(out == values);
  Bytes narrow;
  encode_integers(std::span<const uint32_t>(values), narrow);
  REQUIRE(raw.size() <= narrow.size());
  return form.encoding;
}

}  // namespace

TEST_CASE("column block: each kind of column gets the encoding made for it") {
  Random random(1);
  std::vector<uint32_t> few(50);
  for (uint32_t& value : few) value = static_cast<uint32_t>(random.next());
  CHECK(chosen([](size_t) { return 7; }) == Encoding::kConstant);
  CHECK(chosen([&](size_t) { return static_cast<uint32_t>(random.below(1000)); }) == Encoding::kPacked);
  CHECK(chosen([](size_t i) { return static_cast<uint32_t>(i / 500 * 17 % 100); }) == Encoding::kRuns);
  CHECK(chosen([](size_t i) { return static_cast<uint32_t>(i * 1000 + i % 3); }) == Encoding::kDelta);
  CHECK(chosen([&](size_t) { return few[random.below(50)]; }) == Encoding::kIntDictionary);
  CHECK(chosen([&](size_t) { return static_cast<uint32_t>(random.next()); }) == Encoding::kPacked);
  auto few_large = [&](size_t i) { return static_cast<uint32_t>(random.next() >> (i % 20 == 0 ? 32 : 56)); };
  CHECK(chosen(few_large) == Encoding::kPatched);
}

TEST_CASE("column block: codes in runs are those of the rows, and hostile runs are refused as hostile rows are") {
  const uint64_t seed = test_seed(7);
  CAPTURE(seed);
  Random random(seed);
  ColumnEncoder encoder;
  Bytes raw;
  std::vector<uint32_t> codes, ends;
  size_t found = 0, refused = 0;
  for (int repeat = 0; repeat < 400; ++repeat) {
    std::vector<uint32_t> values(random.between(1, 2'000));
    const uint64_t length = random.between(1, 200);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = i > 0 && !random.chance(1.0 / static_cast<double>(length)) ? values[i - 1]
                                                                             : static_cast<uint32_t>(random.next());
    }
    const BlockForm form = encoder.codes(values, raw);
    const size_t runs_max = random.below(60);
    const auto runs = decode_codes_block_runs(form, raw, values.size(), runs_max, codes, ends);
    REQUIRE(runs);
    if (*runs) {
      ++found;
      REQUIRE(codes.size() <= runs_max);
      std::vector<uint32_t> rows;
      for (size_t run = 0; run < codes.size(); ++run) rows.resize(ends[run], codes[run]);
      REQUIRE(rows == values);
    }
    // Whatever is harmed: runs come out only where rows do, and then the same ones.
    Bytes harmed = raw;
    harmed[random.below(harmed.size())] ^= static_cast<uint8_t>(1 << random.below(8));
    if (random.chance(0.3)) harmed.resize(random.below(harmed.size()));
    std::vector<uint32_t> all(values.size());
    const bool whole = decode_codes_block(form, harmed, all).has_value();
    const auto again = decode_codes_block_runs(form, harmed, values.size(), SIZE_MAX, codes, ends);
    const bool in_runs = form.encoding == Encoding::kRuns || form.encoding == Encoding::kConstant;
    REQUIRE((in_runs ? again.has_value() : true) == (in_runs ? whole : true));
    refused += !again;
    if (!again || !*again) continue;
    std::vector<uint32_t> rows;
    for (size_t run = 0; run < codes.size(); ++run) rows.resize(ends[run], codes[run]);
    REQUIRE(rows == all);
  }
  CHECK(found > 50);
  CHECK(refused > 10);
}

TEST_CASE("column block: integers that would not get below a limit are left alone") {
  Random random(1);
  std::vector<uint32_t> values(kRows);
  IntBlockEncoder encoder;
  for (unsigned shape = 0; shape < 4; ++shape) {
    for (size_t i = 0; i < kRows; ++i) {
      values[i] = shape == 0 ? 7 : static_cast<uint32_t>(random.next() >> (shape == 2 && i % 20 != 0 ? 56 : 44));
      if (shape == 3) values[i] = values[i] % 50 * 1'000'003;
    }
    Bytes whole, bytes = {1, 2, 3};
    Encoding encoding = encoder.encode(std::span<const uint32_t>(values), whole);
    CHECK_FALSE(encoder.encode_below(std::span<const uint32_t>(values), whole.size(), bytes));
    CHECK(bytes.size() == 3);
    CHECK(encoder.encode_below(std::span<const uint32_t>(values), whole.size() * 5 / 4 + 1, bytes) == encoding);
    CHECK(std::equal(whole.begin(), whole.end(), bytes.begin() + 3, bytes.end()));
  }
}

TEST_CASE("column block: strings of few values share them, NULL or not; others stay as they are") {
  const char* types[] = {"impression", "click", "conversion of a long name"};
  Random random(1);
  std::vector<StringRef> values(kRows), out(kRows);
  std::vector<uint8_t> nulls(kRows);
  for (StringRef& value : values) {
    value = random.chance(0.1) ? StringRef::null() : StringRef(std::string_view(types[random.below(3)]));
  }
  ColumnEncoder encoder;
  Bytes raw;
  BlockForm form = encoder.strings(values, raw);
  CHECK(form.encoding == Encoding::kStringDictionary);
  CHECK(form.flags == kBlockNulls);
  CHECK(raw.size() < kRows * 3 / 8 + 100);
  REQUIRE(decode_strings_block(form, raw, out, nulls).has_value());
  CHECK(out == values);
  std::vector<std::string> texts(kRows);
  for (size_t i = 0; i < kRows; ++i) {
    texts[i] = std::to_string(random.next());  // longer than numbered strings are
    values[i] = StringRef(texts[i]);
  }
  CHECK(encoder.strings(values, raw).encoding == Encoding::kStrings);
}

TEST_CASE("column block: strings of a few rows are those of all, in every encoding of strings") {
  const uint64_t seed = test_seed(31);
  CAPTURE(seed);
  Random random(seed);
  ColumnEncoder encoder;
  Bytes raw;
  for (int repeat = 0; repeat < 200; ++repeat) {
    const size_t rows = 1 + random.below(400), distinct = 1 + random.below(random.chance(0.5) ? 4 : 100'000);
    std::vector<std::string> texts(rows);
    std::vector<StringRef> values(rows);
    for (size_t i = 0; i < rows; ++i) {
      texts[i] = std::string(random.below(random.chance(0.1) ? 600 : 20), 'a') + std::to_string(random.below(distinct));
      values[i] = random.chance(0.1) ? StringRef::null() : StringRef(texts[i]);
    }
    const BlockForm form = encoder.strings(values, raw);
    std::vector<uint64_t> selected(selection_words(rows));
    for (size_t row = 0; row < rows; ++row) {
      if (random.chance(0.05)) selected[row / 64] |= uint64_t{1} << row % 64;
    }
    std::vector<StringRef> out(rows);
    std::vector<uint8_t> nulls(rows);
    REQUIRE(decode_strings_block_rows(form, raw, selected, out, nulls).has_value());
    for_each_selected(selected, [&](size_t row) { REQUIRE(out[row] == values[row]); });
    // Cut off anywhere it is refused, as all rows are.
    const Bytes cut(raw.begin(), raw.begin() + static_cast<ptrdiff_t>(random.below(raw.size())));
    std::vector<StringRef> all(rows);
    const bool whole = decode_strings_block(form, cut, all, nulls).has_value();
    CHECK(decode_strings_block_rows(form, cut, selected, out, nulls).has_value() == whole);
  }
}

TEST_CASE("column block: predicates on integers select the rows that a look at each selects, never NULL") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  ColumnEncoder encoder;
  Bytes raw;
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::vector<int64_t> values(random.between(1, 500));
    uint64_t spread = random.between(1, 100);
    for (int64_t& value : values) value = static_cast<int64_t>(random.below(spread)) - 20;
    if (random.chance(0.3)) std::sort(values.begin(), values.end());
    std::vector<uint8_t> nulls(random.chance(0.5) ? values.size() : 0);
    for (uint8_t& null : nulls) null = random.chance(0.2);
    BlockForm form = encoder.ints(values, nulls, raw);
    auto first = static_cast<int64_t>(random.below(spread)) - 20;
    IntPredicate predicate = random.chance(0.5) ? IntPredicate::range(first, first + 5)
                                                : IntPredicate::any_of({first, first + 2, first + 9});
    std::vector<uint64_t> words(selection_words(values.size()), UINT64_MAX);
    REQUIRE(select_ints_block(form, raw, values.size(), predicate, words).has_value());
    for (size_t row = 0; row < values.size(); ++row) {
      bool null = !nulls.empty() && nulls[row] != 0;
      REQUIRE(is_selected(words, row) == (!null && predicate.matches(values[row])));
    }
  }
}

TEST_CASE("column block: predicates on strings, in every encoding of strings") {
  Random random(1);
  ColumnEncoder encoder;
  Bytes raw;
  for (uint64_t distinct : {1, 3, 5000, 5001}) {
    std::vector<std::string> texts(distinct);
    for (size_t i = 0; i < distinct; ++i) texts[i] = "value" + std::to_string(i) + (distinct == 5001 ? "x" : "");
    std::vector<StringRef> values(700);
    for (StringRef& value : values) {
      value = random.chance(0.1) && distinct > 1 ? StringRef::null() : StringRef(texts[random.below(distinct)]);
    }
    BlockForm form = encoder.strings(values, raw);
    StringPredicate predicate = StringPredicate::any_of({"value0", "value2", values[600].view(), "no such"});
    std::vector<uint64_t> words(selection_words(values.size()));
    REQUIRE(select_strings_block(form, raw, values.size(), predicate, words).has_value());
    for (size_t row = 0; row < values.size(); ++row) {
      REQUIRE(is_selected(words, row) == predicate.matches(values[row]));
    }
  }
}
