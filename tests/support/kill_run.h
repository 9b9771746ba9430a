// The program killed for real (reliability.md P5): rows of a file of real impressions, shuffled, cut into batches, each batch sent one to
// five times by `tally load --ack-file`, the loader killed with SIGKILL at random moments and started again, on the disk of the
// machine.
//
// What must hold: after a kill every row that the ack file promised is there, before anything is sent again, and no row is counted
// twice; in the end counts and sums are those of the file, copies acknowledged - rows <= duplicates <= copies sent - rows,
// nothing was refused, and `tally check` finds the ledger and every sum in order.
// The seed decides rows, batches and moments; what the machine does in between is its own affair.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tally {

struct KillOptions {
  std::string tally;                             // the program
  std::string data = "data/open_bandit.csv.gz";  // from the top of the tree, as is the next
  std::string schema = "data/impressions.sql";
  uint64_t rows_max = UINT64_MAX;  // of the file
  uint64_t kills = 200;            // at least
  uint64_t seed = 1;
  std::function<void(const std::string&)> progress = {};
};

struct KillResult {
  uint64_t kills = 0;
  uint64_t loads = 0;
  uint64_t looks = 0;  // kills after which every promised row was looked for
  uint64_t rows = 0;
  uint64_t copies_acknowledged = 0;
  uint64_t copies_sent = 0;  // at most
  uint64_t duplicates = 0;
  std::string failure;  // empty: none
  std::string summary() const;
};

KillResult run_kills(const KillOptions& options);

}  // namespace tally
