#include "engine/retraction_log.h"

#include <algorithm>

#include "base/status.h"

namespace tally {

void RetractionLog::append(Retraction change) {
  std::lock_guard lock(mutex_);
  TALLY_CHECK(changes_.empty() || changes_.back().changed_lsn() <= change.changed_lsn());
  changes_.push_back(std::move(change));
}

std::vector<Retraction> RetractionLog::read(Lsn cut) const {
  std::lock_guard lock(mutex_);
  auto end = std::upper_bound(changes_.begin(), changes_.end(), cut,
                              [](Lsn lsn, const Retraction& change) { return lsn < change.changed_lsn(); });
  return {changes_.begin(), end};
}

std::vector<Retraction> newest_by_key(std::vector<Retraction> changes) {
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Retraction& a, const Retraction& b) { return a.key < b.key; });
  std::vector<Retraction> newest;
  newest.reserve(changes.size());
  for (Retraction& change : changes) {
    if (!newest.empty() && newest.back().key == change.key) {
      newest.back() = std::move(change);
    } else {
      newest.push_back(std::move(change));
    }
  }
  return newest;
}

}  // namespace tally
