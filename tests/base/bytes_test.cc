#include "base/bytes.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

TEST_CASE("bytes: what was written is read back, little-endian") {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.u8(1);
  writer.u16(0x0203);
  writer.u32(0x04050607);
  writer.u64(0x08090A0B0C0D0E0F);
  writer.i64(-2);
  writer.string("tally");
  writer.zeros(3);
  CHECK(hex(ByteSpan(bytes).first(7)) == "01030207060504");

  ByteReader reader(bytes);
  CHECK(reader.u8("a").value() == 1);
  CHECK(reader.u16("b").value() == 0x0203);
  CHECK(reader.u32("c").value() == 0x04050607);
  CHECK(reader.u64("d").value() == 0x08090A0B0C0D0E0F);
  CHECK(reader.i64("e").value() == -2);
  CHECK(reader.string(5, "f").value() == "tally");
  CHECK(reader.expect_zero(3, "g"));
  CHECK(reader.expect_end("h"));
}

TEST_CASE("bytes: a short read names field, offset and what is left, and takes nothing") {
  Bytes bytes = {1, 2, 3};
  ByteReader reader(bytes);
  REQUIRE(reader.u8("first"));
  Result<uint32_t> read = reader.u32("row count");
  REQUIRE(!read);
  CHECK(read.error().code == Code::kCorruption);
  CHECK(read.error().message == "row count at offset 1 needs 4 bytes, 2 are left");
  CHECK(reader.offset() == 1);
}

TEST_CASE("bytes: varints of every length round-trip") {
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  for (int i = 0; i < 2000; ++i) {
    uint64_t value = random.next() >> random.below(64);
    Bytes bytes;
    ByteWriter(bytes).varint(value);
    ByteReader reader(bytes);
    CHECK(reader.varint("v").value() == value);
    CHECK(reader.at_end());
  }
}

TEST_CASE("bytes: a varint above 64 bits, or cut off, is refused") {
  Bytes above(9, 0xFF);
  above.push_back(0x02);
  CHECK(!ByteReader(above).varint("v"));
  Bytes endless(11, 0x80);
  CHECK(!ByteReader(endless).varint("v"));
  Bytes cut = {0x80};
  CHECK(!ByteReader(cut).varint("v"));
  Bytes largest(9, 0xFF);
  largest.push_back(0x01);
  CHECK(ByteReader(largest).varint("v").value() == UINT64_MAX);
}

TEST_CASE("bytes: a string's length is checked against the limit and against what is left") {
  Bytes bytes;
  ByteWriter(bytes).string("abcdef");
  CHECK(!ByteReader(bytes).string(5, "name"));
  bytes.pop_back();
  CHECK(!ByteReader(bytes).string(100, "name"));
  Bytes huge = {0xFF, 0xFF, 0xFF, 0xFF, 'a'};
  CHECK(!ByteReader(huge).string(SIZE_MAX, "name"));
}

TEST_CASE("bytes: left-over and reserved bytes are refused by place") {
  Bytes bytes = {0, 0, 7};
  CHECK(ByteReader(bytes).expect_zero(3, "reserved").error().message == "reserved at offset 2 is not zero");
  ByteReader reader(bytes);
  REQUIRE(reader.u8("a"));
  CHECK(reader.expect_end("header").error().message == "header has 2 bytes too many after offset 1");
}

TEST_CASE("bytes: patch overwrites in place") {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.u32(0);
  writer.u8(9);
  writer.patch(0, uint32_t{5});
  CHECK(hex(bytes) == "0500000009");
}

}  // namespace
}  // namespace tally
