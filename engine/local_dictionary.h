// The dictionary of one column of a batch being built: value -> code, in the order of first appearance. Codes start at 1; 0
// is NULL. Values are at most limits::kStringBytesMax bytes, at most limits::kBatchRowsMax of them. clear() keeps the
// memory. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace tally {

class LocalDictionary {
 public:
  uint32_t add(std::string_view value);  // the code of `value`, new or old
  uint32_t size() const { return static_cast<uint32_t>(lengths_.size()); }
  std::string_view value(uint32_t code) const;
  std::span<const uint16_t> lengths() const { return lengths_; }
  ByteSpan heap() const { return heap_; }  // the values, one behind the other
  void clear();

 private:
  struct Slot {
    uint32_t tag = 0;   // of the hash
    uint32_t code = 0;  // 0: free
  };
  void grow();

  std::vector<Slot> slots_;  // a power of two, at most half full
  std::vector<uint16_t> lengths_;
  std::vector<uint32_t> offsets_;
  Bytes heap_;
};

}  // namespace tally
