// Compiled twice: see bit_pack_kernels.h. The scalar loops are the whole of the baseline, and the last few values of AVX2.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/encoding/bit_pack_kernels.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace tally::TALLY_ISA {

namespace {

// Width at most 57: a value and the bits before it in its first byte fit a word. Or 64: whole words.
struct Scalar {
  const uint8_t* bits;
  unsigned width;
  uint64_t mask;

  Scalar(const uint8_t* from, unsigned value_width)
      : bits(from), width(value_width), mask(value_width == 64 ? UINT64_MAX : (uint64_t{1} << value_width) - 1) {}

  uint64_t at(size_t i) const {
    size_t bit = i * width;
    uint64_t word;
    std::memcpy(&word, bits + bit / 8, sizeof word);
    return word >> bit % 8 & mask;
  }
};

template <class Matches>
void select_scalar(size_t first, size_t count, uint64_t* words, Matches matches) {
  for (size_t i = first; i < count; i += 64) {
    size_t n = count - i < 64 ? count - i : 64;
    uint64_t word = 0;
    for (size_t j = 0; j < n; ++j) word |= static_cast<uint64_t>(matches(i + j)) << j;
    words[i / 64] = word;
  }
}

#ifdef __AVX2__

// Eight values of width w take w bytes, so the place of each within its eight never changes: one shuffle brings the bytes
// of each into a lane of its own, one variable shift drops the bits before it. Here lanes of 32 bits, for widths to 25.
struct Lanes32 {
  __m256i shuffle, shift, mask;
  size_t high;  // where the upper four begin

  explicit Lanes32(unsigned width) : high(width / 2) {
    alignas(32) uint8_t bytes[32];
    alignas(32) uint32_t shifts[8];
    for (unsigned lane = 0; lane < 8; ++lane) {
      unsigned bit = lane * width - (lane < 4 ? 0 : width / 2 * 8);
      shifts[lane] = bit % 8;
      for (unsigned i = 0; i < 4; ++i) bytes[lane * 4 + i] = static_cast<uint8_t>(bit / 8 + i);
    }
    shuffle = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes));
    shift = _mm256_load_si256(reinterpret_cast<const __m256i*>(shifts));
    mask = _mm256_set1_epi32(static_cast<int>((uint32_t{1} << width) - 1));
  }

  __m256i load(const uint8_t* from) const {
    __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    __m128i upper = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + high));
    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(low), upper, 1);
    return _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi8(both, shuffle), shift), mask);
  }
};

// The same with lanes of 64 bits, for widths to 57: eight values in two registers.
struct Lanes64 {
  __m256i shuffle[2], shift[2], mask;
  size_t pair[4];  // where each two begin

  explicit Lanes64(unsigned width) {
    alignas(32) uint8_t bytes[64];
    alignas(32) uint64_t shifts[8];
    for (unsigned lane = 0; lane < 8; ++lane) {
      pair[lane / 2] = lane / 2 * 2 * width / 8;
      unsigned bit = lane * width - static_cast<unsigned>(pair[lane / 2] * 8);
      shifts[lane] = bit % 8;
      for (unsigned i = 0; i < 8; ++i) bytes[lane * 8 + i] = static_cast<uint8_t>(bit / 8 + i);
    }
    for (size_t half = 0; half < 2; ++half) {
      shuffle[half] = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes + half * 32));
      shift[half] = _mm256_load_si256(reinterpret_cast<const __m256i*>(shifts + half * 4));
    }
    mask = _mm256_set1_epi64x(static_cast<long long>((uint64_t{1} << width) - 1));
  }

  __m256i load(const uint8_t* from, size_t half) const {
    __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + pair[half * 2]));
    __m128i upper = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + pair[half * 2 + 1]));
    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(low), upper, 1);
    return _mm256_and_si256(_mm256_srlv_epi64(_mm256_shuffle_epi8(both, shuffle[half]), shift[half]), mask);
  }
};

struct Words64 {
  __m256i load(const uint8_t* from, size_t half) const {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + half * 32));
  }
};

