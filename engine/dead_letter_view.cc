#include "engine/dead_letter_view.h"

#include <algorithm>

namespace tally {

Result<std::unique_ptr<LetterView>> LetterView::open(FileSystem& fs, const TablePaths& paths,
                                                     const ManifestState& state, DeadLetters::Held held) {
  auto view = std::make_unique<LetterView>();
  for (const auto& [number, info] : state.letter_files) {
    TALLY_ASSIGN_OR_RETURN(auto file, LetterFile::open(fs, paths.letter_file(number), &info));
    TALLY_ASSIGN_OR_RETURN(auto marks, file->marks());
    view->marks_.insert(view->marks_.end(), marks.begin(), marks.end());
    view->files_.push_back(std::move(file));
  }
  view->marks_.insert(view->marks_.end(), held.marks.begin(), held.marks.end());
  std::ranges::sort(view->marks_, {}, &LetterMark::letter);
  view->held_ = std::move(held.bundles);
  return view;
}

Result<const LetterBundle*> LetterView::next() {
  while (file_ < files_.size()) {
    if (next_in_block_ < block_.size()) return &block_[next_in_block_++];
    next_in_block_ = 0;
    TALLY_ASSIGN_OR_RETURN(block_, files_[file_]->next());
    if (block_.empty()) ++file_;
  }
  return next_held_ < held_.size() ? held_[next_held_++].get() : nullptr;
}

Lsn LetterView::replayed_lsn(const LetterId& id) const {
  auto found = std::ranges::lower_bound(marks_, id, {}, &LetterMark::letter);
  return found != marks_.end() && found->letter == id ? found->replayed_lsn : 0;
}

}  // namespace tally
