#include "engine/remembered_filter.h"

#include <algorithm>
#include <cstring>

#include "base/cpu.h"
#include "engine/encoding/selection.h"
#include "engine/id_filter_kernels.h"

namespace tally {

namespace {

constexpr size_t kBlockBytes = 32;
constexpr size_t kBlockBits = kBlockBytes * 8;

const IdFilterKernels& kernels() { return cpu_has_avx2() ? avx2::kIdFilterKernels : baseline::kIdFilterKernels; }

const uint64_t* words_of(std::span<const Hash128> keys) { return reinterpret_cast<const uint64_t*>(keys.data()); }

uint32_t blocks_for(uint64_t ids, double bits_an_id) {
  const auto bits = static_cast<uint64_t>(static_cast<double>(ids) * bits_an_id);
  return static_cast<uint32_t>(std::clamp<uint64_t>((bits + kBlockBits - 1) / kBlockBits, 1, UINT32_MAX));
}

}  // namespace

RememberedFilter::RememberedFilter(uint64_t ids, double bits)
    : bits_an_id_(bits), blocks_(blocks_for(ids, bits)), bits_(uint64_t{blocks_} * kBlockBytes) {}

RememberedFilter::RememberedFilter(const RememberedFilter& other)
    : bits_an_id_(other.bits_an_id_), blocks_(other.blocks_), bits_(uint64_t{blocks_} * kBlockBytes), ids_(other.ids_) {
  std::memcpy(bits_.data(), other.bits_.data(), uint64_t{blocks_} * kBlockBytes);
}

bool RememberedFilter::has_room_for(uint64_t more) const {
  const auto bits = static_cast<double>(uint64_t{blocks_} * kBlockBits);
  return (static_cast<double>(ids_) + static_cast<double>(more) / 2) * bits_an_id_ <= bits;
}

void RememberedFilter::add(std::span<const Hash128> keys) {
  kernels().add(bits_.data(), blocks_, words_of(keys), keys.size());
  ids_ += keys.size();
}

void RememberedFilter::probe(std::span<const Hash128> keys, std::span<uint64_t> words) const {
  TALLY_CHECK(words.size() == selection_words(keys.size()));
  kernels().probe(bits_.data(), blocks_, words_of(keys), keys.size(), words.data());
}

}  // namespace tally
