#include "engine/remembered_filter.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/cpu.h"
#include "engine/encoding/selection.h"
#include "engine/id_filter_kernels.h"

namespace tally {

namespace {

constexpr size_t kBlockBytes = 32;
constexpr size_t kBlockBits = kBlockBytes * 8;
constexpr size_t kLineBytes = 64;
constexpr size_t kLargePageBytes = size_t{2} << 20;

const IdFilterKernels& kernels() { return cpu_has_avx2() ? avx2::kIdFilterKernels : baseline::kIdFilterKernels; }

const uint64_t* words_of(std::span<const Hash128> keys) { return reinterpret_cast<const uint64_t*>(keys.data()); }

uint32_t blocks_for(uint64_t ids) {
  const uint64_t bits = ids * RememberedFilter::kFilterBitsAfter;
  return static_cast<uint32_t>(std::clamp<uint64_t>((bits + kBlockBits - 1) / kBlockBits, 1, UINT32_MAX));
}

}  // namespace

void RememberedFilter::Free::operator()(uint8_t* bits) const { std::free(bits); }

RememberedFilter::RememberedFilter(uint64_t ids) : blocks_(blocks_for(ids)) {
  allocate();
  std::memset(bits_.get(), 0, bytes_);
}

RememberedFilter::RememberedFilter(const RememberedFilter& other) : blocks_(other.blocks_), ids_(other.ids_) {
  allocate();
  std::memcpy(bits_.get(), other.bits_.get(), bytes_);
}

// Large pages where the filter is larger than one: a probe is a touch at random, and a page of 4 KiB hardly ever has its
// translation at hand.
void RememberedFilter::allocate() {
  const size_t alignment = uint64_t{blocks_} * kBlockBytes >= kLargePageBytes ? kLargePageBytes : kLineBytes;
  bytes_ = (uint64_t{blocks_} * kBlockBytes + kLineBytes - 1) / kLineBytes * kLineBytes;
  void* memory = nullptr;
  TALLY_CHECK(::posix_memalign(&memory, alignment, bytes_) == 0);
  if (alignment == kLargePageBytes) (void)::madvise(memory, bytes_, MADV_HUGEPAGE);  // as far as possible
  bits_.reset(static_cast<uint8_t*>(memory));
}

bool RememberedFilter::has_room_for(uint64_t more) const {
  return (ids_ + more) * kFilterBitsMin <= uint64_t{blocks_} * kBlockBits;
}

void RememberedFilter::add(std::span<const Hash128> keys) {
  kernels().add(bits_.get(), blocks_, words_of(keys), keys.size());
  ids_ += keys.size();
}

void RememberedFilter::probe(std::span<const Hash128> keys, std::span<uint64_t> words) const {
  TALLY_CHECK(words.size() == selection_words(keys.size()));
  kernels().probe(bits_.get(), blocks_, words_of(keys), keys.size(), words.data());
}

}  // namespace tally
