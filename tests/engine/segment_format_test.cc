#include "engine/segment_format.h"

#include <doctest/doctest.h>

#include <map>

#include "engine/tagged_fields.h"
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
  auto columns = stored_columns(schema, 0);
  CHECK(columns.size() == schema.columns.size() + 3);
  CHECK(columns[0] == StoredColumn{schema.columns[schema.time_column()].id, ColumnForm::kInts});
  CHECK(columns[1] == StoredColumn{kKindColumn, ColumnForm::kBytes});
  CHECK(columns.back() == StoredColumn{schema.columns[schema.id_column()].id, ColumnForm::kIds});
}

TEST_CASE("segment format: zones and index parts of the footer, byte by byte") {
  // The worked examples of docs/formats/segment.md, Footer.
  Footer footer;
  footer.schema = std::make_shared<const Schema>(small_schema());
  footer.zones = {{.column_id = 3, .min = {2}, .max = {5}, .nulls = {0}},
                  {.column_id = 4, .min = {0}, .max = {3}, .nulls = {0}},
                  {.column_id = 6, .min = {-1}, .max = {7}, .nulls = {1}},
                  {.column_id = 7, .min = {INT64_MAX}, .max = {INT64_MIN}, .nulls = {3}},
                  {.column_id = kLsnColumn, .min = {9}, .max = {9}, .nulls = {0}}};
  footer.indexes = {{.kind = Encoding::kBlockIndex, .column_id = 4, .values = 3, .length = 96}};
  Bytes bytes;
  ByteWriter out(bytes);
  encode_footer(footer, out);
  ByteReader in(bytes);
  std::map<uint16_t, std::string> fields;
  while (!in.at_end()) {
    const Field field = read_field(in, "the footer").value();
    fields[field.tag & ~kFieldMaySkip] = hex(field.bytes);
  }
  CHECK(fields[8] ==
        "0200000005000000"
        "0000000003000000"
        "ffffffffffffffff"
        "0700000000000000"
        "01000000"
        "ffffffffffffff7f"
        "0000000000000080"
        "03000000"
        "0900000000000000"
        "0900000000000000"
        "00000000");
  CHECK(fields[9] ==
        "12000000"
        "04000000"
        "03000000"
        "60000000");
}
