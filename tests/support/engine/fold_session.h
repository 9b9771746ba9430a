// Inside of fold_run.h: what a run knows and the operations it is made of. The operations stand in fold_run.cc, changes of the
// schema in fold_alters.cc, power failures and looking in fold_checks.cc.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "engine/database.h"
#include "tests/support/engine/fold_questions.h"
#include "tests/support/engine/fold_run.h"
#include "tests/support/engine/fold_shadow.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"

namespace tally::folds {

using model::RunOptions;
using model::RunResult;

class Run {
 public:
  explicit Run(const RunOptions& options);
  RunResult run();

 private:
  using Action = void (Run::*)(Random&);
  struct Operation {
    std::string_view name;
    unsigned weight;
    Action act;
  };
  static std::span<const Operation> operations();

  // What a call that was cut off may have left in the table.
  struct Doubt {
    std::optional<std::vector<Row>> batch;
    std::optional<Row> taken_back;
    std::optional<Schema> schema;
  };
  // A row as it was sent, for sending it again.
  struct Sent {
    Row row;
    TimeUs arrival_us = 0;
  };

  // --- the operations ---
  void send_rows(Random& random);
  void send_history(Random& random);
  void take_back(Random& random);
  void flush(Random& random);
  void run_background(Random& random);
  void pass_little(Random& random);
  void pass_day(Random& random);
  void pass_days(Random& random);
  void jump_clock(Random& random);
  void add_dimension(Random& random);
  void drop_dimension(Random& random);
  void add_measure(Random& random);
  void drop_measure(Random& random);
  void add_rollup(Random& random);
  void drop_rollup(Random& random);
  void set_retention(Random& random);
  void set_grace(Random& random);
  void restart(Random& random);
  void kill(Random& random);
  void cut_power(Random& random);
  void arm_power(Random& random);
  void ask_some(Random& random);
  void hold(Random& random);

  // --- rows ---
  std::optional<Row> make_row(Random& random, bool history);
  Row new_row(Random& random, TimeUs time_us);
  void send(std::vector<Row> rows, bool replay, Random& random);
  void take(std::vector<Row> rows, const BatchResult& answer);
  IngestBatch encode(const Schema& schema, const std::vector<Row>& rows, bool replay) const;
  TimeUs now_us() const { return clock_.wall_us() - jumped_us_; }  // as it is, whatever the wall clock says

  // --- the schema ---
  Schema first_schema();
  Rollup random_rollup(const Schema& schema, Random& random);
  void random_retention(Rollup& rollup, Random& random);
  TimeUs random_raw_retention(Random& random) const;
  Measure random_measure(const Schema& schema, Random& random);
  std::string new_name() { return "n" + std::to_string(next_name_++); }
  void alter(const Result<Schema>& next, Random& random);
  void believe_schema(const Schema& next);

  // --- calls and their checks ---
  bool interrupted(const Doubt& doubt, Random& random);
  void recover(const Doubt& doubt, Random& random);
  void settle_doubt(const Doubt& doubt);
  void settle_batch(std::vector<Row> rows, const Snapshot& snapshot);
  Status open(uint32_t shards);
  void drop();
  void reopen(Random& random);
  void end_jump();
  std::shared_ptr<const Snapshot> look();  // nullptr: it failed
  void ask(const Snapshot& snapshot, Random& random);
  void check_missing(const ManifestState& state, const Question& question, const Cover& cover);
  void check_files();
  void note_progress();
  void fail(std::string what) {
    if (result_.failure.empty()) result_.failure = std::move(what);
  }
  void fail(std::string_view doing, const Error& error) { fail(std::string(doing) + ": " + error.to_string()); }
  bool failed() const { return !result_.failure.empty(); }
  void note(std::string text) {
    if (options_.trace) result_.trace.push_back(std::to_string(action_) + " " + std::move(text));
  }

  const RunOptions options_;
  SeededRandomScope seeded_;
  Random random_;
  SimDisk disk_;
  ManualClock clock_;
  TimeUs jumped_us_ = 0;
  TimeUs within_us_ = 0;
  TableOptions table_options_;
  std::unique_ptr<Database> database_;
  Table* table_ = nullptr;
  Shadow shadow_;
  Ledger ledger_;                    // believed
  std::map<uint32_t, Row> counted_;  // by id: events that were not taken back
  std::vector<Sent> sent_;
  std::map<std::pair<uint32_t, Tier>, TimeUs>
      shortest_;                        // by rollup and tier: the shortest retention ever in force; raw: 0
  std::map<uint32_t, uint32_t> since_;  // by rollup: the version that declared it
  uint32_t version_ = 1;
  TimeUs grace_us_ = 0;
  TimeUs newest_us_ = 0;   // event time among accepted rows
  Lsn known_lsn_ = 0;      // before the batch that was sent last
  BackgroundStats stats_;  // of this process, seen last
  std::shared_ptr<const Snapshot> held_;
  std::optional<Question> held_question_;
  Groups held_answer_;
  uint32_t next_id_ = 1;
  uint32_t next_name_ = 0;
  uint64_t rows_max_;
  std::vector<unsigned> weights_;
  uint64_t action_ = 0;
  RunResult result_;
};

inline TimeUs up_to(Random& random, TimeUs limit) {
  return limit <= 0 ? 0 : static_cast<TimeUs>(random.below(static_cast<uint64_t>(limit)));
}

}  // namespace tally::folds
