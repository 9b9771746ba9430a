// Invariants
//   1 state_ is what the durable edits say; it is published only once the edit that made it is durable.
//   2 The file in force (CURRENT, durably) is file_, or nothing is (file_ is null: the next commit starts one).
//   3 Once poisoned_, nothing is written any more: an edit is in doubt, and only a restart can see how it ended.
//   4 A file is removed only when CURRENT names a later one durably, and then the one before it stays.
//   5 RESERVE is there, or a note is kept that it was given up.
#include "engine/manifest.h"

#include <mutex>

#include "base/file_names.h"
#include "base/limits.h"
#include "engine/manifest_file.h"
#include "engine/manifest_reader.h"

namespace tally {

namespace {

using manifest_format::Current;

Status name_current(FileSystem& fs, const TablePaths& paths, const Current& current) {
  return write_file_atomic(fs, paths.current(), as_bytes(manifest_format::encode_current(current)));
}

class ManifestImpl final : public Manifest {
 public:
  ManifestImpl(FileSystem& fs, Clock& clock, const std::string& directory, ManifestOptions options)
      : fs_(fs), clock_(clock), paths_(directory), options_(options) {}

  Status start(LoadedManifest loaded) {
    state_ = std::make_shared<const ManifestState>(std::move(loaded.state));
    edit_number_ = loaded.edit_number;
    highest_number_ = loaded.highest_number;
    in_force_ = loaded.number;
    Status status = start_file();
    if (!status && status.error().code == Code::kNoSpace && release_reserve()) status = start_file();
    TALLY_TRY(status);
    ensure_reserve();
    return {};
  }

  std::shared_ptr<const ManifestState> state() const override {
    std::lock_guard lock(state_mutex_);
    return state_;
  }

  Status commit(const ManifestEdit& wanted) override {
    if (poisoned_) return fail(Code::kIndeterminate, "the manifest is in doubt since: " + *poisoned_);
    ManifestEdit edit = wanted;
    edit.boot_id = clock_.boot_id();
    edit.boottime_us = clock_.boottime_us();
    edit.wall_us = clock_.wall_us();
    TALLY_ASSIGN_OR_RETURN(ManifestState next, apply_edit(*state_, edit));
    Bytes payload;
    ByteWriter fields(payload);
    manifest_format::encode_edit(edit, fields);
    TALLY_TRY(write(payload));
    publish(std::make_shared<const ManifestState>(std::move(next)));
    if (reserve_given_up_) ensure_reserve();
    return {};
  }

 private:
  // Room is the only thing that may be missing without doubt, and it is asked for before a byte of the edit is written.
  Status write(ByteSpan payload) {
    Status room = make_room(payload.size());
    if (!room && room.error().code == Code::kNoSpace && release_reserve()) room = make_room(payload.size());
    if (!room) return refused(std::move(room).error());
    Status written = file_->append(edit_number_ + 1, payload);
    if (!written) return poison(std::move(written).error());
    ++edit_number_;
    return {};
  }

  Status make_room(uint64_t payload_bytes) {
    if (!file_ || file_->grown_bytes() >= options_.rewrite_bytes) {
      Status started = start_file();
      // Without room for a new file the old one may still have some.
      if (!started && (!file_ || started.error().code != Code::kNoSpace)) return started;
    }
    return file_->reserve(payload_bytes);
  }

  // M2: the new file first, then CURRENT. It holds the state as it is, without the edit that is waiting, so that old and
  // new file say the same until CURRENT has decided.
  Status start_file() {
    uint64_t number = ++highest_number_;
    TALLY_ASSIGN_OR_RETURN(auto file, ManifestFile::create(fs_, paths_, number, *state_, edit_number_));
    if (Status named = name_current(fs_, paths_, file->current()); !named) {
      return current_failed(std::move(named).error(), number);
    }
    uint64_t previous = in_force_;
    in_force_ = number;
    file_ = std::move(file);
    remove_files_before(previous);
    return {};
  }

  // M3: if CURRENT may name either file, both stay and nothing more is written. A full disk is no doubt when CURRENT still
  // shows the old name: a rename that is not visible is not pending either.
  Status current_failed(Error error, uint64_t number) {
    bool renamed = true;
    if (auto bytes = read_whole_file(fs_, paths_.current(), limits::kKiB)) {
      auto current = manifest_format::decode_current(as_text(*bytes));
      renamed = !current || current->number != in_force_;
    }
    if (error.code == Code::kNoSpace && renamed) error.code = Code::kIndeterminate;
    if (!renamed) (void)fs_.unlink(paths_.manifest(number));
    return std::unexpected(std::move(error));
  }

