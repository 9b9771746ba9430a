#include "tools/load/source_buffer.h"

#include <algorithm>
#include <cstring>

namespace tally {

namespace {
constexpr size_t kStartBytes = 128 * 1024;
}

SourceBuffer::SourceBuffer(std::unique_ptr<ByteSource> source, size_t pending_max)
    : source_(std::move(source)), pending_max_(pending_max), buffer_(std::min(kStartBytes, pending_max) + kPadding) {}

Status SourceBuffer::fill() {
  TALLY_CHECK(!full() && !ended_);
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  size_t room = buffer_.size() - kPadding;
  if (end_ == room) {
    room = std::min(room * 2, pending_max_);
    buffer_.resize(room + kPadding);
  }
  MutableByteSpan out(reinterpret_cast<uint8_t*>(buffer_.data()) + end_, room - end_);
  TALLY_ASSIGN_OR_RETURN(size_t count, source_->read(out));
  end_ += count;
  ended_ = count == 0;
  return {};
}

Status skip_byte_order_mark(SourceBuffer& buffer, const std::string& name) {
  while (buffer.pending().size() < 3 && !buffer.ended()) TALLY_TRY(buffer.fill());
  const std::string_view start = buffer.pending();
  if (start.starts_with("\xFF\xFE") || start.starts_with("\xFE\xFF")) {
    return fail(Code::kInvalidArgument, name + " is UTF-16; convert it to UTF-8: iconv -f UTF-16 -t UTF-8");
  }
  if (start.starts_with("\xEF\xBB\xBF")) buffer.consume(3);
  return {};
}

}  // namespace tally
