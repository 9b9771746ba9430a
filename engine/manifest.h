// The manifest of one table: which segments live, what the log still has to say, and everything else that a replay starts
// from. A file of edits; each edit is one checksummed, chained frame and one atomic change (reliability.md M2-M4, M10):
// after a crash either all of an edit is there or nothing of it. CURRENT names the manifest file in force.
//
// What success of commit() promises: the edit is durable, and state() shows it.
// Errors of commit(): kInternal: the edit breaks a rule, kLimitExceeded: it is too large, kNoSpace: the RESERVE was given up
// and it still does not fit; nothing changed, and a later commit may succeed. Any other error: in doubt; the table must be
// poisoned, both files stay (M3), and every later commit fails with kIndeterminate.
// Threads: one thread commits at a time (the caller sees to it); a ManifestState, once published, never changes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "engine/arrival_clock.h"
#include "engine/dead_letter.h"
#include "engine/event_id.h"
#include "engine/horizons.h"
#include "engine/id_run.h"
#include "engine/schema.h"
#include "engine/segment_writer.h"
#include "wal/log.h"

namespace tally {

// received = accepted + duplicates + conflicts + too_late + rejected, always, across restarts. Too early and past
// retention count as rejected.
struct Ledger {
  uint64_t received = 0;
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t conflicts = 0;
  uint64_t too_late = 0;
  uint64_t rejected = 0;
  uint64_t late = 0;          // of the accepted: more than the grace behind arrival
  uint64_t other_values = 0;  // rows whose dimension value went to (other)
  uint64_t retracted = 0;     // of the accepted, ever: taken back
  bool balanced() const { return received == accepted + duplicates + conflicts + too_late + rejected; }
  Ledger& operator+=(const Ledger& other);
  friend bool operator==(const Ledger&, const Ledger&) = default;
};

// A file of dictionary values in the order of their codes: the values of every dimension added since the file before it.
struct DictionaryFileInfo {
  uint64_t number = 0;
  FileUuid uuid{};
  uint64_t size = 0;
  uint64_t checksum = 0;
  friend bool operator==(const DictionaryFileInfo&, const DictionaryFileInfo&) = default;
};

// A file of retractions (engine/retraction_file.h).
struct RetractionFileInfo {
  uint64_t number = 0;
  FileUuid uuid{};
  uint64_t size = 0;
  uint64_t checksum = 0;
  uint64_t retractions = 0;
  friend bool operator==(const RetractionFileInfo&, const RetractionFileInfo&) = default;
};

// One UTC day of one tier of a rollup, or of raw: rollup 0.
struct TierDay {
  uint32_t rollup_id = 0;
  Tier tier = Tier::kMinute;
  int32_t day = 0;
  friend auto operator<=>(const TierDay&, const TierDay&) = default;
};

// The tier holds exactly that day's rows of the log records in (dropped, folded]; where it has none, (0, 0]. Raw holds those
// above dropped; its folded is the same number.
struct TierProgress {
  Lsn dropped_lsn = 0;
  Lsn folded_lsn = 0;
  friend bool operator==(const TierProgress&, const TierProgress&) = default;
};
using TierProgressMap = std::map<TierDay, TierProgress>;

struct ManifestState {
  std::array<uint8_t, 16> table_uuid{};
  HashKey hash_key{};
  std::vector<std::shared_ptr<const Schema>> schemas;  // by version - 1; the last is in force
  std::map<uint64_t, SegmentInfo> segments;            // by number
  std::vector<DictionaryFileInfo> dictionary_files;    // in order
  std::map<uint32_t, uint32_t> dictionary_sizes;       // by dimension id: codes known as of log.flushed_lsn
  std::map<uint64_t, IdRunInfo> id_runs;               // by number: the ids remembered as of log.flushed_lsn
  HorizonMap horizons;                                 // of the ids forgotten as of log.flushed_lsn
  std::vector<RetractionFileInfo> retraction_files;    // oldest first: a later one overrules
  Lsn resolved_lsn = 0;                                // verdicts up to here have been looked up in raw
  std::map<uint64_t, LetterFileInfo> letter_files;     // by number: the dead letters as of log.flushed_lsn
  LetterCounts letters;
  TierProgressMap tiers;
  std::map<uint32_t, uint64_t> dropped_events;  // by rollup id: events that left its last tier; 0: raw
  std::set<uint64_t> removed_segments;          // files whose names are free once nobody reads them any more
  std::set<uint64_t> removed_files;             // the same of id runs, retraction and letter files
  LogPosition log;
  Ledger ledger;               // as of log.flushed_lsn
  TimeUs newest_event_us = 0;  // among accepted rows; 0 = none
  TimeUs newest_arrival_us = 0;
  TimeUs reference_us = 0;            // newest event time logged at or below log.flushed_lsn; 0 = none
  uint64_t next_file_number = 1;      // for segments, dictionary files and id runs
  std::optional<ClockAnchor> anchor;  // what the wall clock was believed by when the table was last open for writing
  TimeUs newest_forget_us = 0;        // arrival of the newest FORGET record; 0 = none
  std::string boot_id;                // T3: renewed with every edit
  TimeUs boottime_us = 0;
  TimeUs wall_us = 0;

