#include "wal/log_files.h"

#include <algorithm>

#include "base/file_names.h"
#include "base/random.h"

namespace tally {
namespace {

// For what leaves things in doubt, a failed sync above all, or half done: lack of space is then a failure like any other,
// not something to try again.
Status not_for_space(Status status, std::string_view what) {
  if (status || status.error().code != Code::kNoSpace) return status;
  return fail(Code::kIoError, std::string(what) + ": " + status.error().message);
}

bool is_missing(const Status& status) { return !status && status.error().code == Code::kNotFound; }

}  // namespace

LogFiles::LogFiles(const LogOptions& options, LogStats& stats) : options_(options), stats_(stats) {}

uint64_t LogFiles::file_bytes() const { return options_.file_bytes != 0 ? options_.file_bytes : limits::kLogFileBytes; }
std::string LogFiles::path(uint64_t number) const { return log_file_path(options_.directory, number); }
std::string LogFiles::spare_path(const Spare& spare) const {
  std::string path = join_path(options_.directory, log_spare_name(spare.number));
  return spare.reused ? path : temporary_path(path);
}

Status LogFiles::adopt(uint64_t highest_file) {
  Status made = options_.fs->make_directory(options_.directory);
  if (!made && made.error().code != Code::kAlreadyExists) return made;
  // Also when it was there: the start that made it may have failed before this.
  TALLY_TRY(options_.fs->sync_directory(parent_path(options_.directory)));
  TALLY_ASSIGN_OR_RETURN(std::vector<FileInfo> files, options_.fs->list(options_.directory));
  next_number_ = highest_file + 1;
  for (const FileInfo& info : files) {
    ParsedName name = parse_file_name(info.name);
    if (name.temporary) {
      TALLY_TRY(options_.fs->unlink(join_path(options_.directory, info.name)));
    } else if (name.kind == FileKind::kLogSpare) {
      TALLY_TRY(adopt_spare(name.number, info.size));
    } else if (name.kind == FileKind::kLogTorn) {
      torn_.push_back(name.number);
    } else if (name.kind == FileKind::kLogFile) {
      if (name.number > highest_file) {
        return fail(Code::kAlreadyExists, path(name.number) + " is newer than what was recovered");
      }
      former_.push_back({name.number, 0, info.size});
    }
    if (name.kind == FileKind::kLogSpare) next_spare_number_ = std::max(next_spare_number_, name.number + 1);
  }
  return {};
}

// One of another size was made under another setting.
Status LogFiles::adopt_spare(uint64_t number, uint64_t bytes) {
  const Spare spare{number, bytes, true};
  if (bytes != file_bytes() || spares_.size() >= options_.spare_files_max) {
    return options_.fs->unlink(spare_path(spare));
  }
  spares_.push_back(spare);
  return {};
}

Status LogFiles::remove_clean_mark() {
  Status removed = options_.fs->unlink(clean_mark_path(options_.directory));
  if (!is_missing(removed)) TALLY_TRY(removed);
  // Also when it was gone: the start that removed it may have failed before this.
  return not_for_space(options_.fs->sync_directory(options_.directory), options_.directory);
}

Status LogFiles::retire_former(std::optional<uint64_t> torn) {
  return not_for_space(retire_all_former(torn), options_.directory);
}

Status LogFiles::retire_all_former(std::optional<uint64_t> torn) {
  if (former_.empty() && torn_.size() <= limits::kLogTornFilesMax) return {};
  for (const LiveLogFile& file : former_) {
    if (file.number != torn) {
      TALLY_TRY(retire(file.number, file.bytes));
      continue;
    }
    TALLY_TRY(options_.fs->rename(path(file.number), join_path(options_.directory, log_torn_name(file.number))));
    torn_.push_back(file.number);
  }
  former_.clear();
  TALLY_TRY(drop_old_torn());
  return options_.fs->sync_directory(options_.directory);
}

Status LogFiles::drop_old_torn() {
  std::sort(torn_.begin(), torn_.end());
  while (torn_.size() > limits::kLogTornFilesMax) {
    TALLY_TRY(options_.fs->unlink(join_path(options_.directory, log_torn_name(torn_.front()))));
    torn_.erase(torn_.begin());
  }
  return {};
}

Epoch LogFiles::new_epoch() {
  Epoch epoch;
  if (options_.epoch_seed == 0) {
    random_bytes(epoch);
  } else {
    Random(options_.epoch_seed + 0x1000003 * ++epochs_made_).fill(epoch);
  }
  return epoch;
}

Result<LogFiles::Spare> LogFiles::preallocate(uint64_t bytes) {
  // The machine's disk writes zeros, 40 to 110 ms for a file of 64 MiB with the sync that make() ends in: what spares are
  // kept to avoid (docs/formats/log.md).
  Spare spare{next_spare_number_, bytes, false};
  Status done;
  {
    auto file = options_.fs->open(spare_path(spare), OpenMode::kCreate);
    if (!file) return std::unexpected(std::move(file).error());
    done = (*file)->preallocate(bytes);
  }
  if (!done) {
    // Gives the blocks back; should this fail too, the next start deletes the file, and its number stays unused.
    if (!options_.fs->unlink(spare_path(spare))) ++next_spare_number_;
    return std::unexpected(std::move(done).error());
  }
  ++next_spare_number_;
  stats_.files_created += 1;
  return spare;
}

Result<LogFiles::Spare> LogFiles::take_spare(uint64_t bytes_min) {
  for (size_t i = 0; i < spares_.size(); ++i) {
    if (spares_[i].bytes < bytes_min) continue;
    Spare spare = spares_[i];
    spares_.erase(spares_.begin() + static_cast<ptrdiff_t>(i));
    if (spare.reused) stats_.files_reused += 1;
    return spare;
  }
  return preallocate(std::max(file_bytes(), bytes_min));
}

Result<NewLogFile> LogFiles::make(Lsn first_lsn, uint64_t flags, const LogEnd& predecessor, uint64_t bytes_min) {
  TALLY_ASSIGN_OR_RETURN(Spare spare, take_spare(bytes_min));
  NewLogFile made;
  made.bytes = spare.bytes;
  made.header.table_uuid = options_.table_uuid;
  made.header.epoch = new_epoch();
  made.header.file_number = next_number_;
  made.header.first_lsn = first_lsn;
  made.header.flags = flags | (spare.reused ? LogFileHeader::kReused : 0);
  made.header.file_bytes = spare.bytes;
  made.header.predecessor = predecessor;
  Bytes bytes(kLogFileHeaderBytes);
  encode_file_header(made.header, bytes);

  std::string from = spare_path(spare);
  std::string to = path(next_number_);
  TALLY_ASSIGN_OR_RETURN(made.file, options_.fs->open(from, OpenMode::kReadWrite));
  Status written = made.file->write_at(0, bytes);
  if (written) written = not_for_space(made.file->sync_data(), from);
  if (written) written = options_.fs->rename(from, to);
  if (!written) {
    spares_.push_back(spare);  // its header is all that was written, and the next one takes that place
    return std::unexpected(std::move(written).error());
  }
  TALLY_TRY(not_for_space(options_.fs->sync_directory(options_.directory), options_.directory));
  live_.push_back({next_number_++, first_lsn, spare.bytes});
  return made;
}

Status LogFiles::reserve() {
  if (!spares_.empty()) return {};
  TALLY_ASSIGN_OR_RETURN(Spare spare, preallocate(file_bytes()));
  spares_.push_back(spare);
  return {};
}

Status LogFiles::retire(uint64_t number, uint64_t bytes) {
  if (bytes == file_bytes()) TALLY_TRY(drop_unwritten_spare());
  bool keep = spares_.size() < options_.spare_files_max && bytes == file_bytes();
  if (!keep) return options_.fs->unlink(path(number));
  const Spare spare{next_spare_number_++, bytes, true};
  TALLY_TRY(options_.fs->rename(path(number), spare_path(spare)));
  spares_.push_back(spare);
  return {};
}

// A file that was used before is the better spare: the zeros of a new one may still have to reach the disk, and the sync of
// its header would wait for them.
Status LogFiles::drop_unwritten_spare() {
  auto unwritten = std::ranges::find_if(spares_, [](const Spare& spare) { return !spare.reused; });
  if (spares_.size() < options_.spare_files_max || unwritten == spares_.end()) return {};
  const Spare dropped = *unwritten;
  spares_.erase(unwritten);
  return options_.fs->unlink(spare_path(dropped));
}

Status LogFiles::retire_through(Lsn through) {
  bool retired = false;
  Status status;
  while (status && live_.size() > 1 && live_[1].first_lsn <= through + 1) {
    // Out of live() even if the disk refuses: whether the name is still there is then unknown, and the next start cleans up.
    LiveLogFile oldest = live_.front();
    live_.pop_front();
    status = retire(oldest.number, oldest.bytes);
    retired = true;
  }
  if (!retired) return {};
  Status synced = not_for_space(options_.fs->sync_directory(options_.directory), options_.directory);
  return status ? synced : status;
}

}  // namespace tally
