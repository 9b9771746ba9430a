// The seed of a randomized test: the test's own constant, or TALLY_SEED from the environment, which replays a failure.
//   uint64_t seed = test_seed(1);
//   CAPTURE(seed);
#pragma once

#include <cstdint>
#include <cstdlib>

namespace tally {

inline uint64_t test_seed(uint64_t usual) {
  const char* wanted = std::getenv("TALLY_SEED");
  return wanted != nullptr && *wanted != '\0' ? std::strtoull(wanted, nullptr, 0) : usual;
}

}  // namespace tally
