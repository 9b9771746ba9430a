// Statements to a server of this process, over loopback: what the caller may say and hear while one is computed.
#include "server/client/remote_query.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <functional>
#include <future>
#include <thread>

#include "base/checksum.h"
#include "engine/batch.h"
#include "server/client/client.h"
#include "server/limits.h"
#include "server/listen_address.h"
#include "server/messages.h"
#include "server/server.h"
#include "tests/support/temp_dir.h"

namespace tally {
namespace {

constexpr uint32_t kRows = 200'000;

std::string as_string(ByteSpan bytes) { return std::string(as_text(bytes)); }

using Changes = std::vector<std::pair<std::string, std::string>>;  // of settings

// A database with rows enough that a statement over all of them takes a while, and a server over it.
class Shop {
 public:
  explicit Shop(const Changes& changed = {}) {
    REQUIRE(init_database(*fs_, directory_.file("shop")).has_value());
    database_ = Database::open(*fs_, system_clock(), directory_.file("shop"), {}).value();
    fill();
    auto settings = SettingsTable::load(*fs_, "", [](const std::string&) { return std::nullopt; }).value();
    REQUIRE(settings.set("listen.tcp", "127.0.0.1:0", SettingSource::kCommandLine).has_value());
    REQUIRE(settings.set("listen.ops", "", SettingSource::kCommandLine).has_value());
    for (const auto& [name, value] : changed) {
      REQUIRE(settings.set(name, value, SettingSource::kCommandLine).has_value());
    }
    server_ = std::make_unique<Server>(settings, system_clock(), log_, "test");
    REQUIRE(server_->start().has_value());
    REQUIRE(server_->serve(*database_).has_value());
  }
  ~Shop() {
    server_->stop();
    (void)database_->close();
  }
  std::string address() const { return server_->tcp_address(); }

