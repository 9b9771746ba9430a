// Writes one id run (id_run.h, docs/formats/id_run.md) from entries that come in ascending order of key.
//
// What success of finish() promises: the file stands under its final name, synced, its directory synced, and has been
// opened again and verified block by block (reliability.md M1). Before that only <name>.tmp exists.
// Memory: a block, 1 MiB that waits to be written, and 12 bytes a block for the directory. One thread.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>

#include "engine/id_run.h"

namespace tally {

class IdRunWriter {
 public:
  struct Options {
    FileSystem* fs = nullptr;
    std::string directory;  // of the final file
    uint64_t number = 0;
    FileUuid uuid{};
    std::array<uint8_t, 16> table_uuid{};
    IdRunPlace place;
  };
  static Result<std::unique_ptr<IdRunWriter>> create(Options options);
  virtual ~IdRunWriter() = default;  // unfinished: the temporary file is removed, as far as possible

  // Keys above all before: else kInternal. After an error the writer can only be destroyed.
  virtual Status add(std::span<const SeenEntry> entries) = 0;
  // `summary` names the day of every entry: else kInternal. At least one entry was added.
  virtual Result<IdRunInfo> finish(const IdRunSummary& summary) = 0;
};

}  // namespace tally
