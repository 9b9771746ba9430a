// A generation of remembered ids: what remembered_ids.h says of it, for remembered_ids.cc alone.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <vector>

#include "engine/remembered_ids.h"

namespace tally {

// The newest event time of each day, noted once an id: days come mixed, but few at a time.
class NewestTimes {
 public:
  void note(TimeUs event_us) {
    const int32_t day = utc_day(event_us);
    Slot& slot = slots_[static_cast<uint32_t>(day) % kSlots];
    if (!slot.used || slot.newest.day != day) [[unlikely]] {
      put_away(slot);
      slot = {.used = true, .newest = {day, event_us}};
    }
    slot.newest.event_us = std::max(slot.newest.event_us, event_us);
  }
  std::vector<NewestOfDay> take() {
    for (Slot& slot : slots_) put_away(slot);
    std::vector<NewestOfDay> newest;
    for (auto [day, event_us] : others_) newest.push_back({day, event_us});
    others_.clear();
    return newest;
  }

 private:
  static constexpr size_t kSlots = 8;
  struct Slot {
    bool used = false;
    NewestOfDay newest;
  };
  void put_away(Slot& slot) {
    if (!slot.used) return;
    TimeUs& event_us = others_.try_emplace(slot.newest.day, slot.newest.event_us).first->second;
    event_us = std::max(event_us, slot.newest.event_us);
    slot.used = false;
  }

  std::array<Slot, kSlots> slots_;
  std::map<int32_t, TimeUs> others_;
};

// What is in memory of a generation and not yet frozen.
struct HotIds {
  explicit HotIds(uint64_t expected) : table(expected) {}
  RememberedTable table;
  NewestTimes newest;
  TimeUs newest_arrival_us = INT64_MIN;
};

struct LiveRun {
  std::shared_ptr<const IdRun> run;
  uint64_t own_ids = 0;
  FilterMask filters = 0;
  bool in_ribbon = false;
};

struct RememberedIds::Generation {
  GenerationId id;
  std::unique_ptr<HotIds> hot;
  std::vector<std::shared_ptr<const FrozenIds>> frozen;
  std::vector<LiveRun> runs;
  RememberedFilters filters;  // of all runs but those in the ribbon
  IdRunSummary summary;       // of all that is frozen or in runs

  uint64_t frozen_ids() const {
    uint64_t ids = 0;
    for (const auto& table : frozen) ids += table->table.size();
    return ids;
  }
  uint64_t run_ids() const {
    uint64_t ids = 0;
    for (const LiveRun& live : runs) ids += live.own_ids;
    return ids;
  }
  size_t ribbon_runs() const {
    return static_cast<size_t>(
        std::count_if(runs.begin(), runs.end(), [](const LiveRun& live) { return live.in_ribbon; }));
  }
  uint64_t ribbon_ids() const {
    uint64_t ids = 0;
    for (const LiveRun& live : runs) ids += live.in_ribbon ? live.own_ids : 0;
    return ids;
  }
  uint64_t hot_ids() const { return hot ? hot->table.size() : 0; }
  std::vector<std::shared_ptr<const IdRun>> runs_in_filters() const {
    std::vector<std::shared_ptr<const IdRun>> in_filters;
    for (const LiveRun& live : runs) {
      if (!live.in_ribbon) in_filters.push_back(live.run);
    }
    return in_filters;
  }
  FilterMask filters_used() const {
    FilterMask used = 0;
    for (const LiveRun& live : runs) used |= live.in_ribbon ? 0 : live.filters;
    return used;
  }
  TimeUs newest_arrival_us() const {
    TimeUs newest = hot ? hot->newest_arrival_us : INT64_MIN;
    bool older = !frozen.empty() || !runs.empty();
    return older ? std::max(newest, summary.newest_arrival_us) : newest;
  }
};

}  // namespace tally
