#include "tests/support/log_sweep.h"

#include <utility>

#include "tests/support/log_world.h"
#include "tests/support/sim_disk.h"

namespace tally {
namespace {

// A scenario's place: which sweep, seed and point, and what happened there.
class Place {
 public:
  Place(std::string_view sweep, const LogSweepOptions& options, uint64_t point)
      : sweep_(sweep), seed_(options.seed), point_(point) {}

  void note(std::string what) { history_ += "\n  " + std::move(what); }
  std::string failure(const std::string& what) const {
    return what + history_ + "\n  replay: crash_driver --sweep " + sweep_ + " --seed " + std::to_string(seed_) +
           " --point " + std::to_string(point_);
  }

 private:
  std::string sweep_;
  uint64_t seed_;
  uint64_t point_;
  std::string history_;
};

struct Life {
  SimDisk& disk;
  LogOracle& oracle;
  uint64_t seed;
  unsigned steps;
};

// One process from start to end or to the first error. Returns that error unless the disk's crash explains it.
Status live(const Life& life, ManualClock& clock) {
  LogWorld world(life.disk, clock, life.oracle, {.seed = life.seed});
  Status done = world.live(life.steps);
  if (!done && life.disk.crashed()) return {};
  return done;
}

uint64_t mix(uint64_t seed, uint64_t a, uint64_t b = 0, uint64_t c = 0) {
  uint64_t state = seed;
  for (uint64_t part : {a, b, c}) {
    uint64_t mixed = splitmix64(state);
    state = mixed ^ part;
  }
  return splitmix64(state);
}

// A short life and a long one, so that the operations of a start over a log that was closed, or killed, are swept too.
Status two_lives(SimDisk& disk, LogOracle& oracle, const LogSweepOptions& options, ManualClock& clock) {
  TALLY_TRY(live({disk, oracle, mix(options.seed, 1) | 1, options.steps / 4}, clock));
  if (disk.crashed() || !oracle.failure().empty()) return {};
  return live({disk, oracle, mix(options.seed, 2) | 1, options.steps}, clock);
}

// Lives that must go well, on a disk as a crash left it; the first of them crashes again.
std::string go_on(SimDisk& disk, LogOracle oracle, ManualClock clock_now, uint64_t seed, unsigned steps, Place place) {
  Random random(seed);
  ManualClock clock(clock_now.wall_us());
  uint64_t again = random.between(1, 6 * steps);
  place.note("goes on, crashes again at operation " + std::to_string(again));
  disk.crash_at(again);
  for (unsigned life = 0; life < 3; ++life) {
    Status done = live({disk, oracle, random.next() | 1, steps / 2}, clock);
    if (!done) return place.failure("life " + std::to_string(life) + ": " + done.error().to_string());
    if (!oracle.failure().empty()) return place.failure("life " + std::to_string(life) + ": " + oracle.failure());
    Fate fate = kAllFates[random.below(kAllFates.size())];
    place.note("life " + std::to_string(life) + " over, " + std::string(fate_name(fate)));
    disk.crash(fate, random.next());
  }
  return {};
}

}  // namespace

LogSweepReport sweep_log_crashes(const LogSweepOptions& options) {
  LogSweepReport report;
  uint64_t point = options.only_point != 0 ? options.only_point : 1 + options.seed % options.point_stride;
  for (;; point += options.point_stride) {
    if (options.stop && options.stop()) return report;
    Place place("log-crash", options, point);
    SimDisk disk(options.seed);
    if (options.seed % 3 == 0) disk.set_short_writes(0.3);
    LogOracle oracle;
    ManualClock clock;
    disk.crash_at(point);
    Status done = two_lives(disk, oracle, options, clock);
    if (done && !oracle.failure().empty()) done = fail(Code::kInternal, oracle.failure());
    if (!done) report.failure = place.failure("before the crash: " + done.error().to_string());
    if (!done || !disk.crashed()) return report;
    report.points += 1;
    for (Fate fate : kAllFates) {
      for (unsigned i = 0; i < options.seeds_per_fate; ++i) {
        uint64_t seed = mix(options.seed, point, static_cast<uint64_t>(fate), i);
        Place here = place;
        here.note("power failure, " + std::string(fate_name(fate)));
        auto after = disk.after_crash(fate, seed);
        report.failure = go_on(*after, oracle, ManualClock(clock.wall_us()), seed, options.steps, here);
        report.states += 3;
        if (!report.failure.empty()) return report;
      }
    }
    if (options.only_point != 0) return report;
  }
}

namespace {

struct ErrorCase {
  FaultEffect effect;
  bool persistent;
  double survives;
  bool power_failure;
  std::string_view name;
};
constexpr ErrorCase kErrorCases[] = {
    {FaultEffect::kIoError, false, 0.0, false, "EIO once, then kill"},
    {FaultEffect::kIoError, false, 0.5, true, "EIO once, then power failure"},
    {FaultEffect::kIoError, true, 0.3, false, "EIO for ever, then kill"},
    {FaultEffect::kIoError, true, 0.0, true, "EIO for ever, then power failure"},
    {FaultEffect::kNoSpace, false, 0.0, false, "ENOSPC once, then kill"},
    {FaultEffect::kNoSpace, false, 0.0, true, "ENOSPC once, then power failure"},
    {FaultEffect::kNoSpace, true, 0.0, false, "ENOSPC for ever, then kill"},
    {FaultEffect::kNoSpace, true, 0.0, true, "ENOSPC for ever, then power failure"},
    {FaultEffect::kShort, false, 0.0, false, "short transfer"},
    {FaultEffect::kShort, true, 0.0, true, "short transfers for ever"},
};

bool expected(const Error& error) {
  return error.code == Code::kIoError || error.code == Code::kNoSpace || error.code == Code::kIndeterminate;
}

// Empty if all went well. `fired` says whether the scenario reached operation `point` at all.
std::string run_error_case(const ErrorCase& what, const LogSweepOptions& options, uint64_t point, bool& fired) {
  Place place("log-error", options, point);
  place.note(std::string(what.name));
  SimDisk disk(options.seed);
  LogOracle oracle;
  ManualClock clock;
  disk.inject(
      {.effect = what.effect, .ops = {}, .nth = point, .persistent = what.persistent, .survives = what.survives});
  Status done = two_lives(disk, oracle, options, clock);
  fired = disk.faults_fired() > 0;
  if (!fired && !done) return place.failure("without a fault: " + done.error().to_string());
  if (!done && !expected(done.error())) return place.failure("unexpected error: " + done.error().to_string());
  if (!oracle.failure().empty()) return place.failure(oracle.failure());
  if (!fired) return {};
  place.note(done ? "survived the fault" : "stopped: " + done.error().to_string());
  disk.clear_faults();
  uint64_t seed = mix(options.seed, point, static_cast<uint64_t>(&what - kErrorCases));
  if (what.power_failure) {
    disk.crash(kAllFates[seed % kAllFates.size()], seed);
  } else {
    disk.kill_process();
  }
  return go_on(disk, oracle, ManualClock(clock.wall_us()), seed, options.steps, place);
}

}  // namespace

LogSweepReport sweep_log_errors(const LogSweepOptions& options) {
  LogSweepReport report;
  for (const ErrorCase& what : kErrorCases) {
    uint64_t point = options.only_point != 0 ? options.only_point : 1 + options.seed % options.point_stride;
    for (bool fired = true; fired; point += options.point_stride) {
      if (options.stop && options.stop()) return report;
      report.failure = run_error_case(what, options, point, fired);
      if (!report.failure.empty()) return report;
      report.points += fired ? 1 : 0;
      report.states += fired ? 3 : 0;
      if (options.only_point != 0) break;
    }
  }
  return report;
}

}  // namespace tally
