#include "engine/block_index.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "base/random.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

using Model = std::map<uint32_t, std::set<uint32_t>>;

// Codes with one block, a few, many, runs of them, and all of them.
Model random_model(Random& random, uint32_t blocks) {
  Model model;
  auto code = static_cast<uint32_t>(random.below(5));
  for (uint64_t codes = random.below(600); codes > 0; --codes) {
    std::set<uint32_t>& of_code = model[code];
    uint64_t count = random.between(1, random.chance(0.8) ? 4 : random.chance(0.9) ? 60 : 3000);
    auto first = static_cast<uint32_t>(random.below(blocks));
    bool run = random.chance(0.4);
    for (uint64_t i = 0; i < count; ++i) {
      of_code.insert(run ? static_cast<uint32_t>((first + i) % blocks) : static_cast<uint32_t>(random.below(blocks)));
    }
    code += static_cast<uint32_t>(random.chance(0.05) ? random.between(1, 5'000'000) : random.between(1, 4));
  }
  return model;
}

Bytes encoded(const Model& model, uint32_t blocks, Random& random) {
  std::vector<std::pair<uint32_t, uint32_t>> pairs;
  for (const auto& [code, of_code] : model) {
    for (uint32_t block : of_code) pairs.emplace_back(code, block);
  }
  for (size_t i = pairs.size(); i > 1; --i) std::swap(pairs[i - 1], pairs[random.below(i)]);
  BlockIndexBuilder builder;
  for (auto [code, block] : pairs) {
    builder.add(code, block);
    if (random.chance(0.1)) builder.add(code, block);
  }
  Bytes bytes;
  builder.finish(blocks, bytes);
  return bytes;
}

std::vector<uint32_t> selected(std::span<const uint64_t> words) {
  std::vector<uint32_t> blocks;
  for (uint32_t block = 0; block < words.size() * 64; ++block) {
    if ((words[block / 64] >> block % 64 & 1u) != 0) blocks.push_back(block);
  }
  return blocks;
}

void check_lookups(const BlockIndex& index, const Model& model, Random& random) {
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::vector<uint32_t> codes(random.below(30));
    std::set<uint32_t> wanted;
    for (uint32_t& code : codes) {
      auto near = model.lower_bound(static_cast<uint32_t>(random.below(3000)));
      code = near != model.end() && random.chance(0.8) ? near->first : static_cast<uint32_t>(random.next());
      if (auto found = model.find(code); found != model.end())
        wanted.insert(found->second.begin(), found->second.end());
      auto single = index.find(code).value().blocks();
      auto expected = model.contains(code) ? model.at(code) : std::set<uint32_t>{};
      REQUIRE(single == std::vector<uint32_t>(expected.begin(), expected.end()));
    }
    std::vector<uint64_t> words((index.blocks() + 63) / 64);
    REQUIRE(index.select_any(codes, words).has_value());
    REQUIRE(selected(words) == std::vector<uint32_t>(wanted.begin(), wanted.end()));
    REQUIRE(index.find_any(codes).value().blocks() == selected(words));
  }
}

}  // namespace

TEST_CASE("block index: the example of the header") {
  BlockIndexBuilder builder;
  builder.add(7, 3);
  builder.add(5, 2);
  builder.add(7, 0);
  Bytes bytes;
  builder.finish(4, bytes);
  CHECK(hex(bytes) ==
        "02000000"
        "04000000"
        "05000000"
        "04000000"
        "01"
        "01"
        "21"
        "32");
}

TEST_CASE("block index: behaves as a map from code to set of blocks") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 40; ++repeat) {
    auto blocks = static_cast<uint32_t>(random.chance(0.2) ? 1 : random.between(1, random.chance(0.1) ? 70'000 : 900));
    Model model = random_model(random, blocks);
    Bytes bytes = encoded(model, blocks, random);
    BlockIndex index = BlockIndex::open(bytes, blocks).value();
    REQUIRE(index.codes() == model.size());
    Model found;
    REQUIRE(index
                .visit_all([&](uint32_t code, std::span<const uint32_t> of_code) -> Status {
                  found[code] = {of_code.begin(), of_code.end()};
                  return {};
                })
                .has_value());
    REQUIRE(found == model);
    check_lookups(index, model, random);
    REQUIRE(index.statistics().value().bytes == bytes.size());
    REQUIRE_FALSE(BlockIndex::open(bytes, blocks + 1).has_value());
  }
}

TEST_CASE("block index: a code in one block costs a few bytes, a code in all of them hardly more") {
  BlockIndexBuilder builder;
  Random random(1);
  for (uint32_t code = 0; code < 20'000; ++code) builder.add(code, static_cast<uint32_t>(random.below(8192)));
  Bytes single;
  builder.finish(8192, single);
  CHECK(single.size() < 20'000 * 5 / 2);
  for (uint32_t code = 0; code < 50; ++code) {
    for (uint32_t block = 0; block < 8192; ++block) builder.add(code, block);
  }
  Bytes everywhere;
  builder.finish(8192, everywhere);
  CHECK(everywhere.size() < 50 * 21 + 20);
  auto statistics = BlockIndex::open(everywhere, 8192).value().statistics().value();
  CHECK(statistics.bitmaps == 50);
  CHECK(statistics.pairs == 50 * 8192);
}

TEST_CASE("block index: damage is refused, or every reader sees the same blocks") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 20; ++repeat) {
    auto blocks = static_cast<uint32_t>(random.between(2, 300));
    Bytes bytes = encoded(random_model(random, blocks), blocks, random);
    for (int flip = 0; flip < 200; ++flip) {
      Bytes broken = bytes;
      if (random.chance(0.1)) broken.resize(random.below(broken.size() + 1));
      size_t at = random.below(broken.size() + 1);
      if (at < broken.size()) broken[at] = static_cast<uint8_t>(broken[at] ^ 1u << random.below(8));
      auto index = BlockIndex::open(broken, blocks);
      if (!index) continue;
      bool same = true;
      Status all = index->visit_all([&](uint32_t code, std::span<const uint32_t> of_code) -> Status {
        auto found = index->find(code);
        same &= found.has_value() && found->blocks() == std::vector<uint32_t>(of_code.begin(), of_code.end());
        return {};
      });
      if (all) REQUIRE(same);
    }
  }
}

TEST_CASE("block sets behave as sets") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 100; ++repeat) {
    std::vector<uint32_t> a(random.below(300)), b(random.below(300));
    for (uint32_t& block : a) block = static_cast<uint32_t>(random.below(500));
    for (uint32_t& block : b) block = static_cast<uint32_t>(random.below(500));
    BlockSet both(a), either(a), only(a), other(b);
    both &= other;
    either |= other;
    only -= other;
    std::set<uint32_t> in_a(a.begin(), a.end()), in_b(b.begin(), b.end());
    for (uint32_t block = 0; block < 500; ++block) {
      REQUIRE(both.contains(block) == (in_a.contains(block) && in_b.contains(block)));
      REQUIRE(either.contains(block) == (in_a.contains(block) || in_b.contains(block)));
      REQUIRE(only.contains(block) == (in_a.contains(block) && !in_b.contains(block)));
    }
    BlockSet copy = either;
    copy -= copy;
    REQUIRE(copy.empty());
    REQUIRE(either.empty() == (a.empty() && b.empty()));
  }
}
