#include "tests/support/engine/model_belief.h"

#include <algorithm>
#include <cstddef>

#include "base/random.h"

namespace tally::model {
namespace {

// Of the documents, not of base/limits.h: what the page promises is what is tested.
constexpr TimeUs kAheadUs = 5 * kMicrosPerMinute;        // further ahead of arrival is too early
constexpr TimeUs kForgetAfterUs = 5 * kMicrosPerMinute;  // beyond what is remembered

int32_t day_of(TimeUs time_us) {
  return static_cast<int32_t>(time_us >= 0 ? time_us / kMicrosPerDay : -((-time_us - 1) / kMicrosPerDay) - 1);
}

uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t state = a ^ (b * 0x9E3779B97F4A7C15u);
  return splitmix64(state);
}

RowKind row_kind(Verdict verdict) {
  if (verdict == Verdict::kAccepted) return RowKind::kEvent;
  return verdict == Verdict::kDuplicate ? RowKind::kDuplicate : RowKind::kConflict;
}

bool is_stored(Verdict verdict) {
  return verdict == Verdict::kAccepted || verdict == Verdict::kDuplicate || verdict == Verdict::kConflict;
}

void count(Verdict verdict, Ledger& counts) {
  ++counts.received;
  switch (verdict) {
    case Verdict::kAccepted: ++counts.accepted; break;
    case Verdict::kDuplicate: ++counts.duplicates; break;
    case Verdict::kConflict: ++counts.conflicts; break;
    case Verdict::kTooLate: ++counts.too_late; break;
    default: ++counts.rejected; break;
  }
}

}  // namespace

uint32_t Rules::class_of(Kind kind) const {
  uint32_t at = firsts.back();
  while (!classes[at].takes[static_cast<size_t>(kind)]) ++at;
  return at;
}

TimeUs Rules::remembered_us(uint32_t lateness_class) const {
  return std::max(within_us, classes[lateness_class].lateness_us);
}

// When a retraction was written, and by which record, no answer says.
void RowSum::add(const Row& row, RowKind kind, TimeUs stored_us, TimeUs arrival_us, Lsn lsn) {
  if (kind == RowKind::kRetraction) lsn = 0, arrival_us = 0;
  const uint64_t a = mix(uint64_t{row.id} << 16 | uint64_t{row.content} << 8 | static_cast<uint64_t>(kind), lsn);
  const uint64_t b = mix(static_cast<uint64_t>(stored_us), static_cast<uint64_t>(arrival_us) ^ a);
  ++rows;
  low += b;
  high += mix(b, a);
}

RowSum& RowSum::operator+=(const RowSum& other) {
  rows += other.rows;
  low += other.low;
  high += other.high;
  return *this;
}

std::string to_string(const Row& row) {
  return "id " + std::to_string(row.id) + " content " + std::to_string(row.content) + " at " +
         std::to_string(row.time_us);
}

std::string StoredBelief::to_string() const {
  return std::string(row_kind_name(kind)) + " " + model::to_string(row) + " stored at " + std::to_string(stored_us) +
         " arrived " + std::to_string(arrival_us) + " lsn " + std::to_string(lsn);
}

std::string to_string(const Ledger& ledger) {
  std::string text = "received " + std::to_string(ledger.received);
  text += " accepted " + std::to_string(ledger.accepted) + " duplicates " + std::to_string(ledger.duplicates);
  text += " conflicts " + std::to_string(ledger.conflicts) + " too late " + std::to_string(ledger.too_late);
  return text + " rejected " + std::to_string(ledger.rejected) + " late " + std::to_string(ledger.late) +
         " retracted " + std::to_string(ledger.retracted);
}

bool same_counts(const Ledger& a, const Ledger& b) {
  return a.received == b.received && a.accepted == b.accepted && a.duplicates == b.duplicates &&
         a.conflicts == b.conflicts && a.too_late == b.too_late && a.rejected == b.rejected && a.late == b.late &&
         a.retracted == b.retracted;
}

// --- what a row must be -----------------------------------------------------------------------------------------------

