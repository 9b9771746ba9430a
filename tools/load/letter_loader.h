// `tally load --dead-letters`, apart from its command line: rows that were not taken, sent again. Rows that the table refused go in
// as they were; invalid ones are read again from their text, with the header and the mappings of the load that brought them,
// changed by those given now. A letter is marked as replayed by the very record that holds its row, so that it is sent once,
// whatever stops this; one that still cannot be read stays as it is.
//
// A row that is refused again becomes a letter of its own. Letters that would only be refused again are therefore left where
// they are unless their reason is named: too_late without --replay, too_early whose time has not come, past_retention.
//
//   LetterLoader loader(table, clock, console, {.reasons = {"bad_timestamp"}, .mappings = {{"ts", "time"}}});
//   Status status = loader.run();
//
// Errors: kInvalidArgument for a mapping of a column that the table does not have, kCancelled when an interrupt stopped it, else
// what stopped it; the summary is valid in any case. Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/table.h"
#include "tools/console.h"
#include "tools/load/row_converter.h"

namespace tally {

struct LetterLoadOptions {
  std::vector<std::string> reasons;  // empty: every one but those above
  std::vector<ColumnMapping> mappings;
  bool replay = false;
  uint32_t batch_rows = 0;  // 0: limits::kBatchRowsDefault
};

struct LetterLoadSummary {
  Ledger counts;                         // what became of the rows sent; received = letters replayed
  uint64_t still_invalid = 0;            // could not be read again, and stay
  uint64_t cut = 0;                      // longer than what is kept of them: they never can
  std::map<std::string, uint64_t> left;  // by reason: not asked for
  double seconds = 0;
  uint64_t bad_rows() const { return counts.rejected + counts.too_late + still_invalid + cut; }
};

class LetterLoader {
 public:
  LetterLoader(Table& table, Clock& clock, Console& console, LetterLoadOptions options);
  ~LetterLoader();
  Status run();
  const LetterLoadSummary& summary() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally
