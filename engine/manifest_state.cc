// What a manifest may say. Rules of every state:
//   1 There is at least one schema; the i-th has version i + 1; all name the same table.
//   2 A file number belongs to one segment, dictionary file or id run, is above 0 and below next_file_number.
//   3 A segment's counts and ranges are in order; its schema version exists; raw and rollups are told apart.
//   4 No segment holds rows above log.flushed_lsn: those come from the log.
//   5 The log was durable at least as far as it was flushed.
//   6 The ledger balances.
//   7 An id run has ids, a shard and a newest event time for each of its days, and stood before a flush marker that passed.
// and of every change:
//   8 A horizon lies in its day.
//   9 What is removed was live; what is added was not.
//  10 A file of retractions is newer than those before it and holds some.
//  11 Log position, ledger, newest times, horizons, file numbers and dictionary sizes never go back.
//  12 The sections of a segment are ascending and add up; those of a rollup tier lie in their interval, which reaches no
//     further than the tier has come; what a tier has dropped it had folded, and neither number goes back.
//  13 A removed segment is none of the live ones; only those are unlinked. The same of id runs, retraction and letter files.
//  14 The newest arrival goes back only where the edit says so, and never below the newest FORGET record's.
// Those of dead letters stand in dead_letter_fields.h.
#include <algorithm>
#include <set>

#include "engine/dead_letter_fields.h"
#include "engine/manifest.h"
#include "engine/manifest_format.h"

