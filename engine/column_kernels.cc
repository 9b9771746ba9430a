#include "engine/column_kernels.h"

#include <immintrin.h>

namespace tally::TALLY_ISA {
namespace {

template <class T>
T largest_of(const T* values, size_t count, T largest) {
  for (size_t i = 0; i < count; ++i) largest = values[i] > largest ? values[i] : largest;
  return largest;
}

void find_changes_from(const uint64_t* words, size_t i, size_t count, uint32_t* places) {
  for (; i < count; ++i) {
    if (words[i] != words[i - 1]) *places++ = static_cast<uint32_t>(i);
  }
}

// Distances below 2^51 are doubles without loss, and so are places times their width: the quotient is mended by what is left.
constexpr int64_t kExactUs = int64_t{1} << 51;
constexpr int64_t kPlacesMax = int64_t{1} << 30;

int64_t distance_limit(int64_t width) { return width < kExactUs / kPlacesMax ? width * kPlacesMax : kExactUs; }

bool plain_bucket_places(const int64_t* times, size_t count, int64_t from, int64_t width, uint32_t* places) {
  const auto limit = static_cast<uint64_t>(distance_limit(width));
  const double wide = static_cast<double>(width), inverse = 1 / wide;
  bool good = true;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t since = static_cast<uint64_t>(times[i]) - static_cast<uint64_t>(from);
    good = good && times[i] >= from && since < limit;
    if (!good) break;
    const double distance = static_cast<double>(since);
    auto place = static_cast<int64_t>(distance * inverse);
    const double left = distance - static_cast<double>(place) * wide;
    place += left >= wide ? 1 : left < 0 ? -1 : 0;
    places[i] = static_cast<uint32_t>(place);
  }
  return good;
}

#ifdef __AVX2__

__m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }

uint32_t max_code(const uint32_t* codes, size_t count) {
  __m256i most = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 8 <= count; i += 8) most = _mm256_max_epu32(most, load(codes + i));
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), most);
  return largest_of(codes + i, count - i, largest_of(lanes, 8, uint32_t{0}));
}

uint8_t max_byte(const uint8_t* bytes, size_t count) {
  __m256i most = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 32 <= count; i += 32) most = _mm256_max_epu8(most, load(bytes + i));
  alignas(32) uint8_t lanes[32];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), most);
  return largest_of(bytes + i, count - i, largest_of(lanes, 32, uint8_t{0}));
}

// There is no shift that keeps the sign of 64 bits: the upper halves are added up as if all were larger by 2^31.
void sum_halves(const int64_t* values, size_t count, int64_t* high, uint64_t* low) {
  const __m256i lower = _mm256_set1_epi64x(UINT32_MAX);
  const __m256i sign = _mm256_set1_epi64x(INT64_MIN);
  __m256i highs = _mm256_setzero_si256(), lows = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m256i four = load(values + i);
    highs = _mm256_add_epi64(highs, _mm256_srli_epi64(_mm256_xor_si256(four, sign), 32));
    lows = _mm256_add_epi64(lows, _mm256_and_si256(four, lower));
  }
  alignas(32) uint64_t high_lanes[4], low_lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(high_lanes), highs);
  _mm256_store_si256(reinterpret_cast<__m256i*>(low_lanes), lows);
  *high = static_cast<int64_t>(high_lanes[0] + high_lanes[1] + high_lanes[2] + high_lanes[3]) -
          static_cast<int64_t>(i) * (int64_t{1} << 31);
  *low = low_lanes[0] + low_lanes[1] + low_lanes[2] + low_lanes[3];
  for (; i < count; ++i) {
    *high += values[i] >> 32;
    *low += static_cast<uint64_t>(values[i]) & UINT32_MAX;
  }
}

void pack_codes(uint64_t* words, const uint32_t* codes, size_t count, unsigned shift) {
  const __m128i by = _mm_cvtsi32_si128(static_cast<int>(shift));
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m256i wide = _mm256_cvtepu32_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i)));
    __m256i* to = reinterpret_cast<__m256i*>(words + i);
    _mm256_storeu_si256(to, _mm256_or_si256(load(to), _mm256_sll_epi64(wide, by)));
  }
  for (; i < count; ++i) words[i] |= uint64_t{codes[i]} << shift;
}

size_t count_changes(const uint64_t* words, size_t count) {
  __m256i same = _mm256_setzero_si256();  // minus how many are
  size_t i = 1;
  for (; i + 4 <= count; i += 4) {
    same = _mm256_add_epi64(same, _mm256_cmpeq_epi64(load(words + i), load(words + i - 1)));
  }
  alignas(32) int64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), same);
  size_t changes = (i - 1) - static_cast<size_t>(-(lanes[0] + lanes[1] + lanes[2] + lanes[3]));
  for (; i < count; ++i) changes += words[i] != words[i - 1] ? 1 : 0;
  return changes;
}

