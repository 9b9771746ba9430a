#include "tests/support/engine/fake_table.h"

#include "engine/event_id.h"
#include "engine/snapshot.h"

namespace tally {

namespace {

// Knows which table it is of, and nothing else.
class FakeSnapshot : public Snapshot {
 public:
  explicit FakeSnapshot(std::shared_ptr<const Schema> schema) { state_.schemas.push_back(std::move(schema)); }
  const Schema& schema() const override { return *state_.schema(); }
  Lsn lsn() const override { return 0; }
  Ledger ledger() const override { return {}; }
  const Dictionary& dictionary(size_t) const override { std::abort(); }
  const ManifestState& manifest() const override { return state_; }
  Result<std::shared_ptr<const ScanPlan>> plan(ScanSpec) const override { return fail(Code::kUnsupported, "no rows"); }
  std::unique_ptr<RawScan> scan(ScanSpec) const override { return nullptr; }
  Result<std::vector<Retraction>> retractions() const override { return std::vector<Retraction>(); }
  Result<std::vector<SegmentView>> segments() const override { return std::vector<SegmentView>(); }

 private:
  ManifestState state_;
};

}  // namespace

FakeTable::FakeTable(Schema schema) : schema_(std::make_shared<const Schema>(std::move(schema))) {}

BatchResult FakeTable::accepted(const IngestBatch& batch, uint32_t rows) {
  BatchResult result;
  result.counts.accepted = rows;
  result.counts.rejected = batch.rejected.size();
  result.counts.received = rows + batch.rejected.size();
  return result;
}

void FakeTable::ingest_async(IngestBatch batch, Done done) {
  ++batches;
  replays.push_back(batch.replay);
  auto prepared = decode_batch(*schema_, IdHasher(HashKey{}), 1, batch.payload, batch.payload_xxh3);
  TALLY_CHECK(prepared.has_value());
  uint32_t count = (*prepared)->rows;
  Result<BatchResult> result = answer ? answer(batch, count) : accepted(batch, count);
  if (result) {
    rows += count;
    rejected.insert(rejected.end(), batch.rejected.begin(), batch.rejected.end());
  }
  auto deliver = [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); };
  if (hold) {
    held_.push_back(std::move(deliver));
  } else {
    deliver();
  }
}

void FakeTable::release(size_t index) {
  auto deliver = std::move(held_[index]);
  held_.erase(held_.begin() + static_cast<long>(index));
  deliver();
}

Result<std::shared_ptr<const Snapshot>> FakeTable::snapshot() { return std::make_shared<FakeSnapshot>(schema_); }

}  // namespace tally
