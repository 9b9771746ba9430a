// Which rows of the memtable a scan looks at: all of a chunk's that the snapshot shows, in slices; or, of a full chunk, only those
// that have the codes which the filter asks one dimension for, by the chunk's order; without the slices that lie outside the
// time range. Rows come in the order of the chunk either way, so an answer does not show which way was taken.
//
// An order is used where it leaves a quarter of the rows or less: rows that are picked cost about as much as four that are passed
// by. The dimensions of the filter are tried as the schema declares them, until one leaves a sixty-fourth.
// One thread plans; then it is immutable.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/chunk.h"
#include "engine/scan_filter.h"
#include "engine/snapshot.h"

namespace tally {

struct MemtableStep {
  const Chunk* chunk = nullptr;
  uint32_t first = 0;                // of a slice
  uint32_t rows = 0;                 // at most kMemtableStepRows
  const uint16_t* picked = nullptr;  // these rows of the chunk, ascending, instead of a slice
};

class MemtablePlan {
 public:
  // The first `visible` rows of the chunk, which must outlive the plan. What is spared is added to `stats`.
  void add(const Chunk& chunk, uint32_t visible, const ScanFilter& filter, ScanStats& stats);

  const std::vector<MemtableStep>& steps() const { return steps_; }
  uint64_t rows() const { return rows_; }  // of all steps

  // Of more codes than this, apart from each other, orders are not asked.
  static constexpr size_t kCodesMax = 256;

 private:
  using Rows = std::span<const uint16_t>;
  struct Picked {
    size_t count = 0;  // invisible ones too
    std::vector<Rows> of_codes;
    bool one_code = false;
  };
  static std::optional<Picked> fewest_rows(const Chunk& chunk, const ScanFilter& filter);
  Rows ascending(const Picked& picked);
  void add_slices(const Chunk& chunk, uint32_t first, uint32_t last);
  void add_picked(const Chunk& chunk, Rows rows);
  void add_step(const MemtableStep& step);

  std::vector<MemtableStep> steps_;
  uint64_t rows_ = 0;
  std::deque<std::vector<uint16_t>> merged_;  // picked rows of several codes
};

}  // namespace tally