const Belief::Counted* Belief::remembered(uint32_t id) const {
  if (id >= newest_counted_.size() || newest_counted_[id] < 0) return nullptr;
  const Counted& counted = counted_[static_cast<size_t>(newest_counted_[id])];
  return generations_[counted.generation].forgotten ? nullptr : &counted;
}

TimeUs Belief::horizon(uint32_t lateness_class, TimeUs event_us) const {
  auto found = horizons_.find({lateness_class, day_of(event_us)});
  return found == horizons_.end() ? INT64_MIN : found->second;
}

bool Belief::would_be_admitted(const Row& row, const Batch& batch, uint32_t lateness_class) const {
  if (row.time_us - batch.arrival_us > kAheadUs) return false;
  if (!batch.replay && batch.arrival_us - row.time_us > rules_.classes[lateness_class].lateness_us) return false;
  if (row.time_us <= horizon(lateness_class, row.time_us)) return false;
  return reference_us_ - row.time_us <= rules_.retention_us;
}

bool Belief::waits_for_clock(const Batch& batch, TimeUs wall_us) const {
  return std::any_of(batch.rows.begin(), batch.rows.end(), [&](const Row& row) {
    const TimeUs lateness_us = rules_.classes[rules_.class_of(kind_of(row))].lateness_us;
    const auto on_time = [&](TimeUs at_us) {
      return row.time_us - at_us <= kAheadUs && (batch.replay || at_us - row.time_us <= lateness_us);
    };
    return !on_time(batch.arrival_us) && on_time(wall_us);
  });
}

Verdict Belief::decide_row(const Row& row, const Batch& batch, uint32_t lateness_class) const {
  const InBatch& just_now = in_batch_[row.id];
  const Counted* known = remembered(row.id);
  if (just_now.batch == batches_) {
    return just_now.content == row.content ? Verdict::kDuplicate : Verdict::kConflict;
  }
  if (known != nullptr) return known->row.content == row.content ? Verdict::kDuplicate : Verdict::kConflict;
  if (row.time_us - batch.arrival_us > kAheadUs) return Verdict::kTooEarly;
  if (!batch.replay && batch.arrival_us - row.time_us > rules_.classes[lateness_class].lateness_us) {
    return Verdict::kTooLate;
  }
  if (row.time_us <= horizon(lateness_class, row.time_us)) return Verdict::kTooLate;
  if (reference_us_ - row.time_us > rules_.retention_us) return Verdict::kPastRetention;
  return Verdict::kAccepted;
}

void Belief::decide(const Batch& batch, Decision& out) {
  ++batches_;
  const size_t rows = batch.rows.size();
  out.verdicts.resize(rows);
  out.stored_us.resize(rows);
  out.classes.resize(rows);
  out.taken_back.assign(rows, false);
  out.counts = {};
  out.counts.received = out.counts.rejected = batch.rejected;
  for (size_t i = 0; i < rows; ++i) {
    const Row& row = batch.rows[i];
    if (row.id >= in_batch_.size()) in_batch_.resize(row.id * 2 + 64);
    const uint32_t lateness_class = out.classes[i] = rules_.class_of(kind_of(row));
    const Verdict verdict = out.verdicts[i] = decide_row(row, batch, lateness_class);
    out.stored_us[i] = row.time_us;
    count(verdict, out.counts);
    if (verdict == Verdict::kAccepted) {
      in_batch_[row.id] = {batches_, row.content};
      if (batch.arrival_us - row.time_us > rules_.grace_us) ++out.counts.late;
      if (back_of(row.id) == Back::kWaiting) {
        out.taken_back[i] = true;
        ++out.counts.retracted;
      }
    } else if (is_stored(verdict) && !would_be_admitted(row, batch, lateness_class)) {
      out.stored_us[i] = batch.arrival_us;
    }
  }
}

RowSum Belief::sum_of(const Batch& batch, const Decision& decision, Lsn lsn) const {
  RowSum sum;
  for (size_t i = 0; i < batch.rows.size(); ++i) {
    if (!is_stored(decision.verdicts[i])) continue;
    sum.add(batch.rows[i], row_kind(decision.verdicts[i]), decision.stored_us[i], batch.arrival_us, lsn);
    if (decision.taken_back[i]) sum.add(batch.rows[i], RowKind::kRetraction, decision.stored_us[i], 0, 0);
  }
  return sum;
}

