// Statements of connections, told by a pretended engine whose statements end when they are stopped, or when the test says so.
#include "server/query_service.h"

#include <doctest/doctest.h>

#include <deque>
#include <future>

#include "server/limits.h"
#include "server/sql_outline.h"
#include "tests/support/manual_clock.h"

namespace tally {
namespace {

QueryError cancelled_error() { return {.error = {Code::kCancelled, "stopped"}, .position = std::nullopt}; }

// What a connection gets of an answer.
struct Asked {
  std::shared_ptr<AnswerStream> stream =
      std::make_shared<AnswerStream>([this](Bytes piece) { take(std::move(piece)); });
  std::promise<Bytes> last;
  std::future<Bytes> end = last.get_future();
  std::vector<FrameType> pieces;
  std::vector<Bytes> frames;  // the first few
  bool reads = true;
  ManualClock* slow = nullptr;  // a second passes before a piece is taken
  std::promise<void> full;      // as many pieces as may be unread are

  void take(Bytes piece) {
    pieces.push_back(static_cast<FrameType>(piece[5]));
    if (frames.size() < 2) frames.push_back(piece);
    if (slow != nullptr) slow->advance(kMicrosPerSecond);
    if (reads) stream->written();
    if (!reads && pieces.size() == limits::kPiecesInFlightMax) full.set_value();
  }
  QueryJob job(std::string sql, uint32_t timeout_ms = 0) {
    return {.sequence = 1,
            .query = {.sql = std::move(sql), .timeout_ms = timeout_ms, .parameters = {}},
            .stream = stream,
            .done = [this](Bytes bytes) { last.set_value(std::move(bytes)); }};
  }
  // "END", or the name of the status.
  std::string outcome() {
    const Bytes bytes = end.get();
    auto frame = next_frame(bytes);
    REQUIRE((frame && *frame));
    if ((*frame)->header.type == FrameType::kEnd) return "END";
    return std::string(wire_status_name(decode_error((*frame)->fields).value().error.status));
  }
};

// "wait" runs until it is stopped; "rows" answers 200,000 rows, "endless" makes them until nobody takes more, "broken" fails behind
// 50,000; anything else ends at once.
struct Desk {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::promise<void> begun;  // "wait" runs
  std::vector<TimeUs> times;
  ServerMetrics metrics;
  ServerLog log{LogLevel::kError, false, system_clock()};
  QueryService service;

  explicit Desk(QueryService::Limits limits, Clock& clock = system_clock())
      : service([this](const QueryMessage& query, const QueryOptions& options) { return run(query, options); }, limits,
                clock, metrics, log) {}

