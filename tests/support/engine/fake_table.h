// A table that answers as a test tells it to, for the code that feeds tables: it counts rows, keeps what it was sent, and
// can fail any batch. Answers come inside ingest_async(), or when the test releases them.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/table.h"

namespace tally {

class FakeTable : public Table {
 public:
  explicit FakeTable(Schema schema);

  // Decides a batch: rows of it are given; an error fails it. Default: every row is accepted.
  using Answer = std::function<Result<BatchResult>(const IngestBatch& batch, uint32_t rows)>;
  Answer answer;
  bool hold = false;           // answers wait for release()
  void release(size_t index);  // of the answers held, by age

  uint64_t rows = 0;                  // acknowledged
  uint64_t batches = 0;               // received
  std::vector<RejectedRow> rejected;  // acknowledged
  std::vector<bool> replays;

  const std::string& name() const override { return schema_->table_name; }
  std::shared_ptr<const Schema> schema() const override { return schema_; }
  void ingest_async(IngestBatch batch, Done done) override;
  void retract_async(const RetractRequest&, std::function<void(Result<RetractResult>)> done) override {
    done(fail(Code::kUnsupported, "a fake table takes nothing back"));
  }
  Result<std::shared_ptr<const Snapshot>> snapshot() override;
  Status prepare_writes() override { return {}; }
  Status alter(Schema) override { return fail(Code::kUnsupported, "a fake table does not change"); }
  Status flush() override { return {}; }
  Status run_background() override { return {}; }
  Status close() override { return {}; }
  Stats stats() const override { return {}; }

  // The answer for `rows` accepted rows beside the rejected ones of the batch.
  static BatchResult accepted(const IngestBatch& batch, uint32_t rows);

 private:
  std::shared_ptr<const Schema> schema_;
  std::deque<std::function<void()>> held_;
};

}  // namespace tally
