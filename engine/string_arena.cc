#include "engine/string_arena.h"

#include <algorithm>
#include <cstring>

namespace tally {
namespace {

constexpr size_t kBlockBytesMax = 256 * 1024;

}  // namespace

char* StringArena::allocate(size_t bytes) {
  bool own_block = bytes > block_bytes_ / 4;
  size_t size = own_block ? bytes : block_bytes_;
  blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
  memory_bytes_ += size;
  char* start = blocks_.back().get();
  if (own_block) return start;
  next_ = start + bytes;
  left_ = size - bytes;
  block_bytes_ = std::min(block_bytes_ * 2, kBlockBytesMax);
  return start;
}

std::string_view StringArena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* to = next_;
  if (text.size() <= left_) {
    next_ += text.size();
    left_ -= text.size();
  } else {
    to = allocate(text.size());
  }
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

}  // namespace tally
