// The encodings of integers, one against the other: packed, run_length, delta, int_dictionary, patched.
#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "base/random.h"
#include "engine/encoding/delta.h"
#include "engine/encoding/int_dictionary.h"
#include "engine/encoding/packed.h"
#include "engine/encoding/patched.h"
#include "engine/encoding/run_length.h"
#include "engine/encoding/selection.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

template <class T>
struct IntEncoding {
  const char* name;
  // UINT64_MAX: these values are not for this encoding.
  uint64_t (*measure)(std::span<const T>, const IntStats&);
  void (*encode)(std::span<const T>, const IntStats&, Bytes&);
  Status (*decode)(ByteSpan, std::span<T>);
  Status (*select)(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
};

template <class T>
uint64_t measure_dictionary(std::span<const T> values, const IntStats& stats) {
  IntDictionaryBuilder builder;
  return builder.measure(values, stats, UINT64_MAX);
}

template <class T>
void encode_dictionary(std::span<const T> values, const IntStats& stats, Bytes& out) {
  IntDictionaryBuilder builder;
  builder.measure(values, stats, UINT64_MAX);
  builder.encode<T>(out);
}

template <class T>
uint64_t measure_patched(std::span<const T> values, const IntStats& stats) {
  PatchedIntsBuilder builder;
  return builder.measure(values, stats, UINT64_MAX);
}

template <class T>
void encode_patched(std::span<const T> values, const IntStats& stats, Bytes& out) {
  PatchedIntsBuilder builder;
  builder.measure(values, stats, UINT64_MAX);
  builder.encode(values, out);
}

template <class T>
std::vector<IntEncoding<T>> encodings() {
  using Values = std::span<const T>;
  return {
      {"packed", [](Values, const IntStats& stats) { return measure_packed(stats.rows, stats.min, stats.max); },
       [](Values values, const IntStats& stats, Bytes& out) { encode_packed(values, stats.min, stats.max, out); },
       decode_packed<T>, select_packed<T>},
      {"runs", [](Values, const IntStats& stats) { return measure_runs(stats); }, encode_runs<T>, decode_runs<T>,
       select_runs<T>},
      {"delta", [](Values, const IntStats& stats) { return measure_delta(stats); }, encode_delta<T>, decode_delta<T>,
       select_delta<T>},
      {"dictionary", measure_dictionary<T>, encode_dictionary<T>, decode_int_dictionary<T>, select_int_dictionary<T>},
      {"patched", measure_patched<T>, encode_patched<T>, decode_patched<T>, select_patched<T>},
  };
}

// Columns as they come: sorted, in runs, few values, many, a few far from the others, the ends of the type.
template <class T>
std::vector<T> random_column(Random& random) {
  size_t rows = random.chance(0.2) ? 1 : random.between(1, 3000);
  std::vector<T> values(rows);
  uint64_t spread = uint64_t{1} << random.below(64);
  uint64_t start = random.chance(0.3) ? 0 : random.next();
  if (random.chance(0.1)) start = static_cast<uint64_t>(std::numeric_limits<T>::max()) - spread;
  uint64_t shape = random.below(5);
  std::vector<T> few(random.between(1, 80));
  for (T& value : few) value = static_cast<T>(start + random.below(spread));
  uint64_t now = start;
  for (size_t i = 0; i < rows; ++i) {
    if (shape == 0) values[i] = static_cast<T>(start + random.below(spread));
    if (shape == 1) values[i] = few[random.below(few.size())];
    if (shape == 2) values[i] = i > 0 && random.chance(0.95) ? values[i - 1] : few[random.below(few.size())];
    if (shape == 3) values[i] = static_cast<T>(now += random.below(100));
    if (shape == 4) values[i] = static_cast<T>(random.chance(0.1) ? random.next() : start + random.below(8));
  }
  return values;
}

template <class T>
IntPredicate random_predicate(Random& random, const std::vector<T>& values) {
  auto some = [&] {
    auto value = static_cast<int64_t>(values[random.below(values.size())]);
    return random.chance(0.1) ? static_cast<int64_t>(random.next()) : value;
  };
  switch (random.below(4)) {
    case 0: return IntPredicate::equals(some());
    case 1: return IntPredicate::range(some(), some());
    case 2: return IntPredicate::range(INT64_MIN, some());
    default: break;
  }
  std::vector<int64_t> set(random.below(20));
  for (int64_t& value : set) value = some();
  return IntPredicate::any_of(std::move(set));
}

template <class T>
void check_selection(const IntEncoding<T>& encoding, ByteSpan bytes, const std::vector<T>& values, Random& random) {
  for (int repeat = 0; repeat < 4; ++repeat) {
    IntPredicate predicate = random_predicate(random, values);
    std::vector<uint64_t> words(selection_words(values.size()), UINT64_MAX);
    REQUIRE(encoding.select(bytes, values.size(), predicate, words).has_value());
    std::vector<uint64_t> wanted(words.size());
    for (size_t i = 0; i < values.size(); ++i) {
      wanted[i / 64] |= static_cast<uint64_t>(predicate.matches(static_cast<int64_t>(values[i]))) << i % 64;
    }
    REQUIRE(words == wanted);
  }
}

template <class T>
void check_columns(uint64_t seed) {
  Random random(seed);
  for (int repeat = 0; repeat < 150; ++repeat) {
    std::vector<T> values = random_column<T>(random);
    IntStats stats = int_stats(std::span<const T>(values));
    for (const IntEncoding<T>& encoding : encodings<T>()) {
      CAPTURE(encoding.name);
      if (encoding.measure(values, stats) == UINT64_MAX) continue;
      Bytes bytes;
      encoding.encode(values, stats, bytes);
      REQUIRE(encoding.measure(values, stats) == bytes.size());
      std::vector<T> out(values.size());
      REQUIRE(encoding.decode(bytes, out).has_value());
      REQUIRE(out == values);
      check_selection(encoding, bytes, values, random);
    }
  }
}

// Whatever the bytes: decode and select both refuse them, or agree.
template <class T>
void check_hostile(const IntEncoding<T>& encoding, ByteSpan bytes, size_t rows, Random& random) {
  std::vector<T> values(rows);
  bool decoded = encoding.decode(bytes, values).has_value();
  std::vector<uint64_t> words(selection_words(rows));
  IntPredicate predicate = random_predicate(random, values);
  bool selected = encoding.select(bytes, rows, predicate, words).has_value();
  REQUIRE(decoded == selected);
  if (decoded) check_selection(encoding, bytes, values, random);
}

template <class T>
void check_mutations(uint64_t seed) {
  Random random(seed);
  for (int repeat = 0; repeat < 60; ++repeat) {
    std::vector<T> values = random_column<T>(random);
    values.resize(std::min<size_t>(values.size(), 70));
    for (const IntEncoding<T>& encoding : encodings<T>()) {
      CAPTURE(encoding.name);
      IntStats stats = int_stats(std::span<const T>(values));
      if (encoding.measure(values, stats) == UINT64_MAX) continue;
      Bytes bytes;
      encoding.encode(values, stats, bytes);
      for (size_t cut = 0; cut < bytes.size(); ++cut) {
        std::vector<T> out(values.size());
        REQUIRE_FALSE(encoding.decode(ByteSpan(bytes).first(cut), out).has_value());
      }
      for (int flip = 0; flip < 60; ++flip) {
        Bytes broken = bytes;
        for (uint64_t left = random.between(1, 3); left > 0; --left) {
          size_t at =
              random.chance(0.5) ? random.below(std::min<size_t>(broken.size(), 24)) : random.below(broken.size());
          broken[at] = static_cast<uint8_t>(broken[at] ^ 1u << random.below(8));
        }
        if (random.chance(0.1)) broken.push_back(0);
        check_hostile(encoding, broken, values.size(), random);
      }
    }
  }
}

template <class T>
std::string encoded(const IntEncoding<T>& encoding, std::vector<T> values) {
  Bytes bytes;
  encoding.encode(values, int_stats(std::span<const T>(values)), bytes);
  return hex(bytes);
}

}  // namespace

