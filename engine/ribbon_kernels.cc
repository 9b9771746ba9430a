// Compiled twice: see ribbon_kernels.h.
#include "engine/ribbon_kernels.h"

#include <cstddef>
#include <cstdint>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace tally::TALLY_ISA {

namespace {

constexpr size_t kBlock = 32;  // keys whose rows are asked of the memory before those of the block before are needed

#ifdef __AVX2__

// The bytes of `rows` whose bit is set, the others 0.
__m256i chosen(const uint8_t* rows, uint32_t bits) {
  const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  //
                                          2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), spread);
  const __m256i on = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
  return _mm256_and_si256(on, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows)));
}

uint8_t sum_of(const uint8_t* rows, uint64_t bits) {
  const __m256i both =
      _mm256_xor_si256(chosen(rows, static_cast<uint32_t>(bits)), chosen(rows + 32, static_cast<uint32_t>(bits >> 32)));
  const __m128i half = _mm_xor_si128(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
  auto word = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_xor_si128(half, _mm_unpackhi_epi64(half, half))));
  word ^= word >> 32;
  word ^= word >> 16;
  return static_cast<uint8_t>(word ^ word >> 8);
}

#else

uint8_t sum_of(const uint8_t* rows, uint64_t bits) {
  uint8_t sum = 0;
  for (; bits != 0; bits &= bits - 1) sum ^= rows[__builtin_ctzll(bits)];
  return sum;
}

#endif

struct Place {
  const uint8_t* rows = nullptr;  // nullptr: of a chunk that could not be solved
  uint64_t coefficients = 0;
  uint8_t mask = 0;
};

Place place_of(const uint8_t* rows, const RibbonChunk& chunk, const uint64_t* key) {
  if (chunk.rows == 0) return {};
  const RibbonHash hash = ribbon_hash(key[0], key[1], chunk.seed, chunk.rows);
  const uint8_t* first = rows + chunk.offset + hash.start;
  __builtin_prefetch(first, 0);
  __builtin_prefetch(first + 63, 0);
  return {.rows = first, .coefficients = hash.coefficients, .mask = hash.mask};
}

uint8_t set_at(const Place& place, uint32_t sets) {
  if (place.rows == nullptr) return kRibbonAny;
  const auto set = static_cast<uint8_t>(sum_of(place.rows, place.coefficients) - place.mask);
  return set < sets ? set : kRibbonNone;
}

void probe(const uint8_t* rows, const RibbonChunk* chunks, uint32_t chunk_count, uint32_t sets, const uint64_t* keys,
           size_t count, uint8_t* out) {
  Place places[2][kBlock];
  const auto end_of = [&](size_t first) { return count - first < kBlock ? count - first : kBlock; };
  for (size_t first = 0, parity = 0; first < count + kBlock; first += kBlock, parity ^= 1) {
    if (first < count) {
      for (size_t i = 0; i < end_of(first); ++i) {
        const uint64_t* key = keys + 2 * (first + i);
        places[parity][i] = place_of(rows, chunks[ribbon_chunk_of(key[0], chunk_count)], key);
      }
    }
    if (first == 0) continue;
    const size_t before = first - kBlock;
    for (size_t i = 0; i < end_of(before); ++i) out[before + i] = set_at(places[parity ^ 1][i], sets);
  }
}

void solve(const uint64_t* coefficients, const uint8_t* values, size_t count, uint8_t* rows) {
  for (size_t i = count; i-- > 0;) {
    rows[i] = coefficients[i] == 0 ? uint8_t{0}
                                   : static_cast<uint8_t>(values[i] ^ sum_of(rows + i + 1, coefficients[i] >> 1));
  }
}

}  // namespace

const RibbonKernels kRibbonKernels = {probe, solve};

}  // namespace tally::TALLY_ISA
