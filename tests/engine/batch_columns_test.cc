#include "engine/batch_columns.h"

#include <doctest/doctest.h>

#include <functional>

#include "base/random.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

using Write = std::function<void(ByteWriter&)>;

Bytes bytes_of(const Write& write) {
  Bytes bytes;
  ByteWriter out(bytes);
  write(out);
  return bytes;
}

void text(ByteWriter& out, std::string_view value) { out.bytes(as_bytes(value)); }

void check_refused(const Status& status, std::string_view message) {
  REQUIRE_FALSE(status.has_value());
  CAPTURE(status.error().message);
  CAPTURE(message);
  CHECK(status.error().code == Code::kInvalidArgument);
  CHECK(status.error().message.find(message) != std::string::npos);
}

}  // namespace

TEST_CASE("integers take the narrowest offsets and come back") {
  struct Case {
    std::vector<int64_t> values;
    size_t bytes;
  };
  const Case cases[] = {
      {{}, 9},
      {{7, 7, 7}, 9},
      {{-1, 254}, 9 + 2},
      {{-1, 255}, 9 + 4},
      {{0, 65'535}, 9 + 4},
      {{0, 65'536}, 9 + 8},
      {{-5, -5 + int64_t{UINT32_MAX}}, 9 + 8},
      {{0, int64_t{UINT32_MAX} + 1}, 9 + 16},
      {{INT64_MIN, INT64_MAX, 0}, 9 + 24},
  };
  for (const Case& c : cases) {
    Bytes bytes = bytes_of([&](ByteWriter& out) { encode_ints(c.values, {}, out); });
    CHECK(bytes.size() == c.bytes);
    DecodedInts decoded;
    REQUIRE(decode_ints(bytes, static_cast<uint32_t>(c.values.size()), false, decoded).has_value());
    CHECK(decoded.values == c.values);
    CHECK(decoded.nulls.empty());
  }
}

TEST_CASE("NULLs among integers keep their place, and nothing of their value") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (uint32_t rows = 0; rows < 70; ++rows) {
    std::vector<int64_t> values(rows);
    std::vector<uint8_t> nulls(rows);
    for (uint32_t i = 0; i < rows; ++i) {
      nulls[i] = random.chance(0.4);
      values[i] = nulls[i] != 0 ? 0 : static_cast<int64_t>(random.below(1000));
    }
    Bytes bytes = bytes_of([&](ByteWriter& out) { encode_ints(values, nulls, out); });
    DecodedInts decoded;
    REQUIRE(decode_ints(bytes, rows, true, decoded).has_value());
    CHECK(decoded.values == values);
    CHECK(decoded.nulls == nulls);
  }
}

TEST_CASE("hostile integers are refused") {
  struct Case {
    const char* message;
    bool nulls;
    Write write;
  };
  const Case cases[] = {
      {"width 3", false,
       [](ByteWriter& out) {
         out.u8(3);
         out.i64(0);
         out.zeros(9);
       }},
      {"width at offset", false, [](ByteWriter&) {}},
      {"base at offset", false,
       [](ByteWriter& out) {
         out.u8(1);
         out.zeros(7);
       }},
      {"3 bytes expected, 2 are there", false,
       [](ByteWriter& out) {
         out.u8(1);
         out.zeros(10);
       }},
      {"3 bytes expected, 4 are there", false,
       [](ByteWriter& out) {
         out.u8(1);
         out.zeros(12);
       }},
      {"null bitmap at offset", true, [](ByteWriter&) {}},
      {"beyond the last row", true,
       [](ByteWriter& out) {
         out.u8(8);
         out.u8(0);
         out.zeros(8);
       }},
  };
  for (const Case& c : cases) {
    DecodedInts decoded;
    check_refused(decode_ints(bytes_of(c.write), 3, c.nulls, decoded), c.message);
  }
}

TEST_CASE("hostile strings are refused") {
  struct Case {
    const char* message;
    Write write;
  };
  const Case cases[] = {
      {"width 4",
       [](ByteWriter& out) {
         out.u8(0);
         out.u8(4);
         out.zeros(16);
       }},
      {"lengths add up to 3",
       [](ByteWriter& out) {
         out.u8(0);
         out.u8(1);
         out.u32(2);
         out.u8(1);
         out.u8(2);
         text(out, "ab");
       }},
      {"lengths add up to 131070",
       [](ByteWriter& out) {
         out.u8(0);
         out.u8(2);
         out.u32(2);
         out.u16(65'535);
         out.u16(65'535);
         text(out, "ab");
       }},
      {"4294967295 bytes expected",
       [](ByteWriter& out) {
         out.u8(0);
         out.u8(1);
         out.u32(UINT32_MAX);
         out.u8(1);
         out.u8(1);
         text(out, "ab");
       }},
      {"row 1: a NULL with bytes",
       [](ByteWriter& out) {
         out.u8(2);
         out.u8(1);
         out.u32(2);
         out.u8(1);
         out.u8(1);
         text(out, "ab");
       }},
      {"lengths at offset",
       [](ByteWriter& out) {
         out.u8(0);
         out.u8(2);
         out.u32(0);
         out.u8(0);
       }},
  };
  for (const Case& c : cases) {
    std::vector<StringRef> decoded;
    check_refused(decode_strings(bytes_of(c.write), 2, true, decoded), c.message);
  }
}

TEST_CASE("hostile dictionaries are refused") {
  struct Case {
    const char* message;
    Write write;
  };
  const Case cases[] = {
      {"3 values for 2 rows", [](ByteWriter& out) { out.u32(3); }},
      {"4294967295 values",
       [](ByteWriter& out) {
         out.u32(UINT32_MAX);
         out.zeros(100);
       }},
      {"width 0",
       [](ByteWriter& out) {
         out.u32(1);
         out.u8(0);
       }},
      {"row 1: code 2 is above the 1 values",
       [](ByteWriter& out) {
         out.u32(1);
         out.u8(1);
         out.u32(1);
         out.u16(1);
         text(out, "a");
         out.u8(1);
         out.u8(2);
       }},
      {"row 0: code 4294967295",
       [](ByteWriter& out) {
         out.u32(0);
         out.u8(4);
         out.u32(0);
         out.u32(UINT32_MAX);
         out.u32(0);
       }},
      {"lengths add up",
       [](ByteWriter& out) {
         out.u32(1);
         out.u8(1);
         out.u32(2);
         out.u16(1);
         text(out, "ab");
         out.u8(1);
         out.u8(1);
       }},
      {"values at offset",
       [](ByteWriter& out) {
         out.u32(1);
         out.u8(1);
         out.u32(9);
         out.u16(9);
       }},
      {"2 bytes expected, 1 are there",
       [](ByteWriter& out) {
         out.u32(1);
         out.u8(1);
         out.u32(1);
         out.u16(1);
         text(out, "a");
         out.u8(1);
       }},
  };
  for (const Case& c : cases) {
    DecodedDictionary decoded;
    check_refused(decode_string_dictionary(bytes_of(c.write), 2, decoded), c.message);
  }
  DecodedDictionary ints;
  check_refused(decode_int_dictionary(bytes_of([](ByteWriter& out) {
                                        out.u32(1);
                                        out.u8(1);
                                        out.i64(5);
                                        out.u8(1);
                                        out.u8(2);
                                      }),
                                      2, ints),
                "row 1: code 2 is above");
}

TEST_CASE("ids: a text that spells a UUID is that UUID; wrong sizes are refused") {
  const std::string_view spelled = "{0123ABCD-4567-89ef-0011-2233445566ff}";
  Bytes good = bytes_of([&](ByteWriter& out) {
    out.u32(38 + 2 + 16);
    out.u16(38);
    out.u16(2);
    out.u16(0);
    text(out, spelled);
    text(out, "ab");
    out.zeros(16);
  });
  std::vector<IdSlot> ids;
  std::vector<IdKind> kinds;
  REQUIRE(decode_ids(good, 3, ids, kinds).has_value());
  CHECK(kinds == std::vector{IdKind::kUuid, IdKind::kText, IdKind::kUuid});
  CHECK(format_id(kinds[0], ids[0]) == "0123abcd-4567-89ef-0011-2233445566ff");
  CHECK(format_id(kinds[1], ids[1]) == "ab");

  check_refused(decode_ids(ByteSpan(good).first(good.size() - 1), 3, ids, kinds), "ids: 56 bytes");
  good[4] = 37;
  check_refused(decode_ids(good, 3, ids, kinds), "lengths add up to 55");
  check_refused(decode_uuids(Bytes(33), 2, ids, kinds), "32 bytes expected, 33 are there");
}
