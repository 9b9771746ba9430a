#include "tools/shell/result_text.h"

#include <doctest/doctest.h>

#include "query/datum.h"
#include "tools/shell/result_writer.h"

namespace tally {
namespace {

Cell text(std::string value) { return to_cell(Datum::of_text(std::move(value))); }
Cell whole(int64_t value) { return to_cell(Datum::of_integer(value)); }

QueryResult sample() {
  QueryResult result;
  result.columns = {{"name", SqlType::kString, 0}, {"n", SqlType::kInt64, 0}, {"ratio", SqlType::kDecimal, 4}};
  result.rows.push_back({text("a,\"b\""), whole(12), to_cell(Datum::of_number({-5, 4}))});
  result.rows.push_back({text("漢字"), Cell(), to_cell(Datum::of_number({12345678, 4}))});
  result.rows.push_back({text(""), whole(-1), Cell()});
  return result;
}

TEST_CASE("result: a table, numbers to the right, NULL shown, wide characters two cells") {
  CHECK(result_text(sample(), ResultFormat::kTable) ==
        " name  |    n |     ratio\n"
        "-------+------+-----------\n"
        " a,\"b\" |   12 |   -0.0005\n"
        " 漢字  | NULL | 1234.5678\n"
        "       |   -1 |      NULL\n");
  CHECK(table_width(sample()) == 26);
}

TEST_CASE("result: thousands on request, in what people read only") {
  QueryResult result = sample();
  result.rows[0][1] = whole(-1234567);
  CHECK(result_text(result, ResultFormat::kTable, {.thousands = true}).find(" -1,234,567 ") != std::string::npos);
  CHECK(result_text(result, ResultFormat::kTable, {.thousands = true}).find("1,234.5678") != std::string::npos);
  CHECK(result_text(result, ResultFormat::kCsv, {.thousands = true}).find("-1234567,") != std::string::npos);
  const std::pair<const char*, const char*> cases[] = {{"0", "0"},
                                                       {"999", "999"},
                                                       {"1000", "1,000"},
                                                       {"-100", "-100"},
                                                       {"-1000", "-1,000"},
                                                       {"1234567.891", "1,234,567.891"},
                                                       {"0.00123", "0.00123"},
                                                       {"1e+300", "1e+300"}};
  for (const auto& [plain, grouped] : cases) CHECK(grouped_digits(plain) == grouped);
}

TEST_CASE("result: vertical, markdown, and the formats for programs by their names") {
  QueryResult result = sample();
  result.rows.resize(2);
  result.rows[0][0] = text("a|b");
  CHECK(result_text(result, ResultFormat::kMarkdown) ==
        "| name |    n |     ratio |\n|------|-----:|----------:|\n| a\\|b |   12 |   -0.0005 |\n| 漢字 | NULL | "
        "1234.5678 |\n");
  CHECK(
      result_text(result, ResultFormat::kVertical) ==
      "row 1\n  name   a|b\n  n      12\n  ratio  -0.0005\nrow 2\n  name   漢字\n  n      NULL\n  ratio  1234.5678\n");
  CHECK(result_text(result, ResultFormat::kTsv) == "name\tn\tratio\na|b\t12\t-0.0005\n漢字\t\\N\t1234.5678\n");
  for (const std::string& name : result_format_names()) {
    REQUIRE(parse_result_format(name));
    CHECK(result_format_name(*parse_result_format(name)) == name);
  }
  CHECK_FALSE(parse_result_format("xml"));
}

TEST_CASE("result: a hostile name is shown, not obeyed, and programs get it as it is") {
  QueryResult result;
  result.columns = {{"pub\x1b[31mlisher", SqlType::kString, 0}};
  result.rows = {{text("x\x1b[2Jy\n\xff")}};
  CHECK(result_text(result, ResultFormat::kTable) == " pub\\x1b[31mlisher\n-------------------\n x\\x1b[2Jy\\n\\xff\n");
  CHECK(result_text(result, ResultFormat::kVertical).find('\x1b') == std::string::npos);
  CHECK(result_text(result, ResultFormat::kMarkdown).find('\x1b') == std::string::npos);
  CHECK(result_text(result, ResultFormat::kTsv) == "pub\x1b[31mlisher\nx\x1b[2Jy\\n\xff\n");
}

TEST_CASE("result: no columns, no rows") {
  QueryResult done;
  done.message = "CREATE TABLE";
  CHECK(result_text(done, ResultFormat::kTable) == "CREATE TABLE\n");
  QueryResult empty = sample();
  empty.rows.clear();
  CHECK(result_text(empty, ResultFormat::kTable) == " name | n | ratio\n------+---+-------\n");
  CHECK(result_text(empty, ResultFormat::kVertical).empty());
}

TEST_CASE("result: the last column of a description is broken at spaces") {
  QueryResult result;
  result.columns = {{"name", SqlType::kString, 0}, {"details", SqlType::kString, 0}};
  result.rows = {{text("by_country"), text("(country, device) minute 7 days hour 90 days")},
                 {text("grace"), text("5 minutes")}};
  const QueryResult wrapped = with_last_column_wrapped(result, 40);
  CHECK(result_text(wrapped, ResultFormat::kTable) ==
        " name       | details\n"
        "------------+--------------------------\n"
        " by_country | (country, device) minute\n"
        "            | 7 days hour 90 days\n"
        " grace      | 5 minutes\n");
  CHECK(table_width(wrapped) <= 40);
}

TEST_CASE("result: vertical where a table is wider than the screen, unless told otherwise") {
  const TerminalSize narrow{.rows = 24, .columns = 20}, wide{.rows = 24, .columns = 80};
  ShellSettings settings;
  CHECK(ResultWriter::text_of(sample(), settings, &wide).starts_with(" name"));
  CHECK(ResultWriter::text_of(sample(), settings, &narrow).starts_with("row 1"));
  CHECK(ResultWriter::text_of(sample(), settings, nullptr).starts_with(" name"));
  settings.vertical = Vertical::kOff;
  CHECK(ResultWriter::text_of(sample(), settings, &narrow).starts_with(" name"));
  settings.vertical = Vertical::kOn;
  CHECK(ResultWriter::text_of(sample(), settings, &wide).starts_with("row 1"));
  settings.format = ResultFormat::kCsv;
  CHECK(ResultWriter::text_of(sample(), settings, &narrow).starts_with("name,n"));
}

TEST_CASE("result: the last line") {
  QueryResult result = sample();
  CHECK(ResultWriter::last_line(result, 0.012) == "(3 rows in 12 ms)");
  result.stats.scan.rows_read = 40'000;
  CHECK(ResultWriter::last_line(result, 0.5) == "(3 rows in 500 ms; 40,000 rows read, 80,000 rows/s)");
  CHECK(duration_text(0.0012) == "1.2 ms");
  CHECK(duration_text(1.25) == "1.25 s");
  CHECK(duration_text(125) == "2 min 5 s");
}

TEST_CASE("result: a file's name says its format") {
  CHECK(format_of_file("x.csv") == ResultFormat::kCsv);
  CHECK(format_of_file("a/x.ndjson.zst") == ResultFormat::kJsonLines);
  CHECK(format_of_file("x.md") == ResultFormat::kMarkdown);
  CHECK_FALSE(format_of_file("x.gz"));
  CHECK_FALSE(format_of_file("csv"));
}

}  // namespace
}  // namespace tally