// --- what is in the table ---------------------------------------------------------------------------------------------

uint32_t Belief::generation_for(uint32_t lateness_class, TimeUs arrival_us) {
  if (last_generation_.size() <= lateness_class) last_generation_.resize(lateness_class + 1);
  auto& [last_arrival_us, last_generation] = last_generation_[lateness_class];
  if (last_arrival_us == arrival_us) return last_generation;
  const TimeUs third = std::max<TimeUs>(rules_.remembered_us(lateness_class) / 3, 1);
  const GenerationId id{lateness_class, arrival_us / third};
  auto [found, is_new] = by_generation_.try_emplace(id, static_cast<uint32_t>(generations_.size()));
  if (is_new) generations_.emplace_back().id = id;
  last_arrival_us = arrival_us;
  last_generation = found->second;
  return found->second;
}

std::string Belief::count_event(const Row& row, uint32_t lateness_class, TimeUs arrival_us, Lsn lsn) {
  if (row.id >= newest_counted_.size()) newest_counted_.resize(row.id * 2 + 64, -1);
  for (int32_t at = newest_counted_[row.id]; at >= 0; at = counted_[static_cast<size_t>(at)].before) {
    const Row& before = counted_[static_cast<size_t>(at)].row;
    if (before.time_us == row.time_us && before.content == row.content) {
      return "an honest retry was counted twice: " + to_string(row);
    }
  }
  const uint32_t at = generation_for(lateness_class, arrival_us);
  Generation& generation = generations_[at];
  if (generation.forgotten) return "an id was remembered in a generation that was forgotten before: " + to_string(row);
  ++generation.ids;
  if (generation.not_in_runs.empty() || generation.not_in_runs.back().first != lsn) {
    generation.not_in_runs.push_back({lsn, 0});
  }
  ++generation.not_in_runs.back().second;
  generation.newest_arrival_us = arrival_us;
  TimeUs& newest = generation.newest_by_day.try_emplace(day_of(row.time_us), row.time_us).first->second;
  newest = std::max(newest, row.time_us);
  ++remembered_;
  counted_.push_back({row, at, newest_counted_[row.id]});
  newest_counted_[row.id] = static_cast<int32_t>(counted_.size() - 1);
  return {};
}

std::string Belief::take(const Batch& batch, const Decision& decision, Lsn lsn) {
  ledger_ += decision.counts;
  for (size_t i = 0; i < batch.rows.size(); ++i) {
    const Row& row = batch.rows[i];
    if (row.time_us - batch.arrival_us <= kAheadUs) reference_us_ = std::max(reference_us_, row.time_us);
    const Verdict verdict = decision.verdicts[i];
    if (!is_stored(verdict)) continue;
    store(row, row_kind(verdict), decision.stored_us[i], batch.arrival_us, lsn);
    if (verdict != Verdict::kAccepted) continue;
    if (decision.taken_back[i]) {
      store(row, RowKind::kRetraction, decision.stored_us[i], 0, 0);
      end_waiting(row.id, Back::kRetracted);
    }
    std::string wrong = count_event(row, decision.classes[i], batch.arrival_us, lsn);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

void Belief::store(const Row& row, RowKind kind, TimeUs stored_us, TimeUs arrival_us, Lsn lsn) {
  stored_.push_back({row, kind, stored_us, arrival_us, lsn});
  sum_.add(row, kind, stored_us, arrival_us, lsn);
}

// --- retractions ------------------------------------------------------------------------------------------------------

void Belief::set_back(uint32_t id, Back back) {
  if (id >= back_.size()) back_.resize(id * 2 + 64, Back::kNone);
  back_[id] = back;
}

void Belief::end_waiting(uint32_t id, Back back) {
  auto waits = waiting_generation_.find(id);
  if (waits != waiting_generation_.end()) {  // else its generation was forgotten in the call that brought its event
    --generations_[waits->second].waiting;
    waiting_generation_.erase(waits);
  }
  set_back(id, back);
}

uint32_t Belief::longest_class() const {
  uint32_t longest = rules_.firsts.back();
  for (uint32_t i = longest + 1; i < rules_.classes.size(); ++i) {
    if (rules_.remembered_us(i) > rules_.remembered_us(longest)) longest = i;
  }
  return longest;
}

RetractResult Belief::believe_retract(const std::vector<uint32_t>& ids) const {
  RetractResult result;
  result.received = ids.size();
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool twice = std::find(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i), ids[i]) !=
                       ids.begin() + static_cast<std::ptrdiff_t>(i);
    const bool counted = ids[i] < newest_counted_.size() && newest_counted_[ids[i]] >= 0;
    ++(twice || back_of(ids[i]) != Back::kNone ? result.repeated : counted ? result.retracted : result.waiting);
  }
  return result;
}

