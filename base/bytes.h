// Byte spans, a bounds-checked cursor that reads little-endian values from untrusted bytes, and a writer that appends
// them. A failed read names what was read and at which offset; it never reads past the end and never allocates by a
// length that it has not checked against the bytes that are left.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/status.h"

namespace tally {

static_assert(std::endian::native == std::endian::little, "formats are little-endian, as is every target of ours");

using ByteSpan = std::span<const uint8_t>;
using MutableByteSpan = std::span<uint8_t>;
using Bytes = std::vector<uint8_t>;

inline ByteSpan as_bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
inline std::string_view as_text(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

template <class T>
  requires std::is_trivially_copyable_v<T>
inline T load_le(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
  requires std::is_trivially_copyable_v<T>
inline void store_le(uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }
  bool at_end() const { return remaining() == 0; }

  // `what` names the field in the error message.
  template <class T>
    requires std::is_arithmetic_v<T>
  Result<T> read(std::string_view what) {
    if (remaining() < sizeof(T)) [[unlikely]]
      return short_read(what, sizeof(T));
    T value = load_le<T>(bytes_.data() + offset_);
    offset_ += sizeof(T);
    return value;
  }
  Result<uint8_t> u8(std::string_view what) { return read<uint8_t>(what); }
  Result<uint16_t> u16(std::string_view what) { return read<uint16_t>(what); }
  Result<uint32_t> u32(std::string_view what) { return read<uint32_t>(what); }
  Result<uint64_t> u64(std::string_view what) { return read<uint64_t>(what); }
  Result<int64_t> i64(std::string_view what) { return read<int64_t>(what); }
  Result<uint64_t> varint(std::string_view what);  // LEB128, at most 10 bytes, canonical length not required

  // A view into the underlying bytes, valid as long as they are.
  Result<ByteSpan> bytes(size_t count, std::string_view what);
  // u32 length, then that many bytes; refuses lengths above `max`.
  Result<std::string_view> string(size_t max, std::string_view what);
  Status expect_end(std::string_view what) const;
  Status expect_zero(size_t count, std::string_view what);  // reserved bytes

 private:
  std::unexpected<Error> short_read(std::string_view what, size_t wanted) const;

  ByteSpan bytes_;
  size_t offset_ = 0;
};

class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  size_t size() const { return out_.size(); }
  template <class T>
    requires std::is_arithmetic_v<T>
  void put(T value) {
    size_t at = out_.size();
    out_.resize(at + sizeof value);
    store_le(out_.data() + at, value);
  }
  void u8(uint8_t value) { out_.push_back(value); }
  void u16(uint16_t value) { put(value); }
  void u32(uint32_t value) { put(value); }
  void u64(uint64_t value) { put(value); }
  void i64(int64_t value) { put(value); }
  void varint(uint64_t value);
  void bytes(ByteSpan value) { out_.insert(out_.end(), value.begin(), value.end()); }
  void string(std::string_view value);  // u32 length, then the bytes
  void zeros(size_t count) { out_.resize(out_.size() + count); }
  // Overwrites bytes written before, for lengths and checksums known only later.
  template <class T>
    requires std::is_arithmetic_v<T>
  void patch(size_t at, T value) {
    TALLY_CHECK(at + sizeof value <= out_.size());
    store_le(out_.data() + at, value);
  }

 private:
  Bytes& out_;
};

std::string hex(ByteSpan bytes);

}  // namespace tally
