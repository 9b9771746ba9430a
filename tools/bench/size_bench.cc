// What a raw event costs on the disk, by column, and what it costs to write: the `ad` profile through the whole ingest path,
// its segments measured from their footers; then the rows of one of them encoded again by one core, out of memory.
//
//   bench_size [--events N] [--days D] [--seed S] [--directory DIR]
//   bench_size --encode SEGMENT --directory DIR       the second part alone, in a process of its own
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_names.h"
#include "base/limits.h"
#include "base/random.h"
#include "engine/segment_format.h"
#include "tools/bench/ad_database.h"
#include "tools/bench/options.h"
#include "tools/bench/run_self.h"
#include "tools/bench/yardsticks.h"

namespace tally {
namespace {

using segment_format::Footer;

struct Arguments {
  AdProfileOptions profile{.events = 50'000'000, .days = 30, .seed = 1, .start_us = 20'000 * kMicrosPerDay};
  std::string directory = "/tmp";
  std::string encode;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  if (tiny_bench()) arguments.profile.events = 60'000;
  BenchOptions("bytes of rows, rollups and indexes, and what making them takes")
      .add("--events", arguments.profile.events, "events of the ad profile")
      .add("--days", arguments.profile.days, "days that they are spread over")
      .add("--seed", arguments.profile.seed, "of the profile")
      .add("--directory", arguments.directory, "where databases are made and removed")
      .add("--encode", arguments.encode, "used by the benchmark itself: a segment to encode again")
      .parse(argc, argv);
  return arguments;
}

double mib(uint64_t bytes) { return static_cast<double>(bytes) / static_cast<double>(limits::kMiB); }

// --- sizes ---------------------------------------------------------------------------------------------------------

struct ColumnSize {
  uint64_t data = 0, appendix = 0, block_index = 0, id_filter = 0, record_times = 0;
  uint64_t all() const { return data + appendix + block_index + id_filter + record_times; }
};

class Sizes {
 public:
  void add(const SegmentView& segment) {
    const Footer& footer = segment.reader->footer();
    rows_ += footer.rows;
    bytes_ += segment.info.size;
    ++files_;
    blocks_ += footer.blocks.size();
    for (size_t i = 0; i < footer.columns.size(); ++i) {
      ColumnSize& size = columns_[footer.columns[i].id];
      for (const auto& block : footer.blocks) {
        size.data += block.columns[i].length;
        ++encodings_[std::string(encoding_name(block.columns[i].form.encoding))];
      }
    }
    for (const auto& part : footer.appendix) columns_[part.dimension_id].appendix += part.length;
    for (const auto& part : footer.indexes) {
      ColumnSize& size = columns_[part.column_id];
      (part.kind == Encoding::kBlockIndex ? size.block_index
       : part.kind == Encoding::kIdFilter ? size.id_filter
                                          : size.record_times) += part.length;
    }
  }

  void print(const Schema& schema) const {
    std::printf("\nbytes an event: %llu events in %llu segments, %llu blocks\n", static_cast<unsigned long long>(rows_),
                static_cast<unsigned long long>(files_), static_cast<unsigned long long>(blocks_));
    std::printf("  %-16s %9s %9s %9s %9s %9s\n", "column", "rows", "appendix", "index", "other", "all");
    std::vector<std::pair<uint32_t, ColumnSize>> sorted(columns_.begin(), columns_.end());
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.second.all() > b.second.all(); });
    uint64_t known = 0, index = 0;
    for (const auto& [id, size] : sorted) {
      std::printf("  %-16s %9.3f %9.3f %9.3f %9.3f %9.3f\n", segment_format::column_name(schema, id).c_str(),
                  a_row(size.data), a_row(size.appendix), a_row(size.block_index),
                  a_row(size.id_filter + size.record_times), a_row(size.all()));
      known += size.all();
      index += size.block_index;
    }
    std::printf("  %-16s %9s %9s %9s %9s %9.3f\n", "head and footer", "", "", "", "", a_row(bytes_ - known));
    std::printf("  %-16s %9s %9s %9.3f %9s %9.2f   target below 32\n", "in all", "", "", a_row(index), "",
                a_row(bytes_));
    std::printf("encodings (column blocks):");
    for (const auto& [name, blocks] : encodings_) {
      std::printf(" %s %llu", name.c_str(), static_cast<unsigned long long>(blocks));
    }
    std::printf("\n");
  }

