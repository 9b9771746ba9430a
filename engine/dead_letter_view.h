// Every dead letter of a table at one moment: of its files, then those that no flush has written yet.
//
//   TALLY_ASSIGN_OR_RETURN(auto letters, table.dead_letters());
//   while (TALLY_ASSIGN_OR_RETURN(const LetterBundle* bundle, letters->next()), bundle != nullptr) ...
//
// Memory: one block of a file, the letters not flushed yet, and 16 bytes for each one replayed. Threads: one at a time.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/file_names.h"
#include "engine/dead_letter_file.h"
#include "engine/dead_letters.h"
#include "engine/manifest.h"

namespace tally {

class LetterView {
 public:
  // Opens every file, so that what is removed meanwhile can still be read. kNotFound: a file is gone, as one that was joined with
  // others since `state`.
  static Result<std::unique_ptr<LetterView>> open(FileSystem& fs, const TablePaths& paths, const ManifestState& state,
                                                  DeadLetters::Held held);
  // By LSN; nullptr at the end. Valid until the next call.
  Result<const LetterBundle*> next();
  Lsn replayed_lsn(const LetterId& id) const;                      // 0: it was not
  const std::vector<LetterMark>& marks() const { return marks_; }  // by letter

 private:
  std::vector<std::unique_ptr<LetterFile>> files_;
  size_t file_ = 0;
  std::vector<LetterBundle> block_;
  size_t next_in_block_ = 0;
  std::vector<std::shared_ptr<const LetterBundle>> held_;
  size_t next_held_ = 0;
  std::vector<LetterMark> marks_;
};

}  // namespace tally
