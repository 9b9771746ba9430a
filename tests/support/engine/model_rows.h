// The rows of the model test as an engine sees them: schemas, and all values of a row as functions of its id and content, so
// that what comes back says which row it was and that nothing of it has changed.
//
// Ids: a third short texts, a third UUIDs in any spelling, a third long texts. Values: a dimension of 40 strings, one of
// them NULL; the kind as a string; an integer of its own for each id and content; a string that may be NULL, empty or long.
#pragma once

#include <optional>
#include <string>

#include "base/random.h"
#include "engine/snapshot.h"
#include "tests/support/engine/model_belief.h"

namespace tally::model {

inline constexpr uint8_t kContents = 4;

// The schema and the rules that follow from it. Windows of minutes to hours, one to three lateness classes.
struct Shape {
  Schema schema;
  Rules rules;
};
Shape make_shape(Random& random);
// Other classes for `schema`, and what they are.
std::vector<Rules::Class> random_lateness(Schema& schema, Random& random);

// `spelling` chooses among the spellings of a UUID.
IngestBatch make_batch(const Schema& schema, const Batch& batch, uint64_t spelling);

std::string spell_id(uint32_t id, uint64_t spelling);
// As an engine shows it; nullopt if it was made by nobody here.
std::optional<uint32_t> read_id(IdKind kind, const IdSlot& slot);

// Goes through every row of a snapshot; what is wrong in itself (an id that was never sent, a value of another row) ends it.
struct ScannedRows {
  RowSum sum;
  std::vector<StoredBelief> rows;  // only if they were asked for
  std::string wrong;
};
ScannedRows scan_rows(const Snapshot& snapshot, bool keep_rows);

}  // namespace tally::model
