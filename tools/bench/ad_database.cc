#include "tools/bench/ad_database.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "base/checksum.h"
#include "base/file_names.h"
#include "base/random.h"
#include "engine/work_queue.h"
#include "query/query.h"

namespace tally {

namespace {

void remove_tree(FileSystem& fs, const std::string& path) {
  auto files = fs.list(path);
  if (!files) return;
  for (const FileInfo& file : *files) {
    const std::string child = join_path(path, file.name);
    if (file.is_directory) {
      remove_tree(fs, child);
    } else {
      (void)fs.unlink(child);
    }
  }
  (void)fs.remove_directory(path);
}

}  // namespace

[[noreturn]] void stop_bench(const std::string& what, const Error& error) {
  std::fprintf(stderr, "bench: %s: %s\n", what.c_str(), error.to_string().c_str());
  std::exit(1);
}

AdDatabase::AdDatabase(const std::string& parent, const std::string& keep, const TableOptions& table)
    : fs_(make_posix_file_system()),
      directory_(keep.empty() ? join_path(parent, "tally-bench-" + hex(random_uuid())) : keep),
      table_options_(table),
      keep_(!keep.empty()) {
  if (keep_ && fs_->list(directory_)) {
    made_ = false;
    open();
    return;
  }
  need(init_database(*fs_, directory_), "init");
  open();
  QueryEngine engine(*database_);
  if (auto made = engine.run(kAdEventsSql, {}); !made) stop_bench("create table", made.error().error);
  table_ = need(database_->table(kAdEventsTable), "table");
}

AdDatabase::~AdDatabase() {
  if (keep_ && database_ != nullptr) need(database_->close(), "close");
  database_.reset();
  if (!keep_) remove_tree(*fs_, directory_);
}

void AdDatabase::open() {
  database_ = need(Database::open(*fs_, system_clock(), directory_, {.table = table_options_}), "open");
  if (auto found = database_->table(kAdEventsTable)) table_ = *found;
}

void AdDatabase::close() {
  need(database_->close(), "close");
  database_.reset();
}

uint64_t AdDatabase::log_files() {
  const TablePaths paths = DatabasePaths(directory_).table(kAdEventsTable);
  uint64_t files = 0;
  for (const FileInfo& file : need(fs_->list(paths.log_directory()), "list")) {
    files += file.name.ends_with(".log") ? 1 : 0;
  }
  return files;
}

AdBatches::AdBatches(const AdProfileOptions& options, const Schema& schema, uint32_t rows)
    : profile_(options), builder_(schema), rows_(need(AdRows::make(schema), "schema")), batch_rows_(rows) {}

std::vector<IngestBatch> AdBatches::take(uint64_t events) {
  std::vector<IngestBatch> batches;
  AdEvent event;
  for (uint64_t taken = 0; taken < events && profile_.next(event); ++taken) {
    need(rows_.append(event, builder_), "row");
    if (builder_.rows() >= batch_rows_ || builder_.full()) finish(batches);
  }
  if (builder_.rows() > 0) finish(batches);
  return batches;
}

void AdBatches::finish(std::vector<IngestBatch>& batches) {
  IngestBatch batch;
  batch.payload = builder_.finish();
  batch.payload_xxh3 = xxh3(batch.payload);
  batch.replay = true;
  batches.push_back(std::move(batch));
}

Ledger ingest_all(Table& table, std::vector<IngestBatch> batches) {
  constexpr int kInFlight = 16;
  Permits window(kInFlight);
  std::atomic<uint64_t> accepted{0}, received{0}, failed{0};
  for (IngestBatch& batch : batches) {
    window.acquire();
    table.ingest_async(std::move(batch), [&](Result<BatchResult> result) {
      if (result) {
        accepted += result->counts.accepted;
        received += result->counts.received;
      } else {
        ++failed;
      }
      window.release();
    });
  }
  for (int i = 0; i < kInFlight; ++i) window.acquire();
  if (failed > 0) stop_bench("ingest", Error{Code::kInternal, "batches failed"});
  Ledger counts;
  counts.accepted = accepted;
  counts.received = received;
  return counts;
}

void load_ad_events(AdDatabase& database, const AdProfileOptions& options) {
  constexpr uint64_t kSlice = 1'000'000;
  AdBatches batches(options, *database.table().schema(), limits::kBatchRowsDefault);
  while (true) {
    std::vector<IngestBatch> slice = batches.take(kSlice);
    if (slice.empty()) break;
    ingest_all(database.table(), std::move(slice));
  }
  need(database.table().flush(), "flush");
}

}  // namespace tally
