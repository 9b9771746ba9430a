// Runs the benchmark's own program again, in a fresh process: for what must start cold or with its own peak of memory.
#pragma once

#include <string>
#include <vector>

namespace tally {

// Waits for it; a process that fails ends this one.
void run_self(const char* program, const std::vector<std::string>& arguments);

}  // namespace tally
