#include "engine/segment_describe.h"

#include <map>

#include "engine/segment_file.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file is the format's other half

namespace {

constexpr size_t kSectionsShown = 40;

struct ColumnSizes {
  uint64_t stored = 0;
  uint64_t raw = 0;
  std::map<std::string, uint32_t> encodings;  // how many blocks in each
};

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string right(const std::string& text, size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

// With two decimals, without floating point.
std::string per_row(uint64_t bytes, uint64_t rows) {
  uint64_t hundredths = rows == 0 ? 0 : (bytes * 100 + rows / 2) / rows;
  std::string fraction = std::to_string(hundredths % 100);
  return std::to_string(hundredths / 100) + "." + (fraction.size() == 1 ? "0" : "") + fraction;
}

std::string form_name(const BlockHeader& header) {
  std::string name(encoding_name(header.form.encoding));
  if ((header.form.flags & kBlockOfRecord) != 0) name += "+of_record";
  if ((header.form.flags & kBlockNulls) != 0) name += "+nulls";
  if ((header.form.flags & kBlockLz4) != 0) name += "+lz4";
  return name;
}

Result<std::vector<ColumnSizes>> measure(const SegmentFile& segment) {
  const Footer& footer = segment.footer();
  std::vector<ColumnSizes> sizes(footer.columns.size());
  ColumnBytes bytes;
  for (uint32_t block = 0; block < footer.blocks.size(); ++block) {
    for (size_t column = 0; column < footer.columns.size(); ++column) {
      TALLY_TRY(segment.read_column(block, column, bytes));
      sizes[column].stored += footer.blocks[block].columns[column].length;
      sizes[column].raw += bytes.header.raw_length;
      ++sizes[column].encodings[form_name(bytes.header)];
    }
  }
  return sizes;
}

void describe_head(const SegmentFile& segment, std::vector<std::string>& lines) {
  const SegmentInfo& info = segment.info();
  const Footer& footer = segment.footer();
  lines.push_back("segment " + std::to_string(info.number) + " of table \"" + footer.schema->table_name +
                  "\", schema version " + std::to_string(info.schema_version));
  lines.push_back("  file " + hex(info.uuid) + ", table " + hex(segment.header().table_uuid) +
                  ", raw tier, format version " + std::to_string(kFormatVersion));
  lines.push_back("  " + std::to_string(info.size) + " bytes, " + std::to_string(info.rows) + " rows, " +
                  std::to_string(info.events) + " of them events, " + per_row(info.size, info.rows) + " bytes a row");
  lines.push_back("  LSN " + std::to_string(info.min_lsn) + " to " + std::to_string(info.max_lsn) + ", time " +
                  std::to_string(info.min_time) + " to " + std::to_string(info.max_time) + " us");
  lines.push_back("sections: " + std::to_string(footer.sections.size()) + " days in " +
                  std::to_string(footer.blocks.size()) + " blocks of up to " +
                  std::to_string(segment.header().block_rows) + " rows");
  for (size_t i = 0; i < footer.sections.size() && i < kSectionsShown; ++i) {
    const SegmentReader::Section& section = footer.sections[i];
    lines.push_back("  day " + std::to_string(section.day) + ": " + std::to_string(section.rows) + " rows, blocks " +
                    std::to_string(section.first_block) + " to " +
                    std::to_string(section.first_block + section.blocks - 1));
  }
  if (footer.sections.size() > kSectionsShown) {
    lines.push_back("  and " + std::to_string(footer.sections.size() - kSectionsShown) + " more");
  }
}

}  // namespace

Result<std::vector<std::string>> describe_segment(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(auto segment, SegmentFile::open(fs, path, nullptr));
  const Footer& footer = segment->footer();
  std::vector<std::string> lines;
  describe_head(*segment, lines);
  TALLY_ASSIGN_OR_RETURN(std::vector<ColumnSizes> sizes, measure(*segment));
  lines.push_back("columns:" + right("stored", 31) + right("unpacked", 12) + right("bytes/row", 11) +
                  "  encodings (blocks)");
  for (size_t i = 0; i < footer.columns.size(); ++i) {
    std::string encodings;
    for (const auto& [name, blocks] : sizes[i].encodings) encodings += " " + name + " (" + std::to_string(blocks) + ")";
    lines.push_back("  " + padded(column_name(*footer.schema, footer.columns[i].id), 18) +
                    padded(std::string(column_form_name(footer.columns[i].form)), 9) +
                    right(std::to_string(sizes[i].stored), 10) + right(std::to_string(sizes[i].raw), 12) +
                    right(per_row(sizes[i].stored, footer.rows), 11) + " " + encodings);
  }
  std::map<uint32_t, std::pair<uint64_t, uint64_t>> appendix;  // values, bytes
  for (const AppendixPart& part : footer.appendix) {
    appendix[part.dimension_id].first += part.values;
    appendix[part.dimension_id].second += part.length;
  }
  lines.push_back("appendix:");
  for (auto [id, counts] : appendix) {
    lines.push_back("  " + padded(column_name(*footer.schema, id), 18) + std::to_string(counts.first) + " values, " +
                    std::to_string(counts.second) + " bytes, largest code " + std::to_string(footer.max_codes.at(id)));
  }
  lines.push_back("indexes:");
  for (const IndexPart& part : footer.indexes) {
    lines.push_back("  " + padded(column_name(*footer.schema, part.column_id), 18) +
                    padded(std::string(encoding_name(part.kind)), 14) + std::to_string(part.values) + " values, " +
                    std::to_string(part.length) + " bytes, " + per_row(part.length, footer.rows) + " a row");
  }
  return lines;
}

}  // namespace tally
