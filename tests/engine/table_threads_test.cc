// A table with all its threads, on the real disk: several producers that send overlapping ids, readers that look all the
// time, flushes underneath. Run under tsan as well.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "engine/encoding/selection.h"
#include "tests/support/engine/table_world.h"
#include "tests/support/temp_dir.h"

using namespace tally;

namespace {

struct OpenWorld {
  TempDir directory;
  std::unique_ptr<FileSystem> fs = make_posix_file_system();
  std::unique_ptr<Database> database;
  Table* table = nullptr;

  explicit OpenWorld(uint64_t memtable_bytes_max, uint32_t chunk_rows = limits::kChunkRows) {
    const std::string path = directory.path() + "/db";
    REQUIRE(init_database(*fs, path));
    auto opened =
        Database::open(*fs, system_clock(), path,
                       {.table = {.shards = 3, .memtable_bytes_max = memtable_bytes_max, .chunk_rows = chunk_rows}});
    REQUIRE(opened);
    database = std::move(*opened);
    auto created = database->create_table(test_schema());
    REQUIRE(created);
    table = *created;
  }

  std::vector<StoredRow> rows() const {
    auto snapshot = table->snapshot();
    REQUIRE(snapshot);
    auto rows = stored_rows(**snapshot);
    REQUIRE_MESSAGE(rows, (rows ? "" : rows.error().to_string()));
    return *std::move(rows);
  }
};

std::vector<TestRow> batch_of(int producer, int batch) {
  std::vector<TestRow> rows;
  for (int i = 0; i < 40; ++i) {
    // Producers 0 and 1 share their ids, as do 2 and 3: each event is sent twice, about at the same time.
    const std::string id = std::to_string(producer / 2) + "-" + std::to_string(batch) + "-" + std::to_string(i);
    rows.push_back({.id = id, .campaign = "c" + std::to_string(i % 7), .user = "some user with a long name " + id});
  }
  return rows;
}

// Every id stands there at most once as an event; returns how many do.
size_t distinct_events(const std::vector<StoredRow>& rows) {
  std::set<std::string> ids;
  size_t events = 0;
  for (const StoredRow& row : rows) {
    if (row.kind != RowKind::kEvent) continue;
    ++events;
    ids.insert(row.id);
  }
  CHECK(ids.size() == events);
  return events;
}

// The ids of one campaign, asked of the scan: in its order.
std::vector<std::string> ids_of(const Snapshot& snapshot, uint32_t code, ScanStats& stats) {
  ScanSpec spec;
  spec.columns.ids = true;
  spec.filter.predicates = {{.column_id = snapshot.schema().find_column("campaign")->id,
                             .is_dimension = true,
                             .matches = IntPredicate::equals(code)}};
  const auto scan = snapshot.scan(std::move(spec));
  std::vector<std::string> ids;
  while (true) {
    const Result<const RowBlock*> block = scan->next();
    REQUIRE(block);
    if (*block == nullptr) break;
    for (uint32_t row = 0; row < (*block)->rows; ++row) {
      if (!(*block)->selected.empty() && !is_selected((*block)->selected, row)) continue;
      ids.push_back(format_id((*block)->id_kinds[row], (*block)->ids[row]));
    }
  }
  stats += scan->stats();
  return ids;
}

}  // namespace

TEST_CASE("table threads: overlapping producers, readers and flushes agree on every event") {
  constexpr int kProducers = 4, kBatches = 30, kRows = 40;
  OpenWorld world(128 * limits::kKiB);
  std::atomic<int> running{kProducers};
  std::vector<std::thread> threads;
  std::atomic<uint64_t> accepted{0}, duplicates{0}, invisible{0};
  for (int producer = 0; producer < kProducers; ++producer) {
    threads.emplace_back([&, producer] {
      for (int batch = 0; batch < kBatches; ++batch) {
        auto result = world.table->ingest(
            make_test_batch(*world.table->schema(), system_clock().wall_us(), batch_of(producer, batch)));
        if (!result) break;
        accepted += result->counts.accepted;
        duplicates += result->counts.duplicates;
        auto snapshot = world.table->snapshot();
        if (!snapshot || (*snapshot)->lsn() < result->lsn) ++invisible;
      }
      --running;
    });
  }
  size_t seen = 0;
  while (running > 0) {
    const size_t now = distinct_events(world.rows());
    CHECK(now >= seen);
    seen = now;
  }
  for (std::thread& thread : threads) thread.join();
  constexpr uint64_t kDistinct = kProducers / 2 * kBatches * kRows;
  CHECK(accepted == kDistinct);
  CHECK(duplicates == kDistinct);
  CHECK(invisible == 0);
  CHECK(distinct_events(world.rows()) == kDistinct);
  CHECK(world.table->stats().flushes > 0);
  CHECK(world.table->stats().ledger.balanced());
  CHECK(world.database->close());
}

