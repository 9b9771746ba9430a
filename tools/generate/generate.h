// `tally generate`, apart from its command line: the events of a profile into a file, or into the table ad_events of a
// database or a server, in batches with the replay flag. An interrupt stops it cleanly. Threads: one.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "tools/console.h"
#include "tools/generate/ad_profile.h"

namespace tally {

struct GenerateOptions {
  AdProfileOptions profile;
  uint64_t rows_per_second = 0;  // 0: no limit
  std::string out;               // one of the three
  std::string data;
  std::string server;
};

// Returns the summary to print.
Result<std::string> generate(Console& console, const GenerateOptions& options);

}  // namespace tally