// Most words are as the one before them, and are passed by sixteen at a time.
void find_changes(const uint64_t* words, size_t count, uint32_t* places) {
  const auto same_as_before = [words](size_t i) { return _mm256_cmpeq_epi64(load(words + i), load(words + i - 1)); };
  const auto mask_of = [](__m256i same) {
    return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(same)));
  };
  size_t i = 1;
  for (; i + 16 <= count; i += 16) {
    const __m256i same[4] = {same_as_before(i), same_as_before(i + 4), same_as_before(i + 8), same_as_before(i + 12)};
    const __m256i all = _mm256_and_si256(_mm256_and_si256(same[0], same[1]), _mm256_and_si256(same[2], same[3]));
    if (mask_of(all) == 0xF) continue;
    uint32_t changed = ~(mask_of(same[0]) | mask_of(same[1]) << 4 | mask_of(same[2]) << 8 | mask_of(same[3]) << 12);
    for (changed &= 0xFFFF; changed != 0; changed &= changed - 1) {
      *places++ = static_cast<uint32_t>(i) + static_cast<uint32_t>(__builtin_ctz(changed));
    }
  }
  find_changes_from(words, i, count, places);
}

bool bucket_places(const int64_t* times, size_t count, int64_t from, int64_t width, uint32_t* places) {
  if (width >= kExactUs) return plain_bucket_places(times, count, from, width, places);
  const __m256i begin = _mm256_set1_epi64x(from), last = _mm256_set1_epi64x(distance_limit(width) - 1);
  const __m256i exponent =
      _mm256_set1_epi64x(0x4330'0000'0000'0000);  // of 2^52: whose lower bits are the whole numbers
  const __m256d offset = _mm256_castsi256_pd(exponent), one = _mm256_set1_pd(1), zero = _mm256_setzero_pd();
  const __m256d wide = _mm256_set1_pd(static_cast<double>(width));
  const __m256d inverse = _mm256_set1_pd(1 / static_cast<double>(width));
  __m256i bad = _mm256_setzero_si256();  // in the sign of each lane
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m256i four = load(times + i), since = _mm256_sub_epi64(four, begin);
    const __m256i outside = _mm256_or_si256(_mm256_cmpgt_epi64(begin, four), _mm256_cmpgt_epi64(since, last));
    bad = _mm256_or_si256(bad, _mm256_or_si256(outside, since));
    const __m256d distance = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(since, exponent)), offset);
    __m256d place = _mm256_floor_pd(_mm256_mul_pd(distance, inverse));
    const __m256d left = _mm256_sub_pd(distance, _mm256_mul_pd(place, wide));
    place = _mm256_add_pd(place, _mm256_and_pd(_mm256_cmp_pd(left, wide, _CMP_GE_OQ), one));
    place = _mm256_sub_pd(place, _mm256_and_pd(_mm256_cmp_pd(left, zero, _CMP_LT_OQ), one));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(places + i), _mm256_cvttpd_epi32(place));
  }
  if (_mm256_movemask_pd(_mm256_castsi256_pd(bad)) != 0) return false;
  return plain_bucket_places(times + i, count - i, from, width, places + i);
}

#else

void find_changes(const uint64_t* words, size_t count, uint32_t* places) { find_changes_from(words, 1, count, places); }

bool bucket_places(const int64_t* times, size_t count, int64_t from, int64_t width, uint32_t* places) {
  return plain_bucket_places(times, count, from, width, places);
}

uint32_t max_code(const uint32_t* codes, size_t count) { return largest_of(codes, count, uint32_t{0}); }

uint8_t max_byte(const uint8_t* bytes, size_t count) { return largest_of(bytes, count, uint8_t{0}); }

void sum_halves(const int64_t* values, size_t count, int64_t* high, uint64_t* low) {
  *high = 0;
  *low = 0;
  for (size_t i = 0; i < count; ++i) {
    *high += values[i] >> 32;
    *low += static_cast<uint64_t>(values[i]) & UINT32_MAX;
  }
}

void pack_codes(uint64_t* words, const uint32_t* codes, size_t count, unsigned shift) {
  for (size_t i = 0; i < count; ++i) words[i] |= uint64_t{codes[i]} << shift;
}

size_t count_changes(const uint64_t* words, size_t count) {
  size_t changes = 0;
  for (size_t i = 1; i < count; ++i) changes += words[i] != words[i - 1] ? 1 : 0;
  return changes;
}

#endif

}  // namespace

const ColumnKernels kColumnKernels{max_code,      max_byte,     sum_halves,   pack_codes,
                                   count_changes, find_changes, bucket_places};

}  // namespace tally::TALLY_ISA
