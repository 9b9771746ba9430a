// Verbs for the tests of the log: a simulated disk, a log on it, records that are short texts.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/file_names.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"
#include "wal/log.h"
#include "wal/log_format.h"

namespace tally {

#define REQUIRE_OK(expression)                                      \
  do {                                                              \
    auto&& require_ok = (expression);                               \
    std::string require_ok_error;                                   \
    if (!require_ok) require_ok_error = require_ok.error().message; \
    REQUIRE_EQ(require_ok_error, "");                               \
    REQUIRE(require_ok.has_value());                                \
  } while (false)

using Texts = std::map<Lsn, std::string>;

inline AppendRecord text_record(std::string_view text, TimeUs arrival_us) {
  AppendRecord record;
  record.arrival_us = arrival_us;
  record.payload = as_bytes(text);
  record.payload_xxh3 = xxh3(record.payload);
  return record;
}

class LogFixture {
 public:
  static constexpr uint64_t kFileBytes = 64 * 1024;
  static constexpr uint64_t kGroup = limits::kLogAlignment;  // what a short text takes

  SimDisk disk{1};
  ManualClock clock;
  LogPosition position;
  LogRecovery recovery;
  Texts texts;  // what the last recovery visited
  uint64_t file_bytes = kFileBytes;
  uint64_t starts = 0;
  std::unique_ptr<Log> log;

  LogOptions options() {
    LogOptions options;
    options.fs = &disk;
    options.clock = &clock;
    options.directory = "/log";
    options.file_bytes = file_bytes;
    options.table_uuid.fill(0x55);
    options.epoch_seed = starts + 1;
    return options;
  }

  Status recover() {
    texts.clear();
    auto done = recover_log(options(), position, [&](const RecordView& record) -> Status {
      texts[record.lsn] = std::string(as_text(record.payload));
      return {};
    });
    if (done) recovery = *done;
    return done ? Status{} : std::unexpected(done.error());
  }
  // The manifest says that what was recovered is in segments.
  void settle() {
    const Lsn settled = std::max(recovery.highest_lsn_seen, position.flushed_lsn);
    position = {.flushed_lsn = settled, .synced_lsn = settled, .first_file = recovery.highest_file + 1};
  }
  // As the engine does it: what was recovered is in segments, the manifest says so, a new log begins.
  Status start_after_recovery() {
    settle();
    ++starts;
    auto started = start_log(options(), position.flushed_lsn + 1, recovery);
    if (started) log = std::move(*started);
    return started ? Status{} : std::unexpected(started.error());
  }
  void start() {
    REQUIRE_OK(recover());
    REQUIRE_OK(start_after_recovery());
    position.first_file = 0;  // tests that look at first_file set it themselves
  }

  Result<Lsn> try_append(std::string_view text) {
    AppendRecord record = text_record(text, clock.wall_us());
    return log->append({&record, 1});
  }
  Lsn append(std::string_view text) {
    auto lsn = try_append(text);
    REQUIRE_OK(lsn);
    return *lsn;
  }
  void wait_durable() {
    while (log->durable_lsn() + 1 < log->next_lsn()) REQUIRE_OK(log->poll(true));
  }
  Lsn append_durable(std::string_view text) {
    Lsn lsn = append(text);
    wait_durable();
    return lsn;
  }
  // The machine stops; nothing of the process is left.
  void power_failure(Fate fate, uint64_t seed = 1) {
    disk.crash(fate, seed);
    log.reset();
  }

  static std::string file(uint64_t number) { return log_file_path("/log", number); }
  static constexpr uint64_t group_offset(uint64_t group) { return kLogFileHeaderBytes + group * kGroup; }
  void damage_group(uint64_t file_number, uint64_t group) {
    REQUIRE(disk.flip_bit(file(file_number), group_offset(group) + kLogGroupHeaderBytes + 70, 3));
  }
};

// Writes a log file by hand, so that it can be what no writer would make.
class HandMadeFile {
 public:
  explicit HandMadeFile(Lsn first_lsn = 1, uint64_t flags = LogFileHeader::kRunStart, uint64_t number = 1,
                        uint64_t file_bytes = LogFixture::kFileBytes) {
    header.table_uuid.fill(0x55);
    header.epoch.fill(0xE0);
    header.file_number = number;
    header.first_lsn = first_lsn;
    header.flags = flags;
    header.file_bytes = file_bytes;
    header.predecessor = {.file_number = number - 1, .last_lsn = first_lsn - 1, .chain_sum = 0, .bytes = 0};
    bytes.resize(kLogFileHeaderBytes);
    encode_file_header(header, bytes);
    chain = header.sum;
    next_lsn = first_lsn;
  }

  LogFileHeader header;
  Bytes bytes;
  uint64_t chain = 0;
  Lsn next_lsn = 1;
  uint64_t next_group = 0;

  // The header before its sums; change what should be wrong about it in `twist`.
  template <class Twist>
  void add(std::string_view text, Lsn durable_lsn, Twist twist) {
    AppendRecord record = text_record(text, 1000);
    LogGroupHeader group;
    group.epoch = header.epoch;
    group.first_lsn = next_lsn;
    group.group_number = next_group;
    group.durable_lsn = durable_lsn;
    group.chain = chain;
    twist(group);
    size_t at = bytes.size();
    bytes.resize(at + group_bytes({&record, 1}));
    REQUIRE(encode_group(group, {&record, 1}, MutableByteSpan(bytes).subspan(at)).has_value());
    chain = group.sum;
    next_lsn += 1;
    next_group += 1;
  }
  void add(std::string_view text, Lsn durable_lsn) {
    add(text, durable_lsn, [](LogGroupHeader&) {});
  }
  void store(SimDisk& disk) {
    if (!disk.exists("/log")) REQUIRE(disk.make_directory("/log").has_value());
    auto file = disk.open(log_file_path("/log", header.file_number), OpenMode::kCreate);
    REQUIRE(file.has_value());
    REQUIRE(bytes.size() <= header.file_bytes);
    bytes.resize(header.file_bytes);
    REQUIRE((*file)->write_at(0, bytes).has_value());
    REQUIRE((*file)->sync().has_value());
    REQUIRE(disk.sync_directory("/log").has_value());
    REQUIRE(disk.sync_directory("/").has_value());
  }
};

}  // namespace tally
