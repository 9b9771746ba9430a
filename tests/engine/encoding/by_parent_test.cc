#include "engine/encoding/by_parent.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/random.h"
#include "engine/encoding/column_block.h"
#include "engine/encoding/selection.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

using Codes = std::vector<uint32_t>;

struct Columns {
  Codes parents, values;

  uint64_t measured(uint64_t give_up = UINT64_MAX) const {
    ByParentBuilder builder;
    return builder.measure(parents, values, give_up);
  }
  Bytes encoded() const {
    ByParentBuilder builder;
    Bytes raw;
    uint64_t bytes = builder.measure(parents, values, UINT64_MAX);
    builder.encode(5, raw);
    CHECK(raw.size() == bytes);
    return raw;
  }
};

// `children` codes of each of `parents`, numbered as they would be by a dictionary or far apart; in runs or not.
Columns random_columns(Random& random) {
  Columns made;
  uint64_t parents = random.between(1, 60), children = random.between(1, 12);
  uint32_t stride = random.chance(0.3) ? 50'000'000 : static_cast<uint32_t>(random.between(1, 100));
  uint32_t parent = 0, value = 0;
  for (size_t left = random.between(1, 3000); left > 0; --left) {
    if (left % 3 == 0 || parents > 30) parent = static_cast<uint32_t>(random.below(parents));
    value = parent * 7 + static_cast<uint32_t>(random.below(children)) * stride;
    made.parents.push_back(2 + parent * stride);
    made.values.push_back(value);
  }
  return made;
}

IntPredicate random_predicate(Random& random, const Codes& values) {
  auto some = [&] { return static_cast<int64_t>(values[random.below(values.size())]) + random.chance(0.1); };
  if (random.chance(0.3)) return IntPredicate::equals(some());
  if (random.chance(0.5)) return IntPredicate::range(some(), some());
  return IntPredicate::any_of({some(), some(), some(), 1, -1});
}

// Both readers refuse the bytes, or both tell of the same rows.
bool reads(ByteSpan raw, const Codes& parents, Random& random, Codes& out) {
  out.assign(parents.size(), 77);
  Status decoded = decode_by_parent(raw, parents, out);
  IntPredicate predicate = random_predicate(random, out);
  std::vector<uint64_t> words(selection_words(parents.size()), UINT64_MAX);
  Status selected = select_by_parent(raw, parents, predicate, words);
  REQUIRE(decoded.has_value() == selected.has_value());
  if (!decoded) REQUIRE(decoded.error().code == Code::kCorruption);
  for (size_t row = 0; decoded && row < out.size(); ++row) {
    REQUIRE(is_selected(words, row) == predicate.matches(out[row]));
  }
  return decoded.has_value();
}

// The parts of the example one by one, for hostile blocks.
struct Parts {
  uint32_t parents = 2;
  int64_t parent_base = 1;
  uint8_t parent_width = 1;
  Bytes parent_bits = {2};
  uint8_t length_width = 1;
  Bytes lengths = {1};
  int64_t code_base = 7;
  uint8_t code_width = 2;
  Bytes codes = {0x18};
  Bytes places = {2};

  Bytes bytes() const {
    Bytes out;
    ByteWriter writer(out);
    writer.u32(5);
    writer.u32(parents);
    writer.i64(parent_base);
    writer.u8(parent_width);
    writer.bytes(parent_bits);
    writer.u8(length_width);
    writer.bytes(lengths);
    writer.i64(code_base);
    writer.u8(code_width);
    writer.bytes(codes);
    writer.bytes(places);
    return out;
  }
};

}  // namespace

TEST_CASE("by parent: the example of the header") {
  Columns columns{{1, 1, 2, 1}, {7, 9, 8, 7}};
  Bytes raw = columns.encoded();
  CHECK(hex(raw) ==
        "05000000"
        "02000000"
        "0100000000000000"
        "01"
        "02"
        "01"
        "01"
        "0700000000000000"
        "02"
        "18"
        "02");
  CHECK(raw == Parts{}.bytes());
  CHECK(by_parent_column(raw).value() == 5);
  CHECK_FALSE(by_parent_column(ByteSpan(raw).first(3)));
}

