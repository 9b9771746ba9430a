#include "tests/support/engine/table_sweep.h"

#include <map>
#include <set>
#include <vector>

#include "base/random.h"
#include "engine/database.h"
#include "tests/support/engine/test_rows.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"

namespace tally {
namespace {

constexpr const char* kPath = "/db";

// What was sent and what was answered, kept where no disk can harm it.
struct Oracle {
  std::map<std::string, TestRow> sent;  // by id; an id always carries the same row
  std::set<std::string> acknowledged;
  uint64_t acknowledged_batches = 0;
  std::set<std::string> asked_back;     // ids to take back
  std::set<std::string> promised_back;  // of those, answered
};

// Opens the database, sends and flushes; stops at the first error, as a producer whose server has gone would.
class Run {
 public:
  Run(SimDisk& disk, ManualClock& clock, Oracle& oracle) : disk_(disk), clock_(clock), oracle_(oracle) {}

  Status open() {
    table_ = nullptr;
    database_.reset();
    TALLY_ASSIGN_OR_RETURN(database_, Database::open(disk_, clock_, kPath, {.table = small_table_options()}));
    Result<Table*> found = database_->table("events");
    if (!found && found.error().code == Code::kNotFound) found = database_->create_table(test_schema());
    TALLY_ASSIGN_OR_RETURN(table_, std::move(found));
    return {};
  }

  Status send(const std::vector<TestRow>& rows) {
    for (const TestRow& row : rows) oracle_.sent.emplace(row.id, row);
    TALLY_ASSIGN_OR_RETURN(BatchResult result,
                           table_->ingest(make_test_batch(*table_->schema(), clock_.wall_us(), rows)));
    if (!result.counts.balanced()) return fail(Code::kInternal, "the answer does not balance");
    if (result.counts.accepted + result.counts.duplicates != rows.size()) {
      return fail(Code::kInternal, "an honest row was neither counted nor a duplicate");
    }
    for (const TestRow& row : rows) oracle_.acknowledged.insert(row.id);
    ++oracle_.acknowledged_batches;
    return {};
  }

  // Every one of them is answered as taken back, as waiting for its event, or as asked before.
  Status retract(const std::vector<std::string>& ids) {
    if (ids.empty()) return {};
    oracle_.asked_back.insert(ids.begin(), ids.end());
    TALLY_ASSIGN_OR_RETURN(RetractResult result, table_->retract({.ids = ids, .by = "sweep", .reason = "fraud"}));
    if (result.unresolved != 0 || result.received != ids.size() ||
        result.retracted + result.waiting + result.repeated != ids.size()) {
      return fail(Code::kInternal, "a verdict has an answer that does not add up");
    }
    oracle_.promised_back.insert(ids.begin(), ids.end());
    return {};
  }

  Status flush() { return table_->flush(); }
  Status close() { return database_->close(); }
  Table& table() { return *table_; }

