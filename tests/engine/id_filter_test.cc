#include "engine/id_filter.h"

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/cpu.h"
#include "base/random.h"
#include "engine/encoding/selection.h"
#include "engine/id_filter_kernels.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

std::vector<Hash128> random_hashes(Random& random, size_t count) {
  std::vector<Hash128> hashes(count);
  for (Hash128& hash : hashes) hash = {.lo = random.next(), .hi = random.next()};
  return hashes;
}

Bytes filter_of(std::span<const Hash128> hashes) {
  IdFilterBuilder builder(hashes.size());
  builder.add(hashes);
  Bytes bytes;
  builder.finish(bytes);
  return bytes;
}

}  // namespace

TEST_CASE("id filter: the example of the header") {
  Hash128 hash{.lo = 0, .hi = 99};
  Bytes bytes = filter_of(std::span(&hash, 1));
  REQUIRE(bytes.size() == 16 + 32 + 8);
  CHECK(hex(ByteSpan(bytes).first(16)) ==
        "01000000"
        "00000000"
        "0100000000000000");
  for (size_t i = 0; i < 8; ++i) CHECK(hex(ByteSpan(bytes).subspan(16 + i * 4, 4)) == "01000000");
}

TEST_CASE("id filter: every id is found, few strangers are, ids of one shard included") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (bool one_shard : {false, true}) {
    CAPTURE(one_shard);
    std::vector<Hash128> ids = random_hashes(random, 200'000);
    std::vector<Hash128> strangers = random_hashes(random, 200'000);
    // A shard's ids share the top bits of the high word.
    for (Hash128& hash : ids) hash.hi = one_shard ? hash.hi >> 6 : hash.hi;
    Bytes bytes = filter_of(ids);
    CHECK(bytes.size() * 8 <= 200'000 * 10 + 1000);
    IdFilter filter = IdFilter::open(bytes).value();
    CHECK(filter.ids() == 200'000);
    std::vector<uint64_t> words(selection_words(ids.size()));
    filter.may_contain(ids, words);
    CHECK(count_selected(words) == ids.size());
    filter.may_contain(strangers, words);
    double wrong = static_cast<double>(count_selected(words)) / 200'000;
    MESSAGE("strangers let through: ", wrong * 100, " %");
    CHECK(wrong < 0.015);
    for (size_t i = 0; i < 1000; ++i) REQUIRE(filter.may_contain(strangers[i]) == is_selected(words, i));
  }
}

TEST_CASE("id filter: the kernels agree") {
  if (!cpu_has_avx2()) return;
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 100; ++repeat) {
    auto blocks = static_cast<uint32_t>(random.between(1, 40));
    std::vector<Hash128> hashes = random_hashes(random, random.between(1, 300));
    const auto* pairs = reinterpret_cast<const uint64_t*>(hashes.data());
    Bytes a(blocks * 32), b(blocks * 32);
    random.fill(a);
    for (uint8_t& byte : a) byte = static_cast<uint8_t>(byte & random.next());
    b = a;
    std::vector<uint64_t> a_words(selection_words(hashes.size())), b_words(a_words.size());
    baseline::kIdFilterKernels.probe(a.data(), blocks, pairs, hashes.size(), a_words.data());
    avx2::kIdFilterKernels.probe(b.data(), blocks, pairs, hashes.size(), b_words.data());
    REQUIRE(a_words == b_words);
    baseline::kIdFilterKernels.add(a.data(), blocks, pairs, hashes.size());
    avx2::kIdFilterKernels.add(b.data(), blocks, pairs, hashes.size());
    REQUIRE(a == b);
  }
}

TEST_CASE("id filter: more ids than told, none, and damage") {
  Random random(1);
  std::vector<Hash128> ids = random_hashes(random, 1000);
  IdFilterBuilder builder(10);
  builder.add(ids);
  Bytes crowded;
  builder.finish(crowded);
  for (const Hash128& id : ids) REQUIRE(IdFilter::open(crowded).value().may_contain(id));
  Bytes empty = filter_of({});
  CHECK_FALSE(IdFilter::open(empty).value().may_contain(ids[0]));
  for (size_t at = 0; at < crowded.size(); ++at) {
    Bytes broken = crowded;
    broken[at] ^= 16;
    REQUIRE_FALSE(IdFilter::open(broken).has_value());
    REQUIRE_FALSE(IdFilter::open(ByteSpan(crowded).first(at)).has_value());
  }
}
