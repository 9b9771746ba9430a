// What an option that counts something may be: CLI11 itself takes "-1" for the largest number there is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tally {

// For CLI::Option::check(): digits alone, of a number from `least` to `most`, give ""; anything else the sentence that says so.
std::function<std::string(const std::string&)> whole_number(uint64_t least = 0, uint64_t most = UINT64_MAX);

}  // namespace tally