uint64_t Belief::fresh_retractions(const std::vector<uint32_t>& ids) const {
  const RetractResult believed = believe_retract(ids);
  return believed.retracted + believed.waiting;
}

std::string Belief::take_back(const std::vector<uint32_t>& ids, TimeUs arrival_us,
                              const std::function<std::optional<Row>(uint32_t id)>& chosen) {
  for (const uint32_t id : ids) {
    if (back_of(id) != Back::kNone) continue;
    ++retractions_;
    const int32_t newest = id < newest_counted_.size() ? newest_counted_[id] : -1;
    if (newest < 0) {
      const uint32_t at = generation_for(longest_class(), arrival_us);
      if (generations_[at].forgotten) return "a retraction waits in a generation that was forgotten";
      generations_[at].newest_arrival_us = arrival_us;
      ++generations_[at].waiting;
      waiting_generation_[id] = at;
      set_back(id, Back::kWaiting);
      continue;
    }
    Row original = counted_[static_cast<size_t>(newest)].row;
    if (counted_[static_cast<size_t>(newest)].before >= 0) {
      const std::optional<Row> there = chosen(id);
      bool is_one = false;
      for (int32_t at = newest; there && at >= 0; at = counted_[static_cast<size_t>(at)].before) {
        const Row& counted = counted_[static_cast<size_t>(at)].row;
        is_one |= counted.content == there->content && counted.time_us == there->time_us;
      }
      if (!is_one) return "none of the events of id " + std::to_string(id) + " is taken back";
      original = *there;
    }
    store(original, RowKind::kRetraction, original.time_us, 0, 0);
    ++ledger_.retracted;
    set_back(id, Back::kRetracted);
  }
  return {};
}

std::vector<uint32_t> Belief::waiting_alone(TimeUs arrival_us) const {
  std::vector<uint32_t> ids;
  for (const auto& [id, generation] : waiting_generation_) {
    if (generations_[generation].ids == 0 && kept_until(generations_[generation].id) < arrival_us) ids.push_back(id);
  }
  return ids;
}

// --- forgetting -------------------------------------------------------------------------------------------------------

void Belief::settle(Generation& generation, Lsn flushed) const {
  auto& waiting = generation.not_in_runs;
  size_t settled = 0;
  while (settled < waiting.size() && waiting[settled].first <= flushed) generation.in_runs += waiting[settled++].second;
  waiting.erase(waiting.begin(), waiting.begin() + static_cast<ptrdiff_t>(settled));
}

std::vector<Belief::GenerationId> Belief::missing_in(const ManifestState& manifest) const {
  std::vector<GenerationId> there;
  for (const auto& [number, run] : manifest.id_runs) there.push_back({run.place.lateness_class, run.place.generation});
  std::sort(there.begin(), there.end());
  std::vector<GenerationId> missing;
  for (const Generation& generation : generations_) {
    if (generation.forgotten) continue;
    const bool flushed = generation.in_runs > 0 || (!generation.not_in_runs.empty() &&
                                                    generation.not_in_runs.front().first <= manifest.log.flushed_lsn);
    if (flushed && !std::binary_search(there.begin(), there.end(), generation.id)) missing.push_back(generation.id);
  }
  return missing;
}

TimeUs Belief::kept_until(const GenerationId& id) const {
  const Generation& generation = generations_[by_generation_.at(id)];
  return generation.newest_arrival_us + rules_.remembered_us(id.lateness_class) + kForgetAfterUs;
}

