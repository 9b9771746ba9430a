// Compiled twice: see id_filter_kernels.h.
#include "engine/id_filter_kernels.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace tally::TALLY_ISA {

namespace {

constexpr size_t kBlockBytes = 32;
constexpr size_t kAhead = 16;  // blocks asked of the memory before they are needed

// Eight odd numbers, as Parquet has them.
constexpr uint32_t kSalts[8] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

size_t block_offset(uint64_t hash, uint32_t blocks) { return ((hash >> 32) * blocks >> 32) * kBlockBytes; }

#ifdef __AVX2__

__m256i mask_of(uint64_t hash) {
  __m256i salts = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kSalts));
  __m256i products = _mm256_mullo_epi32(_mm256_set1_epi32(static_cast<int>(hash)), salts);
  return _mm256_sllv_epi32(_mm256_set1_epi32(1), _mm256_srli_epi32(products, 27));
}

void add_one(uint8_t* block, uint64_t hash) {
  auto* words = reinterpret_cast<__m256i*>(block);
  _mm256_storeu_si256(words, _mm256_or_si256(_mm256_loadu_si256(words), mask_of(hash)));
}

bool probe_one(const uint8_t* block, uint64_t hash) {
  return _mm256_testc_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block)), mask_of(hash)) != 0;
}

#else

uint32_t mask_of(uint64_t hash, size_t word) {
  return uint32_t{1} << (static_cast<uint32_t>(hash) * kSalts[word] >> 27);
}

void add_one(uint8_t* block, uint64_t hash) {
  for (size_t i = 0; i < 8; ++i) {
    uint32_t word;
    std::memcpy(&word, block + i * 4, sizeof word);
    word |= mask_of(hash, i);
    std::memcpy(block + i * 4, &word, sizeof word);
  }
}

bool probe_one(const uint8_t* block, uint64_t hash) {
  uint32_t missing = 0;
  for (size_t i = 0; i < 8; ++i) {
    uint32_t word;
    std::memcpy(&word, block + i * 4, sizeof word);
    missing |= mask_of(hash, i) & ~word;
  }
  return missing == 0;
}

#endif

void add(uint8_t* bits, uint32_t blocks, const uint64_t* hashes, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(bits + block_offset(hashes[2 * (i + kAhead)], blocks), 1);
    add_one(bits + block_offset(hashes[2 * i], blocks), hashes[2 * i]);
  }
}

void probe(const uint8_t* bits, uint32_t blocks, const uint64_t* hashes, size_t count, uint64_t* words) {
  for (size_t i = 0; i < count; i += 64) {
    size_t end = count - i < 64 ? count : i + 64;
    uint64_t word = 0;
    for (size_t j = i; j < end; ++j) {
      if (j + kAhead < count) __builtin_prefetch(bits + block_offset(hashes[2 * (j + kAhead)], blocks), 0);
      bool found = probe_one(bits + block_offset(hashes[2 * j], blocks), hashes[2 * j]);
      word |= static_cast<uint64_t>(found) << (j - i);
    }
    words[i / 64] = word;
  }
}

}  // namespace

const IdFilterKernels kIdFilterKernels = {add, probe};

}  // namespace tally::TALLY_ISA
