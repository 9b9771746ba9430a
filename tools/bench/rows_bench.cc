// The row side of the engine, one step at a time on one core: ad events to a batch, a batch to arrays, arrays to a chunk, ids
// to verdicts. Nanoseconds a row, each the fastest of a few runs, beside what the machine can do.
//
//   bench_rows [--batches N] [--ids N]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "base/limits.h"
#include "base/random.h"
#include "engine/batch.h"
#include "engine/chunk.h"
#include "engine/condition_eval.h"
#include "engine/dictionary.h"
#include "engine/seen_ids.h"
#include "tools/bench/options.h"
#include "tools/bench/yardsticks.h"
#include "tools/generate/ad_profile.h"

namespace tally {
namespace {

constexpr uint32_t kRows = limits::kBatchRowsDefault;
constexpr size_t kRepeats = 5;

struct Arguments {
  size_t batches = 40;
  size_t ids = 20'000'000;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (tiny_bench()) arguments = {.batches = 2, .ids = 100'000};
  BenchOptions("the steps of a row's way into memory, one by one")
      .add("--batches", arguments.batches, "of the ad profile")
      .add("--ids", arguments.ids, "remembered")
      .parse(argc, argv);
  return arguments;
}

// ad_events: time, id, event type, nine dimensions, user, cost, revenue.
Schema ad_schema() {
  Schema schema;
  schema.table_name = "ad_events";
  schema.within_us = 72 * kMicrosPerHour;
  auto add = [&](const char* name, ColumnRole role, ColumnType type) {
    Column column;
    column.name = name;
    column.role = role;
    column.type = type;
    if (type == ColumnType::kDecimal) {
      column.precision = 18;
      column.scale = 6;
    }
    schema.columns.push_back(column);
  };
  add("ts", ColumnRole::kEventTime, ColumnType::kTimestamp);
  add("event_id", ColumnRole::kId, ColumnType::kId);
  add("event_type", ColumnRole::kField, ColumnType::kString);
  for (const char* name : {"advertiser_id", "campaign_id", "ad_group_id", "creative_id", "publisher_id", "country",
                           "region", "device_type", "os"}) {
    add(name, ColumnRole::kDimension, ColumnType::kString);
  }
  add("user_id", ColumnRole::kField, ColumnType::kString);
  add("cost", ColumnRole::kField, ColumnType::kDecimal);
  add("revenue", ColumnRole::kField, ColumnType::kDecimal);
  assign_ids(schema);
  LatenessClass conversions;
  conversions.lateness_us = 30 * kMicrosPerDay;
  conversions.condition.emplace();
  conversions.condition->op = Condition::Op::kEq;
  conversions.condition->column_id = schema.find_column("event_type")->id;
  conversions.condition->values.emplace_back(std::string("conversion"));
  schema.lateness.push_back(std::move(conversions));
  return complete_schema(std::move(schema)).value();
}

// One event as text, made before anything is timed.
struct TextRow {
  TimeUs time = 0;
  std::string id;
  std::string values[11];  // event type, nine dimensions, user
  int64_t cost = 0;
  int64_t revenue = 0;
};

TextRow text_of(const AdEvent& event) {
  static constexpr const char* kTypes[] = {"impression", "click", "conversion"};
  IdSlot slot;
  std::memcpy(slot.raw, event.id.data(), sizeof slot.raw);
  std::string campaign = std::to_string(event.campaign);
  std::string country = "C" + std::to_string(event.country);
  return {.time = event.event_us,
          .id = format_id(IdKind::kUuid, slot),
          .values = {kTypes[static_cast<size_t>(event.type)], "adv" + std::to_string(event.advertiser),
                     "cmp" + campaign, "grp" + campaign + "-" + std::to_string(event.ad_group),
                     "crt" + campaign + "-" + std::to_string(event.creative), "pub" + std::to_string(event.publisher),
                     country, country + "-" + std::to_string(event.region), "device" + std::to_string(event.device),
                     "os" + std::to_string(event.os), "u" + std::to_string(event.user)},
          .cost = event.cost_micros,
          .revenue = event.revenue_micros};
}

void set_row(const TextRow& row, BatchBuilder& builder) {
  builder.set_time(row.time);
  builder.set_id(row.id);
  for (size_t i = 0; i < 11; ++i) builder.set_string(2 + i, row.values[i]);
  builder.set_int64(13, row.cost);
  builder.set_int64(14, row.revenue);
  TALLY_CHECK(builder.end_row().has_value());
}

double fastest_ns(size_t rows, const std::function<void()>& work) {
  double best = std::numeric_limits<double>::max();
  for (size_t i = 0; i < kRepeats; ++i) {
    int64_t begun = bench_now_us();
    work();
    best = std::min(best, seconds_since(begun) * 1e9 / static_cast<double>(rows));
  }
  return best;
}

void print_line(const char* what, double ns) { std::printf("%-52s %8.1f ns/row %8.2f M rows/s\n", what, ns, 1e3 / ns); }

class RowsBench {
 public:
  explicit RowsBench(const Arguments& arguments) : arguments_(arguments), schema_(ad_schema()) {
    AdProfile profile({.events = arguments.batches * kRows, .days = 1, .seed = 1});
    AdEvent event;
    while (profile.next(event)) rows_.push_back(text_of(event));
  }

