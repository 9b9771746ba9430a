// Frames of hostile bytes: whatever parses is encoded again and must give the same bytes or the same message. Sums are made
// right before the second try, so that the fuzzer gets past them.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "server/messages.h"

namespace tally {
namespace {

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

template <class Message>
void again(const Wire<Message>& message, ByteSpan fields) {
  if (!message) return;
  const Bytes bytes = encode_fields(*message);
  demand(std::ranges::equal(bytes, fields), "fields that decode are not those that encode");
}

void use(const FrameView& frame) {
  switch (frame.header.type) {
    case FrameType::kHello: return again(decode_hello(frame.fields), frame.fields);
    case FrameType::kWelcome: return again(decode_welcome(frame.fields), frame.fields);
    case FrameType::kBatch: return again(decode_batch_fields(frame.fields), frame.fields);
    case FrameType::kResult: return again(decode_result(frame.fields), frame.fields);
    case FrameType::kQuery: return again(decode_query(frame.fields), frame.fields);
    case FrameType::kColumns: return again(decode_columns(frame.fields), frame.fields);
    case FrameType::kProgress: return again(decode_progress(frame.fields), frame.fields);
    case FrameType::kEnd: return again(decode_end(frame.fields), frame.fields);
    case FrameType::kGoodbye: return again(decode_goodbye(frame.fields), frame.fields);
    case FrameType::kError: {
      auto error = decode_error(frame.fields);
      if (error) demand(decode_error(encode_fields(*error)) == error, "an error changes");
      return;
    }
    case FrameType::kRows: {
      std::vector<std::vector<Cell>> rows;
      (void)decode_rows(frame.fields, frame.data, 3, rows);
      return;
    }
    case FrameType::kCancel:
    case FrameType::kPing:
    case FrameType::kPong: return;
  }
}

void try_stream(ByteSpan bytes) {
  while (true) {
    auto frame = next_frame(bytes);
    if (!frame || !*frame) return;
    use(**frame);
    bytes = bytes.subspan((*frame)->bytes());
  }
}

// The first byte says type and checksum, the next two how many of the rest are fields.
void try_fields(ByteSpan bytes) {
  if (bytes.size() < 3) return;
  const auto type = static_cast<FrameType>(1 + (bytes[0] & 0x7F) % 14);
  const auto checksum = bytes[0] < 128 ? WireChecksum::kCrc32 : WireChecksum::kXxh3;
  const size_t wanted = load_le<uint16_t>(bytes.data() + 1);
  bytes = bytes.subspan(3);
  const bool has_data = frame_sizes(type).data_max > 0;
  const ByteSpan fields = has_data ? bytes.first(std::min(wanted, bytes.size())) : bytes;
  const ByteSpan data = bytes.subspan(fields.size());
  const FrameSizes sizes = frame_sizes(type);
  if (fields.size() > sizes.fields_max || data.size() > sizes.data_max) return;
  const Bytes made = encode_frame(type, 7, checksum, fields, data);
  auto frame = next_frame(made);
  demand(frame && *frame && (*frame)->bytes() == made.size(), "a frame that was made does not parse");
  use(**frame);
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tally::try_stream({data, size});
  tally::try_fields({data, size});
  return 0;
}
