// What an option that counts something may be: CLI11 itself takes "-1" for the largest number there is.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>

namespace tally {

// Passes digits alone, of a number from `least` to `most`; the message says so otherwise.
CLI::Validator whole_number(uint64_t least = 0, uint64_t most = UINT64_MAX);

}  // namespace tally
