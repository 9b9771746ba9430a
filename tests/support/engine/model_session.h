// Inside of model_run.h: what a run knows, the operations it is made of, and the calls with their checks. The operations stand in
// model_run.cc, the checks in model_checks.cc.
#pragma once

#include <optional>
#include <span>

#include "tests/support/engine/model_run.h"
#include "tests/support/engine/model_table.h"

namespace tally::model {

inline TimeUs up_to(Random& random, TimeUs limit) {
  return limit <= 0 ? 0 : static_cast<TimeUs>(random.below(static_cast<uint64_t>(limit)));
}
inline TimeUs about(Random& random) { return static_cast<TimeUs>(random.below(3)) - 1; }

// How a row comes to be. Runs weigh them differently, so that each is at times most of what happens.
enum RowOrigin : uint8_t {
  kOnTime,
  kAtEdge,  // of lateness or of what is too early, by a microsecond
  kLate,
  kEarly,
  kAtHorizon,
  kAtRetention,
  kRetry,
  kRetryOtherTime,
  kConflict,
  kInBatch,
  kOrigins
};

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

  // What an engine call was about to do when it ended, well or not.
  struct Call {
    TimeUs arrival_us = 0;         // of whatever it logged
    TimeUs last_before_us = 0;     // arrival before it
    const Batch* batch = nullptr;  // that it sent, if any
    uint64_t spelling = 0;
    std::optional<BatchResult> answer;
    const std::vector<uint32_t>* taken_back = nullptr;  // ids that it asked to take back, if any
    bool taken_back_answered = false;
    const std::vector<Rules::Class>* lateness = nullptr;  // classes that it was to set, if any
  };

  // --- the operations ---
  void send_rows(Random& random);
  void replay_rows(Random& random);
  void send_again(Random& random);
  void take_back(Random& random);
  void set_lateness(Random& random);
  void pass_little(Random& random);
  void pass_window(Random& random);
  void pass_windows(Random& random);
  void pass_to_edge(Random& random);
  void jump_clock(Random& random);
  void confirm_clock(Random& random);
  void flush(Random& random);
  void settle(Random& random);
  void restart(Random& random);
  void kill(Random& random);
  void cut_power(Random& random);
  void arm_power(Random& random);
  void look(Random& random);
  void hold(Random& random);

  // --- rows ---
  void random_rows(Random& random, Batch& batch);
  Row make_row(Random& random, const Batch& batch);
  Row new_row(Random& random);
  Row earlier(Random& random) const;
  TimeUs lateness_of(const Row& row) const;

  // --- calls and their checks ---
  void send(Batch batch, Random& random);
  Call begin_call() const;
  bool interrupted(Call& call, Random& random);
  void observe(Call& call);
  bool add_ended(const Call& call, const Snapshot& snapshot, std::vector<Belief::GenerationId>& missing);
  bool decide(Call& call, const Snapshot& snapshot, bool compare_rows);
  bool answered_so(const Call& call, const Decision& decision) const;
  void recover(Call call, Random& random);
  bool present_after_crash(const Call& call, const Snapshot& snapshot);
  void reopen(Random& random);
  void verify();
  bool believe_taken_back(const Call& call, const Snapshot& snapshot);
  void compare_rows(const Snapshot& snapshot, const RowSum& expected, std::string_view what);
  std::string difference(const Snapshot& snapshot) const;
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
  ModelTable table_;
  Belief belief_;
  std::shared_ptr<const Snapshot> seen_;  // whose manifest was compared last
  std::shared_ptr<const Snapshot> held_;
  RowSum held_sum_;
  std::vector<Row> sent_;
  std::vector<Batch> batches_;
  uint32_t next_id_ = 1;
  uint64_t rows_max_;
  unsigned origin_weights_[kOrigins] = {};
  std::vector<unsigned> weights_;
  uint64_t action_ = 0;
  // Recovery may have settled retractions, in a record of its own: the newest arrival is then one of these two or between.
  std::optional<TimeUs> certain_last_us_;
  Decision before_, after_, between_;
  RunResult result_;
};

}  // namespace tally::model
