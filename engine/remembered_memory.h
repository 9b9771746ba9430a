// Zeroed memory for tables and filters that are touched at random. Large ones ask for large pages: a touch at random hardly
// ever has the translation of a page of 4 KiB at hand, and finding it costs as much as the touch (look-ups of hot ids took
// 40 % less processor time with large pages). Running out of memory ends the process, as everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace tally {

class RememberedMemory {
 public:
  RememberedMemory() = default;
  explicit RememberedMemory(size_t bytes);  // above 0; aligned to a cache line at least
  ~RememberedMemory();
  RememberedMemory(RememberedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  RememberedMemory& operator=(RememberedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  uint8_t* data() const { return static_cast<uint8_t*>(data_); }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace tally