TEST_CASE("by parent: columns come back, measured sizes are true, predicates select the right rows") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  Codes out;
  for (int repeat = 0; repeat < 300; ++repeat) {
    Columns columns = random_columns(random);
    REQUIRE(reads(columns.encoded(), columns.parents, random, out));
    REQUIRE(out == columns.values);
  }
  Columns ends{{0, UINT32_MAX, 0, 5}, {UINT32_MAX, 0, 0, 3}};
  REQUIRE(reads(ends.encoded(), ends.parents, random, out));
  CHECK(out == ends.values);
}

TEST_CASE("by parent: rows cost nothing where each parent has one code") {
  Columns columns;
  for (uint32_t row = 0; row < 8192; ++row) {
    columns.parents.push_back(row * 31 % 100);
    columns.values.push_back(columns.parents.back() * 977 % 1000);
  }
  CHECK(columns.encoded().size() < 300);
}

TEST_CASE("by parent: it is given up when it cannot win, and where giving up is asked for") {
  Random random(1);
  Columns unrelated, related;
  for (uint32_t row = 0; row < 8192; ++row) {
    auto parent = static_cast<uint32_t>(random.below(200));
    unrelated.parents.push_back(parent);
    related.parents.push_back(parent);
    unrelated.values.push_back(static_cast<uint32_t>(random.below(8)));
    related.values.push_back(parent * 5 + static_cast<uint32_t>(random.below(5)));
  }
  ColumnEncoder encoder;
  Bytes raw, alone;
  CHECK(unrelated.measured(8192 * 3 / 8) == UINT64_MAX);
  CHECK(encoder.codes_with_parent(unrelated.values, 5, unrelated.parents, raw).encoding == Encoding::kPacked);
  encoder.codes(related.values, alone);
  BlockForm form = encoder.codes_with_parent(related.values, 5, related.parents, raw);
  CHECK(form.encoding == Encoding::kByParent);
  CHECK(raw.size() * 2 < alone.size());
  uint64_t bytes = related.measured();
  CHECK(related.measured(bytes) == UINT64_MAX);
  CHECK(related.measured(bytes + 1) == bytes);
}

TEST_CASE("by parent: without the parent's codes it is not read; with them every encoding is") {
  Random random(1);
  ColumnEncoder encoder;
  Bytes raw;
  for (uint64_t children : {1, 5, 200}) {
    Columns columns;
    for (uint32_t row = 0; row < 5000; ++row) {
      columns.parents.push_back(static_cast<uint32_t>(random.below(100)));
      columns.values.push_back(columns.parents.back() * 5 + static_cast<uint32_t>(random.below(children)));
    }
    BlockForm form = encoder.codes_with_parent(columns.values, 5, columns.parents, raw);
    CHECK((form.encoding == Encoding::kByParent) == (children < 200));
    Codes out(5000);
    REQUIRE(decode_codes_block_with_parent(form, raw, columns.parents, out));
    CHECK(out == columns.values);
    IntPredicate predicate = IntPredicate::range(100, 199);
    std::vector<uint64_t> words(selection_words(5000));
    REQUIRE(select_codes_block_with_parent(form, raw, columns.parents, predicate, words));
    for (size_t row = 0; row < out.size(); ++row) REQUIRE(is_selected(words, row) == predicate.matches(out[row]));
    if (form.encoding != Encoding::kByParent) continue;
    Status refused = decode_codes_block(form, raw, out);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kCorruption);
    CHECK_FALSE(select_codes_block(form, raw, 5000, predicate, words));
    CHECK_FALSE(decode_codes_block_with_parent({Encoding::kByParent, kBlockNulls}, raw, columns.parents, out));
    CHECK_FALSE(
        select_codes_block_with_parent({Encoding::kByParent, kBlockNulls}, raw, columns.parents, predicate, words));
  }
}

