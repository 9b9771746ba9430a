// Counts as people read them: 40,000; 1 row, 40,000 rows; 1.4 MiB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tally {

std::string with_thousands(uint64_t number);                   // 40,000
std::string quantity(uint64_t number, std::string_view noun);  // 1 row, 40,000 rows
std::string human_bytes(uint64_t bytes);                       // 12 bytes, 1.4 MiB

}  // namespace tally
