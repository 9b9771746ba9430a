#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/limits.h"
#include "tools/load/record_reader.h"

namespace tally {
namespace {

// Every record as text: fields joined by '|', NULL as ~, a fault as !code; the line each began at in front.
std::vector<std::string> read_all(SourceFormat format, const std::string& text, size_t step = SIZE_MAX) {
  ByteSpan bytes = as_bytes(text);
  auto reader = open_record_reader(format, "x", memory_source(Bytes(bytes.begin(), bytes.end()), step));
  if (!reader) return {"error: " + reader.error().message};
  (*reader)->select((*reader)->columns());
  std::vector<std::string> rows;
  SourceRecord record;
  while (true) {
    auto more = (*reader)->next(record);
    REQUIRE(more.has_value());
    if (!*more) break;
    std::string row = std::to_string(record.line) + ":";
    if (record.faulty) row += "!" + record.fault.code;
    if (!record.faulty) {
      for (size_t i = 0; i < record.values.size(); ++i) {
        const SourceValue& value = record.values[i];
        row += (i > 0 ? "|" : "") + (value.kind == SourceValue::Kind::kNull ? "~" : std::string(value.text));
      }
    }
    rows.push_back(row);
  }
  CHECK(rows.size() == record.number);
  return rows;
}

struct Case {
  const char* name;
  std::string text;
  std::vector<std::string> rows;
};

void check_cases(SourceFormat format, const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    CAPTURE(one.name);
    for (size_t step : {SIZE_MAX, size_t{7}, size_t{1}}) {
      CAPTURE(step);
      CHECK(read_all(format, one.text, step) == one.rows);
    }
  }
}

using Rows = std::vector<std::string>;

TEST_CASE("CSV: what RFC 4180 and its dialects come up with") {
  check_cases(SourceFormat::kCsv,
              {{"plain", "a,b\n1,2\n3,4\n", Rows{"2:1|2", "3:3|4"}},
               {"no line end at the end", "a,b\n1,2", Rows{"2:1|2"}},
               {"CRLF", "a,b\r\n1,2\r\n\"3\",4\r\n", Rows{"2:1|2", "3:3|4"}},
               {"a byte order mark",
                "\xEF\xBB\xBF"
                "a,b\n1,2\n",
                Rows{"2:1|2"}},
               {"an unquoted empty field is NULL, a quoted one is not", "a,b,c\n,\"\",\n", Rows{"2:~||~"}},
               {"delimiters, quotes and line ends within quotes", "a,b\n\"1,\"\"x\"\"\",\"two\nlines\"\nq,r\n",
                Rows{"2:1,\"x\"|two\nlines", "4:q|r"}},
               {"CRLF within quotes stays", "a,b\r\n\"1\r\n2\",3\r\n4,5\r\n", Rows{"2:1\r\n2|3", "4:4|5"}},
               {"a quote within an unquoted field is itself", "a,b\n5\" disk,x\n", Rows{"2:5\" disk|x"}},
               {"a quoted header", "\"a\",\"b, c\"\n1,2\n", Rows{"2:1|2"}},
               {"empty lines are skipped, and counted", "a,b\n\n1,2\n\r\n3,4\n\n", Rows{"3:1|2", "5:3|4"}},
               {"one column", "a\n1\n\"\"\n2\n", Rows{"2:1", "3:", "4:2"}},
               {"a header alone", "a,b\n", Rows{}},
               {"quoted, at the very end", "a,b\n1,\"2\"", Rows{"2:1|2"}},
               {"only quotes", "a\n\"\"\"\"\n", Rows{"2:\""}},
               {"spaces belong to the field", "a,b\n 1 , 2\n", Rows{"2: 1 | 2"}}});
}

TEST_CASE("CSV: malformed rows cost no more than their own line") {
  check_cases(SourceFormat::kCsv,
              {{"too few and too many fields", "a,b\n1\n1,2,3\n4,5\n",
                Rows{"2:!wrong_field_count", "3:!wrong_field_count", "4:4|5"}},
               {"text behind a closing quote", "a,b\n\"1\"x,2\n3,4\n", Rows{"2:!bad_quote", "3:3|4"}},
               {"a quote that never closes", "a,b\n\"1,2\n3,4\n5,6\n", Rows{"2:!bad_quote", "3:3|4", "4:5|6"}},
               {"a carriage return behind a closing quote", "a,b\n\"1\"\rx,2\n3,4\n", Rows{"2:!bad_quote", "3:3|4"}},
               {"not UTF-8", "a,b\n\xFF\xFE,2\n3,4\n", Rows{"2:!bad_utf8", "3:3|4"}},
               {"a zero byte is a byte", std::string("a,b\n1\0x,2\n", 10), Rows{std::string("2:1\0x|2", 7)}}});
}

TEST_CASE("CSV: files that cannot be read at all") {
  auto error = [](const std::string& text) { return read_all(SourceFormat::kCsv, text); };
  CHECK(error("") == Rows{"error: x is empty: its first line must name the columns"});
  CHECK(error("\n\n") == Rows{"error: x is empty: its first line must name the columns"});
  CHECK(error("a,b,a\n") == Rows{"error: x:1: the header names the column \"a\" twice"});
  CHECK(error("\"a\n") == Rows{"error: x:1: the header opens a quote that never closes"});
  CHECK(error("a,b\xFF\n1,2\n") == Rows{"error: x:1: the header is not UTF-8"});
  CHECK(error("\xFF\xFE"
              "a\n")[0]
            .find("UTF-16") != std::string::npos);
}

TEST_CASE("CSV: a line longer than the limit is rejected, and the next is read") {
  std::string longest(limits::kSourceLineBytesMax - 4, 'x');
  std::string text = "a,b\n1," + longest + "y" + longest + "\n2,3\n";
  CHECK(read_all(SourceFormat::kCsv, text) == Rows{"2:!row_too_long", "3:2|3"});
  text = "a,b\n1,\"" + longest + longest + "\"\n2,3\n";
  CHECK(read_all(SourceFormat::kCsv, text) == Rows{"2:!row_too_long", "3:2|3"});
  text = "a,b\n1," + longest + "\n2,3\n";
  CHECK(read_all(SourceFormat::kCsv, text).size() == 2);
}

TEST_CASE("TSV: escapes and NULL") {
  check_cases(SourceFormat::kTsv, {{"plain", "a\tb\n1\t2\n", Rows{"2:1|2"}},
                                   {"escapes", "a\tb\nx\\ty\\\\\t\\n\\r\n", Rows{"2:x\ty\\|\n\r"}},
                                   {"NULL", "a\tb\tc\n\\N\t\t\\x\n", Rows{"2:~||\\x"}},
                                   {"quotes and commas are text", "a\tb\n\"1\t2,3\n", Rows{"2:\"1|2,3"}},
                                   {"a backslash at the end", "a\nx\\\n", Rows{"2:x\\"}}});
}

}  // namespace
}  // namespace tally