  void run() {
    build(BatchBuilder::Compression::kNone, "build a batch");
    decode("decode");
    build(BatchBuilder::Compression::kLz4, "build a batch, LZ4");
    decode("decode, LZ4");
    measure_parts();
    resolve();
    append();
  }

 private:
  void build(BatchBuilder::Compression compression, const char* what) {
    print_line(what, fastest_ns(rows_.size(), [&] {
                 payloads_.clear();
                 BatchBuilder builder(schema_);
                 for (const TextRow& row : rows_) {
                   set_row(row, builder);
                   if (builder.rows() == kRows) payloads_.push_back(builder.finish(compression));
                 }
               }));
    size_t bytes = 0;
    for (const Bytes& payload : payloads_) bytes += payload.size();
    std::printf("    %.1f bytes a row\n", static_cast<double>(bytes) / static_cast<double>(rows_.size()));
  }

  void decode(const char* what) {
    std::vector<uint64_t> sums;
    for (const Bytes& payload : payloads_) sums.push_back(xxh3(payload));
    print_line(what, fastest_ns(rows_.size(), [&] {
                 batches_.clear();
                 for (size_t i = 0; i < payloads_.size(); ++i) {
                   auto batch = decode_batch(schema_, hasher_, 2, payloads_[i], sums[i]);
                   batches_.push_back(std::move(batch).value());
                 }
               }));
  }

  void measure_parts() {
    uint64_t sum = 0;
    print_line("    of it, hashes of ids", fastest_ns(rows_.size(), [&] {
                 for (auto& batch : batches_) {
                   hasher_.hash_all(batch->id_kinds, batch->ids, batch->id_hashes);
                   sum += batch->id_hashes[0].lo;
                 }
               }));
    print_line("lateness classes", fastest_ns(rows_.size(), [&] {
                 std::vector<uint8_t> classes;
                 for (auto& batch : batches_) {
                   classify_lateness(schema_, *batch, classes);
                   sum += classes[0];
                 }
               }));
    std::printf("    (check %llu)\n", static_cast<unsigned long long>(sum % 10));
  }

  void resolve() {
    std::vector<std::unique_ptr<Dictionary>> dictionaries;
    for (size_t i = 0; i < 9; ++i) dictionaries.push_back(std::make_unique<Dictionary>(1'000'000));
    print_line("resolve codes (all values known, but in the first run)", fastest_ns(rows_.size(), [&] {
                 for (auto& batch : batches_) resolve_batch(*batch, dictionaries);
               }));
  }

