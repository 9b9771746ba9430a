#include "engine/published_state.h"

#include <algorithm>

namespace tally {

SegmentHandle::SegmentHandle(FileSystem& fs, std::string path, SegmentInfo info)
    : fs_(fs), path_(std::move(path)), info_(std::move(info)) {}

Result<std::shared_ptr<SegmentReader>> SegmentHandle::reader() const {
  std::lock_guard lock(mutex_);  // opening twice would be harmless; waiting for one opening is cheaper
  if (!reader_) {
    TALLY_ASSIGN_OR_RETURN(reader_, SegmentReader::open(fs_, path_, &info_));
  }
  return reader_;
}

StatePublisher::StatePublisher(PublishedState first)
    : state_(std::make_shared<const PublishedState>(std::move(first))) {}

std::shared_ptr<const PublishedState> StatePublisher::get() const {
  std::lock_guard lock(mutex_);
  return state_;
}

void StatePublisher::update(const std::function<void(PublishedState&)>& change) {
  std::shared_ptr<const PublishedState> old;  // freed outside the lock: it may be the last owner of chunks
  std::lock_guard lock(mutex_);
  auto next = std::make_shared<PublishedState>(*state_);
  change(*next);
  old = std::exchange(state_, std::move(next));
}

std::shared_ptr<const SegmentList> make_segment_list(FileSystem& fs, const TablePaths& paths,
                                                     const ManifestState& state, const SegmentList* known) {
  auto list = std::make_shared<SegmentList>();
  list->reserve(state.segments.size());
  for (const auto& [number, info] : state.segments) {
    auto same = [wanted = number](const auto& handle) { return handle->info().number == wanted; };
    if (known != nullptr) {
      if (auto found = std::find_if(known->begin(), known->end(), same); found != known->end()) {
        list->push_back(*found);
        continue;
      }
    }
    list->push_back(std::make_shared<const SegmentHandle>(fs, paths.segment(number), info));
  }
  return list;
}

}  // namespace tally
