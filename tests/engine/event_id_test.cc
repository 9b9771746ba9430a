#include "engine/event_id.h"

#include <doctest/doctest.h>

#include <set>

#include "base/random.h"

using namespace tally;

namespace {

constexpr std::string_view kUuid = "0123abcd-4567-89ef-0011-2233445566ff";
const HashKey kKey = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

}  // namespace

TEST_CASE("every spelling of a UUID is the same 16 bytes") {
  IdSlot first;
  REQUIRE(canonical_id(kUuid, first) == IdKind::kUuid);
  CHECK(hex({first.raw, 16}) == "0123abcd456789ef00112233445566ff");
  CHECK(format_id(IdKind::kUuid, first) == kUuid);
  for (const char* text : {"0123ABCD-4567-89EF-0011-2233445566FF", "0123abcd456789ef00112233445566ff",
                           "{0123abcd-4567-89ef-0011-2233445566ff}", "{0123abcd456789EF00112233445566ff}"}) {
    CAPTURE(text);
    IdSlot slot;
    IdKind kind = canonical_id(text, slot);
    CHECK(kind == IdKind::kUuid);
    CHECK(same_id(kind, slot, IdKind::kUuid, first));
  }
}

TEST_CASE("what only looks like a UUID is text, as sent") {
  for (const char* text : {"", "x", "0123abcd-4567-89ef-0011-2233445566f", "0123abcd-4567-89ef-0011-2233445566fg",
                           "0123abcd_4567-89ef-0011-2233445566ff", "(0123abcd-4567-89ef-0011-2233445566ff)",
                           "{0123abcd-4567-89ef-0011-2233445566ff", "0123abcd4567-89ef-0011-2233445566ff--"}) {
    CAPTURE(text);
    IdSlot slot;
    CHECK(canonical_id(text, slot) == IdKind::kText);
    CHECK(format_id(IdKind::kText, slot) == text);
  }
}

TEST_CASE("the hash depends on the key, the kind and every byte") {
  IdHasher hasher(kKey);
  HashKey other_key = kKey;
  other_key[15] ^= 1;
  IdSlot slot, text;
  canonical_id(kUuid, slot);
  text.text = StringRef("0123456789abcdef-long-enough-for-a-pointer");
  std::set<Hash128> hashes = {hasher.hash(IdKind::kUuid, slot), hasher.hash(IdKind::kDerived, slot),
                              IdHasher(other_key).hash(IdKind::kUuid, slot), hasher.hash(IdKind::kText, text)};
  for (unsigned bit = 0; bit < 128; ++bit) {
    IdSlot flipped = slot;
    flipped.raw[bit / 8] = static_cast<uint8_t>(flipped.raw[bit / 8] ^ (1u << (bit % 8)));
    hashes.insert(hasher.hash(IdKind::kUuid, flipped));
  }
  CHECK(hashes.size() == 4 + 128);
  CHECK(hasher.hash(IdKind::kUuid, slot) == IdHasher(kKey).hash(IdKind::kUuid, slot));
}

TEST_CASE("hash: worked example, so that ids hash the same in every release") {
  IdSlot slot;
  canonical_id(kUuid, slot);
  Hash128 hash = IdHasher(kKey).hash(IdKind::kUuid, slot);
  CHECK(hash.lo == 14675091848023824436u);
  CHECK(hash.hi == 14289810094843287557u);
}

TEST_CASE("ids spread evenly over shards") {
  IdHasher hasher(kKey);
  Random random(1);
  uint32_t counts[3] = {};
  for (int i = 0; i < 30'000; ++i) {
    IdSlot slot;
    random.fill({slot.raw, 16});
    uint32_t shard = shard_of(hasher.hash(IdKind::kUuid, slot), 3);
    REQUIRE(shard < 3);
    ++counts[shard];
  }
  for (uint32_t count : counts) CHECK(count == doctest::Approx(10'000).epsilon(0.05));
}
