// The embedded ingest path for minutes on end, with folding beside it: one producer sends ad traffic of this moment at a rate,
// and the debt of the background is watched. A rate is sustained where that does not grow.
#pragma once

#include <cstdint>
#include <string>

namespace tally {

struct SustainedOptions {
  std::string directory;
  double seconds = 600;
  uint64_t rate = 0;  // events/s; 0: as fast as answers come
  uint32_t batch_rows = 20'000;
};

void bench_ingest_sustained(const SustainedOptions& options);

}  // namespace tally
