// What a query sees: one consistent state of a table at one LSN, every acknowledged row included. Taking one is O(1) and
// copies nothing; background work goes on underneath without changing what it shows. Queries see snapshots only.
// Ownership: a snapshot keeps its segments' files and its chunks alive. Threads: shared freely; a RawScan belongs to one.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/status.h"
#include "engine/chunk.h"
#include "engine/dead_letter_view.h"
#include "engine/dictionary.h"
#include "engine/manifest.h"
#include "engine/retraction.h"
#include "engine/schema.h"
#include "engine/segment_reader.h"

namespace tally {

// Rows of one block, column by column. Arrays not asked for are nullptr. Valid until the next RawScan::next().
struct RowBlock {
  uint32_t rows = 0;
  // The version that the rows are of: columns that it does not have are NULL, measures that came later do not count them. Lives
  // as long as the snapshot. nullptr: that of the snapshot.
  const Schema* schema = nullptr;
  const TimeUs* times = nullptr;
  const RowKind* kinds = nullptr;
  const Lsn* lsns = nullptr;
  const TimeUs* arrivals = nullptr;
  const IdSlot* ids = nullptr;
  const IdKind* id_kinds = nullptr;
  // Parallel to ColumnSelection::column_ids.
  std::vector<BlockColumns::Selected> columns;
  // The rows that the filter lets through, one at least: bit r % 64 of word r / 64; empty: all of them. What the arrays
  // hold in other rows means nothing.
  std::span<const uint64_t> selected;
  // Parallel to ColumnSelection::marks, as `selected` but with all words; of rows that are not selected they say nothing.
  std::span<const std::span<const uint64_t>> marks;
  // All rows lie in one bucket of ColumnSelection::time_buckets, this time too, and `times` are not there.
  std::optional<TimeUs> one_time;
};

struct ScanStats {
  uint64_t segments = 0;          // of the table
  uint64_t segments_by_time = 0;  // spared by their time range, unopened
  BlockCounts blocks;             // of the other segments
  uint64_t rows_read = 0;         // of the blocks read, memtable included
  uint64_t rows_selected = 0;     // by the filter
  uint64_t rows_unmarked = 0;     // of rows_selected: left out, as MarkedRows said
  uint64_t memtable_rows = 0;     // of rows_read
  // Rows of the memtable that were not read: their chunk or slice lies outside the time range; the order of their chunk says
  // that they have another code.
  uint64_t memtable_by_time = 0;
  uint64_t memtable_by_order = 0;

  ScanStats& operator+=(const ScanStats& other) {
    segments += other.segments;
    segments_by_time += other.segments_by_time;
    blocks += other.blocks;
    rows_read += other.rows_read;
    rows_selected += other.rows_selected;
    rows_unmarked += other.rows_unmarked;
    memtable_rows += other.memtable_rows;
    memtable_by_time += other.memtable_by_time;
    memtable_by_order += other.memtable_by_order;
    return *this;
  }
};

// Asked before each block with the rows read since the last time; an error ends the scan with it.
using ScanProceed = std::function<Status(uint64_t rows)>;

// Goes through every decided row (of every RowKind) that the filter lets through: segments first, then memtable. Blocks
// without one are left out.
class RawScan {
 public:
  virtual ~RawScan() = default;
  virtual Result<const RowBlock*> next() = 0;  // nullptr at the end
  virtual const ScanStats& stats() const = 0;
};

// Where rows are read. Rows of a rollup tier come with times (the begin of their bucket) and, by the ids that
// segment_format.h gives them, dimensions, engine's measures and measures; nothing else.
struct ScanSource {
  bool segments = true;
  bool memtable = true;
  uint32_t rollup_id = 0;  // 0: raw
  Tier tier = Tier::kRaw;
  Lsn above = 0;  // of raw: rows of later records; of a tier: sections that begin there or later
};

struct ScanSpec {
  ColumnSelection columns;
  ScanFilter filter;
  ScanSource source;
  ScanProceed proceed;  // called by whoever scans, on its thread; may be empty
};

// What a scan is going to read, in steps: blocks of segments, then slices of the memtable. Keeps all of it alive. Immutable:
// shared freely.
class ScanPlan {
 public:
  virtual ~ScanPlan() = default;
  virtual uint32_t steps() const = 0;
  virtual uint64_t rows() const = 0;           // of all steps
  virtual const ScanStats& stats() const = 0;  // what is spared; what is read is for the scans to say
  // Steps [first, last). `marked`, which outlives the scan, or nullptr: ColumnSelection::marked of its cursors; the memtable
  // shows all rows.
  virtual std::unique_ptr<RawScan> scan(uint32_t first, uint32_t last, MarkedRows* marked) const = 0;
};

// A segment file as it stands on the disk: what the manifest and the file's own footer say.
struct SegmentView {
  SegmentInfo info;
  std::shared_ptr<const SegmentReader> reader;
};

class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual const Schema& schema() const = 0;  // as new as any row that it shows
  virtual Lsn lsn() const = 0;
  virtual Ledger ledger() const = 0;                                 // at or after lsn()
  virtual const Dictionary& dictionary(size_t dimension) const = 0;  // by position among schema().dimensions()
  // Of a dimension of any version, dropped ones too; nullptr: no version has it.
  virtual const Dictionary* find_dictionary(uint32_t dimension_id) const;
  virtual const ManifestState& manifest() const = 0;
  virtual Result<std::shared_ptr<const ScanPlan>> plan(ScanSpec spec) const = 0;
  // All steps of it; what planning has to say comes with the first block.
  virtual std::unique_ptr<RawScan> scan(ScanSpec spec) const = 0;
  // Every retraction ever asked for, ascending by key. Reads their files.
  virtual Result<std::vector<Retraction>> retractions() const = 0;
  virtual Result<std::vector<SegmentView>> segments() const = 0;  // by number; opens those that are not open yet
  // Every letter up to lsn(). Ask soon: kRetryLater when a flush has changed files since, then another snapshot has them.
  virtual Result<std::unique_ptr<LetterView>> dead_letters() const;
};

}  // namespace tally
