// The table under test: an engine on a simulated disk with a manual clock, and what the model has to know of its clock.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/database.h"
#include "tests/support/engine/model_rows.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"

namespace tally::model {

// Arrival times as reliability.md T1 promises them: the wall clock, held where it went back, and the pace of boottime while
// it has gained more than an hour since the table began to write after the machine started.
class ArrivalBelief {
 public:
  // The table, whose newest record arrived then, is open for writing.
  void begin(const Clock& clock, TimeUs newest_us) {
    if (clock.boot_id() == boot_) return;
    boot_ = clock.boot_id();
    wall_us_ = newest_us - clock.wall_us() > kMicrosPerHour ? newest_us : clock.wall_us();
    boottime_us_ = clock.boottime_us();
  }
  void confirm(const Clock& clock) {
    wall_us_ = clock.wall_us();
    boottime_us_ = clock.boottime_us();
    confirmed_ = boot_;
  }
  bool ahead(const Clock& clock) const { return clock.wall_us() - expected_wall_us(clock) > kMicrosPerHour; }
  bool behind(const Clock& clock) const { return last_us_ - clock.wall_us() > kMicrosPerHour; }
  bool suspended(const Clock& clock) const { return ahead(clock) || behind(clock); }
  bool proven(const Clock& clock, TimeUs proving_us) const {
    return clock.boottime_us() >= proving_us || confirmed_ == boot_;
  }
  TimeUs next(const Clock& clock) const {
    const TimeUs now = ahead(clock) ? expected_wall_us(clock) : clock.wall_us();
    return now > last_us_ ? now : last_us_;
  }
  TimeUs last_us() const { return last_us_; }
  void set_last(TimeUs arrival_us) { last_us_ = arrival_us; }

 private:
  TimeUs expected_wall_us(const Clock& clock) const { return wall_us_ + (clock.boottime_us() - boottime_us_); }
  std::string boot_ = "none", confirmed_;
  TimeUs wall_us_ = 0, boottime_us_ = 0;
  TimeUs last_us_ = 0;
};

class ModelTable {
 public:
  ModelTable(uint64_t seed, Random& random);

  Status create();
  Status open(uint32_t shards);  // until the table takes writes
  Status close();
  void drop();  // as if the process had been killed
  Result<BatchResult> send(const Batch& batch, uint64_t spelling);
  Result<RetractResult> retract(const std::vector<uint32_t>& ids, uint64_t spelling);
  Status alter(const Schema& next) { return table_->alter(next); }
  uint32_t schema_version() const { return table_->schema()->version; }
  void keep_version() {  // rows are sent in the form of any version kept
    versions_.push_back(table_->schema());
  }
  Status flush() { return table_->flush(); }
  std::shared_ptr<const Snapshot> snapshot();  // nullptr: it failed, and `wrong` says why
  Table& table() { return *table_; }
  const Shape& shape() const { return shape_; }
  uint64_t remembered_ids_max() const { return options_.remembered_ids_max; }
  bool may_forget() const;  // as far as clocks say

  std::string wrong;
  SimDisk disk;
  ManualClock clock;
  ArrivalBelief arrival;

 private:
  Status find_table(bool create);
  const Shape shape_;
  TableOptions options_;
  std::unique_ptr<Database> database_;
  Table* table_ = nullptr;
  std::vector<std::shared_ptr<const Schema>> versions_;
};

}  // namespace tally::model
