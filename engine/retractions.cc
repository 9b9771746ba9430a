#include "engine/retractions.h"

namespace tally {

namespace {

RememberedIds::GenerationId generation_of(const Retraction& retraction) {
  return {.lateness_class = retraction.lateness_class, .generation = retraction.generation};
}

}  // namespace

void Retractions::load(std::vector<Retraction> settled_and_waiting, Lsn resolved_lsn) {
  resolved_lsn_ = resolved_lsn;
  for (Retraction& retraction : settled_and_waiting) {
    if (retraction.state == RetractionState::kWaiting) {
      ++waiting_in_[generation_of(retraction)];
      waiting_.emplace(retraction.key, std::move(retraction));
    } else {
      settled_.insert({.key = retraction.key, .digest = static_cast<uint32_t>(retraction.state)});
    }
  }
}

std::optional<RetractionState> Retractions::state_of(const Hash128& key) const {
  if (const SeenEntry* entry = settled_.find(key)) return static_cast<RetractionState>(entry->digest);
  if (waits(key)) return RetractionState::kWaiting;
  return std::nullopt;
}

void Retractions::add(Retraction waiting) {
  TALLY_CHECK(waiting.state == RetractionState::kWaiting);
  change(waiting);
  ++waiting_in_[generation_of(waiting)];
  const Hash128 key = waiting.key;
  TALLY_CHECK(waiting_.emplace(key, std::move(waiting)).second);
}

void Retractions::settle(const Hash128& key, RetractionState state, Lsn original_lsn, Lsn lsn, TimeUs arrival_us) {
  auto at = waiting_.find(key);
  TALLY_CHECK(at != waiting_.end());
  end(at, state, original_lsn, lsn, arrival_us);
}

void Retractions::end(Waiting::iterator at, RetractionState state, Lsn original_lsn, Lsn lsn, TimeUs arrival_us) {
  Retraction& retraction = at->second;
  retraction.state = state;
  retraction.original_lsn = original_lsn;
  retraction.settled_lsn = lsn;
  retraction.settled_us = arrival_us;
  settled_.insert({.key = retraction.key, .digest = static_cast<uint32_t>(state)});
  auto in = waiting_in_.find(generation_of(retraction));
  if (--in->second == 0) waiting_in_.erase(in);
  change(std::move(retraction));
  waiting_.erase(at);
}

void Retractions::expire(const RememberedIds::GenerationId& generation, Lsn lsn, TimeUs arrival_us) {
  if (!waiting_in_.contains(generation)) return;
  std::vector<Hash128> expired;
  for (const auto& [key, retraction] : waiting_) {
    if (generation_of(retraction) == generation) expired.push_back(key);
  }
  for (const Hash128& key : expired) settle(key, RetractionState::kNeverCame, 0, lsn, arrival_us);
}

std::vector<RememberedIds::GenerationId> Retractions::waiting_generations() const {
  std::vector<RememberedIds::GenerationId> generations;
  for (const auto& [generation, count] : waiting_in_) generations.push_back(generation);
  return generations;
}

std::vector<Retraction> Retractions::unresolved() const {
  std::vector<Retraction> left;
  for (const auto& [key, retraction] : waiting_) {
    if (retraction.request->lsn > resolved_lsn_) left.push_back(retraction);
  }
  return left;
}

void Retractions::change(Retraction retraction) {
  if (changes_ == nullptr) {
    changes_ = std::make_shared<RetractionLog>();
    started_(changes_);
  }
  added_bytes_ += retraction.memory_bytes();
  changes_->append(std::move(retraction));
}

}  // namespace tally
