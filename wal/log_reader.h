// Reads one log file group by group, from an untrusted disk. No policy here: it says what it sees; log_recovery decides.
//
// Invariants
//   1 A group is handed out only if every byte of it is right: sums, chain, LSN after the previous one, epoch, padding.
//   2 The chain is walked from the file header on; a group is never found by searching. scan_tail() searches, for evidence
//     only: nothing it finds is handed out.
//   3 Memory: one window, at most limits::kLogGroupBytesMax plus 1 MiB, sized by checked lengths only.
// Errors: those of the disk, and kCorruption or kUnsupported from open(): a header that is damaged, or a file that has not the
// size its header says. A bad group is a result, not an error.
// Ownership: views in a LogGroup are valid until the next call. Threads: one at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "wal/log_format.h"

namespace tally {

struct LogGroup {
  uint64_t offset = 0;
  LogGroupHeader header;
  std::vector<RecordView> records;
};

// What stands behind the last good group.
struct TailScan {
  bool later_groups = false;    // group headers of this file's epoch with right sums, other than at the very tail
  Lsn durable_lsn = 0;          // the highest that any of them, or the one at the tail, knows
  Lsn highest_lsn = 0;          // the highest LSN in any of them
  uint64_t groups_spanned = 0;  // from the tail to the last of them, both included; 0 if nothing of ours is there
  uint64_t end = 0;             // offset behind the last byte that is not zero, or behind the last of them if reused
};

class LogFileReader {
 public:
  enum class Step : uint8_t {
    kGroup,  // `group` was filled
    kEnd,    // nothing that looks like a group of ours follows
    kBad,    // something of ours follows, and it is damaged: problem() says how
  };

  static Result<LogFileReader> open(FileSystem& fs, const std::string& path, OpenMode mode);

  const LogFileHeader& header() const { return header_; }
  uint64_t file_bytes() const { return file_bytes_; }
  // Behind the last group handed out, or at the start of the bad one.
  uint64_t offset() const { return offset_; }
  Lsn next_lsn() const { return next_lsn_; }
  LogEnd end() const { return {header_.file_number, next_lsn_ - 1, chain_, offset_}; }
  const std::string& problem() const { return problem_; }

  Result<Step> next(LogGroup& group);
  // Reads the rest of the file, from offset() on.
  Result<TailScan> scan_tail();

 private:
  Status read_header();
  LogFileReader(std::unique_ptr<File> file, uint64_t file_bytes) : file_(std::move(file)), file_bytes_(file_bytes) {}

  Result<ByteSpan> view(uint64_t offset, uint64_t bytes);
  Step bad(std::string problem);
  bool resembles_ours(ByteSpan block) const;
  Status check_place(const LogGroupHeader& header) const;
  void look_at(ByteSpan block, uint64_t offset, TailScan& scan) const;

  std::unique_ptr<File> file_;
  uint64_t file_bytes_ = 0;
  LogFileHeader header_;
  uint64_t offset_ = kLogFileHeaderBytes;
  Lsn next_lsn_ = 0;
  uint64_t next_group_ = 0;
  uint64_t chain_ = 0;
  std::string problem_;
  Bytes window_;
  uint64_t window_at_ = 0;
  size_t window_bytes_ = 0;
};

}  // namespace tally