namespace tally {

namespace {

std::unexpected<Error> broken(std::string what) { return fail(Code::kInternal, "manifest: " + std::move(what)); }

Status check_days(const SegmentInfo& segment, const ManifestState& state) {
  const std::string name = "segment " + std::to_string(segment.number);
  if (segment.rollup_id == 0 && segment.days.empty()) return {};  // written before sections were listed
  uint64_t rows = 0, events = 0;
  const SegmentDay* before = nullptr;
  for (const SegmentDay& day : segment.days) {
    if (before != nullptr && day.day <= before->day) return broken(name + " has days out of order");
    before = &day;
    rows += day.rows;
    events += day.events;
    if (segment.rollup_id == 0) continue;
    const TierProgress progress = state.progress({segment.rollup_id, segment.tier, day.day});
    if (day.above_lsn >= day.through_lsn || day.through_lsn > progress.folded_lsn) {
      return broken(name + " holds the records (" + std::to_string(day.above_lsn) + ", " +
                    std::to_string(day.through_lsn) + "] of day " + std::to_string(day.day) +
                    ", and its tier has folded up to " + std::to_string(progress.folded_lsn));
    }
  }
  if (rows != segment.rows || events != segment.events) return broken(name + " has days that do not add up");
  return {};
}

Status check_tiers(const ManifestState& state) {
  for (const auto& [of, progress] : state.tiers) {
    if (progress.dropped_lsn <= progress.folded_lsn && progress.folded_lsn <= state.log.flushed_lsn) continue;
    return broken("rollup " + std::to_string(of.rollup_id) + ", day " + std::to_string(of.day) + " has folded up to " +
                  std::to_string(progress.folded_lsn) + " and dropped up to " + std::to_string(progress.dropped_lsn));
  }
  for (uint64_t number : state.removed_segments) {
    if (state.segments.contains(number)) return broken("segment " + std::to_string(number) + " is removed and live");
  }
  return {};
}

Status check_segment(const SegmentInfo& segment, const ManifestState& state) {
  std::string name = "segment " + std::to_string(segment.number);
  const bool raw = segment.rollup_id == 0;
  if (segment.rows == 0 || (raw && segment.events > segment.rows)) {
    return broken(name + " has " + std::to_string(segment.events) + " events among " + std::to_string(segment.rows) +
                  " rows");
  }
  if (segment.min_time > segment.max_time || segment.min_lsn > segment.max_lsn) {
    return broken(name + " has a time or LSN range that ends before it begins");
  }
  if (segment.schema_version < 1 || segment.schema_version > state.schemas.size()) {
    return broken(name + " has schema version " + std::to_string(segment.schema_version) + ", and there are " +
                  std::to_string(state.schemas.size()));
  }
  if ((segment.tier == Tier::kRaw) != raw) return broken(name + " is neither raw nor of a rollup");
  TALLY_TRY(check_days(segment, state));
  if (segment.max_lsn > state.log.flushed_lsn) {
    return broken(name + " reaches LSN " + std::to_string(segment.max_lsn) + ", above the flushed " +
                  std::to_string(state.log.flushed_lsn));
  }
  return {};
}

Status check_id_run(const IdRunInfo& run, const ManifestState& state) {
  const std::string name = "id run " + std::to_string(run.number);
  if (run.entries == 0) return broken(name + " has no ids");
  if (run.place.shard >= run.place.shards) {
    return broken(name + " is of shard " + std::to_string(run.place.shard) + " among " +
                  std::to_string(run.place.shards));
  }
  const std::vector<NewestOfDay>& newest = run.summary.newest;
  const bool ascending = std::is_sorted(newest.begin(), newest.end(),
                                        [](const NewestOfDay& a, const NewestOfDay& b) { return a.day <= b.day; });
  const bool own_days =
      std::all_of(newest.begin(), newest.end(), [](const NewestOfDay& of) { return utc_day(of.event_us) == of.day; });
  if (newest.empty() || !ascending || !own_days) return broken(name + " has newest event times out of order");
  if (run.summary.max_lsn > state.log.flushed_lsn) {
    return broken(name + " reaches LSN " + std::to_string(run.summary.max_lsn) + ", above the flushed " +
                  std::to_string(state.log.flushed_lsn));
  }
  return {};
}

Status check_schemas(const ManifestState& state) {
  if (state.schemas.empty()) return broken("there is no schema");
  for (size_t i = 0; i < state.schemas.size(); ++i) {
    if (!state.schemas[i]) return broken("a schema is missing");
    if (state.schemas[i]->version != i + 1 || state.schemas[i]->table_name != state.schemas[0]->table_name) {
      return broken("schema " + std::to_string(i + 1) + " has version " + std::to_string(state.schemas[i]->version) +
                    " or another table's name");
    }
  }
  return {};
}

Status check_file_numbers(const ManifestState& state) {
  std::set<uint64_t> dictionary_numbers;
  auto in_range = [&](uint64_t number) { return number > 0 && number < state.next_file_number; };
  for (const DictionaryFileInfo& file : state.dictionary_files) {
    if (!in_range(file.number) || state.segments.contains(file.number) ||
        !dictionary_numbers.insert(file.number).second) {
      return broken("dictionary file " + std::to_string(file.number) + " has a number that is not its own");
    }
  }
  for (const auto& [number, segment] : state.segments) {
    if (number != segment.number || !in_range(number)) {
      return broken("segment " + std::to_string(number) + " has a number that is not its own");
    }
  }
  uint64_t before = 0;
  for (const RetractionFileInfo& file : state.retraction_files) {
    if (!in_range(file.number) || file.number <= before || file.retractions == 0) {
      return broken("retraction file " + std::to_string(file.number) + " is empty or out of order");
    }
    before = file.number;
  }
  for (const auto& [number, run] : state.id_runs) {
    if (number != run.number || !in_range(number) || state.segments.contains(number) ||
        dictionary_numbers.contains(number)) {
      return broken("id run " + std::to_string(number) + " has a number that is not its own");
    }
  }
  return {};
}

Status check_position(const ManifestState& state) {
  if (state.log.synced_lsn < state.log.flushed_lsn) {
    return broken("LSN " + std::to_string(state.log.flushed_lsn) + " is flushed and the log durable only up to " +
                  std::to_string(state.log.synced_lsn));
  }
  if (!state.ledger.balanced()) return broken("the ledger does not balance");
  return {};
}

Status remove_files(ManifestState& state, const ManifestEdit& edit) {
  for (uint64_t number : edit.remove_segments) {
    if (state.segments.erase(number) == 0) {
      return broken("segment " + std::to_string(number) + " is removed and was not live");
    }
    state.removed_segments.insert(number);
  }
  for (uint64_t number : edit.remove_dictionary_files) {
    auto& files = state.dictionary_files;
    auto found = std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.number == number; });
    if (found == files.end()) {
      return broken("dictionary file " + std::to_string(number) + " is removed and was not live");
    }
    files.erase(found);
  }
  for (uint64_t number : edit.remove_retraction_files) {
    auto& files = state.retraction_files;
    if (std::erase_if(files, [&](const RetractionFileInfo& file) { return file.number == number; }) == 0) {
      return broken("retraction file " + std::to_string(number) + " is removed and was not live");
    }
    state.removed_files.insert(number);
  }
  for (uint64_t number : edit.remove_id_runs) {
    if (state.id_runs.erase(number) == 0) {
      return broken("id run " + std::to_string(number) + " is removed and was not live");
    }
    state.removed_files.insert(number);
  }
  return {};
}

