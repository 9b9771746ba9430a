#include "wal/log_format.h"

#include <algorithm>
#include <cstring>

#include "base/checksum.h"

namespace tally {
namespace {

constexpr std::string_view kGroupMagic = "TLYGROUP";
constexpr std::string_view kMarkMagic = "TALLYCLN";

constexpr size_t kFileSumAt = 112;
constexpr size_t kGroupSumAt = 88;
constexpr size_t kRecordSumAt = 56;
constexpr size_t kMarkSumAt = 88;

static_assert(kFileSumAt + 8 < kLogFileHeaderBytes);
static_assert(kGroupSumAt + 8 == kLogGroupHeaderBytes);
static_assert(kRecordSumAt + 8 == kLogRecordHeaderBytes);
static_assert(kMarkSumAt + 8 == kCleanMarkBytes);
static_assert(kLogGroupHeaderBytes % 8 == 0 && kLogRecordHeaderBytes % 8 == 0, "lengths stay 8-byte aligned");
static_assert(limits::kLogGroupBytesMax % limits::kLogAlignment == 0);
static_assert(limits::kLogRecordBytesMax <= UINT32_MAX, "meta length is a u32");

constexpr uint64_t align8(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }
constexpr uint64_t align_block(uint64_t bytes) {
  return (bytes + limits::kLogAlignment - 1) / limits::kLogAlignment * limits::kLogAlignment;
}

std::unexpected<Error> corrupt(std::string_view what) { return fail(Code::kCorruption, std::string(what)); }

bool all_zero(ByteSpan bytes) {
  // Comparing with itself one byte on lets memcmp do the work.
  return bytes.empty() || (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// Writes fields one behind the other; sizes are known, so nothing can fail.
class Cursor {
 public:
  explicit Cursor(MutableByteSpan out) : out_(out) {}
  template <class T>
  void put(T value) {
    store_le(out_.data() + at_, value);
    at_ += sizeof value;
  }
  void bytes(ByteSpan value) {
    if (!value.empty()) std::memcpy(out_.data() + at_, value.data(), value.size());
    at_ += value.size();
  }
  void zero_to(size_t end) {
    std::memset(out_.data() + at_, 0, end - at_);
    at_ = end;
  }
  size_t at() const { return at_; }

 private:
  MutableByteSpan out_;
  size_t at_ = 0;
};

// Reads fields whose presence was checked by the caller.
class Fields {
 public:
  explicit Fields(ByteSpan bytes) : bytes_(bytes) {}
  template <class T>
  T get() {
    T value = load_le<T>(bytes_.data() + at_);
    at_ += sizeof value;
    return value;
  }

 private:
  ByteSpan bytes_;
  size_t at_ = 0;
};

Status check_head(ByteSpan bytes, size_t size, std::string_view magic, size_t sum_at, std::string_view what) {
  if (bytes.size() < size) return corrupt(std::string(what) + " is cut short");
  if (as_text(bytes.first(magic.size())) != magic) return corrupt(std::string(what) + " has no magic number");
  if (load_le<uint64_t>(bytes.data() + sum_at) != xxh3(bytes.first(sum_at))) {
    return corrupt(std::string(what) + " contradicts its checksum");
  }
  return {};
}

LogEnd get_end(Fields& fields) {
  LogEnd end;
  end.file_number = fields.get<uint64_t>();
  end.last_lsn = fields.get<uint64_t>();
  end.chain_sum = fields.get<uint64_t>();
  end.bytes = fields.get<uint64_t>();
  return end;
}

void put_end(Cursor& cursor, const LogEnd& end) {
  cursor.put(end.file_number);
  cursor.put(end.last_lsn);
  cursor.put(end.chain_sum);
  cursor.put(end.bytes);
}

Status check_version(uint32_t reader_version_min) {
  if (reader_version_min <= kLogFormatVersion) return {};
  return fail(Code::kUnsupported, "log format needs a reader of version " + std::to_string(reader_version_min) +
                                      ", this one knows " + std::to_string(kLogFormatVersion));
}

uint64_t record_bytes(const AppendRecord& record) {
  return kLogRecordHeaderBytes + align8(record.meta.size()) + align8(record.payload.size());
}

// Returns the header sum.
uint64_t encode_record(const AppendRecord& record, Lsn lsn, Cursor& cursor, MutableByteSpan out) {
  size_t start = cursor.at();
  cursor.put(static_cast<uint8_t>(record.type));
  cursor.zero_to(start + 4);
  cursor.put(static_cast<uint32_t>(record.meta.size()));
  cursor.put(lsn);
  cursor.put(record.arrival_us);
  cursor.put(record.reference_us);
  cursor.put(static_cast<uint64_t>(record.payload.size()));
  cursor.put(xxh3(record.meta));
  cursor.put(record.payload_xxh3);
  uint64_t sum = xxh3(out.subspan(start, kRecordSumAt));
  cursor.put(sum);
  cursor.bytes(record.meta);
  cursor.zero_to(align8(cursor.at()));
  cursor.bytes(record.payload);
  cursor.zero_to(align8(cursor.at()));
  return sum;
}

uint64_t fold_sum(uint64_t folded, uint64_t sum) {
  uint8_t bytes[8];
  store_le(bytes, sum);
  return xxh3(bytes, folded);
}

// Takes `size` bytes and their padding off the front of `rest`.
Result<ByteSpan> take_padded(ByteSpan& rest, uint64_t size, std::string_view what) {
  if (size > rest.size() || align8(size) > rest.size()) return corrupt(std::string(what) + " exceeds its group");
  ByteSpan taken = rest.first(size);
  if (!all_zero(rest.subspan(size, align8(size) - size)))
    return corrupt("padding of a " + std::string(what) + " is not zero");
  rest = rest.subspan(align8(size));
  return taken;
}

Result<RecordView> decode_record(ByteSpan& rest, Lsn lsn, uint64_t& folded) {
  if (rest.size() < kLogRecordHeaderBytes) return corrupt("record header exceeds its group");
  uint64_t sum = load_le<uint64_t>(rest.data() + kRecordSumAt);
  if (sum != xxh3(rest.first(kRecordSumAt))) return corrupt("record header contradicts its checksum");
  folded = fold_sum(folded, sum);
  Fields fields(rest);
  RecordView view;
  view.type = static_cast<RecordType>(fields.get<uint8_t>());
  bool reserved_zero = all_zero(rest.subspan(1, 3));
  fields = Fields(rest.subspan(4));
  uint32_t meta_bytes = fields.get<uint32_t>();
  view.lsn = fields.get<uint64_t>();
  view.arrival_us = fields.get<int64_t>();
  view.reference_us = fields.get<int64_t>();
  uint64_t payload_bytes = fields.get<uint64_t>();
  uint64_t meta_xxh3 = fields.get<uint64_t>();
  view.payload_xxh3 = fields.get<uint64_t>();
  if (static_cast<uint8_t>(view.type) == 0 || !reserved_zero) return corrupt("record header is malformed");
  if (view.lsn != lsn)
    return corrupt("record has LSN " + std::to_string(view.lsn) + " in place of " + std::to_string(lsn));
  rest = rest.subspan(kLogRecordHeaderBytes);
  TALLY_ASSIGN_OR_RETURN(view.meta, take_padded(rest, meta_bytes, "record's meta"));
  TALLY_ASSIGN_OR_RETURN(view.payload, take_padded(rest, payload_bytes, "record's payload"));
  if (xxh3(view.meta) != meta_xxh3) return corrupt("meta of a record contradicts its checksum");
  if (xxh3(view.payload) != view.payload_xxh3) return corrupt("payload of a record contradicts its checksum");
  return view;
}

}  // namespace

void encode_file_header(LogFileHeader& header, MutableByteSpan out) {
  TALLY_CHECK(out.size() == kLogFileHeaderBytes);
  Cursor cursor(out);
  cursor.bytes(as_bytes(kLogFileMagic));
  cursor.put(kLogFormatVersion);
  cursor.put(kLogReaderVersionMin);
  cursor.bytes(header.table_uuid);
  cursor.bytes(header.epoch);
  cursor.put(header.file_number);
  cursor.put(header.first_lsn);
  cursor.put(header.flags);
  cursor.put(header.file_bytes);
  put_end(cursor, header.predecessor);
  TALLY_CHECK(cursor.at() == kFileSumAt);
  header.sum = xxh3(out.first(kFileSumAt));
  cursor.put(header.sum);
  cursor.zero_to(kLogFileHeaderBytes);
}

Result<LogFileHeader> decode_file_header(ByteSpan bytes) {
  TALLY_TRY(check_head(bytes, kLogFileHeaderBytes, kLogFileMagic, kFileSumAt, "file header"));
  Fields fields(bytes.subspan(kLogFileMagic.size()));
  fields.get<uint32_t>();  // format version: which fields there are; today all versions that we can read agree
  TALLY_TRY(check_version(fields.get<uint32_t>()));
  LogFileHeader header;
  header.table_uuid = fields.get<std::array<uint8_t, 16>>();
  header.epoch = fields.get<Epoch>();
  header.file_number = fields.get<uint64_t>();
  header.first_lsn = fields.get<uint64_t>();
  header.flags = fields.get<uint64_t>();
  header.file_bytes = fields.get<uint64_t>();
  header.predecessor = get_end(fields);
  header.sum = fields.get<uint64_t>();
  if (!all_zero(bytes.subspan(kFileSumAt + 8, kLogFileHeaderBytes - kFileSumAt - 8))) {
    return corrupt("reserved bytes of the file header are not zero");
  }
  if (header.first_lsn == 0 || header.file_number == 0 || header.predecessor.last_lsn >= header.first_lsn ||
      header.file_bytes < kLogFileHeaderBytes ||
      (header.flags & ~(LogFileHeader::kRunStart | LogFileHeader::kReused)) != 0) {
    return corrupt("file header is malformed");
  }
  return header;
}

uint64_t group_bytes(std::span<const AppendRecord> records) {
  uint64_t content = kLogGroupHeaderBytes;
  for (const AppendRecord& record : records) {
    uint64_t bytes = record_bytes(record);
    if (bytes > limits::kLogRecordBytesMax) return 0;
    content += bytes;
    if (content > limits::kLogGroupBytesMax) return 0;
  }
  return align_block(content);
}

Status encode_group(LogGroupHeader& header, std::span<const AppendRecord> records, MutableByteSpan out) {
  Cursor cursor(out);
  cursor.zero_to(kLogGroupHeaderBytes);
  uint64_t folded = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    folded = fold_sum(folded, encode_record(records[i], header.first_lsn + i, cursor, out));
    // Over the copy: what was copied is what will be written.
    size_t payload_at = cursor.at() - align8(records[i].payload.size());
    if (xxh3(out.subspan(payload_at, records[i].payload.size())) != records[i].payload_xxh3) {
      return fail(Code::kInvalidArgument,
                  "record " + std::to_string(i) + " of the append: payload contradicts its digest");
    }
  }
  header.records = static_cast<uint32_t>(records.size());
  header.content_bytes = cursor.at();
  header.bytes = out.size();
  header.records_sum = folded;
  cursor.zero_to(out.size());

  Cursor head(out);
  head.bytes(as_bytes(kGroupMagic));
  head.bytes(header.epoch);
  head.put(header.first_lsn);
  head.put(header.group_number);
  head.put(header.bytes);
  head.put(header.content_bytes);
  head.put(header.records);
  head.put(uint32_t{0});
  head.put(header.durable_lsn);
  head.put(header.chain);
  head.put(header.records_sum);
  TALLY_CHECK(head.at() == kGroupSumAt);
  header.sum = xxh3(out.first(kGroupSumAt));
  head.put(header.sum);
  return {};
}

Result<LogGroupHeader> decode_group_header(ByteSpan bytes) {
  TALLY_TRY(check_head(bytes, kLogGroupHeaderBytes, kGroupMagic, kGroupSumAt, "group header"));
  Fields fields(bytes.subspan(kGroupMagic.size()));
  LogGroupHeader header;
  header.epoch = fields.get<Epoch>();
  header.first_lsn = fields.get<uint64_t>();
  header.group_number = fields.get<uint64_t>();
  header.bytes = fields.get<uint64_t>();
  header.content_bytes = fields.get<uint64_t>();
  header.records = fields.get<uint32_t>();
  uint32_t reserved = fields.get<uint32_t>();
  header.durable_lsn = fields.get<uint64_t>();
  header.chain = fields.get<uint64_t>();
  header.records_sum = fields.get<uint64_t>();
  header.sum = fields.get<uint64_t>();
  bool sizes_agree = header.bytes <= limits::kLogGroupBytesMax && header.content_bytes <= header.bytes &&
                     align_block(header.content_bytes) == header.bytes &&
                     header.content_bytes >= kLogGroupHeaderBytes + kLogRecordHeaderBytes &&
                     header.records <= (header.content_bytes - kLogGroupHeaderBytes) / kLogRecordHeaderBytes;
  bool lsns_agree = header.first_lsn > header.durable_lsn && header.first_lsn <= UINT64_MAX - header.records;
  if (!sizes_agree || !lsns_agree || header.records == 0 || reserved != 0) return corrupt("group header is malformed");
  return header;
}

Status decode_group(const LogGroupHeader& header, ByteSpan bytes, std::vector<RecordView>& records) {
  records.clear();
  if (bytes.size() != header.bytes) return corrupt("group is cut short");
  ByteSpan rest = bytes.subspan(kLogGroupHeaderBytes, header.content_bytes - kLogGroupHeaderBytes);
  uint64_t folded = 0;
  for (uint32_t i = 0; i < header.records; ++i) {
    TALLY_ASSIGN_OR_RETURN(RecordView view, decode_record(rest, header.first_lsn + i, folded));
    records.push_back(view);
  }
  if (!rest.empty()) return corrupt("group holds more bytes than its records");
  if (folded != header.records_sum) return corrupt("records of a group contradict the sum in its header");
  if (!all_zero(bytes.subspan(header.content_bytes))) return corrupt("padding of a group is not zero");
  return {};
}

void encode_clean_mark(const CleanMark& mark, MutableByteSpan out) {
  TALLY_CHECK(out.size() == kCleanMarkBytes);
  Cursor cursor(out);
  cursor.bytes(as_bytes(kMarkMagic));
  cursor.put(kLogFormatVersion);
  cursor.put(uint32_t{0});
  cursor.bytes(mark.table_uuid);
  cursor.bytes(mark.epoch);
  put_end(cursor, mark.end);
  cursor.zero_to(kMarkSumAt);
  cursor.put(xxh3(out.first(kMarkSumAt)));
}

Result<CleanMark> decode_clean_mark(ByteSpan bytes) {
  TALLY_TRY(check_head(bytes, kCleanMarkBytes, kMarkMagic, kMarkSumAt, "clean mark"));
  if (bytes.size() != kCleanMarkBytes || !all_zero(bytes.subspan(12, 4)) || !all_zero(bytes.subspan(80, 8))) {
    return corrupt("clean mark is malformed");
  }
  Fields fields(bytes.subspan(kMarkMagic.size()));
  TALLY_TRY(check_version(fields.get<uint32_t>()));
  fields = Fields(bytes.subspan(16));
  CleanMark mark;
  mark.table_uuid = fields.get<std::array<uint8_t, 16>>();
  mark.epoch = fields.get<Epoch>();
  mark.end = get_end(fields);
  return mark;
}

RecordTypeUse record_type_use(RecordType type) {
  auto value = static_cast<uint8_t>(type);
  if (value >= static_cast<uint8_t>(RecordType::kBatch) && value <= static_cast<uint8_t>(RecordType::kSetting)) {
    return RecordTypeUse::kKnown;
  }
  if (type == RecordType::kClockBack) return RecordTypeUse::kKnown;
  return (value & 0x80) != 0 ? RecordTypeUse::kSkip : RecordTypeUse::kUnknown;
}

}  // namespace tally
