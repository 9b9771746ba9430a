// What a segment writer gathers for block indexes stays within its memory, however many dimensions there are and however large
// their codes.
#include "engine/segment_indexes.h"

#include <doctest/doctest.h>

#include "tests/support/engine/test_rows.h"

using namespace tally;

namespace {

constexpr uint32_t kRows = 64;

Schema wide_schema(size_t dimensions) {
  Schema schema = test_schema();
  for (size_t d = 0; d < dimensions; ++d) {
    Column column;
    column.name = "d" + std::to_string(d);
    column.role = ColumnRole::kDimension;
    column.type = ColumnType::kString;
    schema.columns.push_back(column);
  }
  assign_ids(schema);
  return complete_schema(std::move(schema)).value();
}

// Rows with these codes in every dimension.
struct Rows {
  Rows(const Schema& schema, uint32_t first_code) {
    for (uint32_t row = 0; row < kRows; ++row) codes.push_back(first_code + row);
    columns.rows = kRows;
    columns.lsns = lsns.data();
    columns.codes.assign(schema.dimensions().size(), codes.data());
    for (size_t position : schema.fields()) {
      const bool text = schema.columns[position].type == ColumnType::kString;
      columns.fields.push_back(text ? RawColumns::Field{.strings = strings.data()}
                                    : RawColumns::Field{.ints = ints.data()});
    }
  }
  std::vector<uint32_t> codes;
  std::vector<Lsn> lsns = std::vector<Lsn>(kRows, 1);
  std::vector<int64_t> ints = std::vector<int64_t>(kRows);
  std::vector<StringRef> strings = std::vector<StringRef>(kRows);
  RawColumns columns;
};

}  // namespace

TEST_CASE(
    "segment indexes: dimensions of many values do without an index rather than take more memory than there may be") {
  const Schema schema = wide_schema(8);
  SegmentIndexBuilder builder(schema, 0, 0);
  for (uint32_t block = 0; block < 6; ++block) {
    const Rows rows(schema, limits::kDimensionValuesMax - (block + 1) * kRows);
    builder.add_block(rows.columns, 0, kRows);
    CAPTURE(block);
    CHECK(builder.index_bytes() <= kIndexBuildBytesMax);
    CHECK(builder.index_bytes() > kIndexBuildBytesMax / 2);
  }
  segment_format::IndexPart part;
  Bytes raw;
  size_t parts = 0;
  while (builder.next_part(part, raw)) {
    CHECK(part.values == 6 * kRows);
    ++parts;
  }
  CHECK(parts == 4);  // of 64 MiB each
}

TEST_CASE("segment indexes: dimensions of few values all have one but the first") {
  const Schema schema = wide_schema(8);
  SegmentIndexBuilder builder(schema, 0, 0);
  for (uint32_t block = 0; block < 6; ++block) {
    const Rows rows(schema, kFirstValueCode + block * kRows);
    builder.add_block(rows.columns, 0, kRows);
  }
  segment_format::IndexPart part;
  Bytes raw;
  size_t parts = 0;
  while (builder.next_part(part, raw)) ++parts;
  CHECK(parts == 8);
}
