#include "query/format.h"

#include <doctest/doctest.h>

#include "query/datum.h"

namespace tally {
namespace {

QueryResult sample() {
  QueryResult result;
  result.columns = {{"name", SqlType::kString, 0}, {"n", SqlType::kInt64, 0}, {"ratio", SqlType::kDecimal, 4}};
  auto cell = [](Datum datum) { return to_cell(datum); };
  result.rows.push_back(
      {cell(Datum::of_text("a,\"b\"")), cell(Datum::of_integer(12)), cell(Datum::of_number({-5, 4}))});
  result.rows.push_back({cell(Datum::of_text("漢字")), cell({}), cell(Datum::of_number({12345678, 4}))});
  result.rows.push_back({cell(Datum::of_text("")), cell(Datum::of_integer(-1)), cell({})});
  return result;
}

}  // namespace

TEST_CASE("format: csv keeps NULL and an empty string apart") {
  CHECK(format_result(sample(), OutputFormat::kCsv) ==
        "name,n,ratio\n\"a,\"\"b\"\"\",12,-0.0005\n漢字,,1234.5678\n\"\",-1,\n");
}

TEST_CASE("format: tsv, json, jsonl") {
  QueryResult result = sample();
  result.rows.resize(2);
  CHECK(format_result(result, OutputFormat::kTsv) == "name\tn\tratio\na,\"b\"\t12\t-0.0005\n漢字\t\\N\t1234.5678\n");
  CHECK(format_result(result, OutputFormat::kJson) ==
        "[\n  {\"name\": \"a,\\\"b\\\"\", \"n\": 12, \"ratio\": -0.0005},\n  {\"name\": \"漢字\", \"n\": null, "
        "\"ratio\": 1234.5678}\n]\n");
  CHECK(format_result(result, OutputFormat::kJsonLines).starts_with("{\"name\": \"a,\\\"b\\\"\", \"n\": 12"));
}

TEST_CASE("format: no rows, no columns, control characters") {
  QueryResult result = sample();
  result.rows.clear();
  CHECK(format_result(result, OutputFormat::kCsv) == "name,n,ratio\n");
  CHECK(format_result(result, OutputFormat::kJson) == "[]\n");
  QueryResult done;
  done.message = "CREATE TABLE";
  CHECK(format_result(done, OutputFormat::kCsv) == "CREATE TABLE\n");
  result.columns.resize(1);
  result.rows.push_back({to_cell(Datum::of_text("a\n\tb\x01"))});
  CHECK(format_result(result, OutputFormat::kJson) == "[\n  {\"name\": \"a\\n\\tb\\u0001\"}\n]\n");
  CHECK(format_result(result, OutputFormat::kCsv) == "name\n\"a\n\tb\x01\"\n");
}

TEST_CASE("format: timestamps") {
  CHECK(cell_text(to_cell(Datum::of_time(1'700'000'000'000'000))) == "2023-11-14T22:13:20Z");
}

}  // namespace tally
