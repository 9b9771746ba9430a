// A sliding window over a ByteSource: the bytes not consumed yet, contiguous, growing up to a limit. What follows them is
// readable for kPadding bytes, as simdjson wants it. Views into pending() live until the next fill(). Threads: one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "tools/load/byte_source.h"

namespace tally {

class SourceBuffer {
 public:
  static constexpr size_t kPadding = 64;
  explicit SourceBuffer(std::unique_ptr<ByteSource> source, size_t pending_max = limits::kSourceLineBytesMax);

  std::string_view pending() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(size_t count) { begin_ += count; }
  // Reads more behind pending(), which moves. Not allowed once full() or ended().
  Status fill();
  bool full() const { return end_ - begin_ >= pending_max_; }
  bool ended() const { return ended_; }  // pending() is all that is left
  const ByteSource& source() const { return *source_; }

 private:
  std::unique_ptr<ByteSource> source_;
  size_t pending_max_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

// What editors put before the text. kInvalidArgument: it says that this is UTF-16.
Status skip_byte_order_mark(SourceBuffer& buffer, const std::string& name);

}  // namespace tally
