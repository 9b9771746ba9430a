// Reads the fields of a frame one behind the other. The first that is missing or wrong is remembered, everything behind it
// reads as nothing, and done() says so: decoders need no check in between. Lists are counted against the bytes that are left
// before anything is allocated for them. Threads: one.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/utf8.h"
#include "server/limits.h"
#include "server/wire_status.h"

namespace tally {

class FieldReader {
 public:
  FieldReader(ByteSpan fields, std::string_view frame) : in_(fields), frame_(frame) {}

  bool good() const { return !wrong_; }
  uint8_t u8(std::string_view what) { return number<uint8_t>(what); }
  uint16_t u16(std::string_view what) { return number<uint16_t>(what); }
  uint32_t u32(std::string_view what) { return number<uint32_t>(what); }
  uint64_t u64(std::string_view what) { return number<uint64_t>(what); }
  template <class T>
  T number(std::string_view what) {
    if (wrong_) return T{};
    return take(in_.read<T>(what));
  }
  std::string text(std::string_view what, uint32_t max = limits::kWireTextMax) {
    std::string read = raw(what, max);
    if (!wrong_ && !is_utf8(read)) refuse(std::string(what) + " is not UTF-8");
    return wrong_ ? std::string() : read;
  }
  // Laid out as a text, of any bytes.
  std::string raw(std::string_view what, uint32_t max = limits::kWireTextMax) {
    if (wrong_) return {};
    return std::string(take(in_.string(max, what)));
  }
  void bytes(MutableByteSpan out, std::string_view what) {
    if (wrong_) return;
    ByteSpan got = take(in_.bytes(out.size(), what));
    std::copy(got.begin(), got.end(), out.begin());
  }
  // One byte within [first, last], as a T.
  template <class T>
  T choice(uint8_t first, uint8_t last, std::string_view what) {
    const uint8_t value = u8(what);
    if (good() && (value < first || value > last)) {
      refuse(std::string(what) + " " + std::to_string(value) + " is not known");
    }
    return static_cast<T>(good() ? value : first);
  }
  // How many entries of at least `bytes_each` follow.
  uint16_t count16(size_t bytes_each, std::string_view what) { return counted(u16(what), bytes_each, what); }
  uint32_t count32(size_t bytes_each, std::string_view what) { return counted(u32(what), bytes_each, what); }

  void refuse(std::string reason) {
    if (!wrong_) wrong_ = std::move(reason);
  }
  template <class Message>
  Wire<Message> done(Message message) {
    if (!wrong_) {
      if (Status end = in_.expect_end(frame_); !end) wrong_ = end.error().message;
    }
    if (wrong_) return wire_fail(WireStatus::kBadFrame, frame_ + " frame: " + *wrong_);
    return message;
  }

 private:
  template <class T>
  T take(Result<T> value) {
    if (value) return *std::move(value);
    wrong_ = value.error().message;
    return T{};
  }
  template <class T>
  T counted(T count, size_t bytes_each, std::string_view what) {
    if (good() && count > in_.remaining() / bytes_each) {
      refuse(std::to_string(count) + " " + std::string(what) + " in " + std::to_string(in_.remaining()) + " bytes");
    }
    return good() ? count : T{0};
  }

  ByteReader in_;
  std::string frame_;
  std::optional<std::string> wrong_;
};

}  // namespace tally