 private:
  double a_row(uint64_t bytes) const { return static_cast<double>(bytes) / static_cast<double>(rows_); }

  std::map<uint32_t, ColumnSize> columns_;
  std::map<std::string, uint64_t> encodings_;
  uint64_t rows_ = 0, bytes_ = 0, files_ = 0, blocks_ = 0;
};

std::vector<SegmentView> segments_of(AdDatabase& database) {
  return need(need(database.table().snapshot(), "snapshot")->segments(), "segments");
}

// --- rollups -------------------------------------------------------------------------------------------------------

void print_rollups(AdDatabase& database, const std::vector<SegmentView>& segments) {
  struct Size {
    uint64_t segments = 0, rows = 0, bytes = 0, sketches = 0;
  };
  const auto schema = database.table().schema();
  std::map<std::pair<uint32_t, Tier>, Size> sizes;
  uint64_t raw_bytes = 0, raw_rows = 0;
  for (const SegmentView& segment : segments) {
    if (segment.info.tier == Tier::kRaw) {
      raw_bytes += segment.info.size;
      raw_rows += segment.info.rows;
      continue;
    }
    Size& size = sizes[{segment.info.rollup_id, segment.info.tier}];
    ++size.segments;
    size.rows += segment.info.rows;
    size.bytes += segment.info.size;
    const Footer& footer = segment.reader->footer();
    for (const auto& block : footer.blocks) {
      for (size_t i = 0; i < footer.columns.size(); ++i) {
        if (footer.columns[i].form == segment_format::ColumnForm::kStrings) size.sketches += block.columns[i].length;
      }
    }
  }
  std::printf("\nrollup           tier     segments         rows  rows an event  bytes a row  without sketches\n");
  for (const auto& [of, size] : sizes) {
    const double rows = static_cast<double>(size.rows);
    std::printf("  %-14s %-8s %8llu %12llu %14.4f %12.2f %17.2f\n", schema->find_rollup(of.first)->name.c_str(),
                std::string(tier_name(of.second)).c_str(), static_cast<unsigned long long>(size.segments),
                static_cast<unsigned long long>(size.rows), rows / static_cast<double>(raw_rows),
                static_cast<double>(size.bytes) / rows, static_cast<double>(size.bytes - size.sketches) / rows);
  }
  const Table::Stats stats = database.table().stats();
  const BackgroundStats& done = stats.background;
  std::printf("background: %llu folds, %llu joins, %.1f s in all\n", static_cast<unsigned long long>(done.folds),
              static_cast<unsigned long long>(done.joins), static_cast<double>(done.busy_us) / 1e6);
  const double rows = static_cast<double>(done.raw_rows_in), all_rows = static_cast<double>(done.raw_rollup_rows_in);
  const double wall_us = static_cast<double>(done.raw_fold_us);
  const double processor_us = static_cast<double>(done.raw_fold_processor_us);
  std::printf("passes over raw beside the load, %.1f rollups each: %.2f M raw rows/s a core (%.2f by the clock)\n",
              all_rows / rows, rows / processor_us, rows / wall_us);
  std::printf(
      "  counted once a rollup that a row goes into: %.2f M rows/s a core (%.2f by the clock; target above 3)\n",
      all_rows / processor_us, all_rows / wall_us);
  std::printf("written an event: raw %.1f bytes, folds and joins %.1f, log %.1f (target below 150)\n",
              static_cast<double>(raw_bytes) / static_cast<double>(raw_rows),
              static_cast<double>(done.bytes_written) / static_cast<double>(raw_rows),
              static_cast<double>(stats.log.bytes_written) / static_cast<double>(raw_rows));
}

// --- encoding ------------------------------------------------------------------------------------------------------

// The rows of a segment in arrays, as a flush has them.
class SegmentInMemory {
 public:
  explicit SegmentInMemory(const SegmentReader& reader) : schema_(reader.schema()) {
    ColumnSelection selection{.column_ids = {}, .ids = true, .lsns = true, .arrivals = true};
    for (size_t position : schema_.dimensions()) selection.column_ids.push_back(schema_.columns[position].id);
    dimensions_ = selection.column_ids.size();
    for (size_t position : schema_.fields()) selection.column_ids.push_back(schema_.columns[position].id);
    codes_.resize(dimensions_);
    fields_.resize(selection.column_ids.size() - dimensions_);
    auto cursor = reader.cursor(selection);
    for (uint32_t block = 0; block < reader.blocks().size(); ++block) add(*need(cursor->read(block), "block"));
    for (const auto& section : reader.sections()) days_.push_back({section.day, static_cast<uint32_t>(section.rows)});
    for (size_t row = 0; row < lsns_.size(); ++row) {
      RecordTime& record = records_[lsns_[row]];
      record = {.lsn = lsns_[row], .arrival = arrivals_[row], .event = record.lsn == 0 ? times_[row] : record.event};
    }
  }

