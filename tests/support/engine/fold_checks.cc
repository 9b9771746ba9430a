#include <algorithm>

#include "engine/check.h"
#include "engine/rollup_shape.h"
#include "tests/support/engine/fold_session.h"

namespace tally::folds {
namespace {

constexpr const char* kPath = "/db";
constexpr const char* kTablePath = "/db/tables/events";

std::string to_string(const Ledger& ledger) {
  return std::to_string(ledger.received) + " received, " + std::to_string(ledger.accepted) + " accepted, " +
         std::to_string(ledger.duplicates) + " duplicates, " + std::to_string(ledger.conflicts) + " conflicts, " +
         std::to_string(ledger.too_late) + " too late, " + std::to_string(ledger.rejected) + " rejected, " +
         std::to_string(ledger.retracted) + " retracted";
}

bool same_counts(const Ledger& a, const Ledger& b) {
  return a.received == b.received && a.accepted == b.accepted && a.duplicates == b.duplicates &&
         a.conflicts == b.conflicts && a.too_late == b.too_late && a.rejected == b.rejected &&
         a.retracted == b.retracted;
}

// Whether a bound of a question lies within a day and within a bucket of the tier.
bool cuts(TimeUs bound, Tier tier, TimeUs day_begin_us) {
  return bound > day_begin_us && bound < day_begin_us + kMicrosPerDay && bound % tier_us(tier) != 0;
}

}  // namespace

// --- opening ------------------------------------------------------------------------------------------------------------

Status Run::open(uint32_t shards) {
  drop();
  table_options_.shards = shards;
  TALLY_ASSIGN_OR_RETURN(database_, Database::open(disk_, clock_, kPath, {.table = table_options_}));
  Result<Table*> found = database_->table("events");
  if (!found && found.error().code == Code::kNotFound && shadow_.measures().empty()) {
    found = database_->create_table(first_schema());
    if (found) {
      shadow_.begin(*(*found)->schema());
      believe_schema(*(*found)->schema());
    }
  }
  TALLY_ASSIGN_OR_RETURN(table_, std::move(found));
  stats_ = {};
  return table_->prepare_writes();
}

void Run::drop() {
  held_ = nullptr;
  table_ = nullptr;
  database_.reset();
}

void Run::reopen(Random& random) {
  const Status opened = open(static_cast<uint32_t>(random.between(1, 3)));
  if (interrupted({}, random)) return;
  if (!opened) fail("open", opened.error());
}

// The clock that a new process finds is the one it believes: a jump ends before it.
void Run::restart(Random& random) {
  if (jumped_us_ != 0) end_jump();
  held_ = nullptr;
  const Status closed = database_->close();
  if (interrupted({}, random)) return;
  if (!closed) return fail("close", closed.error());
  reopen(random);
}

void Run::kill(Random& random) {
  if (jumped_us_ != 0) end_jump();
  held_ = nullptr;
  disk_.kill_process();
  reopen(random);
}

void Run::cut_power(Random& random) { recover({}, random); }

// --- power failures -----------------------------------------------------------------------------------------------------

bool Run::interrupted(const Doubt& doubt, Random& random) {
  if (failed()) return true;
  if (!disk_.crashed()) return false;
  recover(doubt, random);
  return true;
}

void Run::recover(const Doubt& doubt, Random& random) {
  if (jumped_us_ != 0) end_jump();
  Status opened;
  do {
    ++result_.power_failures;
    const Fate fate = kAllFates[random.below(kAllFates.size())];
    note("power failure: " + std::string(fate_name(fate)));
    drop();
    disk_.crash(fate, random.next());
    clock_.reboot(up_to(random, 10 * kMicrosPerMinute));
    if (random.chance(0.3)) disk_.crash_at(random.between(1, 40));
    opened = open(static_cast<uint32_t>(random.between(1, 3)));
  } while (disk_.crashed());
  if (!opened) return fail("open after a power failure", opened.error());
  settle_doubt(doubt);
  if (!failed()) (void)look();
}

// All of what the cut-off call was to log is there, or nothing of it.
void Run::settle_doubt(const Doubt& doubt) {
  if (doubt.schema && table_->schema()->version == doubt.schema->version) believe_schema(*doubt.schema);
  const auto snapshot = table_->snapshot();
  if (!snapshot) return fail("snapshot", snapshot.error());
  const Ledger ledger = (*snapshot)->ledger();
  if (doubt.taken_back && ledger.retracted == ledger_.retracted + 1) {
    shadow_.add(*doubt.taken_back);
    ++ledger_.retracted;
  }
  if (doubt.batch && ledger.received == ledger_.received + doubt.batch->size()) {
    settle_batch(*doubt.batch, **snapshot);
    ledger_ = ledger;
  }
}

// What was decided of a batch that nobody was told of, as its rows say.
void Run::settle_batch(std::vector<Row> rows, const Snapshot& snapshot) {
  std::map<std::string, RowKind> kinds;
  ScanSpec spec;
  spec.columns.ids = spec.columns.lsns = true;
  spec.source.above = known_lsn_;
  const auto scan = snapshot.scan(spec);
  while (true) {
    const auto block = scan->next();
    if (!block) return fail("scan", block.error());
    if (*block == nullptr) break;
    for (uint32_t row = 0; row < (*block)->rows; ++row) {
      const auto selected = (*block)->selected;
      if (!selected.empty() && (selected[row / 64] >> row % 64 & 1) == 0) continue;
      if ((*block)->lsns[row] <= known_lsn_) continue;
      kinds[format_id((*block)->id_kinds[row], (*block)->ids[row])] = (*block)->kinds[row];
    }
  }
  shadow_.settle_values(rows);
  size_t found = 0;
  for (Row& row : rows) {
    const auto kind = kinds.find("e" + std::to_string(row.id));
    if (kind == kinds.end()) continue;
    ++found;
    row.kind = kind->second;
    shadow_.add(row);
    if (row.kind != RowKind::kEvent) continue;
    counted_[row.id] = row;
    newest_us_ = std::max(newest_us_, row.time_us);
  }
  if (found != kinds.size()) fail("a batch in doubt has left rows that were not in it");
}

// --- looking ------------------------------------------------------------------------------------------------------------

std::shared_ptr<const Snapshot> Run::look() {
  const auto snapshot = table_->snapshot();
  if (!snapshot) {
    fail("snapshot", snapshot.error());
    return nullptr;
  }
  if (!same_counts((*snapshot)->ledger(), ledger_)) {
    fail("the ledger says " + to_string((*snapshot)->ledger()) + " instead of " + to_string(ledger_));
    return nullptr;
  }
  if ((*snapshot)->schema().version != version_) {
    fail("another version of the schema");
    return nullptr;
  }
  note_progress();
  return *snapshot;
}

void Run::note_progress() {
  const BackgroundStats stats = table_->stats().background;
  if (!stats.stopped.empty()) return fail("the background has stopped: " + stats.stopped);
  auto add = [&](const char* what, uint64_t now, uint64_t before) {
    result_.counted[what] += now - std::min(now, before);
  };
  add("folds", stats.folds, stats_.folds);
  add("joins", stats.joins, stats_.joins);
  add("drops", stats.drops, stats_.drops);
  stats_ = stats;
}

void Run::ask_some(Random& random) {
  const auto snapshot = look();
  for (uint64_t left = random.between(1, 3); left > 0 && !failed(); --left) ask(*snapshot, random);
}

void Run::ask(const Snapshot& snapshot, Random& random) {
  const ManifestState& state = snapshot.manifest();
  Cover cover;
  Question question = random_question(state, shadow_, now_us(), random);
  const Cover whole = make_cover(state, {question.rollup_id, question.coarsest, question.from, question.to});
  check_missing(state, question, whole);
  const std::optional<Question> complete = where_complete(state, question, cover);
  if (!complete || failed()) return;
  const Result<Groups> got = folds::ask(snapshot, shadow_, *complete, cover);
  if (disk_.crashed()) return;  // nothing is changed by asking: the next call meets it
  if (!got) return fail("ask", got.error());
  ++result_.counted["questions"];
  const std::string wrong = difference(shadow_, *complete, *got, shadow_.answer(*complete), true);
  if (!wrong.empty()) fail(wrong + " (" + complete->to_string() + ")");
}

// A day may be missing only when every source that the question can be answered from has been kept for as long as it says. Raw goes by arrival, and
// a rollup that came later has nothing of days of which raw had gone.
void Run::check_missing(const ManifestState& state, const Question& question, const Cover& cover) {
  if (!cover.last_missing_day) return;
  const TimeUs begin_us = TimeUs{*cover.last_missing_day} * kMicrosPerDay;
  const bool raw_gone = begin_us <= now_us() - shortest_.at({0, Tier::kRaw});
  bool gone = raw_gone;
  const Rollup& rollup = *state.schema()->find_rollup(question.rollup_id);
  for (Tier tier : kept_tiers(rollup)) {
    if (tier > question.coarsest || cuts(question.from, tier, begin_us) || cuts(question.to, tier, begin_us)) continue;
    const TimeUs kept_us = shortest_.at({rollup.id, tier});
    const bool had_its_time = begin_us + kMicrosPerDay <= std::min(now_us(), newest_us_) - kept_us;
    gone = gone && (had_its_time || since_.at(rollup.id) > 1);
  }
  if (!gone)
    fail("a day is missing that should be kept: " + std::to_string(*cover.last_missing_day) + " (" +
         question.to_string() + ")");
}

// A snapshot shows the same for as long as somebody holds it, whatever happens to the table.
void Run::hold(Random& random) {
  if (held_ != nullptr && version_ == held_->schema().version) {
    Cover cover;
    if (where_complete(held_->manifest(), *held_question_, cover)) {
      const Result<Groups> got = folds::ask(*held_, shadow_, *held_question_, cover);
      if (disk_.crashed()) return;
      if (!got) return fail("ask a held snapshot", got.error());
      const std::string wrong = difference(shadow_, *held_question_, *got, held_answer_, true);
      if (!wrong.empty()) return fail("a snapshot has changed: " + wrong);
    }
  }
  held_ = nullptr;
  if (random.chance(0.3)) return;
  const auto snapshot = look();
  if (snapshot == nullptr) return;
  Cover cover;
  held_question_ =
      where_complete(snapshot->manifest(), random_question(snapshot->manifest(), shadow_, now_us(), random), cover);
  if (!held_question_) return;
  held_ = snapshot;
  held_answer_ = shadow_.answer(*held_question_);
}

// The end of a run: everything is folded and closed, and every file is what it says.
void Run::check_files() {
  disk_.crash_at(0);
  if (jumped_us_ != 0) end_jump();
  Random random(options_.seed);
  if (const Status done = table_->run_background(); !done) return fail("background", done.error());
  for (int left = 4; left > 0 && !failed(); --left) ask_some(random);
  if (failed()) return;
  held_ = nullptr;
  if (const Status closed = database_->close(); !closed) return fail("close", closed.error());
  drop();
  if (options_.seed % 4 != 0) return;
  const TableCheck report = check_table(disk_, clock_, "events", kTablePath);
  ++result_.counted["databases checked"];
  if (!report.problems.empty()) fail("check: " + report.problems.front());
}

}  // namespace tally::folds
