// Scans with filters over segments and memtable at once, against a plain loop over every row of the same snapshot.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/checksum.h"
#include "engine/database.h"
#include "engine/encoding/selection.h"
#include "tests/support/engine/plain_filter.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seed.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr TimeUs kNow = 20'000 * kMicrosPerDay + 5 * kMicrosPerHour;  // a few hours into a day: rows of two days

// A table of small_schema() with random rows, some of them flushed.
class ScanWorld {
 public:
  ScanWorld(uint64_t seed, uint64_t cache_bytes, uint32_t block_rows, uint32_t chunk_rows = limits::kChunkRows)
      : random_scope_(seed), disk_(seed), clock_(kNow) {
    REQUIRE(init_database(disk_, "/db"));
    DatabaseOptions options;
    options.table.threads = false;
    options.table.shards = 2;
    options.table.log_file_bytes = 64 * limits::kKiB;
    options.table.segment_block_rows = block_rows;
    options.table.chunk_rows = chunk_rows;
    options.block_cache_bytes = cache_bytes;
    database_ = *Database::open(disk_, clock_, "/db", options);
    table_ = *database_->create_table(small_schema());
  }

  void send(Random& random, uint32_t rows, uint32_t values);
  // Takes some of the events sent so far back.
  void retract(Random& random, uint32_t events);
  void flush() { REQUIRE(table_->flush()); }
  uint64_t memory() const { return table_->stats().memtable_bytes; }
  std::shared_ptr<const Snapshot> snapshot() { return *table_->snapshot(); }

 private:
  SeededRandomScope random_scope_;
  SimDisk disk_;
  ManualClock clock_;
  std::unique_ptr<Database> database_;
  Table* table_ = nullptr;
  uint64_t sent_ = 0;
};

