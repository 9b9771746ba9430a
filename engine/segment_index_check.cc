#include "engine/segment_index_check.h"

#include <algorithm>

#include "engine/encoding/selection.h"
#include "engine/segment_indexes.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file reads a part of the format

Status SegmentIndexCheck::open(const SegmentFile& segment, const std::function<Status(Error)>& note) {
  footer_ = &segment.footer();
  const std::vector<uint32_t> dimensions = stored_dimensions(*footer_->schema, footer_->rollup_id);
  for (size_t d = 0; d < dimensions.size(); ++d) {
    const uint32_t column_id = dimensions[d];
    auto loaded = segment.block_index(column_id);
    if (!loaded) {
      TALLY_TRY(note(std::move(loaded).error()));
    } else if (*loaded) {
      indexes_.push_back({.column_id = column_id, .dimension = d, .loaded = *std::move(loaded), .pairs = {}});
    }
  }
  auto filter = segment.id_filter();
  if (!filter) return note(std::move(filter).error());
  filter_ = *std::move(filter);
  if (auto times = segment.record_times(); !times) return note(std::move(times).error());
  return {};
}

// The rows of a block in the shape in which a writer gets them.
RawColumns SegmentIndexCheck::whole_rows(const BlockColumns& columns) const {
  RawColumns rows = columns.rows;
  const size_t dimensions = stored_dimensions(*footer_->schema, footer_->rollup_id).size();
  for (size_t i = 0; i < columns.by_column.size(); ++i) {
    const BlockColumns::Selected& column = columns.by_column[i];
    if (i < dimensions) {
      rows.codes.push_back(column.codes);
    } else {
      rows.fields.push_back({.ints = column.ints, .nulls = column.nulls, .strings = column.strings});
    }
  }
  return rows;
}

std::vector<std::string> SegmentIndexCheck::check_block(uint32_t block, const BlockColumns& columns) {
  std::vector<std::string> problems;
  const std::string name = "block " + std::to_string(block);
  RawColumns rows = whole_rows(columns);
  ZoneBuilder builder(*footer_->schema, footer_->rollup_id);
  builder.add_block(rows, 0, rows.rows);
  const std::vector<ColumnZones> zones = builder.take();
  for (size_t i = 0; i < zones.size(); ++i) {
    const ColumnZones& stored = footer_->zones[i];
    if (zones[i].min[0] == stored.min[block] && zones[i].max[0] == stored.max[block] &&
        zones[i].nulls[0] == stored.nulls[block]) {
      continue;
    }
    problems.push_back(name + ", column \"" + column_name(*footer_->schema, stored.column_id) +
                       "\": its zone is not that of its rows");
  }
  for (OpenIndex& index : indexes_) {
    index.pairs.add(block, {rows.codes[index.dimension], rows.rows});
  }
  if (filter_) check_filter(rows, problems, name);
  return problems;
}

void SegmentIndexCheck::check_filter(const RawColumns& rows, std::vector<std::string>& problems,
                                     const std::string& name) const {
  std::vector<Hash128> hashes(rows.rows);
  for (uint32_t row = 0; row < rows.rows; ++row) hashes[row] = filter_hash(rows.id_kinds[row], rows.ids[row]);
  std::vector<uint64_t> words(selection_words(rows.rows));
  filter_->filter.may_contain(hashes, words);
  if (count_selected(words) != rows.rows) problems.push_back(name + ": the id filter does not know an id of its rows");
}

std::vector<std::string> SegmentIndexCheck::finish() {
  std::vector<std::string> problems;
  for (const OpenIndex& index : indexes_) {
    if (!complete_) break;
    if (std::string what = compare(index); !what.empty()) {
      problems.push_back("the block index of column \"" + column_name(*footer_->schema, index.column_id) +
                         "\": " + what);
    }
  }
  return problems;
}

std::string SegmentIndexCheck::compare(const OpenIndex& index) const {
  const std::vector<BlockPairs::Pair> pairs = index.pairs.sorted();
  auto next = pairs.begin();
  std::string wrong;
  auto visit = [&](uint32_t code, std::span<const uint32_t> blocks) -> Status {
    for (uint32_t block : blocks) {
      if (!wrong.empty()) return {};
      const BlockPairs::Pair stored{code, block};
      if (next != pairs.end() && *next == stored) {
        ++next;
        continue;
      }
      const BlockPairs::Pair& missed = next != pairs.end() && *next < stored ? *next : stored;
      wrong = "code " + std::to_string(missed.code) +
              (missed == stored ? " is not in block " : " is missing for block ") + std::to_string(missed.block);
    }
    return {};
  };
  if (Status visited = index.loaded->index.visit_all(visit); !visited) return visited.error().message;
  if (wrong.empty() && next != pairs.end()) {
    wrong = "code " + std::to_string(next->code) + " is missing for block " + std::to_string(next->block);
  }
  return wrong;
}

}  // namespace tally
