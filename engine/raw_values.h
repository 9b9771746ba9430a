// What decided rows of raw bring to a rollup: kinds, conditions and signs become the values that RollupRows adds up. The same
// rules as a query over raw rows has (RowClass in query/bound.h): COUNT and SUM take retractions with a negative sign; MIN,
// MAX and UNIQUE look at events alone, retracted or not. One shape may have the values of several rollups
// (RollupShape::of_all): what they share is then made once. One thread.
#pragma once

#include <map>
#include <vector>

#include "engine/rollup_rows.h"
#include "engine/segment_reader.h"

namespace tally {

class Dictionary;

class RawValues {
 public:
  RawValues(const RollupShape& shape, const std::map<uint32_t, const Dictionary*>& dictionaries);

  // What to read of a segment.
  const ColumnSelection& selection() const { return selection_; }
  // Of a block that was read by selection(), whose rows are of `version`: measures that came later do not count them, and its
  // grace says which were late. Valid until the next call.
  const RollupRows::Input& values(const BlockColumns& block, const Schema& version);

 private:
  struct Source {  // of one value
    std::vector<int8_t> counts;
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;
    std::vector<uint64_t> hashes;
  };
  size_t column(uint32_t id);
  void ask(const Condition& condition);
  std::vector<uint8_t> truths(const Condition& condition, const BlockColumns& block);
  std::vector<uint8_t> leaf(const Condition& node, const BlockColumns& block);
  const std::vector<uint8_t>& truths_by_code(const Condition& node, const Column& column);
  void read_signs(const BlockColumns& block);
  void engine_values(const BlockColumns& block, TimeUs grace_us);
  void measure(size_t index, const BlockColumns& block);
  void take_numbers(size_t index, const BlockColumns::Selected& from, uint32_t rows);
  void hash_column(const Column& column, const BlockColumns& block, Source& out);
  uint64_t hash_of_code(const Column& column, uint32_t code);

  const RollupShape& shape_;
  const std::map<uint32_t, const Dictionary*>& dictionaries_;
  ColumnSelection selection_;
  std::vector<size_t> dimension_places_;
  std::vector<Source> sources_;
  bool all_events_ = false;             // in this block
  std::vector<int8_t> signs_, events_;  // of its rows: with which an additive value counts, and any other
  std::map<const Condition*, std::vector<uint8_t>> code_truths_;  // by code, of leaves over dimensions
  std::map<uint32_t, std::vector<uint64_t>> code_hashes_;         // by dimension id and code; 0: not known yet
  RollupRows::Input input_;
};

}  // namespace tally
