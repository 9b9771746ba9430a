#include "tools/generate/ad_output.h"

#include <doctest/doctest.h>

#include "base/file.h"
#include "tests/support/engine/sample_schemas.h"
#include "tools/load/row_converter.h"

namespace tally {
namespace {

constexpr TimeUs kStart = 19'000 * kMicrosPerDay;

// What a table would get from the events of a small profile.
Bytes direct_batch(const Schema& schema) {
  AdProfile profile({.events = 500, .days = 1, .seed = 3, .start_us = kStart});
  auto rows = AdRows::make(schema);
  REQUIRE(rows.has_value());
  BatchBuilder builder(schema);
  AdEvent event;
  while (profile.next(event)) REQUIRE(rows->append(event, builder).has_value());
  return builder.finish();
}

TEST_CASE("generated files: loading one gives the same batch as generating into the table") {
  auto schema = std::make_shared<const Schema>(ad_events_schema());
  Bytes wanted = direct_batch(*schema);
  for (SourceFormat format : {SourceFormat::kCsv, SourceFormat::kTsv, SourceFormat::kNdjson}) {
    CAPTURE(static_cast<int>(format));
    AdProfile profile({.events = 500, .days = 1, .seed = 3, .start_us = kStart});
    AdLines lines(format);
    std::string text;
    lines.append_header(text);
    AdEvent event;
    while (profile.next(event)) lines.append(event, text);

    ByteSpan bytes = as_bytes(text);
    auto reader = open_record_reader(format, "x", memory_source(Bytes(bytes.begin(), bytes.end())));
    REQUIRE(reader.has_value());
    auto converter = RowConverter::make(schema, (*reader)->columns(), (*reader)->open_columns(), {});
    REQUIRE(converter.has_value());
    CHECK(converter->notes().empty());
    (*reader)->select(converter->source_names());
    BatchBuilder builder(*schema);
    SourceRecord record;
    while (*(*reader)->next(record)) {
      auto fault = converter->convert(record, builder);
      CHECK_MESSAGE(!fault, (fault ? fault->sentence() : ""));
    }
    CHECK(builder.rows() == 500);
    CHECK((builder.finish() == wanted));
  }
}

TEST_CASE("generated rows: a table that lacks a column is refused by name") {
  auto rows = AdRows::make(small_schema());
  REQUIRE_FALSE(rows.has_value());
  CHECK(rows.error().message.find("has no column \"event_id\"") != std::string::npos);
}

TEST_CASE("generated rows: the statement in data/ad_events.sql is the one that generate uses") {
  auto fs = make_posix_file_system();
  auto bytes = read_whole_file(*fs, "data/ad_events.sql", 1 << 20);
  REQUIRE(bytes.has_value());
  CHECK(as_text(*bytes).ends_with(kAdEventsSql));
}

}  // namespace
}  // namespace tally