  void write(SegmentWriter& writer) const {
    uint32_t first = 0;
    for (auto [day, rows] : days_) {
      for (uint32_t at = 0; at < rows; at += limits::kChunkRows) {
        need(writer.add(day, columns(first + at, std::min(limits::kChunkRows, rows - at))), "add");
      }
      first += rows;
    }
  }

  uint64_t rows() const { return times_.size(); }
  std::vector<RecordTime> records() const {
    std::vector<RecordTime> list;
    for (const auto& [lsn, record] : records_) list.push_back(record);
    return list;
  }

 private:
  struct Field {
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;
    std::vector<StringRef> strings;
  };

  void add(const BlockColumns& block) {
    const RawColumns& rows = block.rows;
    auto append = [&](auto& to, const auto* from) { to.insert(to.end(), from, from + rows.rows); };
    append(times_, rows.times);
    append(arrivals_, rows.arrivals);
    append(lsns_, rows.lsns);
    append(kinds_, rows.kinds);
    append(ids_, rows.ids);
    append(id_kinds_, rows.id_kinds);
    for (size_t d = 0; d < dimensions_; ++d) append(codes_[d], block.by_column[d].codes);
    for (size_t f = 0; f < fields_.size(); ++f) {
      const BlockColumns::Selected& column = block.by_column[dimensions_ + f];
      if (column.strings != nullptr) {
        append(fields_[f].strings, column.strings);  // of this profile all are short enough to be inline
        continue;
      }
      append(fields_[f].ints, column.ints);
      fields_[f].nulls.resize(fields_[f].ints.size());
      if (column.nulls != nullptr) std::copy_n(column.nulls, rows.rows, fields_[f].nulls.end() - rows.rows);
    }
  }

  RawColumns columns(uint32_t first, uint32_t rows) const {
    RawColumns columns;
    columns.rows = rows;
    columns.times = times_.data() + first;
    columns.arrivals = arrivals_.data() + first;
    columns.lsns = lsns_.data() + first;
    columns.kinds = kinds_.data() + first;
    columns.ids = ids_.data() + first;
    columns.id_kinds = id_kinds_.data() + first;
    for (const auto& codes : codes_) columns.codes.push_back(codes.data() + first);
    for (const Field& field : fields_) {
      RawColumns::Field view;
      if (!field.strings.empty()) {
        view.strings = field.strings.data() + first;
      } else {
        view.ints = field.ints.data() + first;
        view.nulls = field.nulls.data() + first;
      }
      columns.fields.push_back(view);
    }
    return columns;
  }

