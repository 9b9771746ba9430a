// Unsigned integers packed at one width: value i stands in bits [i * width, (i + 1) * width) of a stream of bits, the lowest
// bit of a byte first; unused bits of the last byte are zero. Widths are 0 to 57, and 64 for what needs more, so that one
// unaligned word holds any value. The part that the other encodings are made of; kernels in bit_pack_kernels.h.
//
// Example: 1, 0, 5, 7 at width 3 is 41 0f (000 111 101 000 001 from the highest bit down).
//
// take_bits() checks everything; what it returns may be unpacked and searched without a further check, and is a view that
// must not outlive the bytes. Any thread.
#pragma once

#include <span>

#include "base/bytes.h"

namespace tally {

// The width for values up to `largest`.
inline unsigned packed_width(uint64_t largest) {
  auto width = static_cast<unsigned>(std::bit_width(largest));
  return width <= 57 ? width : 64;
}
inline uint64_t packed_bytes(uint64_t count, unsigned width) { return (count * width + 7) / 8; }
inline uint64_t packed_largest(unsigned width) { return width == 64 ? UINT64_MAX : (uint64_t{1} << width) - 1; }

// Appends `count` values to `out`; value_at(i) gives them, each fitting `width`.
template <class ValueAt>
void pack_bits(size_t count, unsigned width, Bytes& out, ValueAt value_at) {
  size_t at = out.size();
  out.resize(at + packed_bytes(count, width) + sizeof(uint64_t));  // room for the last word to be stored whole
  uint8_t* to = out.data() + at;
  uint64_t word = 0;
  unsigned used = 0;
  auto put = [&](uint64_t value, unsigned bits) {
    word |= value << used;
    used += bits;
    if (used < 64) return;
    store_le(to, word);
    to += sizeof word;
    used -= 64;
    word = used == 0 ? 0 : value >> (bits - used);
  };
  auto value = [&](size_t i) { return static_cast<uint64_t>(value_at(i)); };
  size_t i = 0;
  // Narrow ones four or two at a time, so that fewer steps wait for the one before.
  for (; width >= 1 && width <= 16 && i + 4 <= count; i += 4) {
    uint64_t low = value(i) | value(i + 1) << width;
    put(low | (value(i + 2) | value(i + 3) << width) << 2 * width, 4 * width);
  }
  for (; width > 16 && width <= 32 && i + 2 <= count; i += 2) put(value(i) | value(i + 1) << width, 2 * width);
  for (; width != 0 && i < count; ++i) put(value(i), width);
  if (used != 0) store_le(to, word);
  out.resize(out.size() - sizeof(uint64_t));
}

class PackedBits {
 public:
  PackedBits() = default;

  size_t count() const { return count_; }
  unsigned width() const { return width_; }

  // For a few values; i is below count().
  uint64_t at(size_t i) const {
    TALLY_CHECK(i < count_);
    const size_t bit = i * width_;
    if (bit / 8 + sizeof(uint64_t) > readable_) return at_end(bit);
    return load_le<uint64_t>(bits_ + bit / 8) >> bit % 8 & packed_largest(width_);
  }
  // `first` is a multiple of 64.
  PackedBits part(size_t first, size_t count) const;

  // out[i] = base + value i, modulo 2^32 (widths to 32) or 2^64; out is as long as count().
  void unpack(uint32_t base, std::span<uint32_t> out) const;
  void unpack(uint64_t base, std::span<uint64_t> out) const;
  // Selects values in [first, last], first <= last; replaces selection_words(count()) words.
  void select_range(uint64_t first, uint64_t last, std::span<uint64_t> words) const;
  // Selects values v below set_bits whose bit is on in `set` (v % 32 of word v / 32). Widths to 32.
  void select_in(std::span<const uint32_t> set, uint32_t set_bits, std::span<uint64_t> words) const;

 private:
  friend Result<PackedBits> take_bits(ByteSpan& bytes, size_t count, unsigned width);
  struct Tail;
  size_t safe_count() const;
  uint64_t at_end(size_t bit) const;  // where fewer than 8 bytes can be read

  const uint8_t* bits_ = nullptr;
  size_t readable_ = 0;  // bytes at bits_ that are there, at least those of the values
  size_t count_ = 0;
  unsigned width_ = 0;
};

// Cuts `count` values off the front of `bytes`, or fails with kCorruption: an impossible width, too few bytes, bits set
// beyond the last value.
Result<PackedBits> take_bits(ByteSpan& bytes, size_t count, unsigned width);

}  // namespace tally
