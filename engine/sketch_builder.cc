#include "engine/sketch_builder.h"

#include <algorithm>

namespace tally {

SketchBuilder::SketchBuilder(uint8_t precision)
    : precision_(precision),
      ranks_(size_t{1} << precision),
      words_(ranks_.size() / 64),
      groups_((words_.size() + 63) / 64) {
  TALLY_CHECK(precision >= kHyperLogLogPrecisionMin && precision <= kHyperLogLogPrecisionMax);
}

Status SketchBuilder::merge(ByteSpan bytes) {
  TALLY_ASSIGN_OR_RETURN(const StoredSketch stored, StoredSketch::open(bytes));
  TALLY_TRY(stored.check_precision(precision_));
  stored.for_each_register([this](uint32_t index, uint8_t rank) { raise(index, rank); });
  return {};
}

bool SketchBuilder::empty() const {
  return std::ranges::all_of(groups_, [](uint64_t group) { return group == 0; });
}

void SketchBuilder::take(uint32_t index, uint32_t& next) {
  gaps_.push_back(index - next);
  ranks_less_one_.push_back(static_cast<uint8_t>(ranks_[index] - 1));
  next = index + 1;
  ranks_[index] = 0;
}

void SketchBuilder::finish(Bytes& out) {
  gaps_.clear();
  ranks_less_one_.clear();
  uint32_t next = 0;
  for (size_t group = 0; group < groups_.size(); ++group) {
    for (uint64_t words = std::exchange(groups_[group], 0); words != 0; words &= words - 1) {
      const size_t word = group * 64 + static_cast<size_t>(std::countr_zero(words));
      for (uint64_t bits = std::exchange(words_[word], 0); bits != 0; bits &= bits - 1) {
        take(static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(bits))), next);
      }
    }
  }
  encode_sketch(precision_, gaps_, ranks_less_one_, out);
}

}  // namespace tally
