// Plants faults in a closed table on a simulated disk so that every checksum, size and id stays right, as a bug of ours would:
// segments are read, changed and written again, and the manifest with them.
//
//   FaultPlanter plant(disk, "/db/tables/events");
//   plant.rewrite_tier(plant.segment("all", Tier::kHour), [](std::vector<TierRow>& rows) { rows.pop_back(); });
//   plant.commit();
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_names.h"
#include "engine/dictionary.h"
#include "engine/manifest_reader.h"
#include "tests/support/engine/segment_surgery.h"
#include "tests/support/sim_disk.h"

namespace tally {

// A row of a rollup tier; values as RollupShape has them.
struct TierRow {
  size_t section = 0;
  TimeUs time_us = 0;
  std::vector<uint32_t> codes;
  std::vector<int64_t> ints;
  std::vector<uint8_t> nulls;
  std::vector<std::string> sketches;  // stored ones; of values that are none: empty
};

class FaultPlanter {
 public:
  FaultPlanter(SimDisk& disk, const std::string& table_directory);

  ManifestState& state() { return loaded_.state; }
  uint32_t rollup(std::string_view name) const;
  // The first live segment of a tier of a rollup; of raw with "".
  uint64_t segment(std::string_view rollup, Tier tier) const;
  std::string path(uint64_t number) const { return paths_.segment(number); }

  // What the tier says of its days goes on being said, whatever the rows are.
  void rewrite_tier(uint64_t number, const std::function<void(std::vector<TierRow>&)>& change);
  // Rows of raw for which `keep(kind)` holds once it has been asked in the order of the file.
  void keep_raw_rows(uint64_t number, const std::function<bool(RowKind kind)>& keep);
  void operate(uint64_t number, const std::function<void(SegmentSurgery&)>& change);
  // The same rows under another number, listed beside the first.
  uint64_t copy_tier(uint64_t number);
  // The last dictionary file, with `from` spelled `to`.
  void respell_dictionary(uint32_t dimension_id, std::string_view from, std::string_view to);
  // Makes a manifest of state() that is in force.
  void commit();

 private:
  std::vector<TierRow> read_tier(const SegmentInfo& info) const;
  SegmentInfo write_tier(const SegmentInfo& like, uint64_t number, std::vector<TierRow> rows);
  void load_dictionaries();

  SimDisk& disk_;
  const TablePaths paths_;
  LoadedManifest loaded_;
  std::map<uint32_t, std::unique_ptr<Dictionary>> dictionaries_;  // by dimension id
};

}  // namespace tally
