// Reads a segment block by block through pread (no mmap: an I/O error is an error, not a signal). Every block is checked
// against its sum, its file's id, its number and the directory before a byte of it is used; nothing in a file is trusted.
// Threads: open() and the reader's constant state are shared freely; a Cursor belongs to one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/code_runs.h"
#include "engine/scan_filter.h"
#include "engine/segment_writer.h"

namespace tally {

class BlockCache;
namespace segment_format {
struct Footer;
}

// Asked by a cursor before each block, on its thread, by whom only marked rows may come to matter.
class MarkedRows {
 public:
  virtual ~MarkedRows() = default;
  // Whether of rows between these times those with a mark are enough. Never false once it was true.
  virtual bool suffice(TimeUs min_time, TimeUs max_time) = 0;
};

// Which columns to decode. Ids of schema columns, and the engine's own.
struct ColumnSelection {
  std::vector<uint32_t>
      column_ids;  // dimensions and fields, by Column::id; the event time and id have flags of their own
  bool times = true;
  bool ids = false;  // ids and id_kinds
  bool kinds = true;
  bool lsns = false;
  bool arrivals = false;
  // Beside what a filter lets through: for each of these, in which rows all its predicates hold.
  std::vector<std::vector<ScanPredicate>> marks = {};
  // Where it says so, rows without any mark are left out as if the filter did. nullptr: they never are. Outlives the cursor.
  MarkedRows* marked = nullptr;
  // Above 0: times are asked for only to be put into buckets of this width, one of which begins at `bucket_origin`. Blocks that
  // lie in one bucket then come without times.
  int64_t bucket_width_us = 0;
  TimeUs bucket_origin = 0;
  // Of column_ids: dimensions whose codes may come as runs, where a block has long ones and is let through whole.
  std::vector<uint32_t> run_ids = {};
  bool cached = true;  // false: a pass over everything, which is not to push what queries use out of the block cache
};

// Decoded rows of one block. Arrays not selected are nullptr. Valid until the next call on the cursor. A selected column
// that the segment's schema version does not have reads as NULL in every form: codes, ints with nulls, and strings.
struct BlockColumns {
  RawColumns rows;  // codes and fields are empty here: see by_column
  struct Selected {
    const uint32_t* codes = nullptr;     // dimensions
    CodeRuns runs = {};                  // instead of `codes`, see ColumnSelection::run_ids
    const int64_t* ints = nullptr;       // INT64, DECIMAL fields; 0 where NULL
    const uint8_t* nulls = nullptr;      // of ints: 1 = NULL; nullptr = none is
    const StringRef* strings = nullptr;  // STRING fields
  };
  std::vector<Selected> by_column;  // parallel to ColumnSelection::column_ids
  // Of a cursor with a filter. Rows that it lets through: bit r % 64 of word r / 64; empty: all of them. What the arrays
  // hold in other rows means nothing; without a match no array is there.
  uint32_t matches = 0;
  uint32_t unmarked = 0;  // left out beside, see ColumnSelection::marked
  std::span<const uint64_t> selected;
  std::vector<std::span<const uint64_t>> marks;  // parallel to ColumnSelection::marks
  std::optional<TimeUs> one_time;                // see ColumnSelection::bucket_width_us
};

// The arrays that cursors decode into, kept from one segment to the next. One thread.
class CursorMemory {
 public:
  CursorMemory();
  ~CursorMemory();
  struct Arrays;
  std::unique_ptr<Arrays> take(uint32_t column_id);
  void give_back(uint32_t column_id, std::unique_ptr<Arrays> arrays);

 private:
  std::vector<std::pair<uint32_t, std::unique_ptr<Arrays>>> kept_;
};

class SegmentReader {
 public:
  // Reads and verifies header, footer and directory. `expected` (from the manifest) must match; nullptr reads the file
  // alone, as `tally inspect` does.
  // `cache`: what cursors read goes through it; nullptr: every block comes from the file.
  static Result<std::shared_ptr<SegmentReader>> open(FileSystem& fs, const std::string& path,
                                                     const SegmentInfo* expected,
                                                     std::shared_ptr<BlockCache> cache = nullptr);
  // The same of a file that is open already.
  static Result<std::shared_ptr<SegmentReader>> open(std::unique_ptr<File> file, const SegmentInfo* expected,
                                                     std::shared_ptr<BlockCache> cache = nullptr);
  virtual ~SegmentReader() = default;

  virtual const SegmentInfo& info() const = 0;
  virtual const Schema& schema() const = 0;  // the version it was written with
  virtual const std::array<uint8_t, 16>& table_uuid() const = 0;

  struct Section {
    int32_t day = 0;
    uint64_t rows = 0;
    uint32_t first_block = 0;
    uint32_t blocks = 0;
  };
  virtual const std::vector<Section>& sections() const = 0;
  struct BlockInfo {  // a row group: the same rows of every column
    uint32_t rows = 0;
    TimeUs min_time = 0;
    TimeUs max_time = 0;
  };
  virtual const std::vector<BlockInfo>& blocks() const = 0;
  // By dimension id, the largest code in the file; read() never shows a larger one. Whoever indexes a dictionary by codes
  // compares these with its size once, when it opens the file.
  virtual const std::map<uint32_t, uint32_t>& max_codes() const = 0;

  class Cursor {
   public:
    virtual ~Cursor() = default;
    virtual Result<const BlockColumns*> read(uint32_t block) = 0;
  };
  // Keeps the file open by itself: it may outlive the reader. Only rows that `filter` lets through are asked for.
  // `memory` must outlive it.
  virtual std::unique_ptr<Cursor> cursor(ColumnSelection selection, ScanFilter filter = {},
                                         CursorMemory* memory = nullptr) const = 0;

  // The blocks in which there may be a row for `filter`.
  virtual Result<BlockPlan> plan(const ScanFilter& filter) const = 0;
  // What is known of the file without reading a block.
  virtual const segment_format::Footer& footer() const = 0;
  // Whether an id of the list may be in the file; bit i % 64 of word i / 64. Without a filter every id may.
  virtual Status may_contain_ids(std::span<const IdKind> kinds, std::span<const IdSlot> ids,
                                 std::span<uint64_t> words) const = 0;

  // The string of a code in this file's appendix, by dimension id. For reading the file alone, and for check.
  virtual Result<std::vector<std::pair<uint32_t, std::string>>> appendix(uint32_t dimension_id) const = 0;

  // Everything: whole-file checksum, every block, sort order, counts against directory and footer, codes against appendix.
  // One line a problem; an empty list is a sound file. Fails only when the file cannot be read at all.
  virtual Result<std::vector<std::string>> verify() const = 0;
};

}  // namespace tally