// Numbers of added files must be new: not live now, nor among those removed by this very edit.
Status add_files(ManifestState& state, const ManifestEdit& edit) {
  auto removed = [&](uint64_t number) {
    return std::count(edit.remove_segments.begin(), edit.remove_segments.end(), number) +
               std::count(edit.remove_dictionary_files.begin(), edit.remove_dictionary_files.end(), number) +
               std::count(edit.remove_id_runs.begin(), edit.remove_id_runs.end(), number) >
           0;
  };
  for (const SegmentInfo& segment : edit.add_segments) {
    if (removed(segment.number) || !state.segments.emplace(segment.number, segment).second) {
      return broken("segment " + std::to_string(segment.number) + " is added and was live");
    }
  }
  for (const DictionaryFileInfo& file : edit.add_dictionary_files) {
    if (removed(file.number)) {
      return broken("dictionary file " + std::to_string(file.number) + " is added and was live");
    }
    state.dictionary_files.push_back(file);
  }
  for (const RetractionFileInfo& file : edit.add_retraction_files) state.retraction_files.push_back(file);
  for (const IdRunInfo& run : edit.add_id_runs) {
    if (removed(run.number) || !state.id_runs.emplace(run.number, run).second) {
      return broken("id run " + std::to_string(run.number) + " is added and was live");
    }
  }
  return {};
}

Status move_log(ManifestState& state, const LogPosition& log) {
  if (log.flushed_lsn < state.log.flushed_lsn || log.synced_lsn < state.log.synced_lsn ||
      log.first_file < state.log.first_file) {
    return broken("the log position goes back from LSN " + std::to_string(state.log.flushed_lsn) + " to " +
                  std::to_string(log.flushed_lsn));
  }
  state.log = log;
  return {};
}

Status move_ledger(ManifestState& state, const Ledger& next) {
  const Ledger& now = state.ledger;
  if (next.received < now.received || next.accepted < now.accepted || next.duplicates < now.duplicates ||
      next.conflicts < now.conflicts || next.too_late < now.too_late || next.rejected < now.rejected ||
      next.late < now.late || next.other_values < now.other_values || next.retracted < now.retracted) {
    return broken("a count of the ledger goes back");
  }
  state.ledger = next;
  return {};
}

Status move_tiers(ManifestState& state, const ManifestEdit& edit) {
  for (const auto& [of, next] : edit.tiers) {
    TierProgress& known = state.tiers[of];
    if (next.dropped_lsn < known.dropped_lsn || next.folded_lsn < known.folded_lsn) {
      return broken("the progress of rollup " + std::to_string(of.rollup_id) + " in day " + std::to_string(of.day) +
                    " goes back");
    }
    known = next;
  }
  for (const TierDay& of : edit.ended_tiers) {
    if (state.tiers.erase(of) == 0) return broken("a tier ends that never began");
  }
  for (auto [rollup, events] : edit.dropped_events) {
    uint64_t& known = state.dropped_events[rollup];
    if (events < known) return broken("the dropped events of rollup " + std::to_string(rollup) + " go back");
    known = events;
  }
  for (uint64_t number : edit.unlinked_segments) {
    if (state.removed_segments.erase(number) == 0) {
      return broken("segment " + std::to_string(number) + " is unlinked and was not removed");
    }
  }
  return {};
}

Status unlink_files(ManifestState& state, const ManifestEdit& edit) {
  for (uint64_t number : edit.unlinked_files) {
    if (state.removed_files.erase(number) == 0) {
      return broken("file " + std::to_string(number) + " is unlinked and was not removed");
    }
  }
  return {};
}

