// One manifest file being written: made with a snapshot, then appended to, one edit at a time. manifest.cc decides when a
// new one begins and what a failure means.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/file_names.h"
#include "engine/manifest_format.h"

namespace tally {

class ManifestFile {
 public:
  // Makes file `number` holding `state`: written under its temporary name, synced, renamed, directory synced. CURRENT is
  // not touched: nothing is in force yet.
  static Result<std::unique_ptr<ManifestFile>> create(FileSystem& fs, const TablePaths& paths, uint64_t number,
                                                      const ManifestState& state, uint64_t edit_number);

  manifest_format::Current current() const { return {number_, epoch_}; }
  uint64_t number() const { return number_; }
  uint64_t grown_bytes() const { return end_ - base_; }

  // Makes room for an edit; kNoSpace here means that nothing was written.
  Status reserve(uint64_t payload_bytes);
  // Durable at return. An error leaves the edit in doubt.
  Status append(uint64_t edit_number, ByteSpan payload);

 private:
  ManifestFile() = default;

  std::unique_ptr<File> file_;
  uint64_t number_ = 0;
  manifest_format::Epoch epoch_{};
  uint64_t link_ = 0;
  uint64_t base_ = 0;        // end of the snapshot
  uint64_t end_ = 0;         // where the next edit goes
  uint64_t file_bytes_ = 0;  // the size given to it, durably
};

}  // namespace tally
