// The filters over the runs of one generation that the ribbon does not cover. Each covers some of the runs, and of each run it is
// known which filters cover its ids: a key that a filter lets through is looked for in the runs of that filter alone.
//
//   the base     made from all runs that there were then, exactly as large as their ids need; never added to
//   the others   of what was spilled since: each with room for a twelfth of all ids, added to until it is full
//
// So a spill copies or makes a small filter and reads no run, however large the generation has grown: a flush waits for it, and ingest
// for the flush. Once there are kWanted of them a thread behind makes a new base from all runs (plan(), rebase()), while ids of
// spills that come meanwhile go to other filters. Where that is late, the last of kMax takes more than it has room for and lets
// more strangers through: look-ups are slower then, never wrong.
//
// While all filters of a shard take less than kPlentyBytes, about what the ids of two shards at limits::kRememberedIdsMax take in any
// case, they have kFilterBitsMax an id. Beyond it, with a directory of 6.25 bytes a block of 64 ids, kFilterBits keep spilled ids within 1.5 bytes of memory each. While a new base is made, the ones before stand beside it. An id is added 3 times on average while its generation grows.
//
// Threads: one at a time; the filters handed out may be read by others.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/remembered_filter.h"

namespace tally {

using FilterMask = uint16_t;  // bit i: the filter at place i

class RememberedFilters {
 public:
  using Filter = std::shared_ptr<const RememberedFilter>;
  static constexpr uint64_t kPlentyBytes = uint64_t{256} << 20;
  static constexpr size_t kWanted = 6;
  static constexpr size_t kMax = 12;
  static constexpr size_t kPlaces = kMax + 1;     // a base may come before what it is for has gone
  static constexpr uint64_t kShareOfOthers = 12;  // a new one has room for so much of all ids

  // The one that the next spill adds its ids to, a copy of it (write_spill()); nullptr: it makes one.
  Filter growing() const;
  // There is no place for another: it is added to, room or not.
  bool full() const { return count() >= kMax; }
  // `filter` covers a run that was spilled, and what `instead_of` covered (nullptr: nothing; it may have gone meanwhile). The answer is
  // the mask of that run.
  FilterMask add(const Filter& instead_of, Filter filter);

  // All there are, for work that makes a new base of their runs. It ends with rebase() or abandon().
  std::vector<Filter> plan();
  void abandon() { planned_ = false; }
  // `base` covers all runs that `before` covered. A mask that has any of `gone` has `base` instead of these.
  struct Rebased {
    FilterMask gone = 0, base = 0;
    FilterMask of(FilterMask mask) const {
      return (mask & gone) == 0 ? mask : static_cast<FilterMask>((mask & ~gone) | base);
    }
  };
  Rebased rebase(std::span<const Filter> before, Filter base);

  // Those of which no run has the bit go.
  void keep(FilterMask used);

  const Filter& at(size_t place) const { return filters_[place]; }  // nullptr: none
  static constexpr FilterMask mask_of(size_t place) { return static_cast<FilterMask>(1U << place); }
  FilterMask mask() const;  // of all
  size_t count() const;
  uint64_t memory_bytes() const;

 private:
  static constexpr size_t kNone = SIZE_MAX;
  size_t place_of(const Filter& filter) const;

  std::array<Filter, kPlaces> filters_;
  size_t growing_ = kNone;
  bool planned_ = false;  // plan() has handed out the growing one, and it has not been added to since
};

}  // namespace tally
