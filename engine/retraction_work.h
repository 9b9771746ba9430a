// Retractions on their way from a caller through the log and the shards to their answer. Shared by the shards: each touches only
// its own rows and its own outcome.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "engine/retraction_record.h"

namespace tally {

// A VERDICT.
struct VerdictWork {
  std::unique_ptr<PreparedVerdict> verdict;
  std::shared_ptr<const RetractionRequest> request;  // once it has its place in the log
  std::vector<uint8_t> remembered;                   // by row: the id was; of the fresh ones
  std::vector<std::vector<uint32_t>> fresh;          // by shard: rows whose id had no verdict before
};

// A RETRACT.
struct SettlementWork {
  std::unique_ptr<PreparedSettlement> settlement;
  std::shared_ptr<const Schema> schema;  // of its rows
  Bytes meta;
  // With the last record of a look-up: the ids it was about, by shard, to be counted by what has become of them.
  struct Asked {
    Hash128 key;
    uint32_t request = 0;  // which of the requests that were looked up together
  };
  using States = std::array<uint64_t, kRetractionStates>;
  std::vector<std::vector<Asked>> asked;
  std::vector<std::vector<States>> states;  // by shard, by request
};

}  // namespace tally
