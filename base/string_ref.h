// A 16-byte reference to a string: up to 12 bytes inline, longer ones as 4 bytes of prefix and a pointer into memory that
// somebody else keeps alive. Equality of short strings is a compare of two words. After the "German strings" of Umbra
// (Neumann, Freitag: Umbra, CIDR 2020).
//
//   OFFSET SIZE FIELD
//   0      4    length, or kNullLength for NULL
//   4      12   the bytes, zero padded            (length <= 12)
//   4      4    first four bytes, then 8: pointer (length > 12)
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tally {

class StringRef {
 public:
  static constexpr uint32_t kInlineMax = 12;
  static constexpr uint32_t kNullLength = UINT32_MAX;

  StringRef() : StringRef(std::string_view()) {}
  // `text` must outlive the reference when it is longer than kInlineMax.
  explicit StringRef(std::string_view text) : length_(static_cast<uint32_t>(text.size())) {
    std::memset(bytes_, 0, sizeof bytes_);
    if (text.size() <= kInlineMax) {
      if (!text.empty()) std::memcpy(bytes_, text.data(), text.size());
    } else {
      std::memcpy(bytes_, text.data(), 4);
      const char* pointer = text.data();
      std::memcpy(bytes_ + 4, &pointer, sizeof pointer);
    }
  }
  static StringRef null() {
    StringRef ref;
    ref.length_ = kNullLength;
    return ref;
  }

  bool is_null() const { return length_ == kNullLength; }
  bool is_inline() const { return length_ <= kInlineMax || is_null(); }
  uint32_t size() const { return is_null() ? 0 : length_; }
  const char* data() const {
    if (is_inline()) return bytes_;
    const char* pointer;
    std::memcpy(&pointer, bytes_ + 4, sizeof pointer);
    return pointer;
  }
  // Of an inline string: valid as long as this object stays where it is.
  std::string_view view() const { return {data(), size()}; }

  // NULL equals NULL here; SQL's meaning of NULL is the query's affair.
  friend bool operator==(const StringRef& a, const StringRef& b) {
    uint64_t a_head, b_head;
    std::memcpy(&a_head, &a, 8);
    std::memcpy(&b_head, &b, 8);
    if (a_head != b_head) return false;
    if (a.is_inline()) return std::memcmp(a.bytes_ + 4, b.bytes_ + 4, 8) == 0;
    return std::memcmp(a.data() + 4, b.data() + 4, a.length_ - 4) == 0;
  }

 private:
  uint32_t length_;
  char bytes_[kInlineMax];
};
static_assert(sizeof(StringRef) == 16);

}  // namespace tally
