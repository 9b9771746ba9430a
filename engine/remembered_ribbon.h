// Says of an id which one of several sets it may be in, or that it is certainly in none: one look-up for all runs of sealed
// generations, of every lateness class. A ribbon (Dillinger, Walzer: Ribbon filter, practically smaller than Bloom and Xor, 2021):
// an id picks 64 rows of a byte that follow each other, and some of them; their sum (exclusive or) is a byte that the id
// chose, plus the number of its set. The rows are the solution of those equations. A stranger gets any byte, which says "none"
// unless it is one of the `sets` numbers: 0.39 % pass for each set, and each of them asks one run, not all. 8.6 bits an id.
//
// The range of low words is cut into chunks of about 4,096 ids, each solved by itself, so that equations stay in the cache. One
// without a solution (ids that crowd, the same id in two sets) answers "any of them".
//
// Example: a ribbon of two sets over four ids is one chunk of 68 rows: ids of set 1 get 1, of set 0 get 0, and of a thousand
// strangers about eight get 0 or 1.
//
// In memory only: made from the runs again at a start. Constant once made: any thread reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "engine/event_id.h"
#include "engine/id_run.h"
#include "engine/remembered_memory.h"
#include "engine/ribbon_kernels.h"

namespace tally {

class RememberedRibbon {
 public:
  static constexpr uint32_t kSetsMax = 12;
  static constexpr uint8_t kNone = kRibbonNone;
  static constexpr uint8_t kAny = kRibbonAny;

  uint32_t sets() const { return sets_; }
  uint64_t ids() const { return ids_; }
  uint64_t unsolved_chunks() const { return unsolved_; }
  uint64_t memory_bytes() const;
  // out[i]: the set that keys[i] may be in, or kNone, or kAny. Quickest with keys in about ascending order.
  void probe(std::span<const Hash128> keys, std::span<uint8_t> out) const;

 private:
  friend class RememberedRibbonBuilder;
  RememberedRibbon() = default;

  uint32_t sets_ = 0;
  uint64_t ids_ = 0;
  uint64_t unsolved_ = 0;
  uint64_t used_ = 0;  // bytes of rows_
  RememberedMemory rows_;
  std::vector<RibbonChunk> chunks_;
};

// Memory beside the ribbon: 0.3 MiB. One thread.
class RememberedRibbonBuilder {
 public:
  // `ids` in all, a guess: with others the chunks are smaller or larger.
  RememberedRibbonBuilder(uint64_t ids, uint32_t sets);
  // Low words never go down from one key to the next.
  void add(const Hash128& key, uint32_t set);
  std::shared_ptr<const RememberedRibbon> finish();  // and nothing after it

 private:
  struct Item {
    Hash128 key;
    uint8_t set = 0;
  };
  void close_chunk();
  bool eliminate(uint32_t rows, uint32_t seed);
  void make_room(uint64_t bytes);

  std::shared_ptr<RememberedRibbon> ribbon_;
  uint32_t chunk_ = 0;
  std::vector<Item> items_;  // of it
  std::vector<uint64_t> coefficients_;
  std::vector<uint8_t> values_;
};

// Of the runs of one shard, set i being the ids of runs[i]. At most kSetsMax of them. Errors: those of reading them.
Result<std::shared_ptr<const RememberedRibbon>> make_ribbon(std::span<const std::shared_ptr<const IdRun>> runs);

}  // namespace tally
