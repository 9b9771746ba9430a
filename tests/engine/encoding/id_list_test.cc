// Ids that are UUIDs of version 4; the other encodings of ids stand in encoding_test.cc.
#include "engine/encoding/id_list.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "engine/encoding/column_block.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

IdSlot uuid(std::string_view text) {
  IdSlot id;
  REQUIRE(parse_uuid(text, id.raw));
  return id;
}

std::vector<IdSlot> random_uuids(Random& random, size_t rows) {
  std::vector<IdSlot> ids(rows);
  for (IdSlot& id : ids) {
    random.fill(id.raw);
    id.raw[6] = static_cast<uint8_t>(0x40 | (id.raw[6] & 0x0F));
    id.raw[8] = static_cast<uint8_t>(0x80 | (id.raw[8] & 0x3F));
  }
  return ids;
}

BlockForm encoded(const std::vector<IdSlot>& ids, IdKind kind, Bytes& raw) {
  std::vector<IdKind> kinds(ids.size(), kind);
  return ColumnEncoder().ids(ids, kinds, raw);
}

void check_comes_back(const std::vector<IdSlot>& ids, IdKind kind, BlockForm form, ByteSpan raw) {
  std::vector<IdSlot> out(ids.size());
  std::vector<IdKind> kinds(ids.size(), IdKind::kText);
  REQUIRE(decode_ids_block(form, raw, out, kinds).has_value());
  for (size_t row = 0; row < ids.size(); ++row) REQUIRE(same_id(kind, ids[row], kinds[row], out[row]));
}

}  // namespace

TEST_CASE("uuid4 ids: the example of the header") {
  Bytes raw;
  std::vector<IdSlot> ids = {uuid("00010203-0405-4a07-8809-0a0b0c0d0e0f")};
  CHECK(encoded(ids, IdKind::kUuid, raw).encoding == Encoding::kUuid4Ids);
  CHECK(hex(raw) ==
        "00010203040507090a0b0c0d0e0f"
        "8a00");
}

TEST_CASE("uuid4 ids: blocks of any length come back, at 15.25 bytes a row") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (size_t rows : {1, 2, 3, 63, 64, 65, 1023, 1024, 1025, 8192}) {
    std::vector<IdSlot> ids = random_uuids(random, rows);
    Bytes raw;
    BlockForm form = encoded(ids, IdKind::kUuid, raw);
    REQUIRE(form.encoding == Encoding::kUuid4Ids);
    CHECK(raw.size() == rows * 14 + (rows * 10 + 7) / 8);
    check_comes_back(ids, IdKind::kUuid, form, raw);
  }
}

TEST_CASE("uuid4 ids: one id of another version, variant or kind, and they are fixed ids") {
  Random random(1);
  for (size_t odd : {0, 7, 99}) {
    for (auto [byte, bit] :
         {std::pair(6, 4), std::pair(6, 5), std::pair(6, 6), std::pair(6, 7), std::pair(8, 6), std::pair(8, 7)}) {
      std::vector<IdSlot> ids = random_uuids(random, 100);
      ids[odd].raw[byte] = static_cast<uint8_t>(ids[odd].raw[byte] ^ 1u << bit);
      Bytes raw;
      BlockForm form = encoded(ids, IdKind::kUuid, raw);
      CHECK(form.encoding == Encoding::kFixedIds);
      check_comes_back(ids, IdKind::kUuid, form, raw);
    }
  }
  std::vector<IdSlot> ids = random_uuids(random, 10);
  Bytes raw;
  BlockForm form = encoded(ids, IdKind::kDerived, raw);
  CHECK(form.encoding == Encoding::kFixedIds);
  check_comes_back(ids, IdKind::kDerived, form, raw);
}

TEST_CASE("uuid4 ids: a byte too few or too many, or bits beyond the last row, is corruption") {
  Random random(1);
  std::vector<IdSlot> ids = random_uuids(random, 9), out(9);
  std::vector<IdKind> kinds(9);
  Bytes raw;
  BlockForm form = encoded(ids, IdKind::kUuid, raw);
  for (size_t cut = 0; cut < raw.size(); ++cut) {
    Bytes part(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(cut));
    CHECK_FALSE(decode_ids_block(form, part, out, kinds));
  }
  raw.back() |= 0x80;
  CHECK_FALSE(decode_ids_block(form, raw, out, kinds));
  raw.back() &= 0x7F;
  CHECK(decode_ids_block(form, raw, out, kinds));
  raw.push_back(0);
  CHECK_FALSE(decode_ids_block(form, raw, out, kinds));
  CHECK_FALSE(decode_ids_block({Encoding::kUuid4Ids, kBlockNulls}, raw, out, kinds));
}

TEST_CASE("uuid4 ids: what is random is known as such") {
  CHECK(encoding_is_random_bytes(Encoding::kUuid4Ids));
  CHECK(encoding_is_random_bytes(Encoding::kFixedIds));
  CHECK_FALSE(encoding_is_random_bytes(Encoding::kMixedIds));
  CHECK_FALSE(encoding_is_random_bytes(Encoding::kPacked));
}

TEST_CASE("ids: the first bytes tell of every id that is there, and of hardly any other") {
  Random random(test_seed(11));
  uint32_t wrongly = 0, strangers = 0;
  for (int round = 0; round < 200; ++round) {
    const size_t rows = 1 + random.below(200);
    const bool version4 = random.chance(0.5), derived = random.chance(0.3);
    std::vector<IdSlot> ids(rows);
    std::vector<IdKind> kinds(rows, derived ? IdKind::kDerived : IdKind::kUuid);
    for (IdSlot& id : ids) {
      random.fill(id.raw);
      if (!version4) continue;
      id.raw[6] = static_cast<uint8_t>((id.raw[6] & 0x0F) | 0x40);
      id.raw[8] = static_cast<uint8_t>((id.raw[8] & 0x3F) | 0x80);
    }
    Bytes bytes;
    const Encoding encoding = encode_ids(ids, kinds, bytes);
    auto ask = [&](std::initializer_list<std::string> texts) {
      std::vector<std::string_view> views(texts.begin(), texts.end());
      return ids_may_match(encoding, bytes, rows, IdPredicate::any_of(views)).value();
    };
    const size_t row = random.below(rows);
    const std::string there = format_id(kinds[row], ids[row]);
    IdSlot stranger;
    random.fill(stranger.raw);
    const std::string elsewhere = format_id(IdKind::kUuid, stranger);
    CHECK(ask({there}));
    CHECK(ask({elsewhere, there, "a text"}));
    CHECK_FALSE(ask({"a text"}));
    strangers += 1;
    wrongly += ask({elsewhere}) ? 1 : 0;
    bytes.pop_back();
    CHECK(ids_may_match(encoding, bytes, rows, IdPredicate::any_of({})).error().code == Code::kCorruption);
  }
  CHECK(wrongly * 100 < strangers);
}
