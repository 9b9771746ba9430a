#include "tests/support/sparse_bytes.h"

#include <algorithm>

namespace tally {

size_t SparseBytes::read(uint64_t offset, MutableByteSpan out) const {
  if (offset >= size_) return 0;
  size_t total = static_cast<size_t>(std::min<uint64_t>(out.size(), size_ - offset));
  for (size_t done = 0; done < total;) {
    uint64_t at = offset + done;
    size_t within = static_cast<size_t>(at % kPageBytes);
    size_t count = std::min(total - done, static_cast<size_t>(kPageBytes) - within);
    auto page = pages_.find(at / kPageBytes);
    if (page == pages_.end()) {
      std::fill_n(out.data() + done, count, uint8_t{0});
    } else {
      std::copy_n(page->second->data() + within, count, out.data() + done);
    }
    done += count;
  }
  return total;
}

void SparseBytes::write(uint64_t offset, ByteSpan bytes) {
  size_ = std::max(size_, offset + bytes.size());
  for (size_t done = 0; done < bytes.size();) {
    uint64_t at = offset + done;
    size_t within = static_cast<size_t>(at % kPageBytes);
    size_t count = std::min(bytes.size() - done, static_cast<size_t>(kPageBytes) - within);
    ByteSpan piece = bytes.subspan(done, count);
    bool zeros = std::all_of(piece.begin(), piece.end(), [](uint8_t byte) { return byte == 0; });
    if (!zeros || pages_.contains(at / kPageBytes)) {
      std::copy(piece.begin(), piece.end(), writable(at / kPageBytes).data() + within);
    }
    done += count;
  }
}

void SparseBytes::resize(uint64_t size) {
  if (size < size_) {
    pages_.erase(pages_.lower_bound((size + kPageBytes - 1) / kPageBytes), pages_.end());
    size_t within = static_cast<size_t>(size % kPageBytes);
    if (within != 0 && pages_.contains(size / kPageBytes)) {
      Page& last = writable(size / kPageBytes);
      std::fill(last.begin() + static_cast<std::ptrdiff_t>(within), last.end(), uint8_t{0});
    }
  }
  size_ = size;
}

Bytes SparseBytes::to_bytes() const {
  Bytes bytes(static_cast<size_t>(size_));
  read(0, bytes);
  return bytes;
}

SparseBytes::Page& SparseBytes::writable(uint64_t number) {
  std::shared_ptr<Page>& page = pages_[number];
  if (page == nullptr) {
    page = std::make_shared<Page>();  // zeros
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);
  }
  return *page;
}

}  // namespace tally
