// Tables by the names that statements have for them.
#pragma once

#include <memory>
#include <string>

#include "query/catalog.h"
#include "query/sql_error.h"

namespace tally {

// The snapshot of the table that a statement names at `offset`, or an error that says which name was meant.
Sql<std::shared_ptr<const Snapshot>> snapshot_of(const std::string& table, uint32_t offset, Catalog& catalog);

}  // namespace tally
