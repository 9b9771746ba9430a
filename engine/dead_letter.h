// Dead letters: rows that were not taken (docs/decisions/0007-dead-letters.md). Those that a producer found invalid, and those
// that the table refused for their time (too_late, too_early, past_retention). Each is kept with its reason, where it came
// from, and enough of itself to be sent again: a refused row as a row of a batch, an invalid one as the text it was.
//
// A letter is known by (LSN, row): the record that brought it, and its row there: rows of the payload first, behind them the
// invalid ones in their order. Sending it again is a batch of its own, whose record names the letters it replays: rows and
// marks are one record, so that nothing comes between them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "engine/verdict.h"
#include "wal/log.h"

namespace tally {

struct LetterId {
  Lsn lsn = 0;
  uint32_t row = 0;
  friend auto operator<=>(const LetterId&, const LetterId&) = default;
};
std::string to_string(const LetterId& id);  // "12:3"

enum class RawFormat : uint8_t { kNone = 0, kCsv = 1, kTsv = 2, kNdjson = 3 };
std::string_view raw_format_name(RawFormat format);  // "none", "csv", "tsv", "ndjson"

// Where the rows of a batch come from, and what reads the raw text of its invalid ones again.
struct BatchSource {
  std::string name;  // a file; empty: nobody said
  RawFormat format = RawFormat::kNone;
  std::string header;   // CSV, TSV: the header line, in the source's own form
  std::string mapping;  // lines column=source, as the load was told
  friend bool operator==(const BatchSource&, const BatchSource&) = default;
};

// A row of the source that never became a row of a batch: it did not parse or broke a rule.
struct RejectedRow {
  uint64_t source_row = 0;  // the producer's own number for it: of a file the line at which it begins
  std::string code;         // a stable word: "bad_timestamp", "missing_id", ...
  std::string message;
  std::string raw;   // the row as it came, cut at limits::kRejectedRawBytesMax
  bool cut = false;  // there was more of it: it cannot be read again
  friend bool operator==(const RejectedRow&, const RejectedRow&) = default;
};

// Rows of a payload from `row` on have the source rows `source_row`, `source_row` + 1, ...; source row 0: not known.
struct SourceRun {
  uint32_t row = 0;
  uint64_t source_row = 0;
  friend bool operator==(const SourceRun&, const SourceRun&) = default;
};
std::vector<SourceRun> source_runs(std::span<const uint64_t> source_rows);  // by row of the payload
uint64_t source_row_of(std::span<const SourceRun> runs, uint32_t row);      // 0: not known

// What a batch brings beside its rows.
struct BatchNotes {
  BatchSource source;
  std::vector<SourceRun> source_rows;
  std::vector<RejectedRow> rejected;
  std::vector<LetterId> replays;  // the letters whose rows, read again, these are
};

struct DeadLetter {
  uint32_t row = 0;  // of its LetterId
  Verdict verdict = Verdict::kRejected;
  uint64_t source_row = 0;
  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};

// Letters of one record, as one shard found them; immutable. Either refused rows, the i-th letter being row i of `payload`,
// or invalid ones, the i-th being rejected[i].
struct LetterBundle {
  Lsn lsn = 0;
  TimeUs arrival_us = 0;
  BatchSource source;
  std::vector<DeadLetter> letters;  // one at least, ascending by row
  Bytes payload;                    // of BatchBuilder; empty: `rejected` it is
  uint64_t payload_xxh3 = 0;
  std::vector<RejectedRow> rejected;
  bool has_rows() const { return !payload.empty(); }
  std::string_view reason(size_t letter) const;  // "too_late", "bad_timestamp", ...
  uint64_t memory_bytes() const;
  friend bool operator==(const LetterBundle&, const LetterBundle&) = default;
};

struct LetterMark {  // the letter was sent again
  LetterId letter;
  Lsn replayed_lsn = 0;
  friend bool operator==(const LetterMark&, const LetterMark&) = default;
};

// A file of letters and marks, as the manifest lists it. Files are in the order of their numbers and of their LSNs.
struct LetterFileInfo {
  uint64_t number = 0;
  std::array<uint8_t, 16> uuid{};
  uint64_t size = 0;
  uint64_t checksum = 0;
  uint64_t letters = 0;
  uint64_t marks = 0;
  Lsn min_lsn = 0;  // of the records that brought letters or marks
  Lsn max_lsn = 0;
  TimeUs min_arrival_us = 0;  // of those records
  TimeUs max_arrival_us = 0;
  friend bool operator==(const LetterFileInfo&, const LetterFileInfo&) = default;
};

// As of log.flushed_lsn: kept + before = too late + rejected of the ledger; kept - dropped = letters in files.
struct LetterCounts {
  uint64_t kept = 0;        // ever
  uint64_t dropped = 0;     // by retention
  uint64_t replayed = 0;    // ever
  uint64_t before = 0;      // rows refused before letters were kept
  Lsn dropped_through = 0;  // no letter at or below is kept
  friend bool operator==(const LetterCounts&, const LetterCounts&) = default;
};

}  // namespace tally