__m256i low_halves(__m256i first, __m256i second) {
  __m256i even = _mm256_castps_si256(
      _mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(second), _MM_SHUFFLE(2, 0, 2, 0)));
  return _mm256_permute4x64_epi64(even, _MM_SHUFFLE(3, 1, 2, 0));
}

// Eight values as 32 bits each, whatever the width up to 32.
struct Wide32 {
  Lanes64 lanes;
  explicit Wide32(unsigned width) : lanes(width) {}
  __m256i load(const uint8_t* from) const { return low_halves(lanes.load(from, 0), lanes.load(from, 1)); }
};

template <class Lanes>
size_t unpack32_lanes(const Lanes& lanes, const uint8_t* bits, size_t count, unsigned width, uint32_t base,
                      uint32_t* out) {
  __m256i bases = _mm256_set1_epi32(static_cast<int>(base));
  size_t i = 0;
  for (; i + 8 <= count; i += 8, bits += width) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_add_epi32(lanes.load(bits), bases));
  }
  return i;
}

template <class Lanes>
size_t unpack64_lanes(const Lanes& lanes, const uint8_t* bits, size_t count, unsigned width, uint64_t base,
                      uint64_t* out) {
  __m256i bases = _mm256_set1_epi64x(static_cast<long long>(base));
  size_t i = 0;
  for (; i + 8 <= count; i += 8, bits += width) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_add_epi64(lanes.load(bits, 0), bases));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i + 4), _mm256_add_epi64(lanes.load(bits, 1), bases));
  }
  return i;
}

// Whole words of 64 rows; `eight` tells the verdicts on eight values at `from`, one bit each.
template <class Eight>
size_t select_words(const uint8_t* bits, size_t count, unsigned width, uint64_t* words, Eight eight) {
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    uint64_t word = 0;
    for (unsigned j = 0; j < 64; j += 8, bits += width) word |= static_cast<uint64_t>(eight(bits)) << j;
    words[i / 64] = word;
  }
  return i;
}

uint32_t sign_bits32(__m256i lanes) { return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(lanes))); }
uint32_t sign_bits64(__m256i lanes) { return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(lanes))); }

template <class Lanes>
size_t select_range32(const Lanes& lanes, const uint8_t* bits, size_t count, unsigned width, uint64_t first,
                      uint64_t last, uint64_t* words) {
  __m256i from = _mm256_set1_epi32(static_cast<int>(first));
  __m256i span = _mm256_set1_epi32(static_cast<int>(last - first));
  return select_words(bits, count, width, words, [&](const uint8_t* at) {
    __m256i above = _mm256_sub_epi32(lanes.load(at), from);
    return sign_bits32(_mm256_cmpeq_epi32(_mm256_min_epu32(above, span), above));
  });
}

template <class Lanes>
size_t select_range64(const Lanes& lanes, const uint8_t* bits, size_t count, unsigned width, uint64_t first,
                      uint64_t last, uint64_t* words) {
  // Unsigned comparison by way of the signed one: the top bit of both sides turned over.
  __m256i from = _mm256_set1_epi64x(static_cast<long long>(first ^ uint64_t{1} << 63));
  __m256i span = _mm256_set1_epi64x(static_cast<long long>((last - first) ^ uint64_t{1} << 63));
  return select_words(bits, count, width, words, [&](const uint8_t* at) {
    __m256i low = _mm256_cmpgt_epi64(_mm256_sub_epi64(lanes.load(at, 0), from), span);
    __m256i upper = _mm256_cmpgt_epi64(_mm256_sub_epi64(lanes.load(at, 1), from), span);
    return ~(sign_bits64(low) | sign_bits64(upper) << 4) & 0xFFu;
  });
}

