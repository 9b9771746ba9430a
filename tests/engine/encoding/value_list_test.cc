#include "engine/encoding/value_list.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/random.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

struct List {
  std::vector<uint32_t> codes;
  std::vector<std::string> texts;

  Bytes encoded() const {
    ColumnEncoder encoder;
    Bytes raw;
    std::vector<StringRef> values;
    for (const std::string& text : texts) values.emplace_back(text);
    encode_value_list(codes, values, encoder, raw);
    return raw;
  }
};

Status decode(ByteSpan raw, size_t values) {
  std::vector<uint32_t> codes(values);
  std::vector<StringRef> strings(values);
  return decode_value_list(raw, values, codes, strings);
}

void check_comes_back(const List& list) {
  Bytes raw = list.encoded();
  size_t values = list.codes.size();
  std::vector<uint32_t> codes(values);
  std::vector<StringRef> strings(values);
  REQUIRE(decode_value_list(raw, values, codes, strings).has_value());
  REQUIRE(codes == list.codes);
  for (size_t i = 0; i < values; ++i) {
    REQUIRE(strings[i].view() == list.texts[i]);
    bool inside = strings[i].data() >= reinterpret_cast<const char*>(raw.data()) &&
                  strings[i].data() < reinterpret_cast<const char*>(raw.data() + raw.size());
    REQUIRE((strings[i].is_inline() || inside));
  }
}

std::string eight_bytes(uint64_t value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

// The values of a dimension as they come: numbered, names of any length, integers of 8 bytes, all one, empty.
List random_list(Random& random) {
  List list;
  uint64_t shape = random.below(5);
  uint64_t small = uint64_t{1} << random.below(63);
  uint32_t code = static_cast<uint32_t>(random.below(10));
  for (size_t left = random.between(1, 600); left > 0; --left) {
    list.codes.push_back(code);
    code += static_cast<uint32_t>(1 + (random.chance(0.1) ? random.below(1000) : 0));
    std::string text(random.below(shape == 1 ? 40 : 12), 'x');
    for (char& c : text) c = static_cast<char>(random.next());
    if (shape == 0) text = "k" + std::to_string(random.below(100'000));
    if (shape == 2) text = eight_bytes(random.below(small));
    if (shape == 3) text = "always the same, and long";
    list.texts.push_back(text);
  }
  if (random.chance(0.1)) list.codes.back() = UINT32_MAX;
  return list;
}

}  // namespace

TEST_CASE("value list: the example of the header") {
  List list{{2, 3, 4}, {"k7", "k10", "k9"}};
  CHECK(hex(list.encoded()) ==
        "08"
        "03"
        "0a000000"
        "0200000000000000"
        "02"
        "24"
        "01"
        "020302"
        "6b37"
        "6b3130"
        "6b39");
}

TEST_CASE("value list: whatever the values, they come back") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 300; ++repeat) check_comes_back(random_list(random));
  check_comes_back({{7}, {""}});
  check_comes_back({{UINT32_MAX}, {std::string(65'535, 'x')}});
}

TEST_CASE("value list: numbered values in the order of their codes take a few bits a value") {
  Random random(1);
  List list;
  for (uint32_t i = 0; i < 100'000; ++i) {
    list.codes.push_back(2 + i * 2 + static_cast<uint32_t>(random.below(2)));
    list.texts.push_back("c" + std::to_string(random.below(1 << 17)));
  }
  CHECK(list.encoded().size() < 100'000 * (2 + 17) / 8 + 100);
}

TEST_CASE("value list: integers of 8 bytes take what their range needs") {
  Random random(1);
  List list;
  for (uint32_t i = 0; i < 10'000; ++i) {
    list.codes.push_back(i);
    list.texts.push_back(eight_bytes(5'000'000'000 + random.below(1000)));
  }
  CHECK(list.encoded().size() < 10'000 * 10 / 8 + 100);
  check_comes_back(list);
}

TEST_CASE("value list: codes that do not ascend, and parts in an encoding for something else, are corruption") {
  List list{{2, 3, 9}, {"a", "b", "c"}};
  Bytes raw = list.encoded();
  REQUIRE(decode(raw, 3).has_value());
  CHECK_FALSE(decode(raw, 2));
  CHECK_FALSE(decode(raw, 4));
  CHECK_FALSE(decode(raw, 0));
  for (unsigned encoding = 0; encoding < 256; ++encoding) {
    for (size_t part : {0, 1}) {
      Bytes other = raw;
      other[part] = static_cast<uint8_t>(encoding);
      // To one_string any bytes are a string.
      bool sound = other[part] == raw[part] || (part == 1 && static_cast<Encoding>(encoding) == Encoding::kOneString);
      CHECK(decode(other, 3).has_value() == sound);
    }
  }
  ColumnEncoder encoder;
  for (const std::vector<uint32_t>& codes : {std::vector<uint32_t>{5, 5}, {5, 4}, {1, 0}}) {
    std::vector<StringRef> values = {StringRef("a"), StringRef("b")};
    encode_value_list(codes, values, encoder, raw);
    Status status = decode(raw, 2);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Code::kCorruption);
  }
}

TEST_CASE("value list: every cut, every byte too many, and flipped bits are refused or decode to something") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 60; ++repeat) {
    List list = random_list(random);
    if (list.codes.size() > 40) list.codes.resize(40), list.texts.resize(40);
    Bytes raw = list.encoded();
    for (size_t cut = 0; cut < raw.size(); ++cut) {
      auto exact = std::make_unique<uint8_t[]>(cut);
      std::copy_n(raw.begin(), cut, exact.get());
      // Of one long string a shorter one is left.
      if (!decode({exact.get(), cut}, list.codes.size())) continue;
      REQUIRE(static_cast<Encoding>(raw[1]) == Encoding::kOneString);
    }
    for (int flip = 0; flip < 100; ++flip) {
      Bytes broken = raw;
      size_t at = random.chance(0.5) ? random.below(std::min<size_t>(broken.size(), 24)) : random.below(broken.size());
      broken[at] = static_cast<uint8_t>(broken[at] ^ 1u << random.below(8));
      (void)decode(broken, list.codes.size());
    }
  }
}
