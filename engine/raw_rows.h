// Rows of raw of one UTC day, gathered block by block for all the rollups that are folded from them in one pass (fold_raw.h):
// codes and minutes stand column by column, since keys are made of them, and values row by row, so that whatever the order in
// which a rollup's groups ask for its rows, each is one place in memory.
//
// A row of values is `stride()` words: first its counts, a byte each, one more than the -1, 0 or 1 they are, so that words can be
// added up without looking at bytes (up to kLaneRows of them); then sums, minima and maxima, a word each; then what a sketch
// takes (SketchBuilder::entry_of), half a word each, 0: nothing.
//
// Memory: 4 bytes a dimension, 4 for the minute, and a row of values, for each row. One thread.
#pragma once

#include <span>
#include <vector>

#include "engine/rollup_rows.h"

namespace tally {

class RawRows {
 public:
  // `shape` has the dimensions and values of all the rollups; its tier is not asked.
  explicit RawRows(const RollupShape& shape);

  static constexpr uint32_t kLaneRows = 127;  // words of counts that may be added up before a byte is full
  static constexpr uint64_t kLaneBias = 0x0101010101010101;

  struct Place {  // of a value within a row
    uint32_t word = 0;
    uint32_t shift = 0;    // of a count or an entry
    uint32_t present = 0;  // of a minimum or maximum: the place of the count that says whether there is one, in bits
  };
  const Place& place(size_t value) const { return places_[value]; }
  // Whether a value of the shape is a count, and so stands in a byte.
  static bool is_count(const RollupShape::Value& value);

  void clear(int32_t day);
  // Rows [first, first + count) of `input`, of the day.
  void add(const RollupRows::Input& input, uint32_t first, uint32_t count);

  uint32_t rows() const { return static_cast<uint32_t>(minutes_.size()); }
  const uint32_t* codes(size_t dimension) const { return codes_[dimension].data(); }
  const uint32_t* minutes() const { return minutes_.data(); }  // of the day
  const uint64_t* values(uint32_t row) const { return values_.data() + size_t{row} * stride_; }
  size_t stride() const { return stride_; }
  size_t count_words() const { return count_words_; }

 private:
  void add_keys(const RollupRows::Input& input, uint32_t first, uint32_t count);
  void add_value(size_t i, const RollupRows::Value& value, uint32_t first, uint32_t count, uint64_t* rows);
  void add_carry(const RollupRows::Input& input, const RollupRows::Input::Carry& carry);
  uint32_t minute_of(TimeUs time) const {
    return static_cast<uint32_t>(static_cast<uint64_t>(time - day_begin_) / uint64_t{kMicrosPerMinute});
  }

  const RollupShape& shape_;
  std::vector<Place> places_;  // by value
  size_t stride_ = 0;
  size_t count_words_ = 0;
  TimeUs day_begin_ = 0;
  std::vector<std::vector<uint32_t>> codes_;  // by dimension
  std::vector<uint32_t> minutes_;
  std::vector<uint64_t> values_;
};

}  // namespace tally