template <class Lanes>
size_t select_in_lanes(const Lanes& lanes, const uint8_t* bits, size_t count, unsigned width, const uint32_t* set,
                       uint32_t set_bits, uint64_t* words) {
  __m256i last = _mm256_set1_epi32(static_cast<int>(set_bits - 1));
  __m256i low_five = _mm256_set1_epi32(31);
  return select_words(bits, count, width, words, [&](const uint8_t* at) {
    __m256i value = lanes.load(at);
    __m256i inside = _mm256_cmpeq_epi32(_mm256_min_epu32(value, last), value);
    // The gather's index is signed: a value beyond the set is masked out, one inside stays below 2^27.
    __m256i found = _mm256_mask_i32gather_epi32(_mm256_setzero_si256(), reinterpret_cast<const int*>(set),
                                                _mm256_srli_epi32(value, 5), inside, 4);
    __m256i bit = _mm256_srlv_epi32(found, _mm256_and_si256(value, low_five));
    return sign_bits32(_mm256_slli_epi32(bit, 31));
  });
}

size_t unpack32_vector(const uint8_t* bits, size_t count, unsigned width, uint32_t base, uint32_t* out) {
  if (width <= 25) return unpack32_lanes(Lanes32(width), bits, count, width, base, out);
  return unpack32_lanes(Wide32(width), bits, count, width, base, out);
}

size_t unpack64_vector(const uint8_t* bits, size_t count, unsigned width, uint64_t base, uint64_t* out) {
  if (width == 64) return unpack64_lanes(Words64{}, bits, count, width, base, out);
  return unpack64_lanes(Lanes64(width), bits, count, width, base, out);
}

size_t select_range_vector(const uint8_t* bits, size_t count, unsigned width, uint64_t first, uint64_t last,
                           uint64_t* words) {
  if (width <= 25) return select_range32(Lanes32(width), bits, count, width, first, last, words);
  if (width == 64) return select_range64(Words64{}, bits, count, width, first, last, words);
  return select_range64(Lanes64(width), bits, count, width, first, last, words);
}

size_t select_in_vector(const uint8_t* bits, size_t count, unsigned width, const uint32_t* set, uint32_t set_bits,
                        uint64_t* words) {
  if (width <= 25) return select_in_lanes(Lanes32(width), bits, count, width, set, set_bits, words);
  return select_in_lanes(Wide32(width), bits, count, width, set, set_bits, words);
}

#else

size_t unpack32_vector(const uint8_t*, size_t, unsigned, uint32_t, uint32_t*) { return 0; }
size_t unpack64_vector(const uint8_t*, size_t, unsigned, uint64_t, uint64_t*) { return 0; }
size_t select_range_vector(const uint8_t*, size_t, unsigned, uint64_t, uint64_t, uint64_t*) { return 0; }
size_t select_in_vector(const uint8_t*, size_t, unsigned, const uint32_t*, uint32_t, uint64_t*) { return 0; }

#endif

void unpack32(const uint8_t* bits, size_t count, unsigned width, uint32_t base, uint32_t* out) {
  Scalar values(bits, width);
  size_t i = unpack32_vector(bits, count, width, base, out);
  for (; i < count; ++i) out[i] = base + static_cast<uint32_t>(values.at(i));
}

void unpack64(const uint8_t* bits, size_t count, unsigned width, uint64_t base, uint64_t* out) {
  Scalar values(bits, width);
  size_t i = unpack64_vector(bits, count, width, base, out);
  for (; i < count; ++i) out[i] = base + values.at(i);
}

void select_range(const uint8_t* bits, size_t count, unsigned width, uint64_t first, uint64_t last, uint64_t* words) {
  Scalar values(bits, width);
  size_t done = select_range_vector(bits, count, width, first, last, words);
  select_scalar(done, count, words, [&](size_t i) { return values.at(i) - first <= last - first; });
}

void select_in(const uint8_t* bits, size_t count, unsigned width, const uint32_t* set, uint32_t set_bits,
               uint64_t* words) {
  Scalar values(bits, width);
  size_t done = select_in_vector(bits, count, width, set, set_bits, words);
  select_scalar(done, count, words, [&](size_t i) {
    uint64_t value = values.at(i);
    return value < set_bits && (set[value / 32] >> value % 32 & 1u) != 0;
  });
}

}  // namespace

const BitKernels kBitKernels = {unpack32, unpack64, select_range, select_in};

}  // namespace tally::TALLY_ISA
