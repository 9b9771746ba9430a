#include "engine/manifest_turn.h"

#include <algorithm>

#include "engine/manifest_format.h"

namespace tally {

uint64_t ManifestTurn::take_number() {
  std::lock_guard lock(mutex_);
  next_number_ = std::max(next_number_, manifest_.state()->next_file_number);
  return next_number_++;
}

void ManifestTurn::unlinked(uint64_t number) {
  std::lock_guard lock(mutex_);
  unlinked_.push_back(number);
}

Status ManifestTurn::commit(ManifestEdit& edit,
                            const std::function<Status(const ManifestState&, ManifestEdit&)>& complete) {
  std::lock_guard lock(mutex_);
  const std::shared_ptr<const ManifestState> state = manifest_.state();
  if (complete) TALLY_TRY(complete(*state, edit));
  edit.next_file_number = std::max(next_number_, state->next_file_number);
  for (uint64_t number : unlinked_) {
    if (state->removed_files.contains(number)) edit.unlinked_files.push_back(number);
  }
  TALLY_TRY(manifest_.commit(edit));
  unlinked_.clear();
  std::lock_guard counting(written_mutex_);
  add_written(edit, written_);
  Bytes payload;
  ByteWriter out(payload);
  manifest_format::encode_edit(edit, out);
  constexpr uint64_t kCopies = 2;
  written_[static_cast<size_t>(WrittenKind::kManifest)] +=
      kCopies * manifest_format::align_frame(manifest_format::kFrameHeaderBytes + payload.size());
  return {};
}

WrittenBytes ManifestTurn::written() const {
  std::lock_guard lock(written_mutex_);
  return written_;
}

}  // namespace tally
