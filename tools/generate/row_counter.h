// Counts the rows that ad traffic makes in rollups of several grains: the distinct (bucket, dimensions) of each, by sorting
// 64-bit fingerprints one UTC day at a time (a collision within a day is a matter of one in millions of days).
//
//   RowCounter counter;
//   while (profile.next(event)) counter.add(event);
//   for (const RowCounter::Grain& grain : counter.finish()) print(grain.name, grain.rows);
//
// Memory: 8 bytes an event and grain for the days still open; a day is closed once arrival is two days past it.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "tools/generate/ad_profile.h"

namespace tally {

class RowCounter {
 public:
  static constexpr size_t kGrains = 6;
  struct Grain {
    std::string_view name;
    uint64_t rows = 0;
    uint64_t rows_of_50_million = 0;  // what 50 M events over 30 days are known to make
  };

  RowCounter();
  void add(const AdEvent& event);
  const std::vector<Grain>& finish();

 private:
  struct Day {
    std::vector<uint64_t> fingerprints[kGrains];
  };
  void close_days_before(int64_t day);

  std::vector<Grain> grains_;
  std::map<int64_t, Day> open_;
};

}  // namespace tally
