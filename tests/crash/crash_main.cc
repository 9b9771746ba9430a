// crash_driver --seconds N [--seed S] [--sweep NAME] [--point P]: rounds of all sweeps (or of those whose name begins with
// NAME) in turn, each with the next seed, until the time is over. Prints the states explored; at the first failure what
// went wrong and the line that replays it, and exits with 1.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/random.h"
#include "tests/crash/sweeps.h"

namespace tally {

std::vector<Sweep>& sweeps() {
  static std::vector<Sweep> registered;
  return registered;
}

namespace {

struct Arguments {
  uint64_t seconds = 10;
  uint64_t seed = 0;  // 0: drawn
  uint64_t point = 0;
  std::string sweep;
};

bool parse_number(std::string_view text, uint64_t& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i];
    std::string_view value = argv[i + 1];
    bool right = (name == "--seconds" && parse_number(value, out.seconds)) ||
                 (name == "--seed" && parse_number(value, out.seed)) ||
                 (name == "--point" && parse_number(value, out.point));
    if (name == "--sweep") {
      out.sweep = value;
      right = true;
    }
    if (!right) return false;
  }
  return argc % 2 == 1;
}

int usage() {
  std::fprintf(stderr, "usage: crash_driver [--seconds N] [--seed S] [--sweep NAME] [--point P]\n");
  for (const Sweep& sweep : sweeps()) std::fprintf(stderr, "  %-12s %s\n", sweep.name.c_str(), sweep.what.c_str());
  return 2;
}

using SteadyClock = std::chrono::steady_clock;

struct Total {
  uint64_t rounds = 0;
  uint64_t points = 0;
  uint64_t states = 0;
};

// False after a failure.
bool run_round(const Sweep& sweep, const SweepRound& round, Total& total) {
  SweepOutcome outcome = sweep.run(round);
  total.rounds += 1;
  total.points += outcome.points;
  total.states += outcome.states;
  if (outcome.failure.empty()) return true;
  std::printf("FAILED %s\n", outcome.failure.c_str());
  return false;
}

int run(const Arguments& arguments) {
  std::vector<const Sweep*> chosen;
  for (const Sweep& sweep : sweeps()) {
    if (sweep.name.starts_with(arguments.sweep)) chosen.push_back(&sweep);
  }
  if (chosen.empty()) return usage();
  uint64_t seed = arguments.seed != 0 ? arguments.seed : random_u64() % 1'000'000'000 + 1;
  std::printf("crash: seed %llu, %llu s\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(arguments.seconds));
  std::fflush(stdout);
  const auto deadline = SteadyClock::now() + std::chrono::seconds(arguments.seconds);
  auto stop = [deadline] { return SteadyClock::now() >= deadline; };
  std::vector<Total> totals(chosen.size());
  bool good = true;
  for (uint64_t round = 0; good && !stop(); ++round) {
    for (size_t i = 0; good && i < chosen.size() && !stop(); ++i) {
      // A share of what is left, so that a long sweep leaves time for the others.
      const auto now = SteadyClock::now();
      const auto share = now + (deadline - now) / (chosen.size() - i);
      auto share_over = [share] { return SteadyClock::now() >= share; };
      good =
          run_round(*chosen[i], {.seed = seed + round, .only_point = arguments.point, .stop = share_over}, totals[i]);
    }
    if (arguments.point != 0) break;
  }
  uint64_t states = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    std::printf("  %-12s %6llu rounds %10llu points %10llu states\n", chosen[i]->name.c_str(),
                static_cast<unsigned long long>(totals[i].rounds), static_cast<unsigned long long>(totals[i].points),
                static_cast<unsigned long long>(totals[i].states));
    states += totals[i].states;
  }
  std::printf("crash: %llu states explored, seed %llu: %s\n", static_cast<unsigned long long>(states),
              static_cast<unsigned long long>(seed), good ? "all recovered" : "FAILED");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  tally::Arguments arguments;
  if (!tally::parse(argc, argv, arguments)) return tally::usage();
  return tally::run(arguments);
}
