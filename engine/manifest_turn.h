// Edits of one manifest by several background threads: each gives its files numbers of their own and commits in its turn.
// Threads: any.
#pragma once

#include <functional>
#include <mutex>

#include "engine/manifest.h"
#include "engine/write_figures.h"

namespace tally {

class ManifestTurn {
 public:
  explicit ManifestTurn(Manifest& manifest) : manifest_(manifest) {}

  std::shared_ptr<const ManifestState> state() const {
    std::lock_guard lock(mutex_);
    return manifest_.state();
  }
  // For a file that is about to be written. Numbers of files that come to nothing are lost, which harms nobody.
  uint64_t take_number();
  // A file of ManifestState::removed_files is gone: the next edit says so.
  void unlinked(uint64_t number);
  // `complete` may add what depends on the state of this moment, or refuse; next_file_number is filled in behind it. Errors:
  // those of `complete`, and of Manifest::commit().
  Status commit(ManifestEdit& edit, const std::function<Status(const ManifestState&, ManifestEdit&)>& complete);
  // What the committed edits brought, and the manifest itself. Does not wait for a commit.
  WrittenBytes written() const;

 private:
  Manifest& manifest_;
  mutable std::mutex mutex_;  // held across commit()
  uint64_t next_number_ = 0;
  mutable std::mutex written_mutex_;
  WrittenBytes written_{};  // guarded by written_mutex_
  std::vector<uint64_t> unlinked_;
};

}  // namespace tally