  const Schema& schema_;
  size_t dimensions_ = 0;
  std::vector<TimeUs> times_, arrivals_;
  std::vector<Lsn> lsns_;
  std::vector<RowKind> kinds_;
  std::vector<IdSlot> ids_;
  std::vector<IdKind> id_kinds_;
  std::vector<std::vector<uint32_t>> codes_;
  std::vector<Field> fields_;
  std::map<Lsn, RecordTime> records_;
  std::vector<std::pair<int32_t, uint32_t>> days_;
};

// Dictionaries with exactly the file's codes; codes that it does not use get a value of their own.
std::vector<std::unique_ptr<Dictionary>> dictionaries_of(const SegmentReader& reader) {
  std::vector<std::unique_ptr<Dictionary>> dictionaries;
  for (size_t position : reader.schema().dimensions()) {
    dictionaries.push_back(std::make_unique<Dictionary>(limits::kDimensionValuesMax));
    auto fill = [&](uint32_t end) {
      while (dictionaries.back()->size() < end) {
        dictionaries.back()->add("unused " + std::to_string(dictionaries.back()->size()));
      }
    };
    for (const auto& [code, value] : need(reader.appendix(reader.schema().columns[position].id), "appendix")) {
      fill(code);
      dictionaries.back()->add(value);
    }
  }
  return dictionaries;
}

void encode(const Arguments& arguments) {
  auto fs = make_posix_file_system();
  auto reader = need(SegmentReader::open(*fs, arguments.encode, nullptr), "open");
  const SegmentInMemory rows(*reader);
  const auto dictionaries = dictionaries_of(*reader);
  SegmentWriter::Options options;
  options.fs = fs.get();
  options.directory = arguments.directory;
  options.number = 99'999'999;
  options.uuid = random_uuid();
  options.schema = std::make_shared<const Schema>(reader->schema());
  for (const auto& dictionary : dictionaries) options.dictionaries.push_back(dictionary.get());
  options.rows_max = rows.rows();
  options.records = rows.records();
  const uint64_t before = start_peak_memory();
  const double cpu = cpu_seconds();
  int64_t begun = bench_now_us();
  auto writer = need(SegmentWriter::create(options), "create");
  rows.write(*writer);
  const double added = seconds_since(begun), added_cpu = cpu_seconds() - cpu;
  const uint64_t memory = peak_since_start() - before;
  begun = bench_now_us();
  const SegmentInfo info = need(writer->finish(), "finish");
  const double finished = seconds_since(begun);
  need(fs->unlink(join_path(arguments.directory, segment_name(info.number))), "unlink");
  const double n = static_cast<double>(rows.rows());
  std::printf("\nencoding %llu rows again, one core\n", static_cast<unsigned long long>(rows.rows()));
  std::printf(
      "  encode, index, sum, write      %6.2f M rows/s (%.0f ns of processor time a row; target above 3 M rows/s)\n",
      n / added / 1e6, added_cpu / n * 1e9);
  std::printf("  appendix, indexes, sync, read back, every row verified  %6.2f M rows/s\n", n / finished / 1e6);
  std::printf("  memory of the writer           %6.1f MiB above the rows\n", mib(memory));
}

void measure(const Arguments& arguments, const char* self) {
  AdDatabase database(arguments.directory);
  load_ad_events(database, arguments.profile);
  need(database.table().run_background(), "background");
  const std::vector<SegmentView> segments = segments_of(database);
  Sizes sizes;
  for (const SegmentView& segment : segments) {
    if (segment.info.tier == Tier::kRaw) sizes.add(segment);
  }
  sizes.print(*database.table().schema());
  print_rollups(database, segments);
  std::printf("peak memory of the load: %.0f MiB with %llu remembered ids in it\n", mib(peak_memory_bytes()),
              static_cast<unsigned long long>(database.table().stats().remembered_ids));
  std::fflush(stdout);
  const std::string path =
      DatabasePaths(database.directory()).table(kAdEventsTable).segment(segments.front().info.number);
  run_self(self, {"--encode", path, "--directory", arguments.directory});
  database.close();
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  using namespace tally;
  const Arguments arguments = parse(argc, argv);
  if (!arguments.encode.empty()) {
    encode(arguments);
    return 0;
  }
  print_yardsticks(measure_yardsticks(arguments.directory));
  measure(arguments, argv[0]);
  return 0;
}
