// What the rows of one tier of a rollup hold: the begin of their bucket, the codes of the rollup's dimensions, and values. The
// first kEngineMeasureColumns values are the engine's own measures, the others those declared, as
// segment_format::stored_columns() has them.
#pragma once

#include <memory>
#include <vector>

#include "engine/schema.h"

namespace tally {

struct RollupShape {
  enum class Kind : uint8_t { kSum, kMin, kMax, kSketch };  // how two values of one group become one; COUNT adds, too
  struct Value {
    uint32_t column_id = 0;
    Kind kind = Kind::kSum;
    uint8_t precision = 0;             // of kSketch
    const Measure* measure = nullptr;  // nullptr: the engine's own
  };
  std::shared_ptr<const Schema> schema;
  uint32_t rollup_id = 0;
  Tier tier = Tier::kMinute;
  std::vector<uint32_t> dimension_ids;
  std::vector<Value> values;

  // `rollup_id` is one of the schema's.
  static RollupShape of(std::shared_ptr<const Schema> schema, uint32_t rollup_id, Tier tier);
  // Every dimension and value of several, each once; of no rollup (id 0) and of raw.
  static RollupShape of_all(const std::vector<RollupShape>& shapes);
};

// The tiers that a rollup keeps, from the finest on.
std::vector<Tier> kept_tiers(const Rollup& rollup);
// The kept tier that feeds `tier`, kRaw where none is finer; and the one that `tier` feeds, kRaw where none is coarser.
Tier finer_tier(const Rollup& rollup, Tier tier);
Tier coarser_tier(const Rollup& rollup, Tier tier);

}  // namespace tally