 private:
  SimDisk& disk_;
  ManualClock& clock_;
  Oracle& oracle_;
  std::unique_ptr<Database> database_;
  Table* table_ = nullptr;
};

std::vector<TestRow> random_rows(Random& random, int batch) {
  std::vector<TestRow> rows;
  for (uint64_t i = 0, count = 1 + random.below(4); i < count; ++i) {
    rows.push_back({.id = "b" + std::to_string(batch) + "-" + std::to_string(i),
                    .age_us = static_cast<TimeUs>(random.below(3)) * kMicrosPerDay,
                    .campaign = "c" + std::to_string(random.below(1 + static_cast<uint64_t>(batch))),
                    .click = static_cast<int64_t>(random.below(2)),
                    .user = random.chance(0.5) ? "u" : "a user whose name is long"});
  }
  return rows;
}

// Of rows that were sent, and the first of the next batch, which was not.
std::vector<std::string> some_ids(Random& random, const std::vector<std::vector<TestRow>>& batches, int batch) {
  std::vector<std::string> ids{"b" + std::to_string(batch + 1) + "-0"};
  for (int i = 0; i < 2; ++i) {
    const std::vector<TestRow>& rows = batches[random.below(batches.size())];
    const std::string& id = rows[random.below(rows.size())].id;
    if (id != ids.back()) ids.push_back(id);
  }
  return ids;
}

Status scenario(Run& run, uint64_t seed) {
  Random random(seed);
  std::vector<std::vector<TestRow>> batches;
  TALLY_TRY(run.open());
  for (int i = 0; i < 8; ++i) {
    if (!batches.empty() && random.chance(0.25)) TALLY_TRY(run.send(batches[random.below(batches.size())]));
    batches.push_back(random_rows(random, i));
    TALLY_TRY(run.send(batches.back()));
    if (i % 2 == 1) TALLY_TRY(run.retract(some_ids(random, batches, i)));
    if (i == 2 || i == 5) TALLY_TRY(run.flush());
    if (i == 3) {
      TALLY_TRY(run.close());
      TALLY_TRY(run.open());
    }
  }
  return run.close();
}

std::string describe(const Status& status) { return status ? "success" : status.error().to_string(); }

// Compares what stands there with the oracle; empty if all is well.
std::string compare(Table& table, const Oracle& oracle, bool everything_sent) {
  Result<std::shared_ptr<const Snapshot>> snapshot = table.snapshot();
  if (!snapshot) return "snapshot: " + snapshot.error().to_string();
  Result<std::vector<StoredRow>> rows = stored_rows(**snapshot);
  if (!rows) return "scan: " + rows.error().to_string();
  std::map<std::string, int> events, taken_back;
  for (const StoredRow& row : *rows) {
    auto sent = oracle.sent.find(row.id);
    if (sent == oracle.sent.end()) return "id " + row.id + " was never sent";
    const TestRow& expected = sent->second;
    if (row.campaign != expected.campaign || row.click != expected.click || row.user != expected.user) {
      return "id " + row.id + " has other values than were sent";
    }
    if (row.kind == RowKind::kEvent && ++events[row.id] > 1) return "id " + row.id + " is counted twice";
    if (row.kind != RowKind::kRetraction) continue;
    if (!oracle.asked_back.contains(row.id)) return "id " + row.id + " is taken back, and nobody asked";
    if (++taken_back[row.id] > 1) return "id " + row.id + " is taken back twice";
  }
  for (const std::string& id : oracle.acknowledged) {
    if (!events.contains(id)) return "id " + id + " was acknowledged and is lost";
  }
  if (everything_sent && events.size() != oracle.sent.size()) return "an id sent again is not there";
  for (const std::string& id : everything_sent ? oracle.asked_back : oracle.promised_back) {
    if (events.contains(id) && !taken_back.contains(id)) return "id " + id + " is counted and was to be taken back";
  }
  const Ledger ledger = table.stats().ledger;
  if (ledger.retracted != taken_back.size()) return "the ledger has another number of retractions than the rows";
  if (!ledger.balanced()) return "the ledger does not balance";
  if (ledger.accepted != events.size()) {
    return "the ledger says " + std::to_string(ledger.accepted) + " accepted, the rows " +
           std::to_string(events.size());
  }
  return {};
}

std::string verify_and_continue(SimDisk& disk, ManualClock& clock, Oracle oracle) {
  Run run(disk, clock, oracle);
  if (Status opened = run.open(); !opened) return "open: " + describe(opened);
  if (std::string wrong = compare(run.table(), oracle, false); !wrong.empty()) return "after the crash: " + wrong;
  std::vector<TestRow> again;
  for (const auto& [id, row] : oracle.sent) again.push_back(row);
  if (!again.empty()) {
    if (Status sent = run.send(again); !sent) return "resend: " + describe(sent);
  }
  if (Status asked = run.retract({oracle.asked_back.begin(), oracle.asked_back.end()}); !asked) {
    return "asked to take back again: " + describe(asked);
  }
  if (std::string wrong = compare(run.table(), oracle, true); !wrong.empty()) return "after the resend: " + wrong;
  if (Status closed = run.close(); !closed) return "close: " + describe(closed);
  if (Status opened = run.open(); !opened) return "open again: " + describe(opened);
  if (std::string wrong = compare(run.table(), oracle, true); !wrong.empty()) return "after a restart: " + wrong;
  return {};
}

// The power fails again while the database recovers: the second start must do as well as the first would have.
std::string crash_in_recovery(const SimDisk& after, ManualClock& clock, const Oracle& oracle, Random& random) {
  std::unique_ptr<SimDisk> disk = after.after_crash(Fate::kKeepAll, 1);
  const uint64_t cut = 1 + random.below(40);
  const Fate fate = kAllFates[random.below(kAllFates.size())];
  const uint64_t fate_seed = random.next();
  disk->crash_at(cut);
  Oracle scratch = oracle;
  {
    Run run(*disk, clock, scratch);
    (void)run.open();
  }
  disk->crash(fate, fate_seed);
  std::string wrong = verify_and_continue(*disk, clock, oracle);
  if (wrong.empty()) return wrong;
  return wrong + " [cut again in recovery at change " + std::to_string(cut) + ", " + std::string(fate_name(fate)) + "]";
}

struct Attempt {
  SeededRandomScope random;
  SimDisk disk;
  ManualClock clock;
  Oracle oracle;
  Status ended;

