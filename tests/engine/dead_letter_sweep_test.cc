// Power failure at every change of the life of a table's dead letters: around flushes that write them, join them and drop them,
// and around their replay. Outside the disk stands what was answered: an acknowledged letter is there, once, with its reason;
// an acknowledged replay is marked and counted; what was never acknowledged is there whole or not at all; and nothing can be
// replayed twice.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "base/checksum.h"
#include "base/random.h"
#include "engine/batch_rows.h"
#include "engine/check.h"
#include "engine/database.h"
#include "tests/support/engine/test_rows.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seed.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr const char* kPath = "/db";
constexpr TimeUs kTooOld = 80 * kMicrosPerHour;

struct Oracle {
  std::map<LetterId, std::string> letters;  // acknowledged: their ids or texts
  std::set<LetterId> replayed;              // acknowledged
};

struct Letter {
  std::string what;
  Lsn replayed_lsn = 0;
};

class Life {
 public:
  Life(SimDisk& disk, ManualClock& clock, Oracle& oracle) : disk_(disk), clock_(clock), oracle_(oracle) {}

  Status open() {
    table_ = nullptr;
    database_.reset();
    TableOptions options = small_table_options();
    options.letter_retention_us = 8 * kMicrosPerDay;
    TALLY_ASSIGN_OR_RETURN(database_, Database::open(disk_, clock_, kPath, {.table = options}));
    Result<Table*> found = database_->table("events");
    if (!found && found.error().code == Code::kNotFound) found = database_->create_table(test_schema());
    TALLY_ASSIGN_OR_RETURN(table_, std::move(found));
    return {};
  }

  // One row that is taken, one too late, one invalid.
  Status send(const std::string& name) {
    IngestBatch batch =
        make_test_batch(*table_->schema(), clock_.wall_us(), {{.id = name}, {.id = name + "-late", .age_us = kTooOld}});
    batch.rejected = {{.source_row = 9, .code = "bad_row", .message = "", .raw = name + "-raw"}};
    TALLY_ASSIGN_OR_RETURN(BatchResult result, table_->ingest(std::move(batch)));
    oracle_.letters[{result.lsn, 1}] = name + "-late";
    oracle_.letters[{result.lsn, 2}] = name + "-raw";
    return {};
  }

  // The oldest open letter of a refused row that was acknowledged; kNotFound: there is none.
  Status replay_one() {
    TALLY_ASSIGN_OR_RETURN(auto view, table_->dead_letters());
    while (true) {
      TALLY_ASSIGN_OR_RETURN(const LetterBundle* bundle, view->next());
      if (bundle == nullptr) return fail(Code::kNotFound, "no open letter");
      const LetterId id{bundle->lsn, bundle->letters[0].row};
      if (!bundle->has_rows() || view->replayed_lsn(id) != 0 || !oracle_.letters.contains(id)) continue;
      IngestBatch batch;
      batch.payload = bundle->payload;
      batch.payload_xxh3 = bundle->payload_xxh3;
      batch.replay = true;
      batch.replays = {id};
      TALLY_ASSIGN_OR_RETURN(BatchResult result, table_->ingest(std::move(batch)));
      if (result.counts.accepted != 1) return fail(Code::kInternal, "a replayed row was not accepted");
      oracle_.replayed.insert(id);
      return {};
    }
  }

