#include "engine/remembered_memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "base/status.h"

namespace tally {

namespace {

constexpr size_t kLineBytes = 64;
constexpr size_t kPageBytes = 4096;
constexpr size_t kLargePageBytes = size_t{2} << 20;

size_t round_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

// Where a large page begins, or the first and the last part would have small ones.
void* map_aligned(size_t bytes) {
  void* mapped = ::mmap(nullptr, bytes + kLargePageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TALLY_CHECK(mapped != MAP_FAILED);
  auto* first = static_cast<uint8_t*>(mapped);
  const size_t before = (kLargePageBytes - reinterpret_cast<uintptr_t>(mapped) % kLargePageBytes) % kLargePageBytes;
  if (before > 0) (void)::munmap(first, before);
  (void)::munmap(first + before + bytes, kLargePageBytes - before);
  return first + before;
}

}  // namespace

// Straight from the kernel where it is large: zeroed as it is touched, so that nobody waits for the whole.
RememberedMemory::RememberedMemory(size_t bytes) : bytes_(round_up(bytes, kLineBytes)) {
  TALLY_CHECK(bytes > 0);
  if (bytes_ >= kLargePageBytes) {
    bytes_ = round_up(bytes_, kPageBytes);
    data_ = map_aligned(bytes_);
    (void)::madvise(data_, bytes_, MADV_HUGEPAGE);  // as far as possible
  } else {
    data_ = std::aligned_alloc(kLineBytes, bytes_);
    TALLY_CHECK(data_ != nullptr);
    std::memset(data_, 0, bytes_);
  }
}

RememberedMemory::~RememberedMemory() {
  if (bytes_ >= kLargePageBytes) {
    (void)::munmap(data_, bytes_);
  } else {
    std::free(data_);
  }
}

}  // namespace tally
