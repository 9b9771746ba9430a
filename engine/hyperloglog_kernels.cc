#include "engine/hyperloglog_kernels.h"

#include <immintrin.h>

#include <cstring>

namespace tally::TALLY_ISA {
namespace {

#ifdef __AVX2__

void raise(uint8_t* registers, const uint8_t* others, size_t count) {
  for (size_t i = 0; i < count; i += 32) {
    __m256i mine = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(registers + i));
    __m256i theirs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(others + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(registers + i), _mm256_max_epu8(mine, theirs));
  }
}

__m128i load_12(const uint8_t* from) {
  uint32_t last;
  std::memcpy(&last, from + 8, sizeof last);
  return _mm_insert_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)), static_cast<int>(last), 2);
}

// Three bytes become a word of four registers: 32 at a time from 24 bytes, 12 a lane.
void raise_packed(uint8_t* registers, const uint8_t* packed, size_t count) {
  const __m256i spread = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 0, 1, 2, -1, 3, 4, 5,
                                          -1, 6, 7, 8, -1, 9, 10, 11, -1);
  for (size_t i = 0; i < count; i += 32, packed += 24) {
    __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(load_12(packed)), load_12(packed + 12), 1);
    __m256i words = _mm256_shuffle_epi8(bytes, spread);
    __m256i first = _mm256_and_si256(words, _mm256_set1_epi32(0x3F));
    __m256i second = _mm256_and_si256(_mm256_slli_epi32(words, 2), _mm256_set1_epi32(0x3F00));
    __m256i third = _mm256_and_si256(_mm256_slli_epi32(words, 4), _mm256_set1_epi32(0x3F0000));
    __m256i fourth = _mm256_and_si256(_mm256_slli_epi32(words, 6), _mm256_set1_epi32(0x3F000000));
    __m256i ranks = _mm256_or_si256(_mm256_or_si256(first, second), _mm256_or_si256(third, fourth));
    __m256i mine = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(registers + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(registers + i), _mm256_max_epu8(mine, ranks));
  }
}

#else

void raise(uint8_t* registers, const uint8_t* others, size_t count) {
  for (size_t i = 0; i < count; i += 16) {
    __m128i mine = _mm_loadu_si128(reinterpret_cast<const __m128i*>(registers + i));
    __m128i theirs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(others + i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(registers + i), _mm_max_epu8(mine, theirs));
  }
}

void raise_packed(uint8_t* registers, const uint8_t* packed, size_t count) {
  for (size_t i = 0; i < count; i += 4, packed += 3) {
    const uint32_t word = packed[0] | uint32_t{packed[1]} << 8 | uint32_t{packed[2]} << 16;
    for (size_t k = 0; k < 4; ++k) {
      const uint8_t rank = static_cast<uint8_t>(word >> (6 * k) & 0x3F);
      registers[i + k] = registers[i + k] > rank ? registers[i + k] : rank;
    }
  }
}

#endif

}  // namespace

extern const HyperLogLogKernels kHyperLogLogKernels;
const HyperLogLogKernels kHyperLogLogKernels = {raise, raise_packed};

}  // namespace tally::TALLY_ISA
