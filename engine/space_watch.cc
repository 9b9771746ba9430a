#include "engine/space_watch.h"

#include "base/limits.h"

namespace tally {

std::string_view space_level_name(SpaceLevel level) {
  switch (level) {
    case SpaceLevel::kRoom: return "room";
    case SpaceLevel::kSoft: return "soft";
    case SpaceLevel::kHard: return "hard";
  }
  return "unknown";
}

void SpaceWatch::set_unflushed(const void* table, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (bytes == 0) {
    unflushed_.erase(table);
  } else {
    unflushed_[table] = bytes;
  }
}

void SpaceWatch::read_disk() {
  const TimeUs now_us = clock_.boottime_us();
  if (read_us_ >= 0 && now_us >= read_us_ && now_us - read_us_ < limits::kSpacePollUs) return;
  read_us_ = now_us;
  const Result<SpaceInfo> space = fs_.space(directory_);
  known_ = space.has_value();
  if (known_) free_bytes_ = space->free_bytes;
}

bool SpaceWatch::below(uint64_t mark, bool already) const {
  if (mark == 0 || !known_) return false;
  return free_bytes_ < (already ? mark * limits::kFreeReleasePercent / 100 : mark);
}

SpaceStatus SpaceWatch::look() {
  std::lock_guard lock(mutex_);
  read_disk();
  SpaceStatus status{.free_bytes = free_bytes_, .soft_bytes = marks_.soft_bytes, .hard_bytes = marks_.hard_bytes};
  for (const auto& [table, bytes] : unflushed_) status.unflushed_bytes += bytes;
  if (status.hard_bytes != 0) status.hard_bytes += status.unflushed_bytes;
  if (below(status.hard_bytes, level_ == SpaceLevel::kHard)) {
    level_ = SpaceLevel::kHard;
  } else if (below(status.soft_bytes, level_ != SpaceLevel::kRoom)) {
    level_ = SpaceLevel::kSoft;
  } else {
    level_ = SpaceLevel::kRoom;
  }
  status.level = level_;
  return status;
}

}  // namespace tally