TEST_CASE(
    "table threads: what is shown names no file that is gone, though runs of ids are joined while nobody writes") {
  OpenWorld world(64 * limits::kMiB);
  const TablePaths paths(world.directory.path() + "/db/tables/events");
  const auto all_there = [&] {
    const auto runs = (*world.table->snapshot())->manifest().id_runs;
    return std::all_of(runs.begin(), runs.end(),
                       [&](const auto& run) { return world.fs->info(paths.id_run(run.first)); });
  };
  for (int batch = 0; batch < 16; ++batch) {
    REQUIRE(world.table->ingest(make_test_batch(*world.table->schema(), system_clock().wall_us(), batch_of(0, batch))));
    REQUIRE(world.table->flush());
    // A join that ends right now is shown within a moment, without another flush.
    int looks_in_vain = 0;
    for (int look = 0; look < 20 || !all_there(); ++look) {
      if (!all_there()) REQUIRE(++looks_in_vain < 12'000);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  CHECK(world.database->close());
}

TEST_CASE(
    "table threads: readers make and use orders of chunks while producers fill the next ones and flushes free them") {
  OpenWorld world(512 * limits::kKiB, 64);
  constexpr int kProducers = 2, kBatches = 120;
  std::atomic<int> running{kProducers};
  std::atomic<uint64_t> wrong{0}, by_order{0};
  std::vector<std::thread> threads;
  for (int producer = 0; producer < kProducers; ++producer) {
    threads.emplace_back([&, producer] {
      for (int batch = 0; batch < kBatches; ++batch) {
        if (!world.table->ingest(
                make_test_batch(*world.table->schema(), system_clock().wall_us(), batch_of(2 * producer, batch))))
          ++wrong;
      }
      --running;
    });
  }
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&, reader] {
      ScanStats stats;
      for (int turn = reader; running > 0; ++turn) {
        const auto snapshot = world.table->snapshot();
        if (!snapshot) break;
        const std::string campaign = "c" + std::to_string(turn % 7);
        const std::optional<uint32_t> code = (*snapshot)->dictionary(0).find(campaign);
        if (!code) continue;
        std::vector<std::string> expected;
        const auto rows = stored_rows(**snapshot);
        for (const StoredRow& row : *rows) {
          if (row.campaign == campaign) expected.push_back(row.id);
        }
        wrong += ids_of(**snapshot, *code, stats) != expected;
      }
      by_order += stats.memtable_by_order;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(by_order > 0);
  CHECK(world.table->flush());
  CHECK(world.table->stats().memtable_bytes == 0);
}

TEST_CASE("table threads: a close in the middle of the traffic answers every batch") {
  OpenWorld world(64 * limits::kMiB);
  std::atomic<int> answers{0};
  std::atomic<uint64_t> accepted{0};
  constexpr int kBatches = 200;
  std::thread producer([&] {
    for (int batch = 0; batch < kBatches; ++batch) {
      world.table->ingest_async(make_test_batch(*world.table->schema(), system_clock().wall_us(), batch_of(0, batch)),
                                [&](Result<BatchResult> result) {
                                  if (result) accepted += result->counts.accepted;
                                  ++answers;
                                });
    }
  });
  while (answers < 20) std::this_thread::yield();
  CHECK(world.table->close());
  producer.join();
  CHECK(answers == kBatches);
  CHECK(distinct_events(world.rows()) == accepted);
}