  Result<std::map<LetterId, Letter>> letters() {
    std::map<LetterId, Letter> seen;
    TALLY_ASSIGN_OR_RETURN(auto view, table_->dead_letters());
    while (true) {
      TALLY_ASSIGN_OR_RETURN(const LetterBundle* bundle, view->next());
      if (bundle == nullptr) return seen;
      std::unique_ptr<PreparedBatch> batch;
      if (bundle->has_rows()) {
        TALLY_ASSIGN_OR_RETURN(
            batch, decode_batch(*table_->schema(), IdHasher(HashKey{}), 1, bundle->payload, bundle->payload_xxh3));
      }
      for (size_t i = 0; i < bundle->letters.size(); ++i) {
        const LetterId id{bundle->lsn, bundle->letters[i].row};
        std::string what = batch ? format_id(batch->id_kinds[i], batch->ids[i]) : bundle->rejected[i].raw;
        if (!seen.emplace(id, Letter{std::move(what), view->replayed_lsn(id)}).second) {
          return fail(Code::kInternal, "letter " + to_string(id) + " stands there twice");
        }
      }
    }
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

Status scenario(Life& life, ManualClock& clock) {
  TALLY_TRY(life.open());
  clock.advance(2 * kMicrosPerHour);
  for (int i = 0; i < 10; ++i) {
    TALLY_TRY(life.send("b" + std::to_string(i)));
    if (i % 3 == 2) TALLY_TRY(life.replay_one());
    TALLY_TRY(life.flush());  // the eighth joins those before it
    if (i == 4) {
      TALLY_TRY(life.replay_one());
      TALLY_TRY(life.close());
      TALLY_TRY(life.open());
    }
  }
  TALLY_TRY(life.send("unflushed"));
  TALLY_TRY(life.replay_one());
  return life.close();
}

std::string describe(const Status& status) { return status ? "success" : status.error().to_string(); }

std::string compare(Life& life, const Oracle& oracle) {
  auto letters = life.letters();
  if (!letters) return "letters: " + letters.error().to_string();
  for (const auto& [id, what] : oracle.letters) {
    auto found = letters->find(id);
    if (found == letters->end()) return "letter " + to_string(id) + " was acknowledged and is lost";
    if (found->second.what != what) return "letter " + to_string(id) + " is another";
    if (oracle.replayed.contains(id) && found->second.replayed_lsn == 0) {
      return "letter " + to_string(id) + " has lost its mark";
    }
  }
  auto snapshot = life.table().snapshot();
  if (!snapshot) return "snapshot: " + snapshot.error().to_string();
  auto rows = stored_rows(**snapshot);
  if (!rows) return "scan: " + rows.error().to_string();
  std::map<std::string, int> events;
  for (const StoredRow& row : *rows) events[row.id] += row.kind == RowKind::kEvent;
  for (const auto& [id, letter] : *letters) {
    const int counted = events.contains(letter.what) ? events.at(letter.what) : 0;
    if (counted != (letter.replayed_lsn != 0 ? 1 : 0)) {
      return "letter " + to_string(id) + " is counted " + std::to_string(counted) + " times, its replay is " +
             std::to_string(letter.replayed_lsn);
    }
  }
  const Ledger ledger = life.table().stats().ledger;
  if (!ledger.balanced()) return "the ledger does not balance";
  if (ledger.too_late + ledger.rejected != letters->size()) {
    return "the ledger refused " + std::to_string(ledger.too_late + ledger.rejected) + " rows, and there are " +
           std::to_string(letters->size()) + " letters";
  }
  return {};
}

// Whatever is marked is refused, whatever is open goes in once.
std::string replay_everything(Life& life) {
  auto letters = life.letters();
  if (!letters) return "letters: " + letters.error().to_string();
  for (const auto& [id, letter] : *letters) {
    IngestBatch batch = make_test_batch(*life.table().schema(), 0, {});
    batch.replays = {id};
    auto answer = life.table().ingest(std::move(batch));
    if (answer.has_value() != (letter.replayed_lsn == 0)) {
      return "letter " + to_string(id) + ", replayed at " + std::to_string(letter.replayed_lsn) + ": " +
             (answer ? "taken" : answer.error().to_string());
    }
  }
  return {};
}

std::string check(SimDisk& disk, ManualClock& clock) {
  auto reports = check_database(disk, clock, kPath);
  if (!reports) return "check: " + reports.error().to_string();
  for (const TableCheck& report : *reports) {
    if (!report.problems.empty()) return "check: " + report.problems.front();
  }
  return {};
}

std::string continue_life(SimDisk& disk, ManualClock& clock, Oracle oracle) {
  Life life(disk, clock, oracle);
  if (Status opened = life.open(); !opened) return "open: " + describe(opened);
  if (std::string wrong = compare(life, oracle); !wrong.empty()) return "after the crash: " + wrong;
  if (Status sent = life.send("after"); !sent) return "send: " + describe(sent);
  if (Status replayed = life.replay_one(); !replayed) return "replay: " + describe(replayed);
  if (Status closed = life.close(); !closed) return "close: " + describe(closed);
  if (Status opened = life.open(); !opened) return "open again: " + describe(opened);
  if (std::string wrong = compare(life, oracle); !wrong.empty()) return "after a restart: " + wrong;
  if (std::string wrong = replay_everything(life); !wrong.empty()) return wrong;
  if (Status closed = life.close(); !closed) return "close again: " + describe(closed);
  return {};
}

std::string verify_and_continue(SimDisk& disk, ManualClock& clock, const Oracle& oracle) {
  std::string wrong = continue_life(disk, clock, oracle);
  return wrong.empty() ? check(disk, clock) : wrong;
}

}  // namespace

TEST_CASE("dead letters: power failure at every change around flushes and replays") {
  const uint64_t seed = test_seed(1);
  CAPTURE(seed);
  uint64_t points = 0;
  for (uint64_t n = 1;; ++n) {
    SeededRandomScope random(seed);
    SimDisk disk(seed);
    ManualClock clock;
    Oracle oracle;
    REQUIRE(init_database(disk, kPath).has_value());
    disk.crash_at(n);
    Status ended;
    {
      Life life(disk, clock, oracle);
      ended = scenario(life, clock);
    }
    if (!disk.crashed()) {
      CHECK_MESSAGE(ended.has_value(), describe(ended));
      break;
    }
    ++points;
    CAPTURE(n);
    for (Fate fate : kAllFates) {
      CAPTURE(std::string(fate_name(fate)));
      std::unique_ptr<SimDisk> after = disk.after_crash(fate, n);
      ManualClock later(clock.wall_us() + kMicrosPerMinute);
      const std::string wrong = verify_and_continue(*after, later, oracle);
      REQUIRE_MESSAGE(wrong.empty(), wrong);
    }
  }
  MESSAGE("crash points " << points);
  CHECK(points > 200);
}

TEST_CASE("dead letters: every operation of the disk fails once") {
  const uint64_t seed = test_seed(2);
  CAPTURE(seed);
  for (const FaultEffect effect : {FaultEffect::kIoError, FaultEffect::kNoSpace}) {
    for (uint64_t n = 1;; n += 2) {
      SeededRandomScope random(seed);
      SimDisk disk(seed);
      ManualClock clock;
      Oracle oracle;
      REQUIRE(init_database(disk, kPath).has_value());
      disk.inject({.effect = effect, .nth = n});
      {
        Life life(disk, clock, oracle);
        (void)scenario(life, clock);
      }
      if (disk.faults_fired() == 0) break;
      disk.clear_faults();
      disk.crash(Fate::kDropUnsynced, n);
      CAPTURE(n);
      const std::string wrong = verify_and_continue(disk, clock, oracle);
      REQUIRE_MESSAGE(wrong.empty(), wrong);
    }
  }
}
