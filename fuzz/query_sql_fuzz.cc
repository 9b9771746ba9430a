// Any text through lexer, parser, binder and executor, over a small table that is half in a segment and half in memory, with
// duplicates, conflicts, NULLs and the ends of its types: it must end with an answer or an error, never with a crash, and
// within little memory. Seeds: the statements of tests/query/cases.
// Behind the first zero byte of the input, if it has one, stand parameters, 18 bytes each: kind, scale, 16 bytes of value.
#include <bit>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/random.h"
#include "engine/database.h"
#include "engine/schema_change.h"
#include "query/format.h"
#include "query/parser.h"
#include "query/statement_runner.h"

namespace tally {
namespace {

constexpr std::string_view kTable = R"sql(
CREATE TABLE ads (
  ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', event_type STRING FIELD,
  campaign STRING DIMENSION, country STRING DIMENSION, slot INT64 DIMENSION,
  user_id STRING FIELD, cost DECIMAL(18,6) FIELD, seconds INT64 FIELD,
  impressions MEASURE COUNT WHERE event_type = 'impression', clicks MEASURE COUNT WHERE event_type = 'click',
  spend MEASURE SUM(cost), longest MEASURE MAX(seconds), shortest MEASURE MIN(seconds) WHERE event_type IN ('click', 'view'),
  users MEASURE UNIQUE(user_id), ctr MEASURE AS clicks / impressions, cpm MEASURE AS 1000 * spend / impressions)
)sql";
constexpr TimeUs kNow = 1'710'504'000'000'000;  // 2024-03-15T12:00:00Z

class StillClock final : public Clock {
 public:
  TimeUs wall_us() const override { return kNow; }
  TimeUs boottime_us() const override { return 0; }
  std::string boot_id() const override { return "fuzz"; }
  void sleep_us(TimeUs) override {}
};

// Row i of the table; every value also comes as NULL.
void add_row(BatchBuilder& builder, const Schema& schema, uint32_t i) {
  constexpr std::string_view kTypes[] = {"impression", "click", "view", ""};
  constexpr std::string_view kCountries[] = {"DE", "FR", "\u00e4\u00f6\U0001F600", ""};
  constexpr int64_t kNumbers[] = {0, 1, -1, 999'999'999'999'999'999, -999'999'999'999'999'999, 42};
  auto position = [&](std::string_view name) {
    return static_cast<size_t>(schema.find_column(name) - schema.columns.data());
  };
  builder.set_time(kNow - TimeUs{i} * 977 * kMicrosPerSecond);
  builder.set_id("e" + std::to_string(i % 37));
  if (i % 5 != 4) builder.set_string(position("event_type"), kTypes[i % 4]);
  if (i % 6 != 5) builder.set_string(position("campaign"), "c" + std::to_string(i % 3));
  if (i % 7 != 6) builder.set_string(position("country"), kCountries[i % 4]);
  if (i % 3 != 2) builder.set_int64(position("slot"), kNumbers[i % 6]);
  if (i % 4 != 3) builder.set_string(position("user_id"), "u" + std::to_string(i % 11));
  if (i % 5 != 3) builder.set_int64(position("cost"), kNumbers[i % 6]);
  if (i % 4 != 2) builder.set_int64(position("seconds"), i % 9 == 0 ? INT64_MAX : i % 9 == 1 ? INT64_MIN : i);
}

// A database in a directory of its own, which goes when the program ends.
class World {
 public:
  World() : directory_(std::filesystem::temp_directory_path() / ("tally_fuzz_" + random_name())) {
    DatabaseOptions options;
    options.table.threads = false;
    options.table.shards = 1;
    options.table.log_file_bytes = 64 * limits::kKiB;
    options.table.segment_block_rows = 128;
    const std::string path = directory_.string();
    if (!init_database(*files_, path)) __builtin_trap();
    auto opened = Database::open(*files_, clock_, path, options);
    if (!opened) __builtin_trap();
    database_ = *std::move(opened);
    if (!run_statement(kTable, {}, *make_catalog(*database_))) __builtin_trap();
    Table& table = **database_->table("ads");
    ingest(table, 0, 24);
    if (!table.flush()) __builtin_trap();
    ingest(table, 24, 48);
    auto taken = table.snapshot();
    if (!taken) __builtin_trap();
    snapshot_ = *std::move(taken);
  }
  ~World() {
    snapshot_.reset();
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::shared_ptr<const Snapshot> snapshot() const { return snapshot_; }

 private:
  static std::string random_name() {
    uint8_t bytes[8];
    random_bytes(bytes);
    std::string name;
    for (uint8_t byte : bytes) name += static_cast<char>('a' + byte % 26);
    return name;
  }

  static void ingest(Table& table, uint32_t first, uint32_t last) {
    std::shared_ptr<const Schema> schema = table.schema();
    BatchBuilder builder(*schema);
    for (uint32_t i = first; i < last; ++i) {
      add_row(builder, *schema, i);
      if (!builder.end_row()) __builtin_trap();
    }
    IngestBatch batch;
    batch.payload = builder.finish();
    batch.payload_xxh3 = xxh3(batch.payload);
    if (!table.ingest(std::move(batch))) __builtin_trap();
  }

  const std::filesystem::path directory_;
  std::unique_ptr<FileSystem> files_ = make_posix_file_system();
  StillClock clock_;
  std::unique_ptr<Database> database_;
  std::shared_ptr<const Snapshot> snapshot_;
};

// The one table; others are completed and validated, and forgotten.
class FuzzCatalog final : public Catalog {
 public:
  std::vector<std::string> table_names() const override { return {"ads"}; }
  Result<std::shared_ptr<const Snapshot>> snapshot(std::string_view table) override {
    if (table == "ads") return world_.snapshot();
    return fail(Code::kNotFound, "no such table");
  }
  Result<BackgroundStats> background(std::string_view) override { return BackgroundStats{}; }
  Status create_table(Schema schema) override {
    TALLY_TRY(complete_schema(std::move(schema)));
    return {};
  }
  Status alter_table(Schema next) override { return check_change(world_.snapshot()->schema(), next); }
  TimeUs now() const override { return kNow; }
  TimeUs boottime_us() const override { return 0; }

