#include "engine/orphans.h"

#include <algorithm>

#include "base/file_names.h"

namespace tally {

namespace {

Status check_listed(FileSystem& fs, const std::string& path, uint64_t size) {
  Result<FileInfo> info = fs.info(path);
  if (!info && info.error().code == Code::kNotFound) {
    return fail(Code::kCorruption, path + " is missing, and the manifest lists it");
  }
  TALLY_TRY(info);
  if (info->size != size) {
    return fail(Code::kCorruption,
                path + " has " + std::to_string(info->size) + " bytes, and the manifest says " + std::to_string(size));
  }
  return {};
}

class Sweep {
 public:
  Sweep(FileSystem& fs, const std::string& table_directory, const ManifestState& state)
      : fs_(fs), paths_(table_directory), state_(state) {}

  Result<OrphanReport> run() {
    TALLY_TRY(remove_temporary(paths_.directory()));
    for (const std::string& directory :
         {paths_.segment_directory(), paths_.dictionary_directory(), paths_.id_run_directory(),
          paths_.retraction_directory(), paths_.letter_directory()}) {
      // Tables made before there were dead letters have no folder for them.
      if (directory == paths_.letter_directory() && !fs_.info(directory)) continue;
      TALLY_TRY(remove_temporary(directory));
      TALLY_TRY(move_unlisted(directory));
    }
    // Whatever of them was there is gone now.
    report_.unlinked.assign(state_.removed_segments.begin(), state_.removed_segments.end());
    report_.unlinked_files.assign(state_.removed_files.begin(), state_.removed_files.end());
    return std::move(report_);
  }

 private:
  bool listed(const ParsedName& name) const {
    if (name.kind == FileKind::kSegment) return state_.segments.contains(name.number);
    if (name.kind == FileKind::kIdRun) return state_.id_runs.contains(name.number);
    if (name.kind == FileKind::kRetraction) {
      return std::any_of(state_.retraction_files.begin(), state_.retraction_files.end(),
                         [&](const RetractionFileInfo& file) { return file.number == name.number; });
    }
    if (name.kind == FileKind::kLetterFile) return state_.letter_files.contains(name.number);
    return std::any_of(state_.dictionary_files.begin(), state_.dictionary_files.end(),
                       [&](const DictionaryFileInfo& file) { return file.number == name.number; });
  }

  bool removed(const ParsedName& name) const {
    if (name.kind == FileKind::kSegment) return state_.removed_segments.contains(name.number);
    return name.kind != FileKind::kDictionary && state_.removed_files.contains(name.number);
  }

  Status remove_temporary(const std::string& directory) {
    TALLY_ASSIGN_OR_RETURN(auto entries, fs_.list(directory));
    for (const FileInfo& entry : entries) {
      ParsedName parsed = parse_file_name(entry.name);
      if (entry.is_directory || !parsed.temporary) continue;
      TALLY_TRY(fs_.unlink(join_path(directory, entry.name)));
      report_.removed.push_back(entry.name);
    }
    return {};
  }

  Status move_unlisted(const std::string& directory) {
    TALLY_ASSIGN_OR_RETURN(auto entries, fs_.list(directory));
    bool moved = false, unlinked = false;
    for (const FileInfo& entry : entries) {
      ParsedName parsed = parse_file_name(entry.name);
      const bool numbered = parsed.kind == FileKind::kSegment || parsed.kind == FileKind::kDictionary ||
                            parsed.kind == FileKind::kIdRun || parsed.kind == FileKind::kRetraction ||
                            parsed.kind == FileKind::kLetterFile;
      if (parsed.temporary || !numbered) continue;
      if (listed(parsed)) continue;
      if (removed(parsed)) {
        TALLY_TRY(fs_.unlink(join_path(directory, entry.name)));
        unlinked = true;
        continue;
      }
      TALLY_ASSIGN_OR_RETURN(std::string target, free_orphan_name(entry.name));
      TALLY_TRY(fs_.rename(join_path(directory, entry.name), target));
      report_.moved.push_back(entry.name);
      moved = true;
    }
    if (moved) TALLY_TRY(fs_.sync_directory(paths_.orphan_directory()));
    return moved || unlinked ? fs_.sync_directory(directory) : Status{};
  }

  // The same number can be orphaned more than once.
  Result<std::string> free_orphan_name(const std::string& name) {
    const Status made = fs_.make_directory(paths_.orphan_directory());
    if (!made && made.error().code != Code::kAlreadyExists) return std::unexpected(made.error());
    // A new folder has its own name durably before a file loses its other one.
    if (made) TALLY_TRY(fs_.sync_directory(paths_.directory()));
    std::string target = paths_.orphan(name);
    for (uint64_t again = 2;; ++again) {
      Result<FileInfo> taken = fs_.info(target);
      if (!taken && taken.error().code == Code::kNotFound) return target;
      TALLY_TRY(taken);
      target = paths_.orphan(name + "." + std::to_string(again));
    }
  }

  FileSystem& fs_;
  const TablePaths paths_;
  const ManifestState& state_;
  OrphanReport report_;
};

}  // namespace

Result<OrphanStatus> count_orphans(FileSystem& fs, const std::string& table_directory) {
  Result<std::vector<FileInfo>> entries = fs.list(TablePaths(table_directory).orphan_directory());
  if (!entries && entries.error().code == Code::kNotFound) return OrphanStatus{};
  TALLY_TRY(entries);
  OrphanStatus status;
  for (const FileInfo& entry : *entries) {
    ++status.files;
    status.bytes += entry.size;
  }
  return status;
}

Status check_listed_files(FileSystem& fs, const std::string& table_directory, const ManifestState& state) {
  TablePaths paths(table_directory);
  for (const auto& [number, segment] : state.segments) {
    TALLY_TRY(check_listed(fs, paths.segment(number), segment.size));
  }
  for (const DictionaryFileInfo& file : state.dictionary_files) {
    TALLY_TRY(check_listed(fs, paths.dictionary(file.number), file.size));
  }
  for (const auto& [number, run] : state.id_runs) TALLY_TRY(check_listed(fs, paths.id_run(number), run.size));
  for (const RetractionFileInfo& file : state.retraction_files) {
    TALLY_TRY(check_listed(fs, paths.retraction(file.number), file.size));
  }
  for (const auto& [number, file] : state.letter_files) {
    TALLY_TRY(check_listed(fs, paths.letter_file(number), file.size));
  }
  return {};
}

Result<OrphanReport> set_aside_orphans(FileSystem& fs, const std::string& table_directory, const ManifestState& state) {
  return Sweep(fs, table_directory, state).run();
}

}  // namespace tally
