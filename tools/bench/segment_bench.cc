// Segments: rows a second written and read, and bytes a row by column, of ad-like rows (13 columns and the engine's own),
// beside what the machine can do in the same run. Usage: bench_segment [rows] [directory]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/file_names.h"
#include "base/limits.h"
#include "base/random.h"
#include "engine/dictionary.h"
#include "engine/segment_describe.h"
#include "engine/segment_reader.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

constexpr uint32_t kValues[] = {2'000, 20'000, 60'000, 200'000, 5'000, 200, 1'000, 5, 8};  // of each dimension

Column column(std::string name, ColumnRole role, ColumnType type, uint8_t precision = 0, uint8_t scale = 0) {
  Column made;
  made.name = std::move(name);
  made.role = role;
  made.type = type;
  made.precision = precision;
  made.scale = scale;
  return made;
}

Result<Schema> ad_schema() {
  Schema schema;
  schema.table_name = "ad_events";
  schema.within_us = 72 * kMicrosPerHour;
  schema.columns.push_back(column("ts", ColumnRole::kEventTime, ColumnType::kTimestamp));
  schema.columns.push_back(column("event_id", ColumnRole::kId, ColumnType::kId));
  for (const char* name : {"advertiser_id", "campaign_id", "ad_group_id", "creative_id", "publisher_id", "country",
                           "region", "device_type", "os"}) {
    schema.columns.push_back(column(name, ColumnRole::kDimension, ColumnType::kString));
  }
  schema.columns.push_back(column("event_type", ColumnRole::kField, ColumnType::kString));
  schema.columns.push_back(column("user_id", ColumnRole::kField, ColumnType::kString));
  schema.columns.push_back(column("cost", ColumnRole::kField, ColumnType::kDecimal, 18, 6));
  schema.columns.push_back(column("revenue", ColumnRole::kField, ColumnType::kDecimal, 18, 6));
  return complete_schema(std::move(schema));
}

struct Row {
  uint32_t codes[9];
  TimeUs time;
  auto operator<=>(const Row&) const = default;
};

// Skewed, with the hierarchy advertiser > campaign > ad group > creative, within one day.
Row random_row(Random& random) {
  auto skewed = [&](uint32_t values) {
    double u = random.uniform();
    return static_cast<uint32_t>(values * u * u * u);
  };
  Row row{};
  uint32_t advertiser = skewed(kValues[0]);
  uint32_t campaign = advertiser * 10 + skewed(10);
  uint32_t country = skewed(kValues[5]);
  const uint32_t values[] = {advertiser,
                             campaign,
                             campaign * 3 + static_cast<uint32_t>(random.below(3)),
                             campaign * 10 + skewed(10),
                             skewed(kValues[4]),
                             country,
                             country * 5 + static_cast<uint32_t>(random.below(5)),
                             static_cast<uint32_t>(random.below(5)),
                             static_cast<uint32_t>(random.below(8))};
  for (int d = 0; d < 9; ++d) row.codes[d] = kFirstValueCode + values[d];
  row.time = 19'700 * kMicrosPerDay + static_cast<TimeUs>(random.below(kMicrosPerDay));
  return row;
}

class Rows {
 public:
  explicit Rows(uint32_t count) {
    Random random(1);
    std::vector<Row> sorted(count);
    for (Row& row : sorted) row = random_row(random);
    std::sort(sorted.begin(), sorted.end());
    codes_.resize(9);
    costs_.resize(count);
    revenues_.resize(count);
    revenue_nulls_.resize(count);
    for (uint32_t i = 0; i < count; ++i) add(random, sorted[i], i);
  }

  uint32_t count() const { return static_cast<uint32_t>(times_.size()); }
  RawColumns columns(uint32_t first, uint32_t rows) const {
    RawColumns columns{.rows = rows,
                       .times = times_.data() + first,
                       .arrivals = arrivals_.data() + first,
                       .lsns = lsns_.data() + first,
                       .kinds = kinds_.data() + first,
                       .ids = ids_.data() + first,
                       .id_kinds = id_kinds_.data() + first,
                       .codes = {},
                       .fields = {}};
    for (const auto& column : codes_) columns.codes.push_back(column.data() + first);
    columns.fields = {{.strings = types_.data() + first},
                      {.strings = users_.data() + first},
                      {.ints = costs_.data() + first},
                      {.ints = revenues_.data() + first, .nulls = revenue_nulls_.data() + first}};
    return columns;
  }

