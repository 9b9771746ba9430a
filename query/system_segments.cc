#include "query/system_segments.h"

#include <map>

#include "engine/segment_format.h"

namespace tally {
namespace {

using segment_format::column_name;
using segment_format::Footer;
using segment_format::form_name;

// How many blocks there are of each encoding: "constant 3, packed 12".
class EncodingCounts {
 public:
  void add(std::string name) { ++blocks_[std::move(name)]; }
  std::string text() const {
    std::string text;
    for (const auto& [name, blocks] : blocks_) {
      text += (text.empty() ? "" : ", ") + name + " " + std::to_string(blocks);
    }
    return text;
  }

 private:
  std::map<std::string, uint64_t> blocks_;
};

std::vector<Datum> segment_row(const std::string& table, const SegmentView& segment) {
  const SegmentInfo& info = segment.info;
  const Footer& footer = segment.reader->footer();
  uint64_t data = 0, appendix = 0, indexes = 0;
  EncodingCounts encodings;
  for (const auto& block : footer.blocks) {
    for (const auto& column : block.columns) {
      data += column.length;
      encodings.add(std::string(encoding_name(column.form.encoding)));
    }
  }
  for (const auto& part : footer.appendix) appendix += part.length;
  for (const auto& part : footer.indexes) indexes += part.length;
  return {Datum::of_text(table),
          number(info.number),
          Datum::of_text(std::string(tier_name(info.tier))),
          number(info.rows),
          number(info.events),
          number(info.size),
          number(data),
          number(appendix),
          number(indexes),
          number(footer.sections.size()),
          number(footer.blocks.size()),
          Datum::of_time(info.min_time),
          Datum::of_time(info.max_time),
          number(info.min_lsn),
          number(info.max_lsn),
          number(info.schema_version),
          Datum::of_text(encodings.text())};
}

void add_column_rows(const std::string& table, const SegmentView& segment, SystemRows& result) {
  const Footer& footer = segment.reader->footer();
  for (size_t i = 0; i < footer.columns.size(); ++i) {
    const uint32_t id = footer.columns[i].id;
    uint64_t data = 0, appendix = 0, block_index = 0, other = 0;
    EncodingCounts encodings;
    for (const auto& block : footer.blocks) {
      data += block.columns[i].length;
      encodings.add(form_name(block.columns[i].form));
    }
    for (const auto& part : footer.appendix) appendix += part.dimension_id == id ? part.length : 0;
    for (const auto& part : footer.indexes) {
      if (part.column_id == id) (part.kind == Encoding::kBlockIndex ? block_index : other) += part.length;
    }
    const auto max_code = footer.max_codes.find(id);
    result.rows.push_back(
        {Datum::of_text(table), number(segment.info.number), Datum::of_text(column_name(*footer.schema, id)),
         number(footer.rows), number(data), number(appendix), number(block_index), number(other),
         max_code == footer.max_codes.end() ? Datum() : number(max_code->second), Datum::of_text(encodings.text())});
  }
}

// A table that cannot be read says so where it is asked for alone; here the others still answer.
template <class Add>
Sql<void> each_segment(Catalog& catalog, Add add) {
  for (const std::string& name : catalog.table_names()) {
    auto snapshot = catalog.snapshot(name);
    if (!snapshot) continue;
    SQL_ASSIGN(std::vector<SegmentView> segments, (*snapshot)->segments());
    for (const SegmentView& segment : segments) add(name, segment);
  }
  return {};
}

}  // namespace

Sql<SystemRows> system_segments(Catalog& catalog) {
  SystemRows result;
  result.add_columns(SqlType::kString, {"table"});
  result.add_columns(SqlType::kInt64, {"number"});
  result.add_columns(SqlType::kString, {"tier"});
  result.add_columns(SqlType::kInt64,
                     {"rows", "events", "bytes", "column_bytes", "appendix_bytes", "index_bytes", "days", "blocks"});
  result.add_columns(SqlType::kTimestamp, {"min_time", "max_time"});
  result.add_columns(SqlType::kInt64, {"min_lsn", "max_lsn", "schema_version"});
  result.add_columns(SqlType::kString, {"encodings"});
  SQL_TRY(each_segment(catalog, [&](const std::string& table, const SegmentView& segment) {
    result.rows.push_back(segment_row(table, segment));
  }));
  return result;
}

Sql<SystemRows> system_segment_columns(Catalog& catalog) {
  SystemRows result;
  result.add_columns(SqlType::kString, {"table"});
  result.add_columns(SqlType::kInt64, {"segment"});
  result.add_columns(SqlType::kString, {"column"});
  result.add_columns(SqlType::kInt64,
                     {"rows", "bytes", "appendix_bytes", "block_index_bytes", "other_index_bytes", "max_code"});
  result.add_columns(SqlType::kString, {"encodings"});
  SQL_TRY(each_segment(
      catalog, [&](const std::string& table, const SegmentView& segment) { add_column_rows(table, segment, result); }));
  return result;
}

}  // namespace tally
