#include "wal/log_format.h"

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/random.h"
#include "tests/support/seed.h"
#include "tests/wal/log_fixture.h"

namespace tally {
namespace {

struct Example {
  LogFileHeader file;
  LogGroupHeader group;
  Bytes bytes;
};

// The worked example of docs/formats/log.md: a file header, then one group of one record.
Example worked_example() {
  Example example;
  for (uint8_t i = 0; i < 16; ++i) {
    example.file.table_uuid[i] = i;
    example.file.epoch[i] = static_cast<uint8_t>(0xA0 + i);
  }
  example.file.file_number = 1;
  example.file.first_lsn = 1;
  example.file.flags = LogFileHeader::kRunStart;
  example.file.file_bytes = limits::kLogFileBytes;
  AppendRecord record = text_record("hello", 1'700'000'000'000'000);
  record.reference_us = 1'699'999'999'000'000;
  record.meta = as_bytes("m");
  example.bytes.resize(kLogFileHeaderBytes + group_bytes({&record, 1}));
  encode_file_header(example.file, MutableByteSpan(example.bytes).first(kLogFileHeaderBytes));
  example.group.epoch = example.file.epoch;
  example.group.first_lsn = 1;
  example.group.chain = example.file.sum;
  auto encoded = encode_group(example.group, {&record, 1}, MutableByteSpan(example.bytes).subspan(kLogFileHeaderBytes));
  REQUIRE_OK(encoded);
  return example;
}

ByteSpan group_of(const Example& example) { return ByteSpan(example.bytes).subspan(kLogFileHeaderBytes); }

void fix_sum(Bytes& bytes, size_t from, size_t count) {
  store_le(bytes.data() + from + count, xxh3(ByteSpan(bytes).subspan(from, count)));
}

}  // namespace

TEST_CASE("log format: the worked example, byte by byte") {
  Example example = worked_example();
  ByteSpan bytes(example.bytes);
  CHECK_EQ(bytes.size(), 8192);
  CHECK_EQ(hex(bytes.first(120)),
           "54414c4c594c4f470100000001000000000102030405060708090a0b0c0d0e0f"
           "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf01000000000000000100000000000000"
           "0100000000000000000000040000000000000000000000000000000000000000"
           "000000000000000000000000000000001481b23f0783daa1");
  CHECK_EQ(hex(bytes.subspan(4096, 96)),
           "544c5947524f5550a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0100000000000000"
           "00000000000000000010000000000000b0000000000000000100000000000000"
           "00000000000000001481b23f0783daa13cc64a8534782b1fb72a634019bcfa04");
  CHECK_EQ(hex(bytes.subspan(4192, 80)),
           "0100000001000000010000000000000000401e18240a0600c0fd0e18240a0600"
           "0500000000000000fc578c41074890f0fddc625c55e85595c6337babbba70c6c"
           "6d0000000000000068656c6c6f000000");
}

TEST_CASE("log format: a file header comes back as it was") {
  Example example = worked_example();
  example.file.predecessor = {7, 0, 9, 4096};
  example.file.first_lsn = 12;
  Bytes bytes(kLogFileHeaderBytes);
  encode_file_header(example.file, bytes);
  auto decoded = decode_file_header(bytes);
  REQUIRE_OK(decoded);
  CHECK(*decoded == example.file);
}

TEST_CASE("log format: a group comes back as it was") {
  Example example = worked_example();
  auto header = decode_group_header(group_of(example));
  REQUIRE_OK(header);
  CHECK(*header == example.group);
  std::vector<RecordView> records;
  REQUIRE_OK(decode_group(*header, group_of(example), records));
  REQUIRE_EQ(records.size(), 1);
  CHECK_EQ(records[0].lsn, 1);
  CHECK_EQ(records[0].arrival_us, 1'700'000'000'000'000);
  CHECK_EQ(records[0].reference_us, 1'699'999'999'000'000);
  CHECK_EQ(as_text(records[0].meta), "m");
  CHECK_EQ(as_text(records[0].payload), "hello");
}

TEST_CASE("log format: random groups come back as they were") {
  for (uint64_t seed = test_seed(1), last = seed + 200; seed < last; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    std::vector<std::string> texts(1 + random.below(20));
    std::vector<AppendRecord> records;
    for (std::string& text : texts) {
      text.assign(random.below(random.chance(0.1) ? 20'000 : 40), 'x');
      records.push_back(text_record(text, static_cast<TimeUs>(random.below(1000))));
      records.back().meta = records.back().payload.first(text.size() / 3);
      records.back().type = static_cast<RecordType>(random.between(1, 9));
    }
    LogGroupHeader header;
    header.first_lsn = random.between(1, 1u << 30);
    header.durable_lsn = header.first_lsn - 1;
    Bytes bytes(group_bytes(records), 0xFF);
    REQUIRE_OK(encode_group(header, records, bytes));
    auto decoded = decode_group_header(bytes);
    REQUIRE_OK(decoded);
    CHECK(*decoded == header);
    std::vector<RecordView> views;
    REQUIRE_OK(decode_group(*decoded, bytes, views));
    REQUIRE_EQ(views.size(), records.size());
    for (size_t i = 0; i < views.size(); ++i) {
      CHECK_EQ(views[i].lsn, header.first_lsn + i);
      CHECK(views[i].type == records[i].type);
      CHECK_EQ(as_text(views[i].meta), as_text(records[i].meta));
      CHECK_EQ(as_text(views[i].payload), as_text(records[i].payload));
    }
  }
}

TEST_CASE("log format: every flipped bit of header and group is noticed") {
  Example example = worked_example();
  std::vector<RecordView> records;
  for (size_t bit = 0; bit < example.bytes.size() * 8; ++bit) {
    example.bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    bool whole = decode_file_header(ByteSpan(example.bytes).first(kLogFileHeaderBytes)).has_value();
    auto header = decode_group_header(group_of(example));
    whole = whole && header && decode_group(*header, group_of(example), records).has_value();
    if (whole) FAIL("bit ", bit);
    example.bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  }
}

TEST_CASE("log format: bytes that are all zero are never valid") {
  Bytes zeros(8192);
  CHECK_FALSE(decode_file_header(zeros).has_value());
  CHECK_FALSE(decode_group_header(zeros).has_value());
  CHECK_FALSE(decode_clean_mark(zeros).has_value());
}

TEST_CASE("log format: short input is refused at every length") {
  Example example = worked_example();
  for (size_t size = 0; size < kLogFileHeaderBytes; ++size) {
    if (decode_file_header(ByteSpan(example.bytes).first(size))) FAIL("file header of ", size);
  }
  for (size_t size = 0; size < kLogGroupHeaderBytes; ++size) {
    if (decode_group_header(group_of(example).first(size))) FAIL("group header of ", size);
  }
  std::vector<RecordView> records;
  CHECK_FALSE(decode_group(example.group, group_of(example).first(4095), records).has_value());
}

TEST_CASE("log format: lies with right checksums are refused") {
  struct Lie {
    const char* what;
    size_t at;  // in the group
    uint64_t value;
    unsigned size;
    size_t sum_from, sum_count;
  };
  const Lie lies[] = {
      {"group of no LSN", 24, 0, 8, 0, 88},
      {"group longer than any may be", 40, limits::kLogGroupBytesMax + 4096, 8, 0, 88},
      {"group of nearly all memory", 40, UINT64_MAX - 4095, 8, 0, 88},
      {"length that is not aligned", 40, 4097, 8, 0, 88},
      {"content beyond the group", 48, 4097, 8, 0, 88},
      {"content without a record", 48, 96, 8, 0, 88},
      {"no record", 56, 0, 4, 0, 88},
      {"more records than bytes", 56, UINT32_MAX, 4, 0, 88},
      {"reserved bytes of the group", 60, 1, 4, 0, 88},
      {"durable before it was written", 64, 1, 8, 0, 88},
      {"record of type 0", 96, 0, 1, 96, 56},
      {"reserved bytes of the record", 97, 1, 1, 96, 56},
      {"meta beyond the group", 100, UINT32_MAX, 4, 96, 56},
      {"another LSN", 104, 2, 8, 96, 56},
      {"payload beyond the group", 128, UINT64_MAX, 8, 96, 56},
      {"payload that wraps around", 128, UINT64_MAX - 6, 8, 96, 56},
  };
  for (const Lie& lie : lies) {
    CAPTURE(lie.what);
    Example example = worked_example();
    Bytes bytes(group_of(example).begin(), group_of(example).end());
    std::memcpy(bytes.data() + lie.at, &lie.value, lie.size);
    fix_sum(bytes, lie.sum_from, lie.sum_count);
    std::vector<RecordView> records;
    auto header = decode_group_header(bytes);
    CHECK_FALSE((header && decode_group(*header, bytes, records).has_value()));
  }
}

TEST_CASE("log format: a file that needs a newer reader is refused by name") {
  Example example = worked_example();
  store_le(example.bytes.data() + 12, kLogFormatVersion + 1);
  fix_sum(example.bytes, 0, 112);
  auto header = decode_file_header(ByteSpan(example.bytes).first(kLogFileHeaderBytes));
  REQUIRE_FALSE(header.has_value());
  CHECK(header.error().code == Code::kUnsupported);
}

TEST_CASE("log format: limits of a record and a group") {
  Bytes big(limits::kLogRecordBytesMax);
  AppendRecord record;
  record.payload = big;
  CHECK_EQ(group_bytes({&record, 1}), 0);
  record.payload = record.payload.first(big.size() - kLogRecordHeaderBytes);
  CHECK_EQ(group_bytes({&record, 1}), limits::kLogRecordBytesMax + limits::kLogAlignment);
  AppendRecord two[] = {record, record};
  CHECK_EQ(group_bytes(two), 0);
}

TEST_CASE("log format: a payload that is not what its digest says is not encoded") {
  AppendRecord record = text_record("hello", 1);
  record.payload_xxh3 ^= 1;
  LogGroupHeader header;
  header.first_lsn = 1;
  Bytes bytes(group_bytes({&record, 1}));
  Status encoded = encode_group(header, {&record, 1}, bytes);
  REQUIRE_FALSE(encoded.has_value());
  CHECK(encoded.error().code == Code::kInvalidArgument);
}

TEST_CASE("log format: a clean mark comes back as it was, and every flipped bit is noticed") {
  CleanMark mark;
  mark.table_uuid.fill(1);
  mark.epoch.fill(2);
  mark.end = {3, 4, 5, 4096};
  Bytes bytes(kCleanMarkBytes);
  encode_clean_mark(mark, bytes);
  auto decoded = decode_clean_mark(bytes);
  REQUIRE_OK(decoded);
  CHECK(*decoded == mark);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    CHECK_FALSE(decode_clean_mark(bytes).has_value());
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  }
}

TEST_CASE("log format: types with bit 7 may be skipped, unknown ones without it may not (W8)") {
  for (unsigned type = 1; type <= 9; ++type) {
    CHECK(record_type_use(static_cast<RecordType>(type)) == RecordTypeUse::kKnown);
  }
  CHECK(record_type_use(RecordType::kSeal) == RecordTypeUse::kSkip);
  CHECK(record_type_use(static_cast<RecordType>(0xFF)) == RecordTypeUse::kSkip);
  CHECK(record_type_use(static_cast<RecordType>(10)) == RecordTypeUse::kUnknown);
  CHECK(record_type_use(static_cast<RecordType>(0x7F)) == RecordTypeUse::kUnknown);
}

}  // namespace tally
