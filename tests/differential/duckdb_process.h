// DuckDB in a process of its own (tests/differential/duckdb.mjs, run by node), asked over two pipes.
#pragma once

#include <memory>
#include <string>

#include "tests/support/query/differential.h"

namespace tally::reference {

// `modules`: the directory that holds node_modules. An error says what is missing.
std::expected<std::unique_ptr<Elsewhere>, std::string> start_duckdb(const std::string& modules);

}  // namespace tally::reference
