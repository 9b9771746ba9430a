// The sweeps that `./dev crash` runs. A file in this folder adds one by defining a registration at namespace scope:
//
//   const SweepRegistration registration{{.name = "log-crash", .what = "...", .run = ...}};
//
// A sweep does one round for one seed and must be a function of it. It asks stop() between points.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tally {

struct SweepRound {
  uint64_t seed = 1;
  uint64_t only_point = 0;                                // 0: all; else what a failure named
  uint64_t operations = 0;                                // of a sweep that counts them; 0: as many as it usually does
  std::function<bool()> stop = {};                        // the time is over
  std::function<void(const std::string&)> progress = {};  // a line for who watches, from time to time
};

struct SweepOutcome {
  uint64_t points = 0;       // operations at which something was made to go wrong
  uint64_t states = 0;       // disks recovered from and verified
  std::string failure;       // empty: none. Ends with the command line that shows it again
  std::string summary = {};  // what is worth a line at the end
};

struct Sweep {
  std::string name;
  std::string what;
  std::function<SweepOutcome(const SweepRound&)> run;
};

std::vector<Sweep>& sweeps();

struct SweepRegistration {
  explicit SweepRegistration(Sweep sweep) { sweeps().push_back(std::move(sweep)); }
};

}  // namespace tally
