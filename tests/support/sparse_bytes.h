// The content of a simulated file: bytes in 4 KiB pages, shared between copies until one of them writes, zeros not stored.
// So a preallocated log file costs nothing and a copy of a whole disk is cheap. Threads: one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "base/bytes.h"

namespace tally {

class SparseBytes {
 public:
  uint64_t size() const { return size_; }
  size_t read(uint64_t offset, MutableByteSpan out) const;  // returns how much there was
  void write(uint64_t offset, ByteSpan bytes);              // extends, with zeros where a gap is left
  void resize(uint64_t size);                               // what is cut off reads as zeros if it comes back
  Bytes to_bytes() const;

  template <class Visitor>
  void for_each_page(Visitor visit) const {  // (offset, bytes), stored pages only, in order
    for (const auto& [number, page] : pages_) visit(number * kPageBytes, ByteSpan(*page));
  }

 private:
  static constexpr uint64_t kPageBytes = 4096;
  using Page = std::array<uint8_t, kPageBytes>;

  Page& writable(uint64_t number);

  uint64_t size_ = 0;
  std::map<uint64_t, std::shared_ptr<Page>> pages_;
};

}  // namespace tally
