// The files of one log's directory: made, named, reused, retired. Knows headers, not groups.
//
//   NNNNNNNN.spare.tmp  preallocated, and not synced; deleted at the next start
//   NNNNNNNN.spare      a log file before; content means nothing
//   NNNNNNNN.log        a log file; live() has those of this run
//   NNNNNNNN.torn       evidence (W11), at most limits::kLogTornFilesMax
//
// Invariants
//   1 A name NNNNNNNN.log appears only when the file has its full size and its header, which says that size, and both are
//     synced; the directory is synced before the file is used. Nothing changes the size of a log file afterwards. So a log
//     file with a damaged header or of another size is damage, never a crash, be it the newest (the case of W16).
//   2 A spare that was a .log before is written to only after the directory forgot that name durably: otherwise a crash
//     could show the new header under the old name.
//   3 A start adopts only spares that were log files, whose size is on the disk. Of one that was never synced, a failed sync
//     of the process before may have left the size in memory alone, and the next sync would not say so (W21): then 1 would
//     not hold.
//   4 live() has ascending numbers without gaps; the last one is active.
// Errors: kNoSpace only while nothing but spares and .tmp files was touched; whoever calls may go on. kIoError for all
// else, a failed sync for lack of space included: the caller poisons its log.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "wal/log_format.h"

namespace tally {

struct LiveLogFile {
  uint64_t number = 0;
  Lsn first_lsn = 0;
  uint64_t bytes = 0;  // of the file, not of its groups
};

struct NewLogFile {
  std::unique_ptr<File> file;
  LogFileHeader header;
  uint64_t bytes = 0;
};

class LogFiles {
 public:
  // `options` and `stats` must outlive it.
  LogFiles(const LogOptions& options, LogStats& stats);

  // Makes the directory if it is missing, removes what a crash left half made, adopts spares, and takes note of the log
  // files of former runs. kAlreadyExists if one of them is above `highest_file`.
  Status adopt(uint64_t highest_file);
  // Removes the clean mark, durably (W14).
  Status remove_clean_mark();
  // Retires every file of former runs; `torn` is kept under its own name, which it may have already.
  // Behind the point of no return of a start: never kNoSpace.
  Status retire_former(std::optional<uint64_t> torn);

  // Makes the next file, at least `bytes_min` long, and appends it to live().
  Result<NewLogFile> make(Lsn first_lsn, uint64_t flags, const LogEnd& predecessor, uint64_t bytes_min);
  // Makes a spare if there is none, so that make() need not.
  Status reserve();
  // Retires live files, the active one excepted, whose records are all at or below `through`.
  Status retire_through(Lsn through);

  const std::deque<LiveLogFile>& live() const { return live_; }
  std::string path(uint64_t number) const;

 private:
  struct Spare {
    uint64_t number = 0;
    uint64_t bytes = 0;
    bool reused = false;  // was a log file: under its lasting name, and groups of then may be in it
  };

  uint64_t file_bytes() const;
  std::string spare_path(const Spare& spare) const;
  Result<Spare> preallocate(uint64_t bytes);
  Result<Spare> take_spare(uint64_t bytes_min);
  Status adopt_spare(uint64_t number, uint64_t bytes);
  Status retire(uint64_t number, uint64_t bytes);
  Status retire_all_former(std::optional<uint64_t> torn);
  Status drop_unwritten_spare();
  Status drop_old_torn();
  Epoch new_epoch();

  const LogOptions& options_;
  LogStats& stats_;
  std::deque<LiveLogFile> live_;
  std::vector<Spare> spares_;
  std::vector<LiveLogFile> former_;
  std::vector<uint64_t> torn_;
  uint64_t next_number_ = 1;        // of log files
  uint64_t next_spare_number_ = 1;  // spares are counted apart; no name is used twice
  uint64_t epochs_made_ = 0;
};

}  // namespace tally
