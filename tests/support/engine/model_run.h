// One run of the model test (reliability.md P4, P10): a random sequence of operations on a table with small windows, each
// answer compared with model_belief.h row by row, all rows and the ledger at random moments and after every power failure.
// Everything is a function of the seed; each operation draws from a stream of its own, so that a failing run stays itself
// when operations are left out of it, and can be made short.
//
//   operations   rows that are new (on time, at the edge of a lateness, a horizon or the retention, late, early), retries,
//                retries with another time, conflicts, repeats within a batch; whole batches again, also as replay; time
//                passing, the wall clock jumping; flushes, and with them spills, merges and forgetting; restarts with another
//                number of shards, kills, power failures at a random change of the disk and again in recovery; snapshots
//                that are held
// A new operation is a function here and a line in the table of model_run.cc.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace tally::model {

struct RunOptions {
  uint64_t seed = 1;
  uint64_t actions = 300;
  const std::vector<bool>* left_out = nullptr;  // by action
  bool trace = false;
};

struct RunResult {
  uint64_t operations = 0;  // rows decided, and actions
  uint64_t rows = 0;
  uint64_t forgotten_ids = 0;
  uint64_t power_failures = 0;
  uint64_t verdicts[7] = {};                // by Verdict
  std::map<std::string, uint64_t> counted;  // what else a kind of run tells, by name
  uint64_t failed_action = 0;
  std::string failure;             // empty: none
  std::vector<std::string> trace;  // what was done, if it was asked for
  void add(const RunResult& other);
};

RunResult run_model(const RunOptions& options);

// Runs with seeds from `options.seed` on until `operations` are done, `stop` says so or one fails; a failing run is made short
// first, and the failure ends with what is left of it.
struct ModelSearch {
  uint64_t seed = 1;
  uint64_t operations = 100'000;
  std::function<bool()> stop = {};
  std::function<void(uint64_t operations)> progress = {};
  RunResult (*run)(const RunOptions& options) = run_model;  // or another kind of run (fold_run.h)
};
struct ModelSearchResult {
  uint64_t runs = 0;
  RunResult total;
  uint64_t failed_seed = 0;
};
ModelSearchResult search_model(const ModelSearch& search);

}  // namespace tally::model
