#include "engine/published_state.h"

#include <algorithm>

#include "engine/dictionary.h"

namespace tally {

SegmentHandle::SegmentHandle(FileSystem& fs, std::string path, SegmentInfo info,
                             std::map<uint32_t, uint32_t> dictionary_sizes, std::shared_ptr<BlockCache> cache)
    : fs_(fs),
      path_(std::move(path)),
      info_(std::move(info)),
      dictionary_sizes_(std::move(dictionary_sizes)),
      cache_(std::move(cache)) {}

SegmentHandle::~SegmentHandle() {
  if (unlinked_ == nullptr) return;
  reader_.reset();
  // A file that stays is removed at the next start: the manifest remembers it.
  if (fs_.unlink(path_)) unlinked_->add(info_.number);
}

void SegmentHandle::remove_when_unused(std::shared_ptr<UnlinkedFiles> unlinked) const {
  std::lock_guard lock(mutex_);
  unlinked_ = std::move(unlinked);
}

void UnlinkedFiles::give_back(std::span<const uint64_t> numbers) {
  std::lock_guard lock(mutex_);
  numbers_.insert(numbers_.end(), numbers.begin(), numbers.end());
}

std::vector<uint64_t> UnlinkedFiles::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(numbers_, {});
}

namespace {

// Queries index dictionaries by the codes of a segment without looking again.
Status check_codes(const SegmentReader& reader, const std::map<uint32_t, uint32_t>& sizes, const std::string& path) {
  for (const auto& [dimension_id, largest] : reader.max_codes()) {
    const auto known = sizes.find(dimension_id);
    const uint32_t size = known == sizes.end() ? kFirstValueCode : known->second;
    if (largest < size) continue;
    return fail(Code::kCorruption, path + ": dimension id " + std::to_string(dimension_id) + " has code " +
                                       std::to_string(largest) + ", the table's dictionary ends at " +
                                       std::to_string(size));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<SegmentReader>> SegmentHandle::reader() const {
  std::lock_guard lock(mutex_);  // opening twice would be harmless; waiting for one opening is cheaper
  if (!reader_) {
    TALLY_ASSIGN_OR_RETURN(std::shared_ptr<SegmentReader> reader, SegmentReader::open(fs_, path_, &info_, cache_));
    TALLY_TRY(check_codes(*reader, dictionary_sizes_, path_));
    reader_ = std::move(reader);
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
  std::shared_ptr<const PublishedState> old;  // freed outside the lock: it may be the last owner of chunks and files
  std::lock_guard lock(mutex_);
  auto next = std::make_shared<PublishedState>(*state_);
  change(*next);
  old = std::exchange(state_, std::move(next));
}

std::shared_ptr<const SegmentList> make_segment_list(FileSystem& fs, const TablePaths& paths,
                                                     const ManifestState& state, const SegmentList* known,
                                                     const std::shared_ptr<BlockCache>& cache) {
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
    list->push_back(
        std::make_shared<const SegmentHandle>(fs, paths.segment(number), info, state.dictionary_sizes, cache));
  }
  return list;
}

}  // namespace tally