  static void resolve_batch(PreparedBatch& batch, const std::vector<std::unique_ptr<Dictionary>>& dictionaries) {
    for (size_t d = 0; d < batch.dimensions.size(); ++d) {
      auto& dimension = batch.dimensions[d];
      auto codes = std::span(dimension.table_codes).subspan(1);
      dictionaries[d]->find_all(dimension.local_values, codes);
      for (size_t i = 0; i < codes.size(); ++i) {
        if (codes[i] == Dictionary::kNotFoundCode) {
          codes[i] = dictionaries[d]->add(dimension.local_values[i]);
        }
      }
    }
  }

  // Into fresh chunks, as a shard does: the first touch of their memory is part of it.
  void append() {
    auto schema = std::make_shared<const Schema>(schema_);
    std::vector<RowKind> kinds(kRows, RowKind::kEvent);
    uint64_t memory = 0;
    print_line(
        "append to chunks", fastest_ns(rows_.size(), [&] {
          std::vector<std::unique_ptr<Chunk>> chunks;
          Lsn lsn = 0;
          for (auto& batch : batches_) {
            ++lsn;
            for (std::span<const uint32_t> rows : batch->shard_rows) {
              while (!rows.empty()) {
                if (chunks.empty() || chunks.back()->rows() == limits::kChunkRows) {
                  chunks.push_back(std::make_unique<Chunk>(schema, limits::kChunkRows));
                }
                rows = rows.subspan(chunks.back()->append(*batch, rows, std::span(kinds).first(rows.size()), lsn, 0));
              }
            }
          }
          memory = 0;
          for (auto& chunk : chunks) memory += chunk->memory_bytes();
        }));
    std::printf("    %.1f bytes a row in memory\n", static_cast<double>(memory) / static_cast<double>(rows_.size()));
  }

  Arguments arguments_;
  Schema schema_;
  IdHasher hasher_{HashKey{1, 2, 3}};
  std::vector<TextRow> rows_;
  std::vector<Bytes> payloads_;
  std::vector<std::unique_ptr<PreparedBatch>> batches_;
};

// Keys in batches with the line of the 16th next fetched ahead, as a shard works.
template <class Work>
double over_keys(size_t first, size_t count, const SeenIds& seen, Work work) {
  constexpr size_t kAhead = 16;
  Hash128 keys[kAhead * 64];
  int64_t begun = bench_now_us();
  for (size_t done = 0; done < count; done += std::size(keys)) {
    for (size_t i = 0; i < std::size(keys); ++i) {
      uint64_t state = (first + done + i) * 2;
      uint64_t lo = splitmix64(state);
      keys[i] = {.lo = lo, .hi = splitmix64(state)};
    }
    for (size_t i = 0; i < std::size(keys); ++i) {
      if (i + kAhead < std::size(keys)) seen.prefetch(keys[i + kAhead]);
      work(keys[i]);
    }
  }
  return seconds_since(begun) * 1e9 / static_cast<double>(count);
}

void bench_seen_ids(size_t ids) {
  SeenIds seen;
  uint64_t sum = 0;
  auto insert = [&](const Hash128& key) {
    sum += static_cast<uint64_t>(seen.insert({.key = key, .digest = 1, .event_day = 1}));
  };
  auto find = [&](const Hash128& key) { sum += static_cast<uint64_t>(seen.find(key, 1)); };
  std::printf("seen ids, %zu of them:\n", ids);
  print_line("    insert new, growing from nothing", over_keys(0, ids, seen, insert));
  print_line("    find known", over_keys(0, ids, seen, find));
  print_line("    find new", over_keys(size_t{1} << 40, ids, seen, find));
  size_t more = ids / 10;
  print_line("    find and insert new, at this size", over_keys(ids, more, seen, [&](const Hash128& key) {
               find(key);
               insert(key);
             }));
  std::printf("    %.1f bytes an id (check %llu)\n",
              static_cast<double>(seen.memory_bytes()) / static_cast<double>(seen.size()),
              static_cast<unsigned long long>(sum % 10));
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  tally::Arguments arguments = tally::parse(argc, argv);
  tally::print_yardsticks(tally::measure_yardsticks("."));
  tally::RowsBench(arguments).run();
  tally::bench_seen_ids(arguments.ids);
}
