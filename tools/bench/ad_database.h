// What benchmarks of the engine share: a database of their own with ad traffic in it. Anything that fails ends the process
// with a message: a benchmark has nobody to report to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/database.h"
#include "tools/generate/ad_output.h"
#include "tools/generate/ad_profile.h"

namespace tally {

[[noreturn]] void stop_bench(const std::string& what, const Error& error);

template <class T>
T need(Result<T> result, const char* what) {
  if (!result) stop_bench(what, result.error());
  return *std::move(result);
}
inline void need(const Status& status, const char* what) {
  if (!status) stop_bench(what, status.error());
}

// A database with the table ad_events in a fresh directory under `parent`, removed at the end. `keep`: a directory that stays,
// and is opened as it is where it is there. `table`: what open() opens tables with.
class AdDatabase {
 public:
  explicit AdDatabase(const std::string& parent, const std::string& keep = "", const TableOptions& table = {});
  ~AdDatabase();

  bool made() const { return made_; }  // just now, so that nothing is in it
  void open();
  void close();
  Table& table() { return *table_; }
  Database& database() { return *database_; }
  FileSystem& fs() { return *fs_; }
  const std::string& directory() const { return directory_; }
  uint64_t log_files();

 private:
  std::unique_ptr<FileSystem> fs_;
  std::string directory_;
  const TableOptions table_options_;
  std::unique_ptr<Database> database_;
  Table* table_ = nullptr;
  bool made_ = true;
  const bool keep_;
};

// Encoded batches of ad traffic, in order.
class AdBatches {
 public:
  AdBatches(const AdProfileOptions& options, const Schema& schema, uint32_t rows);
  // Up to `events` more events in batches; empty at the end.
  std::vector<IngestBatch> take(uint64_t events);

 private:
  void finish(std::vector<IngestBatch>& batches);

  AdProfile profile_;
  BatchBuilder builder_;
  AdRows rows_;
  const uint32_t batch_rows_;
};

// Sends all batches from one thread, the way `tally load` does, and waits for the answers.
Ledger ingest_all(Table& table, std::vector<IngestBatch> batches);

// All events of the profile, and a flush.
void load_ad_events(AdDatabase& database, const AdProfileOptions& options);

}  // namespace tally
