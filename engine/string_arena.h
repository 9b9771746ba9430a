// Memory for strings that live as long as their owner: bytes copied in never move and are freed together. Blocks grow from
// 4 KiB to 256 KiB; a long string has a block of its own. One writer; readers may look at what was published to them.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace tally {

class StringArena {
 public:
  std::string_view copy(std::string_view text);
  uint64_t memory_bytes() const { return memory_bytes_; }  // writer only

 private:
  char* allocate(size_t bytes);

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
  size_t block_bytes_ = 4096;
  uint64_t memory_bytes_ = 0;
};

}  // namespace tally