  std::expected<QueryResult, QueryError> run(const QueryMessage& query, const QueryOptions& options) {
    std::unique_lock lock(mutex);
    times.push_back(options.timeout_us);
    QueryResult result;
    if (query.sql == "wait") {
      begun.set_value();
      stopped.wait(lock, options.stop, [] { return false; });
      return std::unexpected(cancelled_error());
    }
    if (query.sql == "endless" || query.sql == "broken") return make_rows(query, *options.rows);
    if (query.sql == "bytes") {
      result.columns.push_back({.name = "t", .type = SqlType::kString, .scale = 0});
      Cell cell;
      cell.kind = Cell::Kind::kString;
      cell.text = "caf\xE9";
      result.rows.assign(1, {cell});
    }
    if (query.sql == "rows") {
      result.columns.push_back({.name = "n", .type = SqlType::kInt64, .scale = 0});
      Cell cell;
      cell.kind = Cell::Kind::kNumber;
      result.rows.assign(200'000, {cell});
    }
    return result;
  }

  std::expected<QueryResult, QueryError> make_rows(const QueryMessage& query, RowSink& sink) {
    const std::vector<ResultColumn> columns = {{.name = "n", .type = SqlType::kInt64, .scale = 0}};
    const std::vector<std::vector<Cell>> rows(1'000, {Cell{.kind = Cell::Kind::kNumber, .text = {}}});
    Status status = sink.begin(columns);
    for (int i = 0; status && (query.sql == "endless" || i < 50); ++i) {
      status = sink.take(rows);
      if (status) made += rows.size();
    }
    if (!status) return std::unexpected(QueryError{.error = status.error(), .position = std::nullopt});
    return std::unexpected(QueryError{.error = {Code::kInvalidArgument, "overflow at 2:7"},
                                      .position = SourcePosition{.offset = 12, .line = 2, .column = 7}});
  }
  std::atomic<uint64_t> made{0};  // rows that were taken
};

TEST_CASE("query service: rows leave while they are made, as many as their client reads") {
  Desk desk({.running = 1});
  Asked asked;
  asked.reads = false;
  REQUIRE(desk.service.submit(asked.job("endless")));
  asked.full.get_future().get();
  // A row is 19 bytes on the wire: what has been made is what the client may leave unread, and one frame more.
  const uint64_t frame_rows = limits::kRowsDataUsual / 19 + 1'000;
  desk.service.cancel(*asked.stream);
  CHECK(asked.outcome() == "cancelled");
  CHECK(desk.made <= (limits::kPiecesInFlightMax + 1) * frame_rows);
  CHECK(asked.pieces.size() == limits::kPiecesInFlightMax);
  CHECK(asked.pieces.front() == FrameType::kColumns);
}

TEST_CASE("query service: an error behind the first rows ends the answer with its place") {
  Desk desk({.running = 1});
  Asked asked;
  REQUIRE(desk.service.submit(asked.job("broken")));
  const Bytes bytes = asked.end.get();
  auto frame = next_frame(bytes);
  REQUIRE((frame && *frame));
  REQUIRE((*frame)->header.type == FrameType::kError);
  const WireError error = decode_error((*frame)->fields).value().error;
  CHECK(error.status == WireStatus::kBadSql);
  REQUIRE(error.position.has_value());
  CHECK(error.position->line == 2);
  CHECK(error.position->column == 7);
  CHECK(asked.pieces.size() > 2);
  CHECK(asked.pieces[1] == FrameType::kRows);
}

TEST_CASE("query service: an answer does not wait for its client for ever") {
  Desk desk({.running = 1, .answer_us = 1'000});
  Asked asked;
  asked.reads = false;
  REQUIRE(desk.service.submit(asked.job("endless")));
  CHECK(asked.outcome() == "query_failed");
  CHECK(asked.pieces.size() == limits::kPiecesInFlightMax);
  Asked next;
  REQUIRE(desk.service.submit(next.job("now")));  // its place is free again
  CHECK(next.outcome() == "END");
}

TEST_CASE("query service: a statement that runs is stopped, and its client is told so") {
  Desk desk({.running = 1});
  Asked asked;
  REQUIRE(desk.service.submit(asked.job("wait")));
  desk.begun.get_future().get();
  desk.service.cancel(*asked.stream);
  CHECK(asked.outcome() == "cancelled");
  desk.service.cancel(*asked.stream);  // after its end: nothing
  Asked next;
  REQUIRE(desk.service.submit(next.job("now")));
  CHECK(next.outcome() == "END");
  CHECK(desk.metrics.queries_cancelled.value() == 1);
  CHECK(desk.metrics.queries_failed.value() == 0);
}

TEST_CASE("query service: a statement that waits is answered at once, whatever runs before it") {
  Desk desk({.running = 1, .waiting = 2});
  Asked first, second, third;
  REQUIRE(desk.service.submit(first.job("wait")));
  desk.begun.get_future().get();
  REQUIRE(desk.service.submit(second.job("now")));
  REQUIRE(desk.service.submit(third.job("now")));
  Asked fourth;
  CHECK_FALSE(desk.service.submit(fourth.job("now")));
  desk.service.cancel(*second.stream);
  CHECK(second.outcome() == "cancelled");  // while the first still runs
  REQUIRE(desk.service.submit(fourth.job("now")));
  desk.service.cancel(*first.stream);
  CHECK(first.outcome() == "cancelled");
  CHECK(third.outcome() == "END");
  CHECK(fourth.outcome() == "END");
}

TEST_CASE("query service: an answer whose client does not read stands still, and cancel ends it") {
  Desk desk({.running = 1});
  Asked asked;
  asked.reads = false;
  REQUIRE(desk.service.submit(asked.job("rows")));
  asked.full.get_future().get();
  desk.service.cancel(*asked.stream);
  CHECK(asked.outcome() == "cancelled");
  CHECK(asked.pieces.size() == limits::kPiecesInFlightMax);
}

TEST_CASE("query service: the time of a statement is that of computing it, not of its client's reading") {
  ManualClock clock;
  Desk desk({.running = 1, .slow_us = kMicrosPerSecond}, clock);
  Asked asked;
  asked.slow = &clock;
  REQUIRE(desk.service.submit(asked.job("rows")));
  CHECK(asked.outcome() == "END");
  CHECK(asked.pieces.size() > 3);
  const auto times = desk.metrics.query.read();
  CHECK(times.count == 1);
  CHECK(times.sum_us == 0);
}

TEST_CASE("query service: every statement that is taken is counted, cancelled while it waits or not") {
  Desk desk({.running = 1, .waiting = 1});
  Asked runs, waits, refused;
  REQUIRE(desk.service.submit(runs.job("wait")));
  desk.begun.get_future().get();
  REQUIRE(desk.service.submit(waits.job("now")));
  CHECK_FALSE(desk.service.submit(refused.job("now")));
  desk.service.cancel(*waits.stream);
  CHECK(waits.outcome() == "cancelled");
  CHECK(desk.metrics.queries.value() == 2);
  CHECK(desk.metrics.queries_cancelled.value() == 1);
  desk.service.cancel(*runs.stream);
  CHECK(runs.outcome() == "cancelled");
}

TEST_CASE("query service: stored bytes that are not UTF-8 leave as text") {
  Desk desk({.running = 1});
  Asked asked;
  REQUIRE(desk.service.submit(asked.job("bytes")));
  CHECK(asked.outcome() == "END");
  REQUIRE(asked.frames.size() == 2);
  auto frame = next_frame(asked.frames[1]);
  REQUIRE((frame && *frame));
  std::vector<std::vector<Cell>> rows;
  REQUIRE(decode_rows((*frame)->fields, (*frame)->data, 1, rows).has_value());
  CHECK(rows[0][0].text == "caf\\xE9");
}

TEST_CASE("query service: a statement may ask for less time than the server gives, not for more") {
  Desk desk({.running = 1, .time_us = 10 * kMicrosPerSecond});
  for (const uint32_t asked_ms : {0u, 3'000u, 60'000u}) {
    Asked asked;
    REQUIRE(desk.service.submit(asked.job("now", asked_ms)));
    CHECK(asked.outcome() == "END");
  }
  CHECK(desk.times == std::vector<TimeUs>{10 * kMicrosPerSecond, 3 * kMicrosPerSecond, 10 * kMicrosPerSecond});
}

TEST_CASE("query service: when it stops, what runs and what waits is cancelled") {
  Desk desk({.running = 1, .waiting = 1});
  Asked runs, waits;
  REQUIRE(desk.service.submit(runs.job("wait")));
  desk.begun.get_future().get();
  REQUIRE(desk.service.submit(waits.job("now")));
  desk.service.stop();
  CHECK(runs.outcome() == "cancelled");
  CHECK(waits.outcome() == "cancelled");
  Asked late;
  CHECK_FALSE(desk.service.submit(late.job("now")));
}

TEST_CASE("sql outline: names stay, data goes") {
  CHECK(sql_outline("SELECT n, 'a secret' -- why\nFROM \"t\" WHERE x = 12.5 AND y IN ('a','b') AND z = $1") ==
        "SELECT n , ? FROM \"t\" WHERE x = ? AND y IN ( ? , ? ) AND z = $1");
  CHECK(sql_outline("SELECT 'open") == "SELECT");
  CHECK(sql_outline("\xff").empty());
  CHECK(sql_outline("SELECT " + std::string(5'000, 'x')) == "SELECT ...");
}

}  // namespace
}  // namespace tally
