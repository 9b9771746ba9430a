#include "server/frame.h"

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/random.h"
#include "server/limits.h"
#include "server/messages.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

Bytes sample(WireChecksum checksum = WireChecksum::kCrc32) {
  BatchMessage message;
  message.replay = true;
  return encode_frame(FrameType::kBatch, 9, checksum, encode_fields(message), as_bytes("rows, as far as frames care"));
}

WireStatus status_of(const Wire<std::optional<FrameView>>& frame) {
  REQUIRE_FALSE(frame.has_value());
  return frame.error().status;
}

TEST_CASE("frame: what was encoded is what is read, with either checksum") {
  for (WireChecksum checksum : {WireChecksum::kCrc32, WireChecksum::kXxh3}) {
    const Bytes bytes = sample(checksum);
    auto frame = next_frame(bytes);
    REQUIRE((frame && *frame));
    CHECK((*frame)->header.type == FrameType::kBatch);
    CHECK((*frame)->header.sequence == 9);
    CHECK((*frame)->header.checksum == checksum);
    CHECK(as_text((*frame)->data) == "rows, as far as frames care");
    CHECK((*frame)->bytes() == bytes.size());
  }
}

TEST_CASE("frame: the checksum of the data is the batch's own, as the log keeps it") {
  const Bytes bytes = sample(WireChecksum::kXxh3);
  CHECK((*next_frame(bytes))->header.data_sum == xxh3(as_bytes("rows, as far as frames care")));
}

TEST_CASE("frame: CRC-32 is the one of zlib, PNG and Ethernet") {
  CHECK(wire_checksum(WireChecksum::kCrc32, as_bytes("123456789")) == 0xCBF43926);
}

TEST_CASE("frame: of every shorter piece nothing is read yet") {
  const Bytes bytes = sample();
  for (size_t i = 0; i < bytes.size(); ++i) {
    auto frame = next_frame(ByteSpan(bytes).first(i));
    REQUIRE(frame.has_value());
    CHECK_FALSE(frame->has_value());
  }
}

TEST_CASE("frame: every flipped bit is found out") {
  for (WireChecksum checksum : {WireChecksum::kCrc32, WireChecksum::kXxh3}) {
    const Bytes good = sample(checksum);
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      Bytes bytes = good;
      bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      auto frame = next_frame(bytes);
      if (frame) CHECK_MESSAGE(!frame->has_value(), "bit " << bit);  // a longer frame is waited for
    }
  }
}

TEST_CASE("frame: harm to the data means this batch again, harm to the head a new connection") {
  Bytes bytes = sample();
  bytes.back() ^= 1;
  CHECK(status_of(next_frame(bytes)) == WireStatus::kDamaged);
  CHECK(wire_class(WireStatus::kDamaged) == WireClass::kResend);
  bytes = sample();
  bytes[kFrameHeaderBytes] ^= 1;
  CHECK(status_of(next_frame(bytes)) == WireStatus::kBadChecksum);
  CHECK(wire_class(WireStatus::kBadChecksum) == WireClass::kReconnect);
}

TEST_CASE("frame: lengths beyond the limit of the type are refused from the header alone") {
  struct Case {
    FrameType type;
    size_t at;
    uint32_t length;
  };
  const Case cases[] = {{FrameType::kHello, 8, limits::kHelloFieldsMax + 1},
                        {FrameType::kHello, 8, UINT32_MAX},
                        {FrameType::kHello, 12, 1},
                        {FrameType::kBatch, 8, limits::kBatchFieldsMax + 1},
                        {FrameType::kBatch, 12, limits::kBatchDataMax + 1},
                        {FrameType::kBatch, 12, UINT32_MAX},
                        {FrameType::kQuery, 12, 4},
                        {FrameType::kPing, 8, UINT32_MAX},
                        {FrameType::kPing, 8, 1},
                        {FrameType::kPong, 8, 1},
                        {FrameType::kCancel, 8, 1},
                        {FrameType::kCancel, 12, 1}};
  for (const Case& c : cases) {
    Bytes bytes = encode_frame(c.type, 1, WireChecksum::kCrc32, {});
    store_le(bytes.data() + c.at, c.length);
    CHECK(status_of(next_frame(bytes)) == WireStatus::kBadFrame);
  }
}

TEST_CASE("frame: other protocols are told apart by their first bytes") {
  for (std::string_view text : {"GET / HTTP/1.1\r\nHost: localhost:9009\r\nAccept: */*\r\n\r\n",
                                "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03 a TLS client hello, about so long......"}) {
    CHECK(status_of(next_frame(as_bytes(text))) == WireStatus::kBadFrame);
  }
}

TEST_CASE("frame: random bytes behind a right beginning never do more than fail") {
  const uint64_t seed = test_seed(7);
  CAPTURE(seed);
  Random random(seed);
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(random.between(0, 200));
    random.fill(bytes);
    const auto type = static_cast<FrameType>(random.between(1, 13));
    const size_t data = frame_sizes(type).data_max > 0 ? bytes.size() / 2 : 0;
    if (frame_sizes(type).fields_max == 0) bytes.clear();
    const ByteSpan span(bytes);
    const Bytes made =
        encode_frame(type, random.next(), WireChecksum::kXxh3, span.first(span.size() - data), span.last(data));
    auto frame = next_frame(made);
    REQUIRE((frame && *frame));
    const ByteSpan fields = (*frame)->fields;
    std::vector<std::vector<Cell>> rows;
    CHECK((decode_hello(fields) || decode_welcome(fields) || decode_batch_fields(fields) || decode_result(fields) ||
           decode_query(fields) || decode_columns(fields) || decode_end(fields) || decode_error(fields) ||
           decode_goodbye(fields) || decode_rows(fields, (*frame)->data, 2, rows) || true));
  }
}

}  // namespace
}  // namespace tally
