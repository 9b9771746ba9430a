#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/limits.h"
#include "tools/load/ndjson_reader.h"

namespace tally {
namespace {

// The values of `a` and `b` of every line: NULL as ~, nested in <>, a fault as !code, the line in front.
std::vector<std::string> read_all(const std::string& text, size_t step = SIZE_MAX) {
  ByteSpan bytes = as_bytes(text);
  auto reader = open_record_reader(SourceFormat::kNdjson, "x", memory_source(Bytes(bytes.begin(), bytes.end()), step));
  REQUIRE(reader.has_value());
  (*reader)->select({"a", "b"});
  std::vector<std::string> rows;
  SourceRecord record;
  while (true) {
    auto more = (*reader)->next(record);
    REQUIRE(more.has_value());
    if (!*more) return rows;
    std::string row = std::to_string(record.line) + ":";
    if (record.faulty) row += "!" + record.fault.code;
    for (size_t i = 0; !record.faulty && i < 2; ++i) {
      const SourceValue& value = record.values[i];
      bool nested = value.kind == SourceValue::Kind::kNested;
      row += i > 0 ? "|" : "";
      row += value.kind == SourceValue::Kind::kNull ? "~"
             : nested                               ? "<" + std::string(value.text) + ">"
                                                    : std::string(value.text);
    }
    rows.push_back(row);
  }
}

TEST_CASE("NDJSON: a key that nobody asked for is told of once, whenever it comes") {
  std::string text = R"({"a":1,"first":2})"
                     "\n"
                     R"({"a":1,"first":2,"late":3})"
                     "\n"
                     R"({"late":3,"b":1,"later":4})"
                     "\n";
  for (int i = 0; i < 3; ++i)
    text += R"({"later":4,"late":3,"first":1})"
            "\n";
  for (size_t i = 0; i < 200; ++i) text += "{\"key" + std::to_string(i) + "\":1}\n";
  const ByteSpan bytes = as_bytes(text);
  auto reader = open_record_reader(SourceFormat::kNdjson, "x", memory_source(Bytes(bytes.begin(), bytes.end())));
  REQUIRE(reader.has_value());
  (*reader)->select({"a", "b"});
  std::vector<std::string> told;
  SourceRecord record;
  while (*(*reader)->next(record)) {
    for (const std::string& name : (*reader)->take_new_names())
      told.push_back(std::to_string(record.line) + ":" + name);
  }
  REQUIRE(told.size() == RecordReader::kNewNamesMax);
  CHECK(told[0] == "2:late");
  CHECK(told[1] == "3:later");
  CHECK(told[2] == "7:key0");
}

TEST_CASE("NDJSON: values as they were written, faults line by line") {
  struct Case {
    const char* name;
    std::string text;
    std::vector<std::string> rows;
  };
  std::string deep(kJsonDepthMax + 1, '[');
  deep += std::string(kJsonDepthMax + 1, ']');
  const Case cases[] = {
      {"numbers keep every digit",
       R"({"a":0.10000000000000000001,"b":12345678901234567.10})",
       {"1:0.10000000000000000001|12345678901234567.10"}},
      {"strings are unescaped", R"({"a":"x\n\"\u00e4\ud83d\ude00","b":"}"})", {"1:x\n\"\xC3\xA4\xF0\x9F\x98\x80|}"}},
      {"null and missing are NULL", "{\"a\":null}\n{}\n", {"1:~|~", "2:~|~"}},
      {"booleans are text", R"({"a":true,"b":false})", {"1:true|false"}},
      {"empty is not NULL", R"({"a":""})", {"1:|~"}},
      {"any order, more keys, space", " { \"z\" : [1,{\"a\":2}] , \"b\" : 2 , \"a\" :\t1 } \r\n", {"1:1|2"}},
      {"nested values", R"({"a":{"x":"}]"},"b":[1, "]"]})", {R"(1:<{"x":"}]"}>|<[1, "]"]>)"}},
      {"an escaped key", R"({"\u0061":1})", {"1:1|~"}},
      {"empty lines", "\n{\"a\":1}\n\n  \n{\"a\":2}", {"2:1|~", "5:2|~"}},
      {"no JSON", "{\"a\":1\n{\"a\":2}\n", {"1:!bad_json", "2:2|~"}},
      {"two on a line", R"({"a":1}{"a":2})", {"1:!bad_json"}},
      {"no object", "[1]\n1\n\"x\"\n", {"1:!bad_json", "2:!bad_json", "3:!bad_json"}},
      {"a key twice", R"({"a":1,"a":2})", {"1:!duplicate_key"}},
      {"another key twice", R"({"z":1,"z":2,"a":3})", {"1:3|~"}},
      {"too deep", "{\"a\":" + deep + "}\n{\"a\":1}\n", {"1:!bad_json", "2:1|~"}},
      {"not UTF-8", "{\"a\":\"\xFF\"}\n", {"1:!bad_utf8"}},
      {"a big number stays text", R"({"a":123456789012345678})", {"1:123456789012345678|~"}},
      {"nothing", "", {}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    for (size_t step : {SIZE_MAX, size_t{5}, size_t{1}}) CHECK(read_all(one.text, step) == one.rows);
  }
}

TEST_CASE("NDJSON: a line longer than the limit is rejected, and the next is read") {
  std::string longest(limits::kSourceLineBytesMax, 'x');
  CHECK(read_all("{\"a\":1}\n{\"a\":\"" + longest + "\"}\n{\"a\":2}\n") ==
        std::vector<std::string>{"1:1|~", "2:!row_too_long", "3:2|~"});
  CHECK(read_all("{\"a\":\"" + longest + "\"}\n{\"a\":2}\n") == std::vector<std::string>{"1:!row_too_long", "2:2|~"});
}

}  // namespace
}  // namespace tally