 private:
  void add(Random& random, const Row& row, uint32_t i) {
    for (size_t d = 0; d < 9; ++d) codes_[d].push_back(row.codes[d]);
    times_.push_back(row.time);
    arrivals_.push_back(row.time + static_cast<TimeUs>(random.below(4'000'000)));
    lsns_.push_back(1 + static_cast<Lsn>(row.time % kMicrosPerDay / 10'000'000));
    kinds_.push_back(RowKind::kEvent);
    IdSlot id;
    random.fill(id.raw);
    ids_.push_back(id);
    id_kinds_.push_back(IdKind::kUuid);
    uint64_t kind = random.below(100);
    types_.push_back(StringRef(kind < 94 ? "impression" : kind < 99 ? "click" : "conversion"));
    char user[16];
    std::snprintf(user, sizeof user, "u%07u", static_cast<unsigned>(random.below(10'000'000)));
    users_.push_back(StringRef(user));  // short enough to be inline
    costs_[i] = static_cast<int64_t>(random.below(20'000));
    revenue_nulls_[i] = kind < 99 ? 1 : 0;
    revenues_[i] = kind < 99 ? 0 : static_cast<int64_t>(random.below(90'000'000));
  }

  std::vector<TimeUs> times_, arrivals_;
  std::vector<Lsn> lsns_;
  std::vector<RowKind> kinds_;
  std::vector<IdSlot> ids_;
  std::vector<IdKind> id_kinds_;
  std::vector<std::vector<uint32_t>> codes_;
  std::vector<StringRef> types_, users_;
  std::vector<int64_t> costs_, revenues_;
  std::vector<uint8_t> revenue_nulls_;
};

Status write_rows(SegmentWriter& writer, const Rows& rows) {
  for (uint32_t first = 0; first < rows.count(); first += limits::kChunkRows) {
    TALLY_TRY(writer.add(19'700, rows.columns(first, std::min(limits::kChunkRows, rows.count() - first))));
  }
  return {};
}

Status read_rows(const SegmentReader& reader, const ColumnSelection& selection) {
  auto cursor = reader.cursor(selection);
  for (uint32_t block = 0; block < reader.blocks().size(); ++block) TALLY_TRY(cursor->read(block));
  return {};
}

void print_rate(const char* what, uint32_t rows, double seconds, uint64_t bytes) {
  std::printf("%-44s %7.2f M rows/s  %7.2f GB/s of the file\n", what, rows / seconds / 1e6,
              static_cast<double>(bytes) / seconds / 1e9);
}

Status run(FileSystem& fs, const std::string& directory, uint32_t count) {
  TALLY_ASSIGN_OR_RETURN(Schema schema, ad_schema());
  std::vector<std::unique_ptr<Dictionary>> dictionaries;
  SegmentWriter::Options options;
  for (size_t d = 0; d < 9; ++d) {
    dictionaries.push_back(std::make_unique<Dictionary>(1'000'000));
    for (uint32_t i = 0; i < kValues[d]; ++i) dictionaries.back()->add("value-" + std::to_string(i));
    options.dictionaries.push_back(dictionaries.back().get());
  }
  Rows rows(count);
  options.fs = &fs;
  options.directory = directory;
  options.number = 1;
  options.uuid = random_uuid();
  options.schema = std::make_shared<const Schema>(schema);
  std::string path = join_path(directory, segment_name(1));

  int64_t begun = bench_now_us();
  TALLY_ASSIGN_OR_RETURN(auto writer, SegmentWriter::create(options));
  TALLY_TRY(write_rows(*writer, rows));
  double encoded = seconds_since(begun);
  TALLY_ASSIGN_OR_RETURN(SegmentInfo info, writer->finish());
  double finished = seconds_since(begun);
  print_rate("encode, sum, write", count, encoded, info.size);
  print_rate("the same, synced, read back and verified", count, finished, info.size);

  TALLY_ASSIGN_OR_RETURN(auto reader, SegmentReader::open(fs, path, &info));
  ColumnSelection everything{.column_ids = {}, .ids = true, .lsns = true, .arrivals = true};
  for (const Column& c : schema.columns) {
    if (c.role == ColumnRole::kDimension || c.role == ColumnRole::kField) everything.column_ids.push_back(c.id);
  }
  begun = bench_now_us();
  TALLY_TRY(read_rows(*reader, everything));
  print_rate("decode every column", count, seconds_since(begun), info.size);
  ColumnSelection few{.column_ids = {schema.find_column("country")->id, schema.find_column("cost")->id}};
  begun = bench_now_us();
  TALLY_TRY(read_rows(*reader, few));
  std::printf("%-44s %7.2f M rows/s\n", "decode time, kind, country, cost", count / seconds_since(begun) / 1e6);
  begun = bench_now_us();
  TALLY_TRY(reader->verify());
  print_rate("verify", count, seconds_since(begun), info.size);
  TALLY_ASSIGN_OR_RETURN(FileDescription description, describe_segment(fs, path));
  for (const std::string& line : description.lines) std::printf("%s\n", line.c_str());
  return fs.unlink(path);
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  uint32_t rows = argc > 1              ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10))
                  : tally::tiny_bench() ? 20'000
                                        : 2'000'000;
  std::string directory = argc > 2 ? argv[2] : ".";
  auto fs = tally::make_posix_file_system();
  tally::Status status = tally::run(*fs, directory, std::max(rows, 1u));
  if (!status) {
    std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
    return 1;
  }
  tally::print_yardsticks(tally::measure_yardsticks(directory));
  return 0;
}