  const std::shared_ptr<const Schema>& schema() const { return schemas.back(); }
  TierProgress progress(const TierDay& of) const {
    const auto found = tiers.find(of);
    return found == tiers.end() ? TierProgress{} : found->second;
  }
  // Of the newest version that has it; nullptr: none has.
  const Column* find_column(uint32_t id) const;
};

// What changes. Unset optionals stay as they are.
struct ManifestEdit {
  std::vector<SegmentInfo> add_segments;
  std::vector<uint64_t> remove_segments;
  std::vector<DictionaryFileInfo> add_dictionary_files;
  std::vector<uint64_t> remove_dictionary_files;
  std::map<uint32_t, uint32_t> dictionary_sizes;  // of the dimensions that grew
  std::vector<IdRunInfo> add_id_runs;
  std::vector<uint64_t> remove_id_runs;
  std::vector<LetterFileInfo> add_letter_files;
  std::vector<uint64_t> remove_letter_files;
  std::optional<LetterCounts> letters;
  HorizonMap horizons;  // that moved
  std::vector<RetractionFileInfo> add_retraction_files;
  std::vector<uint64_t> remove_retraction_files;
  std::optional<Lsn> resolved_lsn;
  std::optional<std::shared_ptr<const Schema>> add_schema;
  TierProgressMap tiers;                        // that moved
  std::vector<TierDay> ended_tiers;             // of rollups that are no more
  std::map<uint32_t, uint64_t> dropped_events;  // that grew
  std::vector<uint64_t> unlinked_segments;      // of removed_segments: the file is gone
  std::vector<uint64_t> unlinked_files;         // the same of removed_files
  std::optional<LogPosition> log;
  std::optional<Ledger> ledger;
  std::optional<TimeUs> newest_event_us;
  std::optional<TimeUs> newest_arrival_us;
  std::optional<TimeUs> arrival_back_us;  // the newest arrival is this again, even if it is lower: `tally clock back`
  std::optional<TimeUs> newest_forget_us;
  std::optional<ClockAnchor> anchor;
  std::optional<TimeUs> reference_us;
  std::optional<uint64_t> next_file_number;
  std::string boot_id;
  TimeUs boottime_us = 0;
  TimeUs wall_us = 0;
};

// The state after `edit`, or the rule it breaks (an input not live, an output that is, a position that goes back, a ledger
// that does not balance): kInternal, our own bug, caught before it is written.
Result<ManifestState> apply_edit(const ManifestState& state, const ManifestEdit& edit);

struct ManifestOptions {
  uint64_t rewrite_bytes = limits::kManifestRewriteBytes;  // of edits in one file, before the next one begins
  uint64_t reserve_bytes = limits::kManifestReserveBytes;  // S1; 0: no RESERVE file
};

class Manifest {
 public:
  // Reads CURRENT and the file it names; changes nothing. kCorruption names file and offset. A torn last edit, never
  // confirmed, is left out; damage anywhere else is corruption.
  static Result<std::shared_ptr<const ManifestState>> load(FileSystem& fs, const std::string& table_directory);
  // Makes the first manifest of a new table in an existing, empty directory.
  static Status create(FileSystem& fs, const std::string& table_directory, const ManifestState& state);
  // For writing: loads, then starts a new file holding the state as one snapshot (never appends to a recovered file).
  static Result<std::unique_ptr<Manifest>> open(FileSystem& fs, Clock& clock, const std::string& table_directory,
                                                ManifestOptions options = {});

  virtual ~Manifest() = default;
  virtual std::shared_ptr<const ManifestState> state() const = 0;
  virtual Status commit(const ManifestEdit& edit) = 0;  // fills boot id and clocks itself
};

}  // namespace tally
