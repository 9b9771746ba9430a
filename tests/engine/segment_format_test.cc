#include "engine/segment_format.h"

#include <doctest/doctest.h>

#include "tests/support/engine/sample_schemas.h"

using namespace tally;
using namespace tally::segment_format;

TEST_CASE("segment format: the header, byte by byte") {
  Header header{.number = 7, .schema_version = 1, .block_rows = 8192};
  header.uuid.fill(0xAB);
  header.table_uuid.fill(0xCD);
  Bytes bytes;
  ByteWriter out(bytes);
  encode_header(header, out);
  CHECK(hex(ByteSpan(bytes).first(72)) ==
        "544c595345474d54"
        "0100"
        "0100"
        "00000000"
        "abababababababababababababababab"
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
        "0700000000000000"
        "00"
        "000000"
        "00000000"
        "01000000"
        "00200000");
  CHECK(hex(ByteSpan(bytes).subspan(120)) == "24fa31757619d2af");
  CHECK(decode_header(bytes)->number == 7);
}

TEST_CASE("segment format: a column block, byte by byte") {
  // The worked example of docs/formats/segment.md: the times 1000, 1003, 1001 of column 1 in block 0.
  const int64_t values[] = {1000, 1003, 1001};
  Bytes raw;
  BlockForm form{Encoding::kNarrow, 0};
  ByteWriter(raw).i64(1000);
  for (uint8_t byte : {1, 0, 3, 1}) raw.push_back(byte);
  FileUuid uuid;
  uuid.fill(0xAB);
  Bytes bytes;
  ByteWriter out(bytes);
  encode_block({.digest = file_digest(uuid), .column_id = 1, .form = form, .rows = 3, .raw_length = 12}, raw, out);
  CHECK(hex(bytes) ==
        "f1758e42036e3e74"
        "00000000"
        "01000000"
        "02"
        "00"
        "0000"
        "03000000"
        "0c000000"
        "0c000000"
        "4521f23e5e9481f0"
        "906ee9c16ae4f506"
        "e803000000000000"
        "01"
        "000301");
  auto header = decode_block(bytes);
  REQUIRE(header);
  std::vector<int64_t> decoded(3);
  std::vector<uint8_t> nulls(3);
  CHECK_FALSE(*decode_ints_block(header->form, stored_bytes(bytes), decoded, nulls));
  CHECK(std::equal(decoded.begin(), decoded.end(), values));
}

TEST_CASE("segment format: the trailer, byte by byte") {
  Trailer trailer{
      .footer_offset = 1000, .footer_length = 500, .footer_sum = 1, .file_size = 1564, .digest = 2, .body_sum = 3};
  Bytes bytes;
  ByteWriter out(bytes);
  encode_trailer(trailer, out);
  CHECK(hex(bytes) ==
        "e803000000000000"
        "f401000000000000"
        "0100000000000000"
        "1c06000000000000"
        "0200000000000000"
        "0300000000000000"
        "0ce2b3d48c5bb8fa"
        "544c595345474e44");
  CHECK(decode_trailer(bytes)->file_size == 1564);
}

TEST_CASE("segment format: the columns of a raw segment, in their order") {
  Schema schema = small_schema();
  auto columns = raw_columns(schema);
  CHECK(columns.size() == schema.columns.size() + 3);
  CHECK(columns[0] == StoredColumn{schema.columns[schema.time_column()].id, ColumnForm::kInts});
  CHECK(columns[1] == StoredColumn{kKindColumn, ColumnForm::kBytes});
  CHECK(columns.back() == StoredColumn{schema.columns[schema.id_column()].id, ColumnForm::kIds});
}
