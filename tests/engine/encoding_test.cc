#include <doctest/doctest.h>

#include "base/random.h"
#include "engine/encoding/column_block.h"
#include "engine/encoding/id_list.h"
#include "engine/encoding/integers.h"
#include "engine/encoding/lz4_block.h"
#include "engine/encoding/null_bitmap.h"
#include "engine/encoding/string_list.h"

using namespace tally;

namespace {

template <class T>
std::vector<T> decoded(Encoding encoding, ByteSpan bytes, size_t rows) {
  std::vector<T> out(rows);
  std::span<T> span(out);
  Status status = encoding == Encoding::kConstant ? decode_constant(bytes, span) : decode_narrow(bytes, span);
  CHECK(status);
  return out;
}

// Random bytes never crash a decoder: they give an error or some rows.
template <class Decode>
void feed_garbage(uint64_t seed, Decode decode) {
  Random random(seed);
  for (int i = 0; i < 2000; ++i) {
    Bytes bytes(random.below(80));
    random.fill(bytes);
    if (!bytes.empty() && random.chance(0.5)) bytes[0] = static_cast<uint8_t>(random.below(4));
    if (bytes.size() > 8 && random.chance(0.5)) bytes[8] = static_cast<uint8_t>(1u << random.below(4));
    decode(ByteSpan(bytes));
  }
}

}  // namespace

TEST_CASE("encoding integers: the worked example") {
  const int64_t values[] = {1000, 1003, 1001};
  Bytes bytes;
  CHECK(encode_integers(std::span<const int64_t>(values), bytes) == Encoding::kNarrow);
  CHECK(hex(bytes) ==
        "e803000000000000"
        "01"
        "000301");
}

TEST_CASE_TEMPLATE("encoding integers: every width and range comes back", T, uint8_t, uint32_t, int64_t) {
  uint64_t seed = 11;
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    unsigned bits = static_cast<unsigned>(random.below(8 * sizeof(T)));
    T base = static_cast<T>(random.next());
    std::vector<T> values(1 + random.below(50));
    for (T& value : values) value = static_cast<T>(static_cast<uint64_t>(base) + (random.next() >> (63 - bits)));
    Bytes bytes;
    Encoding encoding = encode_integers(std::span<const T>(values), bytes);
    CHECK(decoded<T>(encoding, bytes, values.size()) == values);
    std::vector<T> out(values.size());
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      std::span<T> span(out);
      ByteSpan part = ByteSpan(bytes).first(cut);
      CHECK_FALSE((encoding == Encoding::kConstant ? decode_constant(part, span) : decode_narrow(part, span)));
    }
  }
}

TEST_CASE("encoding integers: the extremes of 64 bits") {
  const int64_t values[] = {INT64_MIN, INT64_MAX, -1, 0};
  Bytes bytes;
  CHECK(encode_integers(std::span<const int64_t>(values), bytes) == Encoding::kNarrow);
  CHECK(bytes[8] == 8);
  CHECK(decoded<int64_t>(Encoding::kNarrow, bytes, 4) == std::vector<int64_t>(values, values + 4));
}

TEST_CASE("encoding integers: a value out of range of the type is corruption") {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(UINT32_MAX);
  out.u8(1);
  out.u8(0);
  out.u8(1);
  std::vector<uint32_t> values(2);
  CHECK_FALSE(decode_narrow(bytes, std::span<uint32_t>(values)));
  bytes.back() = 0;
  CHECK(decode_narrow(bytes, std::span<uint32_t>(values)));
}

TEST_CASE("encoding strings: the worked example") {
  const StringRef values[] = {StringRef("ab"), StringRef(""), StringRef("c")};
  Bytes bytes;
  CHECK(encode_strings(values, bytes) == Encoding::kStrings);
  CHECK(hex(bytes) ==
        "01"
        "020001"
        "616263");
  std::vector<StringRef> out(3);
  CHECK(decode_strings(bytes, out));
  CHECK(std::equal(out.begin(), out.end(), values));
}

TEST_CASE("encoding ids: the worked example") {
  IdSlot ids[2];
  ids[0].text = StringRef("a");
  ids[1].text = StringRef("bc");
  const IdKind kinds[] = {IdKind::kText, IdKind::kText};
  Bytes bytes;
  CHECK(encode_ids(ids, kinds, bytes) == Encoding::kMixedIds);
  CHECK(hex(bytes) ==
        "0101"
        "01000200"
        "616263");
}

