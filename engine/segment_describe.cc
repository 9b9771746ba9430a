#include "engine/segment_describe.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/timestamp.h"
#include "engine/segment_file.h"
#include "engine/segment_verify.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file is the format's other half

namespace {

// "raw tier", or "tier hour of rollup by_campaign".
std::string tier_text(const SegmentInfo& info, const Schema& schema) {
  if (info.rollup_id == 0) return "raw tier";
  return "tier " + std::string(tier_name(info.tier)) + " of rollup " + schema.find_rollup(info.rollup_id)->name;
}

constexpr size_t kSectionsShown = 40;

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string right(const std::string& text, size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

// With two decimals, without floating point.
std::string per(uint64_t bytes, uint64_t rows) {
  uint64_t hundredths = rows == 0 ? 0 : (bytes * 100 + rows / 2) / rows;
  std::string fraction = std::to_string(hundredths % 100);
  return std::to_string(hundredths / 100) + "." + (fraction.size() == 1 ? "0" : "") + fraction;
}

std::string day_name(int32_t day) { return format_timestamp(day * kMicrosPerDay).substr(0, 10); }

std::string range(int64_t min, int64_t max) {
  return min > max ? "all NULL" : std::to_string(min) + " to " + std::to_string(max);
}

// Subtracted as integers: as floating point, large ones next to each other would be the same.
double distance(int64_t min, int64_t max) {
  return static_cast<double>(static_cast<uint64_t>(max) - static_cast<uint64_t>(min));
}

class Describer {
 public:
  explicit Describer(const SegmentFile& segment) : segment_(segment), footer_(segment.footer()) {}

  FileDescription run(bool blocks) {
    describe_head();
    describe_sections();
    describe_columns();
    describe_zones();
    describe_appendix();
    describe_indexes();
    if (blocks) describe_blocks();
    return std::move(out_);
  }

 private:
  void line(std::string text) { out_.lines.push_back(std::move(text)); }
  std::string name(uint32_t id) const { return "  " + padded(column_name(*footer_.schema, id), 18); }

  void describe_head();
  void describe_sections();
  void describe_columns();
  void describe_zones();
  void describe_appendix();
  void describe_indexes();
  std::string index_details(const IndexPart& part);
  void describe_blocks();
  std::string block_zones(size_t block) const;

  const SegmentFile& segment_;
  const Footer& footer_;
  FileDescription out_;
};

void Describer::describe_head() {
  const SegmentInfo& info = segment_.info();
  std::array<uint8_t, 8> sum{};
  for (size_t i = 0; i < sum.size(); ++i) {
    sum[i] = static_cast<uint8_t>(segment_.trailer().body_sum >> (56 - 8 * i));  // as a number is written
  }
  line("segment " + std::to_string(info.number) + " of table \"" + footer_.schema->table_name + "\", schema version " +
       std::to_string(info.schema_version));
  line("  file " + hex(info.uuid) + ", table " + hex(segment_.header().table_uuid) + ", " +
       tier_text(info, *segment_.footer().schema) + ", format version " + std::to_string(kFormatVersion));
  line("  " + std::to_string(info.size) + " bytes, " + std::to_string(info.rows) + " rows, " +
       std::to_string(info.events) + " of them events, " + per(info.size, info.rows) + " bytes a row");
  line("  LSN " + std::to_string(info.min_lsn) + " to " + std::to_string(info.max_lsn) + ", event times " +
       format_timestamp(info.min_time) + " to " + format_timestamp(info.max_time));
  line("  footer at " + std::to_string(segment_.trailer().footer_offset) + ", " +
       std::to_string(segment_.trailer().footer_length) + " bytes, sum of everything before the trailer " + hex(sum));
}

void Describer::describe_sections() {
  line("sections: " + std::to_string(footer_.sections.size()) + " days in " + std::to_string(footer_.blocks.size()) +
       " blocks of up to " + std::to_string(segment_.header().block_rows) + " rows");
  for (size_t i = 0; i < footer_.sections.size() && i < kSectionsShown; ++i) {
    const SegmentReader::Section& section = footer_.sections[i];
    line("  " + day_name(section.day) + ": " + std::to_string(section.rows) + " rows, blocks " +
         std::to_string(section.first_block) + " to " + std::to_string(section.first_block + section.blocks - 1));
  }
  if (footer_.sections.size() > kSectionsShown) {
    line("  and " + std::to_string(footer_.sections.size() - kSectionsShown) + " more");
  }
}

void Describer::describe_columns() {
  line("columns:" + right("stored", 31) + right("bytes/row", 11) + "  encodings (blocks)");
  for (size_t i = 0; i < footer_.columns.size(); ++i) {
    uint64_t stored = 0;
    std::map<std::string, uint32_t> blocks;
    for (const BlockEntry& block : footer_.blocks) {
      stored += block.columns[i].length;
      ++blocks[form_name(block.columns[i].form)];
    }
    std::string encodings;
    for (const auto& [form, count] : blocks) encodings += " " + form + " (" + std::to_string(count) + ")";
    line(name(footer_.columns[i].id) + padded(std::string(column_form_name(footer_.columns[i].form)), 9) +
         right(std::to_string(stored), 10) + right(per(stored, footer_.rows), 11) + " " + encodings);
  }
}

// Over all blocks: the range, NULLs, and how much of the range a block covers on average: the less, the more it spares.
void Describer::describe_zones() {
  line("zones:");
  for (const ColumnZones& zones : footer_.zones) {
    int64_t min = INT64_MAX, max = INT64_MIN;
    uint64_t nulls = 0;
    for (size_t block = 0; block < zones.min.size(); ++block) {
      min = std::min(min, zones.min[block]);
      max = std::max(max, zones.max[block]);
      nulls += zones.nulls[block];
    }
    double covered = 0;
    for (size_t block = 0; block < zones.min.size() && min < max; ++block) {
      if (zones.min[block] > zones.max[block]) continue;
      covered += distance(zones.min[block], zones.max[block]) / distance(min, max);
    }
    const auto percent = static_cast<uint64_t>(covered * 100 / static_cast<double>(zones.min.size()) + 0.5);
    line(name(zones.column_id) + range(min, max) + (nulls > 0 ? ", NULL in " + std::to_string(nulls) + " rows" : "") +
         ", a block covers " + std::to_string(percent) + " % of it");
  }
}

void Describer::describe_appendix() {
  struct Sums {
    uint64_t parts = 0, values = 0, bytes = 0;
  };
  std::map<uint32_t, Sums> by_dimension;
  for (const AppendixPart& part : footer_.appendix) {
    Sums& sums = by_dimension[part.dimension_id];
    ++sums.parts;
    sums.values += part.values;
    sums.bytes += part.length;
  }
  line("appendix:");
  for (const auto& [id, sums] : by_dimension) {
    line(name(id) + std::to_string(sums.values) + " values in " + std::to_string(sums.parts) + " parts, " +
         std::to_string(sums.bytes) + " bytes, " + per(sums.bytes, sums.values) + " a value, largest code " +
         std::to_string(footer_.max_codes.at(id)));
  }
}

void Describer::describe_indexes() {
  line("indexes:");
  for (const IndexPart& part : footer_.indexes) {
    line(name(part.column_id) + padded(std::string(encoding_name(part.kind)), 14) + index_details(part) + ", " +
         std::to_string(part.length) + " bytes, " + per(part.length, footer_.rows) + " a row");
  }
}

std::string Describer::index_details(const IndexPart& part) {
  if (part.kind == Encoding::kIdFilter) {
    return std::to_string(part.values) + " ids, " + per(uint64_t{part.length} * 8, part.values) + " bits an id";
  }
  if (part.kind != Encoding::kBlockIndex) return std::to_string(part.values) + " log records";
  const std::string codes = std::to_string(part.values) + " codes";
  auto index = segment_.block_index(part.column_id);
  if (!index) return codes;  // verify() says why
  auto statistics = (*index)->index.statistics();
  if (!statistics) return codes;
  return codes + ", " + std::to_string(statistics->pairs) + " pairs of code and block, " +
         std::to_string(statistics->lists) + " lists, " + std::to_string(statistics->bitmaps) + " bitmaps";
}

void Describer::describe_blocks() {
  line("blocks:");
  for (size_t block = 0; block < footer_.blocks.size(); ++block) {
    const BlockEntry& entry = footer_.blocks[block];
    uint64_t bytes = 0;
    for (const ColumnEntry& column : entry.columns) bytes += column.length;
    line("  " + std::to_string(block) + ": " + std::to_string(entry.info.rows) + " rows at " +
         std::to_string(entry.offset) + ", " + std::to_string(bytes) + " bytes, " +
         format_timestamp(entry.info.min_time) + " to " + format_timestamp(entry.info.max_time) + block_zones(block));
  }
}

std::string Describer::block_zones(size_t block) const {
  std::string text;
  for (const ColumnZones& zones : footer_.zones) {
    text += "; " + column_name(*footer_.schema, zones.column_id) + " " + range(zones.min[block], zones.max[block]);
    if (zones.nulls[block] > 0) text += " and " + std::to_string(zones.nulls[block]) + " NULL";
  }
  return text;
}

Result<FileDescription> describe(const std::shared_ptr<const SegmentFile>& segment, bool blocks) {
  FileDescription description = Describer(*segment).run(blocks);
  TALLY_ASSIGN_OR_RETURN(std::vector<std::string> problems, verify_segment(segment));
  for (const std::string& problem : problems) description.lines.push_back("problem: " + problem);
  description.sound = problems.empty();
  if (description.sound) description.lines.push_back("checksums: all good, and rows, order, zones and indexes agree");
  return description;
}

}  // namespace

Result<FileDescription> describe_segment(FileSystem& fs, const std::string& path, bool blocks) {
  TALLY_ASSIGN_OR_RETURN(const auto segment, SegmentFile::open(fs, path, nullptr));
  return describe(segment, blocks);
}

Result<FileDescription> describe_segment(std::unique_ptr<File> file, bool blocks) {
  TALLY_ASSIGN_OR_RETURN(const auto segment, SegmentFile::open(std::move(file), nullptr));
  return describe(segment, blocks);
}

}  // namespace tally
