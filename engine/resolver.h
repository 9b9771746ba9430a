// Finds the originals of verdicts in raw, in bulk and in the order of the segments, and has them logged with their values
// (architecture.md, Apply 5): RETRACT records. Verdicts that gather while one look-up runs are looked up together by the next.
//
// What success promises: every verdict that was asked about is settled, or waits for an event that has not come; all of it is
// durable and visible.
// A RETRACT record holds originals of one version of the schema, so that what takes a row back counts as the row did.
//
// Errors: kIndeterminate with what reading raw or logging answered. The verdicts wait as before, and the next look-up, at the next
// request or start, takes them along.
// Threads: one look-up at a time; what it is given to call may run anywhere.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "engine/retraction_work.h"
#include "engine/snapshot.h"
#include "engine/table.h"

namespace tally {

// One request, or what a crash left of some.
struct ResolveJob {
  std::shared_ptr<VerdictWork> work = nullptr;
  std::vector<Retraction> left = {};
  std::function<void(Result<RetractResult>)> done = nullptr;
};

class Resolver {
 public:
  struct Config {
    const IdHasher* hasher = nullptr;
    uint32_t shards = 1;
    std::function<Result<std::shared_ptr<const Snapshot>>()> snapshot;
    // Ready when every shard has applied it. One at a time: the next is made meanwhile.
    std::function<std::future<Status>(std::shared_ptr<SettlementWork>)> log;
    std::function<bool()> stopping;  // the table is being closed: give up
  };
  explicit Resolver(Config config) : config_(std::move(config)) {}

  // Answers each of them.
  void resolve(std::vector<ResolveJob> jobs);

 private:
  struct Asked;
  struct Found;
  void answer(std::vector<ResolveJob>& jobs, const Result<std::shared_ptr<SettlementWork>>& last);
  Result<std::shared_ptr<SettlementWork>> look_up(const std::vector<ResolveJob>& jobs);
  Status find(const Snapshot& snapshot, std::vector<Asked>& asked, Found& found);
  Status log_rows(const Snapshot& snapshot, const Schema& schema, SettlementBuilder& rows);
  Status log(std::shared_ptr<SettlementWork> work);
  Status wait_for_logged();
  Result<std::shared_ptr<SettlementWork>> prepare(const Snapshot& snapshot, const Schema& schema,
                                                  SettlementBuilder& rows, Lsn resolved_lsn);

  const Config config_;
  std::future<Status> logging_;         // of the record on its way, if there is one
  std::vector<ResolveJob> unfinished_;  // of look-ups that failed, their callers answered
};

}  // namespace tally
