#include "engine/table_snapshot.h"

#include "engine/table_scan.h"

namespace tally {
namespace {

// Plans when the first block is asked for.
class WholeScan final : public RawScan {
 public:
  explicit WholeScan(std::function<Result<std::shared_ptr<const ScanPlan>>()> plan) : make_plan_(std::move(plan)) {}

  Result<const RowBlock*> next() override {
    if (scan_ == nullptr) {
      TALLY_ASSIGN_OR_RETURN(plan_, make_plan_());
      scan_ = plan_->scan(0, plan_->steps(), nullptr);
    }
    return scan_->next();
  }

  const ScanStats& stats() const override {
    stats_ = {};
    if (plan_ != nullptr) stats_ += plan_->stats();
    if (scan_ != nullptr) stats_ += scan_->stats();
    return stats_;
  }

 private:
  std::function<Result<std::shared_ptr<const ScanPlan>>()> make_plan_;
  std::shared_ptr<const ScanPlan> plan_;
  std::unique_ptr<RawScan> scan_;
  mutable ScanStats stats_;
};

}  // namespace

Result<std::shared_ptr<const ScanPlan>> TableSnapshot::plan(ScanSpec spec) const {
  return plan_scan(state, cut, std::move(spec));
}

std::unique_ptr<RawScan> TableSnapshot::scan(ScanSpec spec) const {
  auto plan = [state = state, cut = cut, spec = std::move(spec)]() mutable {
    return plan_scan(std::move(state), cut, std::move(spec));
  };
  return std::make_unique<WholeScan>(std::move(plan));
}

Result<std::vector<Retraction>> TableSnapshot::retractions() const {
  TALLY_ASSIGN_OR_RETURN(std::vector<Retraction> all, read_retractions(state->retraction_files));
  const size_t flushed = all.size();
  for (const auto& logs : state->retractions) {
    for (const auto& log : logs) {
      std::vector<Retraction> more = log->read(cut);
      all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
  }
  return all.size() > flushed ? newest_by_key(std::move(all)) : all;
}

Result<std::vector<SegmentView>> TableSnapshot::segments() const {
  std::vector<SegmentView> views;
  for (const auto& handle : *state->segments) {
    TALLY_ASSIGN_OR_RETURN(std::shared_ptr<SegmentReader> reader, handle->reader());
    views.push_back({handle->info(), std::move(reader)});
  }
  return views;
}

const Dictionary* Snapshot::find_dictionary(uint32_t dimension_id) const {
  const std::vector<size_t> dimensions = schema().dimensions();
  for (size_t d = 0; d < dimensions.size(); ++d) {
    if (schema().columns[dimensions[d]].id == dimension_id) return &dictionary(d);
  }
  return nullptr;
}

Result<std::unique_ptr<LetterView>> Snapshot::dead_letters() const {
  return fail(Code::kUnsupported, "this snapshot has no dead letters");
}

Result<std::unique_ptr<LetterView>> TableSnapshot::dead_letters() const {
  const ManifestState& manifest = *state->manifest;
  DeadLetters::Held held = letters->held(manifest.log.flushed_lsn, cut);
  const bool flushed_since = held.released_through > manifest.log.flushed_lsn;
  Result<std::unique_ptr<LetterView>> view = flushed_since ? fail(Code::kNotFound, "letters went to files")
                                                           : LetterView::open(*fs, paths, manifest, std::move(held));
  if (view || view.error().code != Code::kNotFound) return view;
  return fail(Code::kRetryLater, "a flush has moved dead letters since this snapshot was taken");
}

}  // namespace tally
