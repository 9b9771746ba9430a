#include "engine/retraction_log.h"

#include <algorithm>
#include <tuple>

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

// Keys and positions are sorted, not the retractions, which are six times as large.
std::vector<Retraction> newest_by_key(std::vector<Retraction> changes) {
  struct Place {
    Hash128 key;
    size_t position;
  };
  std::vector<Place> places;
  places.reserve(changes.size());
  for (size_t i = 0; i < changes.size(); ++i) places.push_back({changes[i].key, i});
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.key.lo, a.key.hi, a.position) < std::tie(b.key.lo, b.key.hi, b.position);
  });
  std::vector<Retraction> newest;
  newest.reserve(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    if (i + 1 < places.size() && places[i + 1].key == places[i].key) continue;
    newest.push_back(std::move(changes[places[i].position]));
  }
  return newest;
}

}  // namespace tally