void ScanWorld::send(Random& random, uint32_t rows, uint32_t values) {
  const std::shared_ptr<const Schema> schema = table_->schema();
  BatchBuilder builder(*schema);
  auto position = [&](std::string_view name) {
    return static_cast<size_t>(schema->find_column(name) - schema->columns.data());
  };
  for (uint32_t row = 0; row < rows; ++row) {
    // One id in twenty comes again: duplicates and conflicts are rows too.
    if (sent_ == 0 || random.chance(0.95)) ++sent_;
    builder.set_time(kNow - static_cast<TimeUs>(random.below(20 * kMicrosPerHour)));
    builder.set_id("row-" + std::to_string(sent_));
    if (!random.chance(0.1)) builder.set_string(position("country"), "c" + std::to_string(random.below(values)));
    if (!random.chance(0.1)) builder.set_int64(position("slot"), static_cast<int64_t>(random.below(values)) - 5);
    if (!random.chance(0.2))
      builder.set_string(position("kind"), random.chance(0.5) ? "click" : "a long kind of event");
    if (!random.chance(0.2)) {
      static const int64_t kEnds[] = {INT64_MIN, INT64_MAX, 0, -1};
      builder.set_int64(position("amount"),
                        random.chance(0.1) ? kEnds[random.below(4)] : static_cast<int64_t>(random.below(100)) - 50);
    }
    if (!random.chance(0.3)) builder.set_int64(position("cost"), static_cast<int64_t>(random.below(1'000)));
    REQUIRE(builder.end_row());
  }
  IngestBatch batch;
  batch.payload = builder.finish();
  batch.payload_xxh3 = xxh3(batch.payload);
  REQUIRE(table_->ingest(std::move(batch)));
}

void ScanWorld::retract(Random& random, uint32_t events) {
  RetractRequest request{.ids = {}, .by = "ann", .reason = ""};
  while (request.ids.size() < events) request.ids.push_back("row-" + std::to_string(1 + random.below(sent_)));
  REQUIRE(table_->retract(request));
}

// The rows that a scan lets through, in its order, with all their values.
struct ScannedRows {
  PlainRows plain;
  std::vector<std::string> ids;
  ScanStats stats;
};

void take_row(const RowBlock& block, uint32_t row, ScannedRows& out) {
  out.plain.times.push_back(block.times[row]);
  out.ids.push_back(format_id(block.id_kinds[row], block.ids[row]) + " at " + std::to_string(block.lsns[row]) + ", " +
                    std::string(row_kind_name(block.kinds[row])));
  for (size_t c = 0; c < block.columns.size(); ++c) {
    const BlockColumns::Selected& column = block.columns[c];
    PlainColumn& plain = out.plain.columns[c];
    if (column.codes != nullptr) {
      plain.codes.push_back(column.codes[row]);
    } else if (column.ints != nullptr) {
      const bool null = column.nulls != nullptr && column.nulls[row] != 0;
      plain.ints.push_back(null ? std::nullopt : std::optional(column.ints[row]));
    } else {
      const StringRef& text = column.strings[row];
      plain.strings.push_back(text.is_null() ? std::nullopt : std::optional(std::string(text.view())));
    }
  }
}

ScannedRows scan(const Snapshot& snapshot, ScanFilter filter) {
  ScanSpec spec;
  ScannedRows out;
  for (const Column& column : snapshot.schema().columns) {
    if (column.role != ColumnRole::kDimension && column.role != ColumnRole::kField) continue;
    spec.columns.column_ids.push_back(column.id);
    out.plain.columns.emplace_back().id = column.id;
  }
  spec.columns.ids = spec.columns.lsns = true;
  spec.filter = std::move(filter);
  std::unique_ptr<RawScan> scan = snapshot.scan(std::move(spec));
  while (true) {
    auto block = scan->next();
    REQUIRE_MESSAGE(block, (block ? "" : block.error().to_string()));
    if (*block == nullptr) break;
    const size_t before = out.ids.size();
    for (uint32_t row = 0; row < (*block)->rows; ++row) {
      if ((*block)->selected.empty() || is_selected((*block)->selected, row)) take_row(**block, row, out);
    }
    REQUIRE(out.ids.size() > before);  // a block without a row is left out
  }
  out.stats = scan->stats();
  return out;
}

void check_scan(const Snapshot& snapshot, const ScannedRows& everything, const PlainFilter& filter) {
  CAPTURE(filter.to_string());
  const ScannedRows found = scan(snapshot, filter.scan_filter());
  std::vector<std::string> wanted;
  for (size_t row = 0; row < everything.ids.size(); ++row) {
    if (filter.matches(everything.plain, row)) wanted.push_back(everything.ids[row]);
  }
  REQUIRE(found.ids == wanted);
  for (size_t row = 0; row < found.ids.size(); ++row) REQUIRE(filter.matches(found.plain, row));  // with their values
  const BlockCounts& blocks = found.stats.blocks;
  CHECK(blocks.all ==
        blocks.by_time + blocks.by_sort_order + blocks.by_zone + blocks.by_index + blocks.by_id_filter + blocks.read);
  CHECK(found.stats.rows_selected == wanted.size());
  CHECK(found.stats.rows_read <= everything.ids.size());
  CHECK(found.stats.segments == everything.stats.segments);
  CHECK(found.stats.memtable_rows + found.stats.memtable_by_time + found.stats.memtable_by_order ==
        everything.stats.memtable_rows);
}

}  // namespace

TEST_CASE("scan: random filters over segments and memtable find what a plain loop finds") {
  const uint64_t base = test_seed(1);
  for (uint64_t seed = base; seed < base + 8; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    static const uint64_t kCacheBytes[] = {0, 30'000, 64 * limits::kMiB};
    ScanWorld world(seed, kCacheBytes[seed % 3], static_cast<uint32_t>(4 + random.below(60)));
    const uint32_t values = static_cast<uint32_t>(2 + random.below(60));
    for (int batch = 0; batch < 6; ++batch) {
      world.send(random, static_cast<uint32_t>(1 + random.below(300)), values);
      if (random.chance(0.5)) world.flush();
    }
    world.send(random, 50, values);  // new codes that no segment knows, now and then
    const auto snapshot = world.snapshot();
    const ScannedRows everything = scan(*snapshot, {});
    REQUIRE(everything.ids.size() >= 56);
    CHECK(everything.stats.rows_selected == everything.ids.size());
    for (int question = 0; question < 40; ++question) {
      PlainFilter filter = PlainFilter::random(random, everything.plain);
      check_scan(*snapshot, everything, filter);
    }
  }
}

TEST_CASE("scan: read in pieces it shows the same rows, with its marks true and its buckets right") {
  constexpr TimeUs kOrigin = 20'000 * kMicrosPerDay;
  const uint64_t base = test_seed(51);
  for (uint64_t seed = base; seed < base + 6; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    ScanWorld world(seed, 64 * limits::kMiB, static_cast<uint32_t>(4 + random.below(60)));
    for (int batch = 0; batch < 5; ++batch) {
      world.send(random, static_cast<uint32_t>(1 + random.below(400)), 20);
      if (random.chance(0.6)) world.flush();
    }
    const auto snapshot = world.snapshot();
    const ScannedRows everything = scan(*snapshot, {});
    for (int question = 0; question < 20; ++question) {
      const PlainFilter filter = PlainFilter::random(random, everything.plain);
      PlainFilter mark = PlainFilter::random(random, everything.plain);
      mark.from = INT64_MIN;
      mark.to = INT64_MAX;
      CAPTURE(filter.to_string());
      CAPTURE(mark.to_string());
      const ScannedRows whole = scan(*snapshot, filter.scan_filter());
      const TimeUs width = 1 + static_cast<TimeUs>(random.below(20 * kMicrosPerHour));

      ScanSpec spec;
      spec.filter = filter.scan_filter();
      spec.columns.marks = {mark.scan_filter().predicates, {}};
      spec.columns.bucket_width_us = width;
      spec.columns.bucket_origin = kOrigin;
      spec.columns.ids = true;
      uint64_t asked = 0;
      spec.proceed = [&asked](uint64_t rows) {
        asked += rows;
        return Status();
      };
      const auto plan = *snapshot->plan(std::move(spec));
      ScanStats stats = plan->stats();
      size_t row_number = 0;
      for (uint32_t first = 0, last = 0; first < plan->steps(); first = last) {
        last = first + 1 + static_cast<uint32_t>(random.below(plan->steps() - first));
        const auto piece = plan->scan(first, last, nullptr);
        while (const RowBlock* block = *piece->next()) {
          REQUIRE(block->marks.size() == 2);
          REQUIRE((block->times == nullptr) == block->one_time.has_value());
          for (uint32_t row = 0; row < block->rows; ++row) {
            if (!block->selected.empty() && !is_selected(block->selected, row)) continue;
            REQUIRE(row_number < whole.ids.size());
            const TimeUs time = whole.plain.times[row_number];
            if (block->one_time) {
              REQUIRE((*block->one_time - kOrigin + 100 * width) / width == (time - kOrigin + 100 * width) / width);
            } else {
              REQUIRE(block->times[row] == time);
            }
            REQUIRE(is_selected(block->marks[0], row) == mark.matches(whole.plain, row_number));
            REQUIRE(is_selected(block->marks[1], row));
            ++row_number;
          }
        }
        stats += piece->stats();
      }
      CHECK(row_number == whole.ids.size());
      CHECK(stats.rows_selected == whole.stats.rows_selected);
      CHECK(stats.rows_read == whole.stats.rows_read);
      CHECK(stats.blocks == whole.stats.blocks);
      CHECK(plan->rows() == whole.stats.rows_read);
      CHECK(asked == whole.stats.rows_read);
    }
  }
}

TEST_CASE("scan: rows without a mark are left out where they are said to be of no use, and no others") {
  struct Before final : MarkedRows {
    TimeUs limit = 0;
    bool suffice(TimeUs, TimeUs max_time) override { return max_time < limit; }
  };
  const uint64_t base = test_seed(71);
  for (uint64_t seed = base; seed < base + 6; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    ScanWorld world(seed, 64 * limits::kMiB, static_cast<uint32_t>(4 + random.below(200)));
    for (int batch = 0; batch < 5; ++batch) {
      world.send(random, static_cast<uint32_t>(1 + random.below(600)), 20);
      if (random.chance(0.7)) world.flush();
    }
    const auto snapshot = world.snapshot();
    for (int question = 0; question < 20; ++question) {
      const ScannedRows everything = scan(*snapshot, {});
      PlainFilter filter = PlainFilter::random(random, everything.plain);
      if (random.chance(0.5)) filter = PlainFilter();
      PlainFilter marks[2] = {PlainFilter::random(random, everything.plain),
                              PlainFilter::random(random, everything.plain)};
      for (PlainFilter& mark : marks) {
        mark.from = INT64_MIN;
        mark.to = INT64_MAX;
      }
      const ScannedRows whole = scan(*snapshot, filter.scan_filter());
      ScanSpec spec;
      spec.filter = filter.scan_filter();
      spec.columns.marks = {marks[0].scan_filter().predicates, marks[1].scan_filter().predicates};
      spec.columns.ids = spec.columns.lsns = spec.columns.arrivals = true;
      const auto plan = *snapshot->plan(std::move(spec));
      Before before;
      before.limit = random.chance(0.5) ? INT64_MAX : kNow - static_cast<TimeUs>(random.below(20 * kMicrosPerHour));
      const auto shown = plan->scan(0, plan->steps(), &before);
      size_t next = 0;
      uint64_t left_out = 0;
      const auto pass = [&](const std::string& id) {
        for (; next < whole.ids.size() && whole.ids[next] != id; ++next, ++left_out) {
          REQUIRE(whole.plain.times[next] < before.limit);
          for (const PlainFilter& mark : marks) REQUIRE_FALSE(mark.matches(whole.plain, next));
        }
      };
      while (const RowBlock* block = *shown->next()) {
        for (uint32_t row = 0; row < block->rows; ++row) {
          if (!block->selected.empty() && !is_selected(block->selected, row)) continue;
          pass(format_id(block->id_kinds[row], block->ids[row]) + " at " + std::to_string(block->lsns[row]) + ", " +
               std::string(row_kind_name(block->kinds[row])));
          REQUIRE(next < whole.ids.size());
          REQUIRE(block->times[row] == whole.plain.times[next]);
          REQUIRE(block->arrivals[row] == kNow);
          for (size_t i = 0; i < 2; ++i) {
            REQUIRE(is_selected(block->marks[i], row) == marks[i].matches(whole.plain, next));
          }
          ++next;
        }
      }
      pass("");  // what stood behind the last one shown
      CHECK(shown->stats().rows_unmarked == left_out);
      CHECK(shown->stats().rows_selected == whole.stats.rows_selected);
      CHECK(shown->stats().rows_read == whole.stats.rows_read);
    }
  }
}

TEST_CASE("scan: whoever reads may be told to stop at any block") {
  Random random(5);
  ScanWorld world(5, 0, 16);
  world.send(random, 300, 5);
  world.flush();
  world.send(random, 100, 5);
  const auto snapshot = world.snapshot();
  for (int stop_after = 0;; ++stop_after) {
    ScanSpec spec;
    spec.proceed = [left = stop_after](uint64_t) mutable {
      return left-- == 0 ? Status(fail(Code::kCancelled, "enough")) : Status();
    };
    const auto scan = snapshot->scan(std::move(spec));
    Result<const RowBlock*> block = scan->next();
    while (block && *block != nullptr) block = scan->next();
    if (block) break;  // nobody stopped it
    CHECK(block.error().code == Code::kCancelled);
    REQUIRE(stop_after < 100);
  }
}

TEST_CASE("scan: an answer is the same before a flush and behind it") {
  const uint64_t seed = test_seed(21);
  CAPTURE(seed);
  Random random(seed);
  ScanWorld world(seed, 64 * limits::kMiB, 16);
  world.send(random, 400, 30);
  const auto before = world.snapshot();
  world.flush();
  const auto behind = world.snapshot();
  const ScannedRows everything = scan(*before, {});
  CHECK(everything.stats.memtable_rows == 400);
  for (int question = 0; question < 60; ++question) {
    const PlainFilter filter = PlainFilter::random(random, everything.plain);
    CAPTURE(filter.to_string());
    std::vector<std::string> first = scan(*before, filter.scan_filter()).ids;
    const ScannedRows second_rows = scan(*behind, filter.scan_filter());
    std::vector<std::string> second = second_rows.ids;
    CHECK(second_rows.stats.memtable_rows == 0);
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    REQUIRE(first == second);
  }
}

TEST_CASE("scan: a segment outside the time range is not opened") {
  Random random(3);
  ScanWorld world(3, 0, 16);
  world.send(random, 100, 5);
  world.flush();
  const auto snapshot = world.snapshot();
  const ScannedRows none = scan(*snapshot, {.from = kNow + 1, .to = INT64_MAX, .predicates = {}});
  CHECK(none.ids.empty());
  CHECK(none.stats.segments == 2);
  CHECK(none.stats.segments_by_time == 2);
  CHECK(none.stats.blocks == BlockCounts{});
}

TEST_CASE("scan: chunks of the memtable outside the time range are not looked at") {
  Random random(4);
  ScanWorld world(4, 0, 16);
  world.send(random, 100, 5);
  const auto snapshot = world.snapshot();
  const ScannedRows everything = scan(*snapshot, {});
  CHECK(everything.stats.memtable_rows == 100);
  const auto [first, last] = std::ranges::minmax(everything.plain.times);
  for (const auto& [from, to] : {std::pair{last + 1, INT64_MAX}, {INT64_MIN, first}}) {
    const ScannedRows none = scan(*snapshot, {.from = from, .to = to, .predicates = {}});
    CHECK(none.ids.empty());
    CHECK(none.stats.memtable_rows == 0);
  }
  CHECK(scan(*snapshot, {.from = last, .to = last + 1, .predicates = {}}).ids.size() >= 1);
  CHECK(scan(*snapshot, {.from = first, .to = first + 1, .predicates = {}}).ids.size() >= 1);
}

TEST_CASE("scan: full chunks are read by their orders, at every snapshot, as a plain loop reads them") {
  const uint64_t base = test_seed(71);
  uint64_t by_order = 0, by_time = 0;
  for (uint64_t seed = base; seed < base + 8; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    static const uint32_t kChunkRows[] = {1, 16, 100, 700};
    ScanWorld world(seed, 0, 16, kChunkRows[seed % 4]);
    const uint32_t values = static_cast<uint32_t>(2 + random.below(200));
    std::vector<std::shared_ptr<const Snapshot>> snapshots;
    for (int batch = 0; batch < 8; ++batch) {
      world.send(random, static_cast<uint32_t>(1 + random.below(400)), values);
      snapshots.push_back(world.snapshot());  // most chunks fill behind the cut of one
      if (random.chance(0.3)) world.retract(random, 10);
      if (batch == 3 && random.chance(0.3)) world.flush();
    }
    snapshots.push_back(world.snapshot());
    for (const auto& snapshot : snapshots) {
      const ScannedRows everything = scan(*snapshot, {});
      CHECK(everything.stats.memtable_by_order == 0);
      for (int question = 0; question < 25; ++question) {
        const PlainFilter filter = PlainFilter::random(random, everything.plain);
        check_scan(*snapshot, everything, filter);
        const ScanStats stats = scan(*snapshot, filter.scan_filter()).stats;
        by_order += stats.memtable_by_order;
        by_time += stats.memtable_by_time;
      }
    }
  }
  CHECK(by_order > 10'000);  // else nothing was tried
  CHECK(by_time > 10'000);
}

TEST_CASE("scan: orders are counted as memory while their chunks are, and made by those who use them only") {
  Random random(6);
  ScanWorld world(6, 0, 16, 100);
  world.send(random, 1'000, 300);
  const auto snapshot = world.snapshot();
  const uint64_t before = world.memory();
  const ScannedRows everything = scan(*snapshot, {});
  const std::vector<uint32_t>& codes = everything.plain.columns[0].codes;
  const uint32_t code = *std::ranges::find_if(codes, [](uint32_t one) { return one >= kFirstValueCode; });
  CHECK(world.memory() == before);
  const ScanPredicate country{.column_id = everything.plain.columns[0].id,
                              .is_dimension = true,
                              .matches = IntPredicate::equals(static_cast<int64_t>(code))};
  const ScannedRows found = scan(*snapshot, {.predicates = {country}});
  CHECK(found.ids.size() >= 1);
  CHECK(found.stats.memtable_rows < 250);  // what is in the two chunks that are not full, and a few more
  const uint64_t behind = world.memory();
  CHECK(behind > before + 8 * 200);
  CHECK(behind < before + 8 * 400);
  CHECK(scan(*snapshot, {.predicates = {country}}).ids == found.ids);
  CHECK(world.memory() == behind);
  world.flush();
  CHECK(world.memory() == 0);
  CHECK(scan(*snapshot, {.predicates = {country}}).ids == found.ids);  // the snapshot keeps its chunks
}
