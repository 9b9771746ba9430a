// A log file after hostile edits: recovered, listed, and read, twice. The input is a flag byte and then edits of a small
// valid file, 3 + n bytes each: u16 place (in steps of 1/4 of a page from the start), u8 n, n bytes; so that inputs stay
// tiny and the zeros of padding need no fuzzing. Flag bit 0: all sums and the chain are computed anew afterwards, so that
// lies get past them. Without it no record may come out that was not written.
#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "base/checksum.h"
#include "base/file_names.h"
#include "wal/log_format.h"
#include "wal/log_verify.h"

namespace tally {
namespace {

constexpr size_t kFileBytes = 7 * 4096;  // header, five groups, zeros
constexpr std::string_view kDirectory = "log";

std::unexpected<Error> refused() { return fail(Code::kUnsupported, "this disk only reads"); }

class MemoryFile final : public File {
 public:
  MemoryFile(std::string path, ByteSpan bytes) : path_(std::move(path)), bytes_(bytes) {}
  const std::string& path() const override { return path_; }
  Result<uint64_t> size() const override { return bytes_.size(); }
  Result<size_t> read_at(uint64_t offset, MutableByteSpan out) override {
    size_t count = std::min<size_t>(out.size(), bytes_.size() - std::min<uint64_t>(offset, bytes_.size()));
    std::memcpy(out.data(), bytes_.data() + offset, count);
    return count;
  }
  Status write_at(uint64_t, ByteSpan) override { return refused(); }
  Status sync_data() override { return {}; }
  Status sync() override { return {}; }
  Status truncate(uint64_t) override { return refused(); }
  Status preallocate(uint64_t) override { return refused(); }
  void drop_cache(uint64_t, uint64_t) override {}

 private:
  std::string path_;
  ByteSpan bytes_;
};

// One directory with one log file in it.
class MemoryDisk final : public FileSystem {
 public:
  explicit MemoryDisk(ByteSpan bytes) : bytes_(bytes) {}
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode) override {
    if (path != log_file_path(kDirectory, 1)) return fail(Code::kNotFound, path);
    return std::make_unique<MemoryFile>(path, bytes_);
  }
  Result<std::vector<FileInfo>> list(const std::string&) override {
    return std::vector<FileInfo>{{log_file_name(1), bytes_.size(), false}};
  }
  Result<FileInfo> info(const std::string& path) override { return fail(Code::kNotFound, path); }
  Status sync_directory(const std::string&) override { return {}; }
  Status rename(const std::string&, const std::string&) override { return refused(); }
  Status unlink(const std::string&) override { return refused(); }
  Status make_directory(const std::string&) override { return refused(); }
  Status remove_directory(const std::string&) override { return refused(); }
  Result<SpaceInfo> space(const std::string&) override { return SpaceInfo{}; }
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string&) override { return refused(); }
  Result<std::unique_ptr<IoQueue>> make_io_queue(unsigned) override { return refused(); }

 private:
  ByteSpan bytes_;
};

Bytes valid_file() {
  Bytes bytes(kFileBytes);
  LogFileHeader file;
  file.epoch.fill(0xE5);
  file.file_number = 1;
  file.first_lsn = 1;
  file.flags = LogFileHeader::kRunStart;
  file.file_bytes = kFileBytes;
  encode_file_header(file, MutableByteSpan(bytes).first(kLogFileHeaderBytes));
  LogGroupHeader group;
  group.epoch = file.epoch;
  group.first_lsn = 1;
  group.chain = file.sum;
  const std::string payload(300, 'p');
  for (size_t at = kLogFileHeaderBytes; group.group_number < 5; ++group.group_number) {
    AppendRecord record;
    record.meta = as_bytes("meta");
    record.payload = as_bytes(payload).first(50 * group.group_number);
    record.payload_xxh3 = xxh3(record.payload);
    AppendRecord records[] = {record, record};
    TALLY_CHECK(encode_group(group, records, MutableByteSpan(bytes).subspan(at, 4096)).has_value());
    at += 4096;
    group.durable_lsn = group.group_number == 2 ? group.last_lsn() : group.durable_lsn;
    group.first_lsn += 2;
    group.chain = group.sum;
  }
  return bytes;
}

void edit(Bytes& bytes, ByteSpan edits) {
  while (edits.size() >= 3) {
    size_t place = load_le<uint16_t>(edits.data()) * size_t{4} % bytes.size();
    size_t count = std::min<size_t>({edits[2], edits.size() - 3, bytes.size() - place});
    std::memcpy(bytes.data() + place, edits.data() + 3, count);
    edits = edits.subspan(3 + count);
  }
}