void Belief::forget_up_to(uint32_t lateness_class, int32_t day, TimeUs event_us) {
  TimeUs& horizon = horizons_.try_emplace({lateness_class, day}, event_us).first->second;
  horizon = std::max(horizon, event_us);
}

void Belief::set_lateness(const std::vector<Rules::Class>& classes) {
  const auto first = static_cast<uint32_t>(rules_.classes.size());
  const HorizonMap before = horizons_;
  rules_.firsts.push_back(first);
  for (const Rules::Class& one : classes) {
    rules_.classes.push_back(one);
    for (const auto& [place, horizon] : before) {
      forget_up_to(static_cast<uint32_t>(rules_.classes.size() - 1), place.second, horizon);
    }
  }
}

std::vector<TimeUs> Belief::kept_until() const {
  std::vector<TimeUs> ends;
  for (const Generation& generation : generations_) {
    if (!generation.forgotten && generation.ids + generation.waiting > 0) ends.push_back(kept_until(generation.id));
  }
  return ends;
}

std::string Belief::forget(const std::vector<GenerationId>& forgotten, TimeUs arrival_us) {
  for (const GenerationId& id : forgotten) {
    Generation& generation = generations_[by_generation_.at(id)];
    const TimeUs kept_until = this->kept_until(id);
    if (arrival_us <= kept_until) {
      return "generation " + std::to_string(id.number) + " of class " + std::to_string(id.lateness_class) +
             " was forgotten " + std::to_string(kept_until - arrival_us) + " us too early, or its runs are lost";
    }
    generation.forgotten = true;
    while (generation.waiting > 0) {
      auto waits = std::find_if(waiting_generation_.begin(), waiting_generation_.end(),
                                [&](const auto& one) { return &generations_[one.second] == &generation; });
      end_waiting(waits->first, Back::kNeverCame);
    }
    remembered_ -= generation.ids;
    forgotten_ids_ += generation.ids;
    for (const auto& [day, newest] : generation.newest_by_day) {
      forget_up_to(id.lateness_class, day, newest);
      const auto later = std::upper_bound(rules_.firsts.begin(), rules_.firsts.end(), id.lateness_class);
      const auto first_later = later == rules_.firsts.end() ? rules_.classes.size() : *later;
      for (auto of = first_later; of < rules_.classes.size(); ++of)
        forget_up_to(static_cast<uint32_t>(of), day, newest);
    }
  }
  return {};
}

bool Belief::all_forgotten_by(TimeUs arrival_us) const {
  return std::all_of(generations_.begin(), generations_.end(), [&](const Generation& generation) {
    const TimeUs remembered_us = rules_.remembered_us(generation.id.lateness_class);
    const TimeUs end = (generation.id.number + 1) * std::max<TimeUs>(remembered_us / 3, 1);

    const bool empty = generation.ids == 0 && generation.waiting == 0;
    return empty || generation.forgotten || end + remembered_us + kForgetAfterUs >= arrival_us;
  });
}

std::string Belief::compare(const ManifestState& manifest) {
  std::map<GenerationId, uint64_t> in_runs;
  for (const auto& [number, run] : manifest.id_runs) {
    in_runs[{run.place.lateness_class, run.place.generation}] += run.entries;
  }
  for (Generation& generation : generations_) {
    if (generation.forgotten && generation.in_runs == 0 && generation.not_in_runs.empty()) continue;
    settle(generation, manifest.log.flushed_lsn);
    auto found = in_runs.find(generation.id);
    const uint64_t there = found == in_runs.end() ? 0 : found->second;
    const uint64_t expected = generation.forgotten ? 0 : generation.in_runs;
    if (generation.forgotten) generation.in_runs = 0;
    if (there != expected) {
      return "the runs of generation " + std::to_string(generation.id.number) + " of class " +
             std::to_string(generation.id.lateness_class) + " hold " + std::to_string(there) + " ids instead of " +
             std::to_string(expected);
    }
    if (found != in_runs.end()) in_runs.erase(found);
  }
  if (!in_runs.empty()) return "there are runs of a generation that nothing was sent to";
  if (manifest.horizons != horizons_) return "the horizons in the manifest are not those of what was forgotten";
  return {};
}

}  // namespace tally::model
