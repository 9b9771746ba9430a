// Answers that go into a pipe or a file while they are made: the same text as of one that is there at once.
#include <doctest/doctest.h>

#include "tools/shell/result_stream.h"

namespace tally {
namespace {

std::vector<ResultColumn> two_columns() {
  return {{.name = "na,me", .type = SqlType::kString, .scale = 0}, {.name = "n", .type = SqlType::kInt64, .scale = 0}};
}

std::vector<Cell> row_of(size_t i) {
  static const std::string kTexts[] = {"plain", "with \"quotes\", and\nlines", "tab\tand \\", "", "\x01"};
  std::vector<Cell> row(2);
  if (i % 7 != 3) {
    row[0].kind = Cell::Kind::kString;
    row[0].text = kTexts[i % 5];
  }
  row[1].kind = Cell::Kind::kNumber;
  row[1].number = static_cast<__int128>(i);
  return row;
}

QueryResult rows_of(size_t count) {
  QueryResult result;
  result.columns = two_columns();
  for (size_t i = 0; i < count; ++i) result.rows.push_back(row_of(i));
  return result;
}

// In pieces of 1, 2, 3, ... rows.
Status send(const QueryResult& result, ResultStream& stream) {
  TALLY_TRY(stream.begin(result.columns));
  const std::span<const std::vector<Cell>> rows(result.rows);
  for (size_t at = 0, piece = 1; at < rows.size(); at += piece++) {
    TALLY_TRY(stream.take(rows.subspan(at, std::min(piece, rows.size() - at))));
  }
  return stream.finish();
}

TEST_CASE("result stream: in pieces the text is that of the whole, in every format") {
  for (OutputFormat format : {OutputFormat::kCsv, OutputFormat::kTsv, OutputFormat::kJson, OutputFormat::kJsonLines}) {
    for (size_t count : {0u, 1u, 2u, 50u}) {
      CAPTURE(static_cast<int>(format));
      CAPTURE(count);
      const QueryResult result = rows_of(count);
      std::string text;
      ResultStream stream(format, [&](std::string_view piece) {
        text += piece;
        return Status{};
      });
      REQUIRE(send(result, stream));
      CHECK(text == format_result(result, format));
    }
  }
}

TEST_CASE("result stream: the rows of a small answer are kept, of a large one none") {
  const auto ignore = [](std::string_view) { return Status{}; };
  ResultStream small(OutputFormat::kCsv, ignore);
  REQUIRE(send(rows_of(kStreamKeptRowsMax), small));
  const auto kept = small.take_kept();
  REQUIRE(kept);
  CHECK(kept->columns.size() == 2);
  REQUIRE(kept->rows.size() == kStreamKeptRowsMax);
  CHECK(kept->rows.back()[1].number == static_cast<__int128>(kStreamKeptRowsMax - 1));

  ResultStream large(OutputFormat::kCsv, ignore);
  REQUIRE(send(rows_of(kStreamKeptRowsMax + 1), large));
  CHECK_FALSE(large.take_kept());
}

TEST_CASE("result stream: who cannot write stops the statement, is asked no more, and says why") {
  int asked = 0;
  ResultStream stream(OutputFormat::kTsv, [&](std::string_view) {
    return ++asked < 3 ? Status{} : fail(Code::kIoError, "x.tsv: no space");
  });
  const Status sent = send(rows_of(50), stream);
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Code::kCancelled);
  REQUIRE_FALSE(stream.written());
  CHECK(stream.written().error().message == "x.tsv: no space");
  CHECK_FALSE(stream.take(rows_of(1).rows));
  CHECK(asked == 3);
}

}  // namespace
}  // namespace tally