Status move_clock(ManifestState& state, const ManifestEdit& edit) {
  if (edit.anchor) state.anchor = edit.anchor;
  if (!edit.arrival_back_us) return {};
  if (*edit.arrival_back_us < state.newest_forget_us) return broken("arrival goes back below a FORGET record");
  state.newest_arrival_us = *edit.arrival_back_us;
  return {};
}

template <class T>
Status move_on(T& value, const std::optional<T>& next, std::string_view what) {
  if (!next) return {};
  if (*next < value) return broken(std::string(what) + " goes back");
  value = *next;
  return {};
}

Status move_positions(ManifestState& state, const ManifestEdit& edit) {
  TALLY_TRY(move_tiers(state, edit));
  if (edit.log) TALLY_TRY(move_log(state, *edit.log));
  if (edit.ledger) TALLY_TRY(move_ledger(state, *edit.ledger));
  TALLY_TRY(move_on(state.newest_event_us, edit.newest_event_us, "the newest event time"));
  TALLY_TRY(move_on(state.newest_arrival_us, edit.newest_arrival_us, "the newest arrival time"));
  TALLY_TRY(move_on(state.newest_forget_us, edit.newest_forget_us, "the arrival of the newest FORGET record"));
  TALLY_TRY(move_clock(state, edit));
  TALLY_TRY(move_on(state.reference_us, edit.reference_us, "the reference time"));
  TALLY_TRY(move_on(state.resolved_lsn, edit.resolved_lsn, "the LSN of resolved verdicts"));
  TALLY_TRY(move_on(state.next_file_number, edit.next_file_number, "the next file number"));
  for (const auto& [place, horizon] : edit.horizons) {
    TimeUs& known = state.horizons.try_emplace(place, horizon).first->second;
    if (horizon < known) return broken("the horizon of day " + std::to_string(place.second) + " goes back");
    known = horizon;
  }
  for (auto [dimension, size] : edit.dictionary_sizes) {
    uint32_t& known = state.dictionary_sizes[dimension];
    if (size < known) return broken("the dictionary of dimension " + std::to_string(dimension) + " shrinks");
    known = size;
  }
  return {};
}

}  // namespace

const Column* ManifestState::find_column(uint32_t id) const {
  for (auto version = schemas.rbegin(); version != schemas.rend(); ++version) {
    if (const Column* column = (*version)->find_column(id)) return column;
  }
  return nullptr;
}

Ledger& Ledger::operator+=(const Ledger& other) {
  received += other.received;
  accepted += other.accepted;
  duplicates += other.duplicates;
  conflicts += other.conflicts;
  too_late += other.too_late;
  rejected += other.rejected;
  late += other.late;
  other_values += other.other_values;
  retracted += other.retracted;
  return *this;
}

Status check_state(const ManifestState& state) {
  TALLY_TRY(check_schemas(state));
  TALLY_TRY(check_file_numbers(state));
  TALLY_TRY(check_position(state));
  for (const auto& [number, segment] : state.segments) TALLY_TRY(check_segment(segment, state));
  for (const auto& [number, run] : state.id_runs) TALLY_TRY(check_id_run(run, state));
  TALLY_TRY(check_letter_files(state));
  TALLY_TRY(check_tiers(state));
  for (const auto& [place, horizon] : state.horizons) {
    if (utc_day(horizon) != place.second) {
      return broken("the horizon of day " + std::to_string(place.second) + " lies in another");
    }
  }
  return {};
}

Status apply_edit_in_place(ManifestState& state, const ManifestEdit& edit) {
  if (edit.add_schema) state.schemas.push_back(*edit.add_schema);
  TALLY_TRY(unlink_files(state, edit));
  TALLY_TRY(remove_files(state, edit));
  TALLY_TRY(add_files(state, edit));
  TALLY_TRY(change_letters(state, edit));
  TALLY_TRY(move_positions(state, edit));
  state.boot_id = edit.boot_id;
  state.boottime_us = edit.boottime_us;
  state.wall_us = edit.wall_us;
  return {};
}

Result<ManifestState> apply_edit(const ManifestState& state, const ManifestEdit& edit) {
  ManifestState next = state;
  TALLY_TRY(apply_edit_in_place(next, edit));
  TALLY_TRY(check_state(next));
  return next;
}

}  // namespace tally