void put_sum(uint8_t* from, size_t count) { store_le(from + count, xxh3({from, count})); }

// The sums of the records between `at` and `end`, as far as their lengths make sense. Returns the fold of header sums.
uint64_t fix_records(Bytes& bytes, size_t at, size_t end) {
  uint64_t folded = 0;
  while (end - at >= kLogRecordHeaderBytes) {
    uint8_t* record = bytes.data() + at;
    uint64_t meta = (load_le<uint32_t>(record + 4) + uint64_t{7}) & ~uint64_t{7};
    uint64_t payload = load_le<uint64_t>(record + 32);
    uint64_t rest = end - at - kLogRecordHeaderBytes;
    bool fits = meta <= rest && payload <= rest - meta;
    if (fits) {
      store_le(record + 40, xxh3({record + 64, load_le<uint32_t>(record + 4)}));
      store_le(record + 48, xxh3({record + 64 + meta, payload}));
    }
    put_sum(record, 56);
    folded = xxh3({record + 56, 8}, folded);
    if (!fits) break;
    at += std::min<uint64_t>(end - at, kLogRecordHeaderBytes + meta + ((payload + 7) & ~uint64_t{7}));
  }
  return folded;
}

void fix_sums(Bytes& bytes) {
  put_sum(bytes.data(), 112);
  uint64_t chain = load_le<uint64_t>(bytes.data() + 112);
  for (size_t at = kLogFileHeaderBytes; at + 4096 <= bytes.size();) {
    uint8_t* group = bytes.data() + at;
    uint64_t size = load_le<uint64_t>(group + 40);
    uint64_t content = load_le<uint64_t>(group + 48);
    bool sane = size % 4096 == 0 && size >= 4096 && size <= bytes.size() - at && content >= 96 && content <= size;
    if (load_le<uint64_t>(group) == 0) break;  // the zeros behind the last group
    if (sane) store_le(group + 80, fix_records(bytes, at + 96, at + content));
    store_le(group + 72, chain);
    put_sum(group, 88);
    chain = load_le<uint64_t>(group + 88);
    at += sane ? size : 4096;
  }
}

using Records = std::map<Lsn, uint64_t>;

// What recovery visits, or nothing if it refuses.
Records recover(ByteSpan bytes, std::string& outcome, bool& recovers) {
  MemoryDisk disk(bytes);
  LogOptions options;
  options.fs = &disk;
  options.directory = kDirectory;
  Records records;
  Lsn previous = 0;
  auto visit = [&](const RecordView& record) -> Status {
    TALLY_CHECK(record.lsn > previous);
    previous = record.lsn;
    records[record.lsn] = xxh3(record.meta) ^ xxh3(record.payload) ^ static_cast<uint8_t>(record.type);
    return {};
  };
  auto recovered = recover_log(options, {}, visit);
  if (recovered) TALLY_CHECK(recovered->highest_lsn_seen >= recovered->last_lsn && recovered->last_lsn >= previous);
  recovers = recovered.has_value();
  outcome = recovered ? std::to_string(recovered->last_lsn) : recovered.error().message;
  return records;
}

// What `tally check` would say of it must be what recovery does.
void check_verdict(ByteSpan bytes, bool recovers) {
  MemoryDisk disk(bytes);
  LogOptions options;
  options.fs = &disk;
  options.directory = kDirectory;
  auto report = verify_log(options, {});
  TALLY_CHECK(report.has_value() && report->problem.empty() == recovers);
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tally;
  static const Bytes golden = valid_file();
  static std::string good;
  static bool sound = false;
  static const Records written = recover(golden, good, sound);
  TALLY_CHECK(written.size() == 10);
  if (size == 0) return 0;
  Bytes bytes = golden;
  edit(bytes, ByteSpan(data, size).subspan(1));
  bool lying = (data[0] & 1) != 0;
  if (lying) fix_sums(bytes);
  std::string first, second;
  bool recovers = false;
  Records found = recover(bytes, first, recovers);
  // Reading it again, and asking for a verdict, costs more than the rest: for one input in eight each, chosen by the input.
  const uint64_t lot = xxh3({data, size}) % 8;
  if (lot == 0) TALLY_CHECK(found == recover(bytes, second, recovers) && first == second);
  if (lot == 1) check_verdict(bytes, recovers);
  for (const auto& [lsn, content] : found) {
    if (!lying) TALLY_CHECK(written.contains(lsn) && written.at(lsn) == content);
  }
  return 0;
}
