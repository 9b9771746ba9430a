// UNIQUE as HyperLogLog: the error of the estimate against exact counts from 1 to 10 M over several seeds, densely around
// where a sketch in memory becomes dense; the stored size; and how fast values are added and sketches merged on one core,
// beside what the machine can do.
//
//   bench_unique [seeds]      default 16
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <set>
#include <vector>

#include "base/checksum.h"
#include "base/random.h"
#include "engine/sketch_format.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

constexpr uint8_t kPrecisions[] = {10, 12, 14, 16};

// Where a sketch that only gets new values leaves its sparse form, by experiment.
uint64_t switch_at(uint8_t precision) {
  HyperLogLog sketch(precision);
  for (uint64_t n = 0;; ++n) {
    if (!sketch.is_sparse()) return n;
    sketch.add(unique_hash(static_cast<int64_t>(n)));
  }
}

std::vector<uint64_t> points(uint8_t precision, uint64_t largest) {
  std::set<uint64_t> at;
  for (uint64_t n = 1; n <= largest; n *= 10) {
    for (uint64_t m : {n, n * 2, n * 5}) at.insert(m);
  }
  const uint64_t around = switch_at(precision);
  for (int percent : {-20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20}) {
    at.insert(around + static_cast<uint64_t>(static_cast<int64_t>(around) * percent / 100));
  }
  std::erase_if(at, [&](uint64_t n) { return n > largest; });
  return {at.begin(), at.end()};
}

struct Errors {
  double sum = 0, squares = 0, stored_bytes = 0;
};

void print_errors(uint8_t precision, uint64_t seeds, uint64_t largest) {
  const std::vector<uint64_t> at = points(precision, largest);
  std::vector<Errors> errors(at.size());
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    HyperLogLog sketch(precision);
    uint64_t n = 0;
    for (size_t i = 0; i < at.size(); ++i) {
      for (; n < at[i]; ++n) sketch.add(unique_hash(static_cast<int64_t>(seed << 40 | n)));
      const double off = (static_cast<double>(sketch.estimate()) - static_cast<double>(n)) / static_cast<double>(n);
      errors[i].sum += off;
      errors[i].squares += off * off;
      Bytes stored;
      encode_sketch(sketch, stored);
      errors[i].stored_bytes += static_cast<double>(stored.size());
    }
  }
  const double theory = 1.04 / std::sqrt(static_cast<double>(uint64_t{1} << precision));
  std::printf("precision %u: 1.04/sqrt(m) = %.4f %%, dense in memory from %llu values on, %llu seeds\n", precision,
              100 * theory, static_cast<unsigned long long>(switch_at(precision)),
              static_cast<unsigned long long>(seeds));
  std::printf("  %12s %12s %12s %8s %12s\n", "n", "mean error", "RMS error", "ratio", "stored bytes");
  double squares = 0;
  const auto runs = static_cast<double>(seeds);
  for (size_t i = 0; i < at.size(); ++i) {
    const double rms = std::sqrt(errors[i].squares / runs);
    squares += errors[i].squares / runs;
    std::printf("  %12llu %+11.4f%% %11.4f%% %8.2f %12.0f\n", static_cast<unsigned long long>(at[i]),
                100 * errors[i].sum / runs, 100 * rms, rms / theory, errors[i].stored_bytes / runs);
  }
  std::printf("  RMS over all: %.2f of 1.04/sqrt(m)\n\n", std::sqrt(squares / static_cast<double>(at.size())) / theory);
}

double fastest_s(const std::function<void()>& work) {
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < 5; ++i) {
    const int64_t begun = bench_now_us();
    work();
    best = std::min(best, seconds_since(begun));
  }
  return std::max(best, 1e-9);
}

volatile uint64_t sink = 0;

void print_add_rates(uint64_t values) {
  const double hashing = fastest_s([&] {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < values; ++i) sum += unique_hash(static_cast<int64_t>(i));
    sink = sum;
  });
  std::printf("hashing integers alone: %.0f M/s\n", static_cast<double>(values) / hashing / 1e6);
  for (uint8_t precision : kPrecisions) {
    HyperLogLog dense(precision);
    dense.make_dense();
    const double adding = fastest_s([&] {
      for (uint64_t i = 0; i < values; ++i) dense.add(unique_hash(static_cast<int64_t>(i)));
    });
    const uint64_t few = std::max<uint64_t>(1, switch_at(precision) / 4);
    const double sparse = fastest_s([&] {
      for (uint64_t done = 0; done < values; done += few) {
        HyperLogLog sketch(precision);
        for (uint64_t i = 0; i < few; ++i) sketch.add(unique_hash(static_cast<int64_t>(done + i)));
        sink = sink + sketch.memory_bytes();
      }
    });
    std::printf("  precision %u: hash and add %.0f M/s dense, %.0f M/s to sparse sketches of %llu values\n", precision,
                static_cast<double>(values) / adding / 1e6, static_cast<double>(values) / sparse / 1e6,
                static_cast<unsigned long long>(few));
  }
}

void print_merge_rates(uint8_t precision, uint64_t values, size_t sketches, double copy_gb_s) {
  std::vector<Bytes> stored(sketches);
  uint64_t bytes = 0, registers = 0;
  for (size_t s = 0; s < sketches; ++s) {
    HyperLogLog sketch(precision);
    for (uint64_t i = 0; i < values; ++i) sketch.add(unique_hash(static_cast<int64_t>(s << 40 | i)));
    sketch.for_each_register([&](uint32_t, uint8_t) { ++registers; });
    encode_sketch(sketch, stored[s]);
    bytes += stored[s].size();
  }
  const double merging = fastest_s([&] {
    HyperLogLog into(precision);
    for (const Bytes& sketch : stored) {
      if (!merge_stored_sketch(sketch, into)) std::abort();
    }
    sink = into.estimate();
  });
  std::vector<StoredSketch> open;
  for (const Bytes& sketch : stored) open.push_back(StoredSketch::open(sketch).value());
  const double unchecked = fastest_s([&] {
    HyperLogLog into(precision);
    for (const StoredSketch& sketch : open) sketch.merge_into(into);
    sink = into.estimate();
  });
  std::printf(
      "  precision %u, %7llu values: %6.0f bytes, open and merge %8.3f M sketches/s, %6.2f GB/s (%4.1f %% of a "
      "copy); merge alone %8.3f M/s; %6.0f M registers/s\n",
      precision, static_cast<unsigned long long>(values), static_cast<double>(bytes) / static_cast<double>(sketches),
      static_cast<double>(sketches) / merging / 1e6, static_cast<double>(bytes) / merging / 1e9,
      100 * static_cast<double>(bytes) / merging / 1e9 / copy_gb_s, static_cast<double>(sketches) / unchecked / 1e6,
      static_cast<double>(registers) / merging / 1e6);
}

int run(int argc, char** argv) {
  const bool tiny = tiny_bench();
  const uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : tiny ? 2 : 16;
  const uint64_t largest = tiny ? 10'000 : 10'000'000;
  const Yardsticks machine = measure_yardsticks(".");
  print_yardsticks(machine);
  for (uint8_t precision : kPrecisions) print_errors(precision, std::max<uint64_t>(1, seeds), largest);
  print_add_rates(tiny ? 10'000 : 5'000'000);
  for (uint8_t precision : kPrecisions) {
    for (uint64_t values : {uint64_t{10}, uint64_t{200}, uint64_t{100'000}}) {
      print_merge_rates(precision, tiny ? values / 10 : values, tiny ? 4 : 200, machine.copy_gb_s);
    }
  }
  return 0;
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) { return tally::run(argc, argv); }
