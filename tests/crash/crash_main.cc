// crash_driver --seconds N [--seed S] [--sweep NAME] [--point P]: rounds of all sweeps (or of those whose name begins with
// NAME) in turn, each with the next seed, until the time is over. Prints the states explored; at the first failure what
// went wrong and the line that replays it, and exits with 1.
// crash_driver --corrupt [--seconds N] ...: the same as --sweep corrupt, with progress; without --seconds one whole round of
// each, which takes most of an hour.
// crash_driver --kill [--kills N] [--seed S]: the program `tally` beside this one, killed N times while it loads real rows.
// crash_driver --model | --folds [--operations N] [--seed S]: one round of a model test, of N operations.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/random.h"
#include "tests/crash/sweeps.h"
#include "tests/support/kill_run.h"

namespace tally {

std::vector<Sweep>& sweeps() {
  static std::vector<Sweep> registered;
  return registered;
}

namespace {

struct Arguments {
  uint64_t seconds = 0;  // 0: not said
  uint64_t seed = 0;     // 0: drawn
  uint64_t point = 0;
  std::string sweep;
  bool corrupt = false;
  bool model = false;
  bool kill = false;
  uint64_t kills = 200;
  std::string program;      // of this process, whose folder has tally
  uint64_t operations = 0;  // 0: not said
};

constexpr uint64_t kSecondsUsual = 10;
constexpr uint64_t kModelOperationsUsual = 2'000'000;
constexpr uint64_t kSecondsForever = 365 * 24 * 3600;

bool parse_number(std::string_view text, uint64_t& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; i += 2) {
    std::string_view name = argv[i];
    if (name == "--corrupt") {
      out.corrupt = true;
      out.sweep = "corrupt";
      --i;  // it takes no value
      continue;
    }
    if (name == "--model" || name == "--folds") {
      out.model = true;
      out.sweep = name.substr(2);
      --i;
      continue;
    }
    if (name == "--kill") {
      out.kill = true;
      --i;
      continue;
    }
    if (i + 1 == argc) return false;
    std::string_view value = argv[i + 1];
    bool right = (name == "--seconds" && parse_number(value, out.seconds)) ||
                 (name == "--seed" && parse_number(value, out.seed)) ||
                 (name == "--point" && parse_number(value, out.point)) ||
                 (name == "--kills" && parse_number(value, out.kills)) ||
                 (name == "--operations" && parse_number(value, out.operations));
    if (name == "--sweep") {
      out.sweep = value;
      right = true;
    }
    if (!right) return false;
  }
  return true;
}

int usage() {
  std::fprintf(
      stderr,
      "usage: crash_driver [--seconds N] [--seed S] [--sweep NAME | --corrupt | --model | --folds] [--point P] "
      "[--operations N]\n");
  for (const Sweep& sweep : sweeps()) std::fprintf(stderr, "  %-14s %s\n", sweep.name.c_str(), sweep.what.c_str());
  return 2;
}

void print_progress(const std::string& line) {
  std::printf("  %s\n", line.c_str());
  std::fflush(stdout);
}

int run_kill_sweep(const Arguments& arguments) {
  const uint64_t seed = arguments.seed != 0 ? arguments.seed : random_u64() % 1'000'000'000 + 1;
  KillOptions options;
  options.kills = arguments.kills;
  options.seed = seed;
  options.progress = print_progress;
  options.tally = arguments.program.substr(0, arguments.program.rfind('/') + 1) + "tally";
  const KillResult result = run_kills(options);
  std::printf("crash: %s\n", result.summary().c_str());
  if (!result.failure.empty()) std::printf("FAILED %s\n", result.failure.c_str());
  std::printf("crash: seed %llu: %s\n", static_cast<unsigned long long>(seed),
              result.failure.empty() ? "none lost, none counted twice" : "FAILED");
  return result.failure.empty() ? 0 : 1;
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
  if (!outcome.summary.empty()) std::printf("  %s: %s\n", sweep.name.c_str(), outcome.summary.c_str());
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
  const bool one_round = (arguments.corrupt || arguments.model) && arguments.seconds == 0;
  const uint64_t seconds = arguments.seconds != 0 ? arguments.seconds : one_round ? kSecondsForever : kSecondsUsual;
  std::printf("crash: seed %llu, %s\n", static_cast<unsigned long long>(seed),
              one_round ? "one round" : (std::to_string(seconds) + " s").c_str());
  std::fflush(stdout);
  const SteadyClock::time_point deadline = SteadyClock::now() + std::chrono::seconds(seconds);
  auto stop = [deadline] { return SteadyClock::now() >= deadline; };
  std::vector<Total> totals(chosen.size());
  bool good = true;
  for (uint64_t round = 0; good && !stop(); ++round) {
    for (size_t i = 0; good && i < chosen.size() && !stop(); ++i) {
      // A share of what is left, so that a long sweep leaves time for the others.
      const auto now = SteadyClock::now();
      const SteadyClock::time_point share =
          one_round ? deadline : now + (deadline - now) / static_cast<int64_t>(chosen.size() - i);
      SweepRound next{.seed = seed + round, .only_point = arguments.point};
      next.stop = [share] { return SteadyClock::now() >= share; };
      if (arguments.corrupt || arguments.model) next.progress = print_progress;
      if (arguments.model) {
        next.operations = arguments.operations != 0 ? arguments.operations : kModelOperationsUsual;
      }
      good = run_round(*chosen[i], next, totals[i]);
    }
    if (one_round) break;
    if (arguments.point != 0) break;
  }
  uint64_t states = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    std::printf("  %-14s %6llu rounds %10llu points %10llu states\n", chosen[i]->name.c_str(),
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
  arguments.program = argv[0];
  return arguments.kill ? tally::run_kill_sweep(arguments) : tally::run(arguments);
}
