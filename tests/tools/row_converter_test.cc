#include "tools/load/row_converter.h"

#include <doctest/doctest.h>

#include "base/limits.h"
#include "base/timestamp.h"
#include "tests/support/engine/sample_schemas.h"

namespace tally {
namespace {

// small_schema(): ts, id, country STRING DIMENSION, slot INT64 DIMENSION, kind STRING, amount INT64, cost DECIMAL(9,2).
const std::vector<std::string> kAllColumns = {"ts", "id", "country", "slot", "kind", "amount", "cost"};

std::shared_ptr<const Schema> schema() { return std::make_shared<const Schema>(small_schema()); }

std::string make_error(const std::vector<std::string>& source, const std::vector<ColumnMapping>& mappings = {},
                       bool open_columns = false) {
  auto converter = RowConverter::make(schema(), source, open_columns, mappings);
  return converter ? "" : converter.error().message;
}

SourceValue text(std::string_view value) { return {SourceValue::Kind::kText, value}; }

struct Fixture {
  std::shared_ptr<const Schema> table = schema();
  RowConverter converter = *RowConverter::make(table, kAllColumns, false, {});
  BatchBuilder builder{*table};
  SourceRecord record;

  Fixture() {
    record.values = {text("2019-11-24T00:01:03Z"), text("e1"), text("DE"), text("7"), {}, text("5"), text("1.25")};
  }
  // "code column message", or "" for a row that went in.
  std::string convert_with(size_t column, SourceValue value) {
    SourceValue usual = std::exchange(record.values[column], value);
    uint32_t rows = builder.rows();
    auto fault = converter.convert(record, builder);
    record.values[column] = usual;
    CHECK(builder.rows() == rows + (fault ? 0 : 1));
    return fault ? fault->code + " " + fault->column + " " + fault->message : "";
  }
};

TEST_CASE("converter: a row of every type goes in, and comes back from the batch") {
  Fixture f;
  CHECK(f.convert_with(4, text("x")) == "");
  CHECK(f.convert_with(4, {}) == "");
  Bytes payload = f.builder.finish();
  CHECK(payload.size() > 20);
  CHECK(f.converter.notes().empty());
}

TEST_CASE("converter: every reason to refuse a value has its code and names the column") {
  struct Case {
    size_t column;
    SourceValue value;
    const char* starts;
  };
  std::string longest(limits::kStringBytesMax + 1, 'x');
  SourceValue nested{SourceValue::Kind::kNested, "{\"a\":1}"};
  const Case cases[] = {
      {0, text("yesterday"), "bad_timestamp ts "},
      {0, text("2019-13-01"), "bad_timestamp ts "},
      {0, text(""), "bad_timestamp ts "},
      {0, {}, "missing_time ts is NULL"},
      {1, {}, "missing_id id is NULL"},
      {1, text(""), "missing_id id is empty"},
      {1, text(longest), "too_long id is 65536 bytes long"},
      {2, text(longest), "too_long country is 65536"},
      {2, nested, "wrong_type country \"{\"a\":1}\" is an object or array"},
      {3, text("7.5"), "bad_integer slot "},
      {3, text("9223372036854775808"), "bad_integer slot "},
      {5, text("five"), "bad_integer amount "},
      {5, text(""), "bad_integer amount "},
      {6, text("1.255"), "bad_decimal cost "},
      {6, text("12345678.00"), "bad_decimal cost "},
      {6, text("1,25"), "bad_decimal cost "},
  };
  Fixture f;
  for (const Case& one : cases) {
    CAPTURE(one.starts);
    std::string fault = f.convert_with(one.column, one.value);
    CHECK(fault.substr(0, std::string(one.starts).size()) == one.starts);
  }
  CHECK(f.convert_with(4, {}) == "");  // none of them left anything behind
}

TEST_CASE("converter: what the source lacks is found before the first row") {
  CHECK(make_error(kAllColumns) == "");
  CHECK(make_error({"ts", "country"}).find("the source has no column \"id\", which is the id of table") == 0);
  CHECK(make_error({"id", "tss"}).find("did you mean \"tss\"? Then say --map ts=tss") != std::string::npos);
  CHECK(make_error({"id", "when"}).find("(it has id, when); say which it is: --map ts=SOURCE") != std::string::npos);
  CHECK(make_error({"id", "when"}, {{"ts", "when"}}) == "");
  CHECK(make_error({"id", "when"}, {{"ts", "wen"}}) ==
        "--map: the source has no column \"wen\", did you mean \"when\"?");
  CHECK(make_error({"id", "ts"}, {{"contry", "id"}}).find("has no column \"contry\", did you mean \"country\"?") !=
        std::string::npos);
  CHECK(make_error({"id", "ts"}, {{"kind", "id"}, {"kind", "ts"}}) == "--map: column \"kind\" is mapped twice");
  // One JSON object does not name all keys that may come; event time and id it must.
  CHECK(make_error({"id", "ts"}, {{"kind", "later"}}, true) == "");
  CHECK(make_error({"id"}, {}, true) != "");
}

TEST_CASE("converter: a table that derives its ids needs no id column, and takes none") {
  auto derived = small_schema();
  derived.id_from = {derived.columns[0].id, derived.columns[2].id};
  auto table = std::make_shared<const Schema>(std::move(derived));
  auto converter = RowConverter::make(table, {"ts", "id", "country", "slot", "kind", "amount", "cost"}, false, {});
  REQUIRE(converter.has_value());
  CHECK(converter->notes() ==
        std::vector<std::string>{"ids are derived from ts, country", "not in the table, ignored: id"});
  BatchBuilder builder(*table);
  SourceRecord record;
  record.values = {text("2019-11-24T00:01:03Z"), text("DE"), {}, {}, {}, {}};
  CHECK_FALSE(converter->convert(record, builder).has_value());
  CHECK(builder.rows() == 1);
  auto mapped = RowConverter::make(table, kAllColumns, false, {{"id", "kind"}});
  REQUIRE_FALSE(mapped.has_value());
  CHECK(mapped.error().message == "--map: table \"small\" derives its ids from ts, country, none are loaded");
}

TEST_CASE("converter: one note for what is ignored, one for what stays NULL") {
  auto converter = RowConverter::make(schema(), {"ts", "id", "price", "country", "extra"}, false, {{"cost", "price"}});
  REQUIRE(converter.has_value());
  CHECK(converter->notes() ==
        std::vector<std::string>{"not in the table, ignored: extra", "not in the source, NULL: slot, kind, amount"});
  CHECK(converter->source_names() == std::vector<std::string>{"ts", "id", "country", "price"});
}

TEST_CASE("converter: --map") {
  CHECK(parse_column_mapping("a=b")->column == "a");
  CHECK(parse_column_mapping("a=b=c")->source == "b=c");
  for (const char* wrong : {"", "a", "=b", "a="}) CHECK_FALSE(parse_column_mapping(wrong).has_value());
}

}  // namespace
}  // namespace tally
