// Files of dead letters: written once by a flush, read from front to back (docs/formats/dead_letters.md).
// What success of finish() promises: the file is whole under its name and durable, and was read back.
// Errors: those of the file system; reading names path and what is wrong. Threads: each object belongs to one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/dead_letter.h"

namespace tally {

class LetterFileWriter {
 public:
  struct Options {
    FileSystem* fs = nullptr;
    std::string directory;  // made where it is missing
    uint64_t number = 0;
    std::array<uint8_t, 16> uuid{};
    std::array<uint8_t, 16> table_uuid{};
    // Of the records that bring letters and marks.
    Lsn min_lsn = 0, max_lsn = 0;
    TimeUs min_arrival_us = 0, max_arrival_us = 0;
  };
  // Marks come first, ascending by letter.
  static Result<std::unique_ptr<LetterFileWriter>> create(Options options, std::span<const LetterMark> marks);
  virtual ~LetterFileWriter() = default;               // without finish(): the file is removed, as far as possible
  virtual Status add(const LetterBundle& bundle) = 0;  // ascending by LSN
  virtual Result<LetterFileInfo> finish() = 0;
};

class LetterFile {
 public:
  // Checks the header against `expected`, if there is one. kNotFound: the file is not there.
  static Result<std::unique_ptr<LetterFile>> open(FileSystem& fs, const std::string& path,
                                                  const LetterFileInfo* expected);
  static Result<std::unique_ptr<LetterFile>> read(std::unique_ptr<File> file, const LetterFileInfo* expected);
  virtual ~LetterFile() = default;
  virtual const LetterFileInfo& info() const = 0;
  virtual const std::array<uint8_t, 16>& table_uuid() const = 0;
  // Once, before the first next(): every mark.
  virtual Result<std::vector<LetterMark>> marks() = 0;
  // The bundles of one more block; none at the end, when the counts and sums of the header were found right.
  virtual Result<std::vector<LetterBundle>> next() = 0;
};

}  // namespace tally
