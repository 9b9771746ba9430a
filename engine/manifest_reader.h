// Reads a table's manifest after a start, past the page cache (reliability.md W21), and decides what its end means.
//
// Edit n + 1 is only written once edit n is durable, so every frame but the last is proof that those before it were: damage
// there is corruption. The last edit stands in the file twice: damage to one copy changes nothing. What is left: both
// copies of the last edit unreadable. That is what a power failure during its write leaves (the edit was never confirmed),
// and it is read so: the edit is left out. Rot of both copies of a confirmed last edit cannot be told from it here; then the
// log says so: an edit that let the log drop records leaves a gap behind LogPosition::flushed_lsn, which log recovery
// refuses, and an edit whose log records are still there loses nothing. A file cut short is always seen, since frames say
// how long it has been made.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "engine/manifest_format.h"

namespace tally {

struct LoadedManifest {
  ManifestState state;
  uint64_t number = 0;              // of the manifest in force
  uint64_t highest_number = 0;      // of any manifest file in the directory
  uint64_t edit_number = 0;         // of the last edit
  uint64_t edits = 0;               // behind the snapshot
  uint64_t copies_lost = 0;         // edits read from their second copy
  std::optional<uint64_t> torn_at;  // offset of a last edit that was never confirmed
};

// What CURRENT names. kNotFound if there is no CURRENT.
Result<LoadedManifest> read_current_manifest(FileSystem& fs, const std::string& table_directory);
// Is told of each edit as it is applied: where its frame stands, and its number.
using ManifestEditVisitor = std::function<void(uint64_t offset, uint64_t number, const ManifestEdit& edit)>;
// One manifest file by itself, for inspecting; `expected` is what CURRENT says of it.
Result<LoadedManifest> read_manifest_file(FileSystem& fs, const std::string& path,
                                          const manifest_format::Current* expected,
                                          const ManifestEditVisitor& visit = nullptr);
// The same of bytes in memory.
Result<LoadedManifest> decode_manifest(ByteSpan file, const manifest_format::Current* expected,
                                       const ManifestEditVisitor& visit = nullptr);

}  // namespace tally