  explicit Attempt(uint64_t seed) : random(seed), disk(seed) {}
  void run(uint64_t seed) {
    Run run(disk, clock, oracle);
    ended = scenario(run, seed);
  }
};

std::string place(uint64_t seed, uint64_t n, std::string_view what) {
  return " [seed " + std::to_string(seed) + ", change " + std::to_string(n) + ", " + std::string(what) + "]";
}

}  // namespace

TableSweepResult sweep_table(const TableSweepOptions& options) {
  TableSweepResult result;
  for (uint64_t n = options.first; result.crash_points < options.points_max && !options.stop(); n += options.stride) {
    Attempt attempt(options.seed);
    if (Status made = init_database(attempt.disk, kPath); !made) {
      result.failure = "init: " + describe(made);
      return result;
    }
    attempt.disk.crash_at(n);
    attempt.run(options.seed);
    if (!attempt.disk.crashed()) {
      if (!attempt.ended) result.failure = describe(attempt.ended) + place(options.seed, n, "no crash");
      return result;
    }
    ++result.crash_points;
    Random random(options.seed * 1'000'003 + n);
    for (Fate fate : kAllFates) {
      std::unique_ptr<SimDisk> after = attempt.disk.after_crash(fate, n);
      ManualClock clock(attempt.clock.wall_us() + kMicrosPerMinute);
      std::string wrong = crash_in_recovery(*after, clock, attempt.oracle, random);
      if (wrong.empty()) wrong = verify_and_continue(*after, clock, attempt.oracle);
      result.states += 2;
      if (!wrong.empty()) {
        result.failure = wrong + place(options.seed, n, fate_name(fate));
        return result;
      }
    }
  }
  return result;
}

TableSweepResult sweep_table_errors(const TableSweepOptions& options) {
  TableSweepResult result;
  for (const FaultEffect effect : {FaultEffect::kIoError, FaultEffect::kNoSpace}) {
    for (const bool persistent : {false, true}) {
      for (uint64_t n = options.first; result.crash_points < options.points_max && !options.stop();
           n += options.stride) {
        Attempt attempt(options.seed);
        if (Status made = init_database(attempt.disk, kPath); !made) {
          result.failure = "init: " + describe(made);
          return result;
        }
        attempt.disk.inject({.effect = effect, .nth = n, .persistent = persistent});
        attempt.run(options.seed);
        if (attempt.disk.faults_fired() == 0) break;
        ++result.crash_points;
        ++result.states;
        attempt.disk.clear_faults();
        attempt.disk.crash(Fate::kDropUnsynced, n);
        std::string wrong = verify_and_continue(attempt.disk, attempt.clock, attempt.oracle);
        if (!wrong.empty()) {
          const std::string what = std::string(effect == FaultEffect::kIoError ? "EIO" : "ENOSPC") +
                                   (persistent ? " for ever" : " once") +
                                   ", scenario ended: " + describe(attempt.ended);
          result.failure = wrong + place(options.seed, n, what);
          return result;
        }
      }
    }
  }
  return result;
}

}  // namespace tally
