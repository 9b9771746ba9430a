// How much room the disk of a database has, against two marks (reliability.md S2):
//
//   level  entered when free is below         left when free is at                      what stops
//   room                                                                                nothing
//   soft   the soft mark                      kFreeReleasePercent of it                 joins; folds that do not fit
//   hard   the hard mark, and what is needed  kFreeReleasePercent of the hard mark      ingest: nothing is logged (no_space)
//          to flush what is in memory         and what is needed to flush
// Queries go on, and so does what frees room: flushes, retention, forgetting. A mark is left later than it is entered, so that a
// disk at the mark does not make a table stop and go. A mark of 0 is none.
// The disk is asked at most every kSpacePollUs, by whoever looks; one that cannot be asked has room, as far as marks go.
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"

namespace tally {

enum class SpaceLevel : uint8_t { kRoom, kSoft, kHard };
std::string_view space_level_name(SpaceLevel level);

struct SpaceStatus {
  SpaceLevel level = SpaceLevel::kRoom;
  uint64_t free_bytes = 0;
  uint64_t soft_bytes = 0;
  uint64_t hard_bytes = 0;       // with unflushed_bytes
  uint64_t unflushed_bytes = 0;  // in memory, of all tables
  // For what is not needed at once, without coming to the hard mark.
  uint64_t spare_bytes() const { return free_bytes > hard_bytes ? free_bytes - hard_bytes : 0; }
};

class SpaceWatch {
 public:
  struct Marks {
    uint64_t soft_bytes = 0;
    uint64_t hard_bytes = 0;
  };
  // All of it must outlive the watch. `directory`: of the database.
  SpaceWatch(FileSystem& fs, const Clock& clock, std::string directory, Marks marks)
      : fs_(fs), clock_(clock), directory_(std::move(directory)), marks_(marks) {}

  // What a table has in memory. 0 when it is closed.
  void set_unflushed(const void* table, uint64_t bytes);
  SpaceStatus look();

 private:
  void read_disk();
  bool below(uint64_t mark, bool already) const;

  FileSystem& fs_;
  const Clock& clock_;
  const std::string directory_;
  const Marks marks_;
  std::mutex mutex_;  // guards the rest
  std::map<const void*, uint64_t> unflushed_;
  TimeUs read_us_ = -1;  // boottime; below 0: never
  bool known_ = false;
  uint64_t free_bytes_ = 0;
  SpaceLevel level_ = SpaceLevel::kRoom;
};

}  // namespace tally
