// Random rows of small_schema(), built and decoded: for tests of what works on prepared batches.
#pragma once

#include <memory>

#include "base/random.h"
#include "engine/batch.h"

namespace tally {

// Ids are UUIDs and texts of 1 to 40 bytes; strings 0 to 30 bytes from a few values, a fifth NULL; numbers -5 to 5, a fifth
// NULL. table_codes are filled: code of a local value = its local code + 10.
std::unique_ptr<PreparedBatch> small_batch(const Schema& schema, Random& random, uint32_t rows);

}  // namespace tally