TEST_CASE("by parent: whatever part is wrong, it is corruption") {
  Random random(1);
  Codes out;
  auto broken = [&](auto change, Codes parents = {1, 1, 2, 1}) {
    Parts parts;
    change(parts);
    return !reads(parts.bytes(), parents, random, out);
  };
  CHECK_FALSE(broken([](Parts&) {}));
  CHECK(broken([](Parts&) {}, {1, 1, 3, 1}));                                     // a parent above all lists
  CHECK(broken([](Parts&) {}, {1, 1, 0, 1}));                                     // and below
  CHECK(broken([](Parts&) {}, {1, 1, UINT32_MAX, 1}));                            // and far away
  CHECK(broken([](Parts& p) { p.parent_width = 2, p.parent_bits = {3 << 2}; }));  // parents 1, 4
  CHECK(broken([](Parts& p) { p.parents = 0; }));
  CHECK(broken([](Parts& p) { p.parents = 5; }));
  CHECK(broken([](Parts& p) { p.parents = UINT32_MAX; }));
  CHECK(broken([](Parts& p) { p.parent_base = -1; }));
  CHECK(broken([](Parts& p) { p.parent_base = UINT32_MAX; }));
  CHECK(broken([](Parts& p) { p.parent_bits = {1}; }));  // 2, 1
  CHECK(broken([](Parts& p) { p.parent_bits = {3}; }));  // 2, 2
  CHECK(broken([](Parts& p) { p.length_width = 33; }));
  CHECK(broken([](Parts& p) { p.lengths = {3}; }));                         // 2 + 2, but 3 codes
  CHECK(broken([](Parts& p) { p.length_width = 4, p.lengths = {0x13}; }));  // 4 + 2 codes in 4 rows
  CHECK(broken([](Parts& p) { p.length_width = 32, p.lengths = Bytes(8, 255); }));
  CHECK(broken([](Parts& p) { p.code_base = int64_t{UINT32_MAX} - 2; }));
  CHECK(broken([](Parts& p) { p.codes = {0x10}; }));  // 7, 7 of parent 1
  CHECK(broken([](Parts& p) { p.codes = {0x12}; }));  // 9, 7
  CHECK(broken([](Parts& p) { p.places = {4}; }));    // place 1 of the single code of parent 2
  CHECK(broken([](Parts& p) { p.places = {0x12}; }));
  CHECK(broken([](Parts& p) { p.places = {}; }));
  CHECK(broken([](Parts& p) { p.places = {2, 0}; }));
}

TEST_CASE("by parent: a parent that is not there is found, however far apart parents are") {
  Random random(1);
  Codes out;
  for (uint32_t stride : {1u, 3u, 60'000u, 400'000'000u}) {
    Columns columns{{stride, stride * 2, stride * 2, stride * 4}, {1, 2, 3, 4}};
    Bytes raw = columns.encoded();
    REQUIRE(reads(raw, columns.parents, random, out));
    CHECK(out == columns.values);
    for (uint32_t missing : {0u, stride * 3, stride * 4 + 1, UINT32_MAX}) {
      Codes parents = columns.parents;
      parents[0] = missing;
      CHECK_FALSE(reads(raw, parents, random, out));
    }
  }
}

TEST_CASE("by parent: broken bytes are refused, or mean the same to every reader") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  Codes out;
  for (int repeat = 0; repeat < 60; ++repeat) {
    Columns columns = random_columns(random);
    if (columns.parents.size() > 90) columns.parents.resize(90), columns.values.resize(90);
    Bytes raw = columns.encoded();
    for (size_t cut = 0; cut < raw.size(); ++cut) {
      auto exact = std::make_unique<uint8_t[]>(cut);
      std::copy_n(raw.begin(), cut, exact.get());
      REQUIRE_FALSE(reads({exact.get(), cut}, columns.parents, random, out));
    }
    for (int flip = 0; flip < 100; ++flip) {
      Bytes wrong = raw;
      size_t at = random.chance(0.5) ? random.below(std::min<size_t>(wrong.size(), 40)) : random.below(wrong.size());
      wrong[at] = static_cast<uint8_t>(wrong[at] ^ 1u << random.below(8));
      if (random.chance(0.1)) wrong.push_back(0);
      Codes parents = columns.parents;
      if (random.chance(0.2)) parents[random.below(parents.size())] += 1;
      (void)reads(wrong, parents, random, out);
    }
  }
}
