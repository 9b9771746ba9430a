// What a start finds in a table's folder beside what the manifest lists (reliability.md M4, M8).
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "engine/manifest.h"

namespace tally {

struct OrphanReport {
  std::vector<std::string> removed;  // *.tmp of our own naming
  std::vector<std::string> moved;    // numbered files that the manifest does not list, now in orphan/
  std::vector<uint64_t> unlinked;    // segments that the manifest remembers as removed: none of them is there any more
  std::vector<uint64_t> unlinked_files;  // the same of its removed_files
};

// What stands in orphan/. Nothing of ours deletes it: beyond the limit somebody is told to look, once in a while, and for ever.
struct OrphanStatus {
  uint64_t files = 0;
  uint64_t bytes = 0;
  bool beyond_limit() const { return files > limits::kOrphanFilesMax || bytes > limits::kOrphanBytesMax; }
};
Result<OrphanStatus> count_orphans(FileSystem& fs, const std::string& table_directory);

// Every listed segment, dictionary file and id run must be there with its size; kCorruption names the first that is not. (Its id
// and sums are checked when it is opened.)
Status check_listed_files(FileSystem& fs, const std::string& table_directory, const ManifestState& state);

// Call it once, when the table is opened for writing, after check_listed_files() and before anything new is written: files
// half written are removed, as are those whose removal the manifest remembers: an edit that is durable has proved them dead.
// Other unlisted ones move to orphan/, where nothing of ours deletes them. Names that we never make are
// left alone. Not after an error, nor for a copy under salvage: what looks like an orphan may be what is left of the data.
Result<OrphanReport> set_aside_orphans(FileSystem& fs, const std::string& table_directory, const ManifestState& state);

}  // namespace tally
