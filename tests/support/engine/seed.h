// The seed of a randomized test: TALLY_SEED from the environment, else a fixed one, so that a run can be repeated.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace tally {

inline uint64_t test_seed(uint64_t otherwise = 20'240'229) {
  const char* text = std::getenv("TALLY_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace tally