 private:
  void fill() {
    QueryEngine engine(*database_);
    REQUIRE(engine
                .run("CREATE TABLE t (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '72 hours', c STRING DIMENSION, "
                     "n INT64 FIELD, total MEASURE SUM(n))",
                     {})
                .has_value());
    Table* table = database_->table("t").value();
    BatchBuilder builder(*table->schema());
    for (uint32_t i = 0; i < kRows; ++i) {
      builder.set_time(system_clock().wall_us());
      builder.set_id("row " + std::to_string(i));
      builder.set_string(2, "de");
      builder.set_int64(3, i);
      REQUIRE(builder.end_row().has_value());
      if (builder.rows() < 40'000 && i + 1 < kRows) continue;
      IngestBatch batch;
      batch.payload = builder.finish();
      batch.payload_xxh3 = xxh3(batch.payload);
      REQUIRE(table->ingest(std::move(batch)).has_value());
    }
  }

  TempDir directory_;
  std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
  std::unique_ptr<Database> database_;
  ServerLog log_{LogLevel::kError, false, system_clock()};
  std::unique_ptr<Server> server_;
};

// Hundreds of sums over every row: seconds, if nobody stops it.
std::string long_statement() {
  std::string sql = "SELECT ";
  for (int i = 0; i < 900; ++i) {
    if (i > 0) sql += ", ";
    sql +=
        "SUM(CASE WHEN n * " + std::to_string(i + 2) + " + n > 1000 THEN n * n + " + std::to_string(i) + " ELSE n END)";
  }
  return sql + " FROM t.raw";
}

// Runs the long statement, and `act` once it is known to be computed.
std::expected<QueryResult, QueryError> run_until(RemoteQuery& remote, const std::function<void()>& act,
                                                 QueryOptions options = {}) {
  std::atomic<uint64_t> rows_read{0};
  options.rows_read = &rows_read;
  auto answer = std::async(std::launch::async, [&] { return remote.run(long_statement(), {}, options); });
  while (rows_read.load() == 0 && answer.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
  }
  act();
  auto result = answer.get();
  CHECK(rows_read.load() > 0);
  CHECK(rows_read.load() < kRows);
  return result;
}

TEST_CASE("remote query: a statement that is being computed tells how far it is, and stops when it is cancelled") {
  Shop shop;
  auto remote = RemoteQuery::connect(shop.address()).value();
  auto result = run_until(*remote, [&] { remote->cancel(); });
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().error.code == Code::kCancelled);
  remote->cancel();  // nothing runs: nothing
  auto next = remote->run("SELECT COUNT(*) FROM t.raw", {});
  REQUIRE(next.has_value());
  CHECK((next->rows[0][0].number == kRows));
}

// The end of `client`'s connection that the server of this process has.
int other_end(const boost::asio::ip::tcp::socket& client) {
  const uint16_t port = client.local_endpoint().port();
  for (int descriptor = 3; descriptor < 4'096; ++descriptor) {
    sockaddr_in peer{};
    socklen_t length = sizeof(peer);
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    if (peer.sin_family == AF_INET && ntohs(peer.sin_port) == port) return descriptor;
  }
  FAIL("the server has no such connection");
  return -1;
}

TEST_CASE("session: a client that said GOODBYE gets the end of its answer, however late it reads") {
  Shop shop;
  boost::asio::io_context network;
  boost::asio::ip::tcp::socket client(network);
  const auto address = parse_listen_address(shop.address()).value();
  const boost::asio::ip::tcp::endpoint endpoint(boost::asio::ip::make_address(address.host), address.port);
  client.open(endpoint.protocol());
  client.set_option(boost::asio::socket_base::receive_buffer_size(4'096));
  client.connect(endpoint);
  const auto say = [&](FrameType type, uint64_t sequence, const Bytes& fields) {
    boost::asio::write(client, boost::asio::buffer(encode_frame(type, sequence, WireChecksum::kCrc32, fields)));
  };
  Bytes heard;
  const auto read_some = [&] {
    Bytes some(65'536);
    boost::system::error_code error;
    some.resize(client.read_some(boost::asio::buffer(some), error));
    heard.insert(heard.end(), some.begin(), some.end());
    return !error;
  };
  say(FrameType::kHello, 0, encode_fields(HelloMessage{.checksums = kOffersCrc32}));
  while (!next_frame(heard).value()) REQUIRE(read_some());
  heard.clear();
  // So that most of the answer, which is written at once with END and GOODBYE, is still on the server's side.
  const int small = 4'096;
  REQUIRE(::setsockopt(other_end(client), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
  constexpr uint64_t kAsked = 10'000;
  say(FrameType::kQuery, 1, encode_fields(QueryMessage{.sql = "SELECT id FROM t.raw LIMIT 10000", .parameters = {}}));
  say(FrameType::kGoodbye, 0, encode_fields(GoodbyeMessage{}));
  std::this_thread::sleep_for(std::chrono::microseconds(limits::kLingerUs + kMicrosPerSecond));
  while (read_some()) {
  }
  std::optional<uint64_t> rows;
  for (ByteSpan rest = heard; !rest.empty();) {
    const auto frame = next_frame(rest);
    REQUIRE_MESSAGE((frame && *frame), "the answer is cut behind " << heard.size() << " bytes");
    if ((*frame)->header.type == FrameType::kEnd) rows = decode_end((*frame)->fields).value().rows;
    rest = rest.subspan((*frame)->bytes());
  }
  CHECK(rows == kAsked);
}

// Something that listens and is no server: it says `answer` to the first that connects, then closes; an empty one, it stays silent.
class Stranger {
 public:
  explicit Stranger(std::string answer) : acceptor_(network_, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
    if (answer.empty()) return;
    thread_ = std::thread([this, answer] {
      boost::system::error_code ignored;
      auto socket = acceptor_.accept();
      std::array<char, 16> some{};
      socket.read_some(boost::asio::buffer(some), ignored);
      boost::asio::write(socket, boost::asio::buffer(answer), ignored);
      socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
      while (!ignored) socket.read_some(boost::asio::buffer(some), ignored);
    });
  }
  ~Stranger() {
    if (thread_.joinable()) thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

 private:
  boost::asio::io_context network_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

TEST_CASE("remote query, client: who listens and is no server is told from one that is") {
  struct Case {
    std::string answer;
    std::string wanted;
  };
  const Case cases[] = {
      {"", " within 50 ms: is this the --tcp address?"},
      {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "no frame: no TLYF): is this the --tcp address?"},
      {"short", "End of file"},
      {as_string(encode_frame(FrameType::kPong, 0, WireChecksum::kCrc32, {})), "another frame came"}};
  for (const Case& c : cases) {
    constexpr TimeUs kSoon = 50'000;
    const TimeUs patience_us = c.answer.empty() ? kSoon : limits::kWelcomeTimeUs;
    {
      const Stranger stranger(c.answer);
      const auto remote = RemoteQuery::connect(stranger.address(), patience_us);
      REQUIRE_FALSE(remote.has_value());
      CHECK(remote.error().message.starts_with("no WELCOME from " + stranger.address()));
      CHECK_MESSAGE(remote.error().message.find(c.wanted) != std::string::npos, remote.error().message);
    }
    const Stranger stranger(c.answer);
    const auto client = Client::connect({.address = stranger.address(), .table = "t", .welcome_us = patience_us});
    REQUIRE_FALSE(client.has_value());
    CHECK(client.error().message.starts_with("no WELCOME from " + stranger.address()));
    CHECK_MESSAGE(client.error().message.find(c.wanted) != std::string::npos, client.error().message);
  }
}

TEST_CASE("remote query: a stop token is as good") {
  Shop shop;
  auto remote = RemoteQuery::connect(shop.address()).value();
  std::stop_source stop;
  auto result = run_until(*remote, [&] { stop.request_stop(); }, {.stop = stop.get_token()});
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().error.code == Code::kCancelled);
  auto stopped = remote->run("SELECT COUNT(*) FROM t.raw", {}, {.stop = stop.get_token()});  // before it began
  CHECK((stopped.has_value() || stopped.error().error.code == Code::kCancelled));
  CHECK(remote->run("SELECT COUNT(*) FROM t.raw", {}).has_value());
}

TEST_CASE("remote query: cancelling twice does not wait for the server, and a closed connection cancels too") {
  Shop shop(Changes{{"limits.queries_running", "1"}, {"limits.queries_waiting", "0"}});
  auto remote = RemoteQuery::connect(shop.address()).value();
  auto result = run_until(*remote, [&] {
    remote->cancel();
    remote->cancel();
  });
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().error.code == Code::kCancelled);
  // The one place for statements is free again: soon, since the server has to notice.
  auto next = remote->run("SELECT COUNT(*) FROM t.raw", {});
  while (!next && next.error().error.code == Code::kRetryLater) next = remote->run("SELECT COUNT(*) FROM t.raw", {});
  CHECK(next.has_value());
}

// Takes rows, until it has enough.
class Counting final : public RowSink {
 public:
  explicit Counting(uint64_t enough = UINT64_MAX) : enough_(enough) {}
  Status begin(std::span<const ResultColumn> columns) override {
    names = columns.size();
    return {};
  }
  Status take(std::span<const std::vector<Cell>> rows) override {
    for (const auto& row : rows) sum += static_cast<uint64_t>(row.back().number);
    count += rows.size();
    largest = std::max(largest, rows.size());
    if (count < enough_) return {};
    return fail(Code::kIoError, "the disk is full");
  }
  size_t names = 0;
  uint64_t count = 0, sum = 0;
  size_t largest = 0;

 private:
  const uint64_t enough_;
};

TEST_CASE("remote query: an answer larger than a statement's memory comes in pieces") {
  Shop shop(Changes{{"limits.query_bytes", "1 MiB"}});
  auto remote = RemoteQuery::connect(shop.address()).value();
  Counting sink;
  auto result = remote->run("SELECT id, c, n FROM t.raw", {}, {.rows = &sink});
  REQUIRE(result.has_value());
  CHECK(result->rows.empty());
  CHECK(result->stats.rows == kRows);
  CHECK(sink.names == 3);
  CHECK(sink.count == kRows);
  CHECK(sink.sum == uint64_t{kRows} * (kRows - 1) / 2);
  CHECK(sink.largest < kRows / 10);
  auto kept = remote->run("SELECT id, c, n FROM t.raw", {});  // without a sink they are all here
  REQUIRE(kept.has_value());
  CHECK(kept->rows.size() == kRows);
  auto ordered = remote->run("SELECT n FROM t.raw ORDER BY n", {});
  REQUIRE_FALSE(ordered.has_value());
  CHECK(ordered.error().error.message.find("the answer needs more than 1 MiB") != std::string::npos);
}

TEST_CASE("remote query: an error behind the first rows has its place, and the connection goes on") {
  Shop shop;
  auto remote = RemoteQuery::connect(shop.address()).value();
  Counting sink;
  auto failed = remote->run(
      "SELECT CASE WHEN n < 190000 THEN 0 ELSE 9000000000000000000 * 9000000000000000000 * n END, n "
      "FROM t.raw",
      {}, {.rows = &sink});
  REQUIRE_FALSE(failed.has_value());
  REQUIRE(failed.error().position.has_value());
  CHECK(failed.error().position->line == 1);
  CHECK(failed.error().position->column > 30);
  CHECK(sink.count > 0);
  CHECK(sink.count < kRows);
  CHECK(remote->run("SELECT COUNT(*) FROM t.raw", {}).has_value());
}

TEST_CASE("remote query: who wants no more rows ends the statement on the server") {
  Shop shop(Changes{{"limits.queries_running", "1"}, {"limits.queries_waiting", "0"}});
  auto remote = RemoteQuery::connect(shop.address()).value();
  Counting sink(10'000);
  auto ended = remote->run("SELECT id, id, id, id, n FROM t.raw", {}, {.rows = &sink});
  REQUIRE_FALSE(ended.has_value());
  CHECK(ended.error().error.message == "the disk is full");
  CHECK(sink.count < kRows);
  auto next = remote->run("SELECT COUNT(*) FROM t.raw", {});  // when the server has noticed
  while (!next && next.error().error.code == Code::kRetryLater) next = remote->run("SELECT COUNT(*) FROM t.raw", {});
  CHECK(next.has_value());
}

TEST_CASE("remote query: time is limited by the server's setting, and by the statement's own wish") {
  Shop shop(Changes{{"limits.query_time", "20 ms"}});
  auto remote = RemoteQuery::connect(shop.address()).value();
  auto result = remote->run(long_statement(), {});
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().error.message.find("time") != std::string::npos);
  CHECK(remote->run("SELECT COUNT(*) FROM t.raw WHERE n < 0", {}, {.timeout_us = 60 * kMicrosPerSecond}).has_value());
}

}  // namespace
}  // namespace tally