TEST_CASE("encoding nulls: the worked example, and bits beyond the last row are refused") {
  uint8_t nulls[10] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  Bytes bytes;
  encode_null_bitmap(nulls, bytes);
  CHECK(hex(bytes) == "0102");
  uint8_t out[10];
  CHECK(decode_null_bitmap(bytes, out));
  CHECK(std::equal(out, out + 10, nulls));
  bytes[1] |= 0x80;
  CHECK_FALSE(decode_null_bitmap(bytes, out));
}

TEST_CASE("encoding column block: integers with NULL cost what the others cost, and read as 0") {
  ColumnEncoder encoder;
  Bytes raw;
  const int64_t values[] = {1000, -7, 1001};
  const uint8_t nulls[] = {0, 1, 0};
  BlockForm form = encoder.ints(values, nulls, raw);
  CHECK(form.flags == kBlockNulls);
  CHECK(raw.size() == 1 + 9 + 1);
  std::vector<int64_t> out(3);
  std::vector<uint8_t> out_nulls(3);
  CHECK(*decode_ints_block(form, raw, out, out_nulls));
  CHECK(out == std::vector<int64_t>{1000, 0, 1001});
  CHECK(out_nulls == std::vector<uint8_t>{0, 1, 0});
  form = encoder.ints(values, {}, raw);
  CHECK(form.flags == 0);
  const uint8_t all[] = {1, 1, 1};
  form = encoder.ints(values, all, raw);
  CHECK(form.encoding == Encoding::kConstant);
}

TEST_CASE("encoding column block: a column in another type's encoding is corruption") {
  std::vector<int64_t> ints(1);
  std::vector<uint8_t> nulls(1);
  std::vector<StringRef> strings(1);
  std::vector<IdSlot> ids(1);
  std::vector<IdKind> kinds(1);
  for (uint8_t encoding = 0; encoding <= kEncodingLast + 1; ++encoding) {
    BlockForm form{static_cast<Encoding>(encoding), 0};
    CHECK_FALSE(decode_ints_block(form, {}, ints, nulls));
    CHECK_FALSE(decode_ids_block(form, {}, ids, kinds));
    CHECK(decode_strings_block(form, {}, strings, nulls).has_value() == (form.encoding == Encoding::kOneString));
  }
}

TEST_CASE("encoding lz4: kept where it saves an eighth, checked to the byte") {
  Bytes raw(1000, 7), out, back(1000);
  REQUIRE(lz4_compress(raw, out));
  CHECK(lz4_decompress(out, back));
  CHECK(back == raw);
  back.resize(999);
  CHECK_FALSE(lz4_decompress(out, back));
  back.resize(1001);
  CHECK_FALSE(lz4_decompress(out, back));
  Random(1).fill(raw);
  CHECK_FALSE(lz4_compress(raw, out));
}

TEST_CASE("encoding: no decoder trusts its bytes") {
  feed_garbage(1, [](ByteSpan bytes) {
    std::vector<int64_t> ints(7);
    std::vector<uint32_t> codes(7);
    std::vector<uint8_t> nulls(7);
    (void)decode_narrow(bytes, std::span<int64_t>(ints));
    (void)decode_narrow(bytes, std::span<uint32_t>(codes));
    (void)decode_ints_block({Encoding::kNarrow, kBlockNulls}, bytes, ints, nulls);
  });
  feed_garbage(2, [](ByteSpan bytes) {
    std::vector<StringRef> strings(7);
    std::vector<uint8_t> nulls(7);
    const bool whole = decode_strings_block({Encoding::kStrings, kBlockNulls}, bytes, strings, nulls).has_value();
    // A few rows of it: never accepted less strictly where lengths are concerned, and nothing is read beyond the bytes.
    const uint64_t some[] = {0b0101001};
    const bool few =
        decode_strings_block_rows({Encoding::kStrings, kBlockNulls}, bytes, some, strings, nulls).has_value();
    if (whole) CHECK(few);
    if (decode_strings(bytes, strings)) {
      for (const StringRef& s : strings) CHECK(s.size() <= bytes.size());
    }
  });
  feed_garbage(3, [](ByteSpan bytes) {
    std::vector<IdSlot> ids(5);
    std::vector<IdKind> kinds(5);
    (void)decode_mixed_ids(bytes, ids, kinds);
    (void)decode_fixed_ids(bytes, ids, kinds);
    Bytes out(33);
    (void)lz4_decompress(bytes, out);
  });
}
