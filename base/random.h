// Random numbers of two kinds that must not be mixed up.
//
// Random        seeded and reproducible: the same seed gives the same sequence on every machine and in every release
//               (xoshiro256**, seeded through splitmix64; Blackman and Vigna). For generated traffic, tests, sampling.
//               Not for secrets. Threads: one at a time.
// random_bytes  from the operating system, for keys, epochs and uuids. Safe from every thread; cannot fail once the
//               kernel's pool is initialized, so a failure is a TALLY_CHECK.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace tally {

// One step of splitmix64: a good 64-bit mixer as well.
constexpr uint64_t splitmix64(uint64_t& state) {
  state += 0x9E3779B97F4A7C15u;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

class Random {
 public:
  explicit constexpr Random(uint64_t seed) {
    for (uint64_t& word : state_) word = splitmix64(seed);
  }

  constexpr uint64_t next() {
    uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, n), without bias (Lemire's multiply, rejecting the short remainder). n must be above 0.
  constexpr uint64_t below(uint64_t n) {
    Wide product = Wide{next()} * n;
    if (static_cast<uint64_t>(product) < n) {
      uint64_t threshold = (0 - n) % n;
      while (static_cast<uint64_t>(product) < threshold) product = Wide{next()} * n;
    }
    return static_cast<uint64_t>(product >> 64);
  }
  constexpr uint64_t between(uint64_t first, uint64_t last) {  // both included
    uint64_t range = last - first;
    return range == UINT64_MAX ? next() : first + below(range + 1);
  }

  constexpr double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  // in [0, 1)
  constexpr bool chance(double probability) { return uniform() < probability; }

  void fill(MutableByteSpan out) {
    size_t at = 0;
    for (; at + 8 <= out.size(); at += 8) store_le(out.data() + at, next());
    for (uint64_t word = at < out.size() ? next() : 0; at < out.size(); ++at, word >>= 8) {
      out[at] = static_cast<uint8_t>(word);
    }
  }

  // A generator for a part of the work whose sequence does not depend on how much the others draw.
  constexpr Random fork(uint64_t stream) {
    uint64_t seed = next() ^ (stream * 0x9E3779B97F4A7C15u);
    return Random(seed);
  }

  // So that <random> and std::shuffle can use it (their results differ between standard libraries; prefer the above).
  using result_type = uint64_t;
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return UINT64_MAX; }
  constexpr uint64_t operator()() { return next(); }

 private:
  __extension__ using Wide = unsigned __int128;

  std::array<uint64_t, 4> state_{};
};

void random_bytes(MutableByteSpan out);
uint64_t random_u64();
std::array<uint8_t, 16> random_uuid();  // version 4

// While one lives, random_bytes() on this thread draws from `seed` instead of the operating system: keys, epochs and uuids
// are then a function of the seed, as simulated disk and clock are, so that a test's failure can be seen again. Tests only.
// Scopes may nest; the innermost is in force.
class SeededRandomScope {
 public:
  explicit SeededRandomScope(uint64_t seed);
  ~SeededRandomScope();
  SeededRandomScope(const SeededRandomScope&) = delete;
  SeededRandomScope& operator=(const SeededRandomScope&) = delete;

 private:
  Random random_;
  Random* outer_;
};

}  // namespace tally
