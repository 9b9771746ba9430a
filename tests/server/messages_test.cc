#include "server/messages.h"

#include <doctest/doctest.h>

#include "server/limits.h"

namespace tally {
namespace {

TEST_CASE("messages: HELLO and WELCOME come back as they were") {
  HelloMessage hello{
      .client = "a producer", .table = "ads", .credential_kind = CredentialKind::kKey, .credential = "k"};
  CHECK(decode_hello(encode_fields(hello)) == hello);
  WelcomeMessage welcome{
      .connection = 5, .server = "tally", .credits = 8, .schema_version = 2, .columns = {}, .id_from = {}};
  welcome.table_uuid[3] = 7;
  welcome.columns.push_back(
      {.id = 4, .name = "cost", .role = ColumnRole::kField, .type = ColumnType::kDecimal, .precision = 18, .scale = 6});
  welcome.id_from = {4};
  CHECK(decode_welcome(encode_fields(welcome)) == welcome);
  CHECK(batch_schema("ads", welcome).derives_ids());
}

TEST_CASE("messages: a batch's notes come back, and are held to what the log can keep") {
  BatchMessage batch{
      .replay = true, .source = {"x.csv", RawFormat::kCsv, "a,b", "b=c"}, .source_rows = {{0, 2}, {5, 9}}};
  batch.rejected.push_back({.source_row = 7, .code = "bad_number", .message = "no", .raw = "1;2", .cut = true});
  CHECK(decode_batch_fields(encode_fields(batch)) == batch);
  batch.source_rows = {{5, 9}, {5, 10}};
  CHECK_FALSE(decode_batch_fields(encode_fields(batch)).has_value());
  batch.source_rows.clear();
  for (uint32_t i = 0; i <= limits::kSourceRunsMax; ++i) batch.source_rows.push_back({i, i});
  CHECK_FALSE(decode_batch_fields(encode_fields(batch)).has_value());
}

TEST_CASE("messages: a result says of each row that was not accepted why") {
  ResultMessage result{.credits = 2, .lsn = 77, .counts = {}, .not_accepted = {{3, Verdict::kDuplicate}}};
  result.counts.received = 5;
  result.counts.accepted = 4;
  result.counts.duplicates = 1;
  auto back = decode_result(encode_fields(result));
  REQUIRE(back.has_value());
  CHECK(back->credits == 2);
  CHECK(back->lsn == 77);
  CHECK(back->counts == result.counts);
  REQUIRE(back->not_accepted.size() == 1);
  CHECK(back->not_accepted[0].verdict == Verdict::kDuplicate);
}

TEST_CASE("messages: cells of every kind survive the way") {
  std::vector<Cell> cells(7);
  for (size_t i = 1; i < 6; ++i) cells[i].kind = static_cast<Cell::Kind>(i);
  cells[1].boolean = true;
  cells[2].number = -(static_cast<__int128>(1) << 100);
  cells[2].scale = 6;
  cells[3].real = -0.1;
  cells[4].text = "Zürich";
  cells[5].timestamp = -1;
  Bytes data;
  ByteWriter out(data);
  for (const Cell& cell : cells) encode_cell(cell, out);
  std::vector<std::vector<Cell>> rows;
  REQUIRE(decode_rows(encode_row_count(1), data, 7, rows).has_value());
  REQUIRE(rows.size() == 1);
  CHECK(rows[0][1].boolean);
  CHECK((rows[0][2].number == cells[2].number));
  CHECK(rows[0][2].scale == 6);
  CHECK(rows[0][3].real == -0.1);
  CHECK(rows[0][4].text == "Zürich");
  CHECK(rows[0][5].timestamp == -1);
  CHECK(rows[0][6].kind == Cell::Kind::kNull);
  QueryMessage query{.sql = "SELECT $1", .parameters = cells};
  auto back = decode_query(encode_fields(query));
  REQUIRE(back.has_value());
  CHECK(back->sql == "SELECT $1");
  CHECK(back->parameters.size() == 7);
}

// A QUERY whose only parameter is this one, as a client may lay it out.
Bytes query_of(ByteSpan cell) {
  Bytes fields = encode_fields(QueryMessage{.sql = "SELECT $1", .parameters = {}});
  store_le<uint16_t>(fields.data() + fields.size() - 2, 1);
  fields.insert(fields.end(), cell.begin(), cell.end());
  return fields;
}

TEST_CASE("messages: a number's scale is at most what numbers have, in parameters, in rows and of columns") {
  for (int scale = 0; scale < 256; ++scale) {
    CAPTURE(scale);
    Bytes cell(18);
    cell[0] = static_cast<uint8_t>(Cell::Kind::kNumber);
    cell[1] = static_cast<uint8_t>(scale);
    const bool good = scale <= 38;
    auto query = decode_query(query_of(cell));
    CHECK(query.has_value() == good);
    if (!query) CHECK(query.error().status == WireStatus::kBadFrame);
    std::vector<std::vector<Cell>> rows;
    CHECK(decode_rows(encode_row_count(1), cell, 1, rows).has_value() == good);
    const ColumnsMessage columns{
        .columns = {{.name = "n", .type = SqlType::kDecimal, .scale = static_cast<uint8_t>(scale)}}};
    CHECK(decode_columns(encode_fields(columns)).has_value() == good);
  }
}

TEST_CASE("messages: what is not UTF-8 is no text, but for the bytes of a rejected row") {
  const std::string bad = "caf\xE9";
  HelloMessage hello{.client = bad, .table = "ads", .credential = {}};
  CHECK_FALSE(decode_hello(encode_fields(hello)).has_value());
  Cell cell;
  cell.kind = Cell::Kind::kString;
  cell.text = std::string("\xff\xfe\0", 3);
  CHECK_FALSE(decode_query(encode_fields(QueryMessage{.sql = "SELECT $1", .parameters = {cell}})).has_value());
  // The statement itself is judged by the lexer, which knows the place.
  CHECK(decode_query(encode_fields(QueryMessage{.sql = bad, .parameters = {}}))->sql == bad);
  using Change = void (*)(BatchMessage&, const std::string&);
  const Change changes[] = {[](BatchMessage& m, const std::string& text) { m.source.name = text; },
                            [](BatchMessage& m, const std::string& text) { m.source.header = text; },
                            [](BatchMessage& m, const std::string& text) { m.source.mapping = text; },
                            [](BatchMessage& m, const std::string& text) { m.rejected[0].code = text; },
                            [](BatchMessage& m, const std::string& text) { m.rejected[0].message = text; }};
  const BatchMessage good{
      .source = {"x.csv", RawFormat::kCsv, "a,b", "b=c"},
      .source_rows = {},
      .rejected = {{.source_row = 7, .code = "bad_utf8", .message = "no", .raw = bad, .cut = false}}};
  CHECK(decode_batch_fields(encode_fields(good)) == good);
  for (const Change change : changes) {
    BatchMessage message = good;
    change(message, bad);
    CHECK_FALSE(decode_batch_fields(encode_fields(message)).has_value());
  }
}

TEST_CASE("messages: sentences are made UTF-8 and short enough before they leave") {
  ErrorMessage error{.error = {.status = WireStatus::kBadSql, .message = "no column \"\xE9\""}};
  CHECK(decode_error(encode_fields(error))->error.message == "no column \"\\xE9\"");
  error.error.message = std::string(limits::kWireTextMax - 1, 'x') + "ü";
  CHECK(decode_error(encode_fields(error))->error.message.starts_with(std::string(limits::kWireTextMax - 1, 'x')));
  for (std::string piece : {"ü", "東", "\xE9"}) {
    error.error.message = "x";
    while (error.error.message.size() < 2 * limits::kWireTextMax) error.error.message += piece;
    auto back = decode_error(encode_fields(error));
    REQUIRE(back.has_value());
    CHECK(back->error.message.size() > limits::kWireTextMax - 8);
  }
  CHECK(decode_end(encode_fields(EndMessage{.message = "\x80"}))->message == "\\x80");
  CHECK(decode_goodbye(encode_fields(GoodbyeMessage{.reason = "\x80"}))->reason == "\\x80");
}

TEST_CASE("messages: a count that its bytes cannot hold allocates nothing and fails") {
  std::vector<std::vector<Cell>> rows;
  CHECK_FALSE(decode_rows(encode_row_count(UINT32_MAX), Bytes(8), 1, rows).has_value());
  CHECK_FALSE(decode_rows(encode_row_count(1), Bytes(8), 0, rows).has_value());
  CHECK_FALSE(
      decode_rows(encode_row_count(limits::kRowsCellsMax), Bytes(2 * limits::kRowsCellsMax), 2, rows).has_value());
  CHECK(rows.empty());
  Bytes result = encode_fields(ResultMessage{});
  store_le(result.data() + result.size() - 4, UINT32_MAX);
  CHECK_FALSE(decode_result(result).has_value());
}

TEST_CASE("messages: a class that does not go with its status stops the client") {
  ErrorMessage error{
      .error = {.status = WireStatus::kBadSql, .message = "no", .position = WireError::Position{3, 1, 4}}};
  CHECK(decode_error(encode_fields(error)) == error);
  Bytes bytes = encode_fields(error);
  bytes[2] = static_cast<uint8_t>(WireClass::kResend);
  CHECK_FALSE(decode_error(bytes).has_value());
  bytes = encode_fields(error);
  bytes[0] = 99;
  CHECK_FALSE(decode_error(bytes).has_value());
}

TEST_CASE("messages: statuses are one list: numbers, names and classes") {
  for (const WireStatusInfo& info : wire_statuses()) {
    const auto number = static_cast<uint16_t>(info.status);
    CHECK(find_wire_status(number)->name == info.name);
    const WireClass by_range = number < 20   ? WireClass::kResend
                               : number < 40 ? WireClass::kDrop
                                             : WireClass::kReconnect;
    CHECK(info.what_next == by_range);
  }
  CHECK(find_wire_status(0) == nullptr);
}

TEST_CASE("messages: what the engine says keeps its class on the wire") {
  struct Case {
    Code code;
    WireClass what_next;
  };
  const Case cases[] = {{Code::kRetryLater, WireClass::kResend},       {Code::kNoSpace, WireClass::kResend},
                        {Code::kIndeterminate, WireClass::kReconnect}, {Code::kReadOnly, WireClass::kReconnect},
                        {Code::kInvalidArgument, WireClass::kDrop},    {Code::kIoError, WireClass::kReconnect},
                        {Code::kCorruption, WireClass::kReconnect},    {Code::kUnsupported, WireClass::kDrop}};
  for (const Case& c : cases) {
    CHECK(wire_class(to_wire(Error{c.code, "x"}, WireStatus::kInvalidBatch).status) == c.what_next);
  }
}

}  // namespace
}  // namespace tally
