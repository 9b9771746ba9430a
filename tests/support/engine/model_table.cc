#include "tests/support/engine/model_table.h"

namespace tally::model {
namespace {

constexpr const char* kPath = "/db";

// Of a copy: what else a seed draws stays as it is.
uint32_t random_chunk_rows(Random random) {
  constexpr uint32_t kRows[] = {limits::kChunkRows, 8, 64, 512};
  return kRows[random.below(4)];
}

TableOptions random_options(Random& random) {
  TableOptions options;
  options.threads = false;
  options.shards = static_cast<uint32_t>(random.between(1, 3));
  options.memtable_bytes_max = random.chance(0.5) ? 512 * limits::kMiB : random.between(8, 256) * limits::kKiB;
  options.log_file_bytes = random.chance(0.7) ? 64 * limits::kKiB : 32 * limits::kKiB;
  options.remembered_ids_max = random.chance(0.1) ? random.between(100, 2000) : limits::kRememberedIdsMax;
  options.forget_boottime_us = random.chance(0.7) ? 0 : static_cast<TimeUs>(random.below(3600)) * kMicrosPerSecond;
  options.segment_block_rows = random.chance(0.5) ? limits::kSegmentBlockRows : 2048;
  options.chunk_rows = random_chunk_rows(random);
  return options;
}

}  // namespace

ModelTable::ModelTable(uint64_t seed, Random& random)
    : disk(seed), shape_(make_shape(random)), options_(random_options(random)) {}

Status ModelTable::find_table(bool create) {
  TALLY_ASSIGN_OR_RETURN(database_, Database::open(disk, clock, kPath, {.table = options_}));
  Result<Table*> found = create ? database_->create_table(shape_.schema) : database_->table("events");
  TALLY_ASSIGN_OR_RETURN(table_, std::move(found));
  TALLY_ASSIGN_OR_RETURN(auto recovered, table_->snapshot());
  const TimeUs newest_us = recovered->manifest().newest_arrival_us;
  recovered = nullptr;
  TALLY_TRY(table_->prepare_writes());
  arrival.begin(clock, newest_us);
  return {};
}

Status ModelTable::create() {
  TALLY_TRY(init_database(disk, kPath));
  TALLY_TRY(find_table(true));
  keep_version();
  return {};
}

Status ModelTable::open(uint32_t shards) {
  drop();
  options_.shards = shards;
  return find_table(false);
}

Status ModelTable::close() { return database_->close(); }

void ModelTable::drop() {
  table_ = nullptr;
  database_.reset();
}

Result<BatchResult> ModelTable::send(const Batch& batch, uint64_t spelling) {
  const size_t last = versions_.size() - 1;
  const size_t version = (spelling >> 8) % 4 == 0 ? (spelling >> 16) % versions_.size() : last;
  return table_->ingest(make_batch(*versions_[version], batch, spelling));
}

Result<RetractResult> ModelTable::retract(const std::vector<uint32_t>& ids, uint64_t spelling) {
  RetractRequest request{.ids = {}, .by = "model", .reason = spelling % 2 == 0 ? "fraud" : ""};
  for (uint32_t id : ids) request.ids.push_back(spell_id(id, spelling++));
  return table_->retract(request);
}

std::shared_ptr<const Snapshot> ModelTable::snapshot() {
  Result<std::shared_ptr<const Snapshot>> taken = table_->snapshot();
  if (taken) return *taken;
  wrong = "snapshot: " + taken.error().to_string();
  return nullptr;
}

bool ModelTable::may_forget() const {
  return !arrival.suspended(clock) && arrival.proven(clock, options_.forget_boottime_us);
}

}  // namespace tally::model