  Status refused(Error error) {
    if (error.code == Code::kNoSpace || error.code == Code::kLimitExceeded) return std::unexpected(std::move(error));
    return poison(std::move(error));
  }

  Status poison(Error error) {
    poisoned_ = error.message;
    // Whatever the disk said, the edit is in doubt now: no caller may read kNoSpace as "nothing happened".
    if (error.code == Code::kNoSpace) error.code = Code::kIndeterminate;
    return std::unexpected(std::move(error));
  }

  void remove_files_before(uint64_t oldest_kept) {
    auto names = fs_.list(paths_.directory());
    if (!names) return;
    for (const FileInfo& info : *names) {
      ParsedName parsed = parse_file_name(info.name);
      if (parsed.kind != FileKind::kManifest) continue;
      if (parsed.temporary || parsed.number < oldest_kept) {
        (void)fs_.unlink(join_path(paths_.directory(), info.name));  // what stays is removed the next time
      }
    }
  }

  bool release_reserve() {
    if (options_.reserve_bytes == 0 || reserve_given_up_ || !fs_.unlink(paths_.reserve())) return false;
    reserve_given_up_ = true;
    return true;
  }

  // Never fails: without a reserve the table works, only a full disk is met unprepared. After it was given up it is taken
  // back only when there is room for a good deal more, so that it does not take what retention has just freed.
  void ensure_reserve() {
    if (options_.reserve_bytes == 0) return;
    auto info = fs_.info(paths_.reserve());
    if (info && info->size == options_.reserve_bytes) {
      reserve_given_up_ = false;
      return;
    }
    reserve_given_up_ = true;
    auto space = fs_.space(paths_.directory());
    if (!space || space->free_bytes < kReserveRoom * options_.reserve_bytes) return;
    if (info && !fs_.unlink(paths_.reserve())) return;
    auto file = fs_.open(paths_.reserve(), OpenMode::kCreate);
    if (!file) return;
    if ((*file)->preallocate(options_.reserve_bytes) && (*file)->sync()) {
      reserve_given_up_ = false;
    } else {
      (void)fs_.unlink(paths_.reserve());
    }
  }

  void publish(std::shared_ptr<const ManifestState> next) {
    std::lock_guard lock(state_mutex_);
    state_ = std::move(next);
  }

  static constexpr uint64_t kReserveRoom = 4;

  FileSystem& fs_;
  Clock& clock_;
  const TablePaths paths_;
  const ManifestOptions options_;
  std::unique_ptr<ManifestFile> file_;
  uint64_t edit_number_ = 0;
  uint64_t highest_number_ = 0;
  uint64_t in_force_ = 0;
  bool reserve_given_up_ = false;
  std::optional<std::string> poisoned_;

  mutable std::mutex state_mutex_;  // for the pointer alone; only the committing thread changes it
  std::shared_ptr<const ManifestState> state_;
};

}  // namespace

Result<std::shared_ptr<const ManifestState>> Manifest::load(FileSystem& fs, const std::string& table_directory) {
  TALLY_ASSIGN_OR_RETURN(LoadedManifest loaded, read_current_manifest(fs, table_directory));
  return std::make_shared<const ManifestState>(std::move(loaded.state));
}

Status Manifest::create(FileSystem& fs, const std::string& table_directory, const ManifestState& state) {
  TALLY_TRY(check_state(state));
  TablePaths paths(table_directory);
  if (fs.info(paths.current())) {
    return fail(Code::kAlreadyExists, table_directory + " has a manifest already");
  }
  TALLY_ASSIGN_OR_RETURN(auto file, ManifestFile::create(fs, paths, 1, state, 1));
  return name_current(fs, paths, file->current());
}

Result<std::unique_ptr<Manifest>> Manifest::open(FileSystem& fs, Clock& clock, const std::string& table_directory,
                                                 ManifestOptions options) {
  TALLY_ASSIGN_OR_RETURN(LoadedManifest loaded, read_current_manifest(fs, table_directory));
  auto manifest = std::make_unique<ManifestImpl>(fs, clock, table_directory, options);
  TALLY_TRY(manifest->start(std::move(loaded)));
  return manifest;
}

}  // namespace tally