TEST_CASE("encodings of integers: the examples of their headers") {
  auto all = encodings<int64_t>();
  CHECK(encoded(all[0], {1000, 1003, 1001}) ==
        "e803000000000000"
        "02"
        "1c");
  CHECK(encoded(all[1], {7, 7, 7, 9}) ==
        "02000000"
        "0700000000000000"
        "02"
        "08"
        "02"
        "02");
  CHECK(encoded(all[2], {100, 110, 121, 131}) ==
        "6400000000000000"
        "0a00000000000000"
        "01"
        "02");
  CHECK(encoded(all[3], {9, 1, 9, 9}) ==
        "02000000"
        "0100000000000000"
        "04"
        "80"
        "0d");
  CHECK(encoded(all[4], {5, 6, 1000, 4, 7, -900}) ==
        "02000000"
        "0400000000000000"
        "02"
        "0903"
        "02"
        "0a"
        "1effffffffffffff"
        "09"
        "db0100");
}

TEST_CASE("encodings of integers: columns come back, measured sizes are true, predicates select the right rows") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  check_columns<uint8_t>(seed);
  check_columns<uint32_t>(seed);
  check_columns<int64_t>(seed);
}

TEST_CASE("encodings of integers: broken bytes are refused, or mean the same to every reader") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  check_mutations<uint8_t>(seed);
  check_mutations<uint32_t>(seed);
  check_mutations<int64_t>(seed);
}

TEST_CASE("encodings of integers: a base stays low enough for every pattern of bits to be a value") {
  std::vector<uint8_t> bytes = {200, 255};
  CHECK(encoded(encodings<uint8_t>()[0], bytes).substr(0, 18) ==
        "c000000000000000"
        "06");  // 192 + 63
  std::vector<int64_t> ends = {INT64_MIN, INT64_MAX};
  CHECK(encoded(encodings<int64_t>()[0], ends).substr(0, 18) ==
        "0000000000000080"
        "40");
  Bytes out_of_range;
  ByteWriter writer(out_of_range);
  writer.i64(250);
  writer.u8(3);  // up to 257
  writer.u8(0);
  uint8_t one;
  CHECK_FALSE(decode_packed(out_of_range, std::span<uint8_t>(&one, 1)));
}

TEST_CASE("encodings of integers: a dictionary is given up when it cannot win") {
  std::vector<int64_t> values(5000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i % 600 * 1000);
  IntStats stats = int_stats(std::span<const int64_t>(values));
  IntDictionaryBuilder builder;
  CHECK(builder.measure(std::span<const int64_t>(values), stats, 1000) == UINT64_MAX);
  uint64_t bytes = builder.measure(std::span<const int64_t>(values), stats, UINT64_MAX);
  CHECK(builder.measure(std::span<const int64_t>(values), stats, bytes) == UINT64_MAX);
  CHECK(builder.measure(std::span<const int64_t>(values), stats, bytes + 1) == bytes);
}
