// The snapshot of a table: one published state, cut at one LSN.
#pragma once

#include <memory>
#include <vector>

#include "engine/dictionaries.h"
#include "engine/published_state.h"
#include "engine/snapshot.h"

namespace tally {

struct TableSnapshot final : Snapshot {
  std::shared_ptr<const PublishedState> state;
  Lsn cut = 0;  // rows with a higher LSN are not shown
  Ledger counts;
  std::vector<std::shared_ptr<const Dictionary>> dictionaries;  // by dimension
  std::shared_ptr<const Dictionaries> all_dictionaries;
  FileSystem* fs = nullptr;
  TablePaths paths{""};
  std::shared_ptr<const DeadLetters> letters;

  const Schema& schema() const override { return *state->schema; }
  Lsn lsn() const override { return cut; }
  Ledger ledger() const override { return counts; }
  const Dictionary& dictionary(size_t dimension) const override { return *dictionaries[dimension]; }
  const Dictionary* find_dictionary(uint32_t dimension_id) const override {
    return all_dictionaries->find(dimension_id).get();
  }
  const ManifestState& manifest() const override { return *state->manifest; }
  Result<std::shared_ptr<const ScanPlan>> plan(ScanSpec spec) const override;
  std::unique_ptr<RawScan> scan(ScanSpec spec) const override;
  Result<std::vector<Retraction>> retractions() const override;
  Result<std::vector<SegmentView>> segments() const override;
  Result<std::unique_ptr<LetterView>> dead_letters() const override;
};

}  // namespace tally