 private:
  World world_;
};

constexpr size_t kParameterBytes = 18;
constexpr size_t kParametersMax = 8;

// Any value of any kind, such as nobody would send who means well.
Cell parameter_of(const uint8_t* bytes) {
  Cell cell;
  cell.kind = static_cast<Cell::Kind>(bytes[0] % 6);
  cell.scale = bytes[1];
  cell.boolean = (bytes[2] & 1) != 0;
  cell.timestamp = load_le<int64_t>(bytes + 2);
  cell.real = std::bit_cast<double>(load_le<uint64_t>(bytes + 2));
  const Uint128 high = load_le<uint64_t>(bytes + 10);
  cell.number = static_cast<Int128>(high << 64 | load_le<uint64_t>(bytes + 2));
  cell.text.assign(reinterpret_cast<const char*>(bytes + 2), bytes[1] % 17);
  return cell;
}

std::vector<Cell> usual_parameters() {
  Cell number, text;
  number.kind = Cell::Kind::kNumber;
  number.number = 3;
  text.kind = Cell::Kind::kString;
  text.text = "2024-03-15";
  return {number, text, Cell()};
}

std::vector<Cell> parameters_of(std::string_view bytes) {
  std::vector<Cell> parameters;
  while (bytes.size() >= kParameterBytes && parameters.size() < kParametersMax) {
    parameters.push_back(parameter_of(reinterpret_cast<const uint8_t*>(bytes.data())));
    bytes.remove_prefix(kParameterBytes);
  }
  return parameters.empty() ? usual_parameters() : parameters;
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tally;
  static FuzzCatalog catalog;
  constexpr QueryLimits kLimits{.memory_bytes = 32 * limits::kMiB, .filled_groups = 2'000};
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view script = input.substr(0, input.find('\0'));
  const std::vector<Cell> parameters =
      parameters_of(script.size() < input.size() ? input.substr(script.size() + 1) : std::string_view());
  for (std::string_view statement : split_statements(script).statements) {
    auto result = run_statement(statement, parameters, catalog, kLimits);
    if (result) {
      format_result(*result, OutputFormat::kTsv);
    } else {
      if (result.error().error.message.empty() || result.error().error.code == Code::kInternal) __builtin_trap();
      result.error().render(statement);
    }
  }
  return 0;
}
