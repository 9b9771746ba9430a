#include "engine/encoding/bit_pack.h"

#include <algorithm>

#include "base/cpu.h"
#include "engine/encoding/bit_pack_kernels.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

const BitKernels& kernels() { return cpu_has_avx2() ? avx2::kBitKernels : baseline::kBitKernels; }

}  // namespace

// A copy of the last values with room behind them, for the kernels read a little further than they need.
struct PackedBits::Tail {
  static constexpr size_t kBytesMax = 1024;
  uint8_t bytes[kBytesMax + kBitOverread];

  Tail(const PackedBits& from, size_t first) {
    size_t offset = first * from.width_ / 8;
    size_t size = packed_bytes(from.count_, from.width_) - offset;
    TALLY_CHECK(size <= kBytesMax);
    std::memcpy(bytes, from.bits_ + offset, size);
    std::memset(bytes + size, 0, kBitOverread);
  }
};

// As many values, in whole words of 64, as the kernels may work on in place. What is left is at most 63 values and those
// that touch the last kBitOverread bytes.
size_t PackedBits::safe_count() const {
  if (readable_ >= packed_bytes(count_, width_) + kBitOverread) return count_;
  if (readable_ < kBitOverread) return 0;
  return std::min(count_, (readable_ - kBitOverread) * 8 / width_) / 64 * 64;
}

uint64_t PackedBits::at_end(size_t bit) const {
  if (width_ == 0) return 0;
  uint64_t word = 0;
  std::memcpy(&word, bits_ + bit / 8, std::min(sizeof word, readable_ - bit / 8));
  return word >> bit % 8 & packed_largest(width_);
}

PackedBits PackedBits::part(size_t first, size_t count) const {
  TALLY_CHECK(first % 64 == 0 && first <= count_ && count <= count_ - first);
  PackedBits part = *this;
  size_t offset = first * width_ / 8;
  part.bits_ += offset;
  part.readable_ -= offset;
  part.count_ = count;
  return part;
}

void PackedBits::unpack(uint32_t base, std::span<uint32_t> out) const {
  TALLY_CHECK(out.size() == count_ && width_ <= 32);
  if (width_ == 0) return std::fill(out.begin(), out.end(), base);
  size_t safe = safe_count();
  kernels().unpack32(bits_, safe, width_, base, out.data());
  if (safe == count_) return;
  Tail tail(*this, safe);
  kernels().unpack32(tail.bytes, count_ - safe, width_, base, out.data() + safe);
}

void PackedBits::unpack(uint64_t base, std::span<uint64_t> out) const {
  TALLY_CHECK(out.size() == count_);
  if (width_ == 0) return std::fill(out.begin(), out.end(), base);
  size_t safe = safe_count();
  kernels().unpack64(bits_, safe, width_, base, out.data());
  if (safe == count_) return;
  Tail tail(*this, safe);
  kernels().unpack64(tail.bytes, count_ - safe, width_, base, out.data() + safe);
}

void PackedBits::select_range(uint64_t first, uint64_t last, std::span<uint64_t> words) const {
  TALLY_CHECK(words.size() == selection_words(count_) && first <= last);
  if (first > packed_largest(width_)) return select_none(words);
  last = std::min(last, packed_largest(width_));
  if (first == 0 && last == packed_largest(width_)) return select_all(count_, words);
  size_t safe = safe_count();
  kernels().select_range(bits_, safe, width_, first, last, words.data());
  if (safe == count_) return;
  Tail tail(*this, safe);
  kernels().select_range(tail.bytes, count_ - safe, width_, first, last, words.data() + safe / 64);
}

void PackedBits::select_in(std::span<const uint32_t> set, uint32_t set_bits, std::span<uint64_t> words) const {
  TALLY_CHECK(words.size() == selection_words(count_) && width_ <= 32);
  TALLY_CHECK(set_bits >= 1 && set.size() >= (size_t{set_bits} + 31) / 32);
  if (width_ == 0) return (set[0] & 1u) != 0 ? select_all(count_, words) : select_none(words);
  size_t safe = safe_count();
  kernels().select_in(bits_, safe, width_, set.data(), set_bits, words.data());
  if (safe == count_) return;
  Tail tail(*this, safe);
  kernels().select_in(tail.bytes, count_ - safe, width_, set.data(), set_bits, words.data() + safe / 64);
}

Result<PackedBits> take_bits(ByteSpan& bytes, size_t count, unsigned width) {
  if (width > 57 && width != 64) {
    return fail(Code::kCorruption, "packed integers of " + std::to_string(width) + " bits");
  }
  if (count > UINT32_MAX || bytes.size() < packed_bytes(count, width)) {
    return fail(Code::kCorruption, std::to_string(count) + " packed integers of " + std::to_string(width) +
                                       " bits are cut off at " + std::to_string(bytes.size()) + " bytes");
  }
  size_t size = packed_bytes(count, width);
  if (size != 0 && count * width % 8 != 0 && bytes[size - 1] >> (count * width % 8) != 0) {
    return fail(Code::kCorruption, "packed integers with bits beyond the last of them");
  }
  PackedBits bits;
  bits.bits_ = bytes.data();
  bits.readable_ = bytes.size();
  bits.count_ = count;
  bits.width_ = width;
  bytes = bytes.subspan(size);
  return bits;
}

}  // namespace tally
