#include "server/client/client.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "base/checksum.h"
#include "base/random.h"
#include "server/client/no_welcome.h"
#include "server/listen_address.h"
#include "server/messages.h"

namespace tally {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Nothing = asio::awaitable<void>;

constexpr TimeUs kTickUs = 250'000;
constexpr uint32_t kBadFramesMax = 4;
constexpr TimeUs kPingAfterUs = 10 * kMicrosPerSecond;
constexpr TimeUs kDeadAfterUs = 40 * kMicrosPerSecond;

TimeUs now() { return system_clock().boottime_us(); }

// A batch until it is answered.
struct Pending {
  Bytes fields;
  Bytes payload;
  uint64_t payload_xxh3 = 0;
  Table::Done done;
  uint64_t sequence = 0;  // on the connection that stands; 0: not sent there
  TimeUs not_before_us = 0;
  TimeUs first_trouble_us = 0;
  bool sent_before = false;
};

struct Connection {
  explicit Connection(asio::io_context& network) : socket(network), to_write(network) {}
  tcp::socket socket;
  asio::steady_timer to_write;
  uint32_t credits = 0;
  uint64_t next_sequence = 1;
  bool ended = false;    // nothing more comes or goes
  bool goodbye = false;  // nothing more goes
  bool ping_wanted = false;
  TimeUs heard_us = 0;

  void end() {
    if (ended) return;
    ended = true;
    error_code ignored;
    socket.close(ignored);
    to_write.cancel();
  }
};
using ConnectionPtr = std::shared_ptr<Connection>;

struct ReceivedFrame {
  FrameHeader header;
  Bytes fields;
};

class TcpClient final : public Client {
 public:
  TcpClient(ClientOptions options, ListenAddress address)
      : options_(std::move(options)),
        endpoint_(asio::ip::make_address(address.host), address.port),
        work_(asio::make_work_guard(network_)),
        pause_(network_),
        tick_(network_) {}

  ~TcpClient() override {
    if (!thread_.joinable()) return;
    asio::post(network_, [this] {
      stopping_ = true;
      if (connection_) connection_->end();
      pause_.cancel();
      tick_.cancel();
      fail_all({Code::kCancelled, "the client was closed before the server answered"});
    });
    work_.reset();
    thread_.join();
  }

  Status start() {
    std::promise<Status> first;
    auto started = first.get_future();
    asio::co_spawn(network_, run(std::move(first)), asio::detached);
    asio::co_spawn(network_, keep_alive(), asio::detached);
    thread_ = std::thread([this] { network_.run(); });
    return started.get();
  }

  const Schema& schema() const override { return schema_; }
  const std::array<uint8_t, 16>& table_uuid() const override { return table_uuid_; }

  void send(IngestBatch batch, Table::Done done) override {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return in_flight_ < options_.in_flight_max; });
      ++in_flight_;
    }
    auto pending = std::make_shared<Pending>();
    pending->fields = encode_fields(BatchMessage{.replay = batch.replay,
                                                 .source = std::move(batch.source),
                                                 .source_rows = std::move(batch.source_rows),
                                                 .rejected = std::move(batch.rejected)});
    pending->payload = std::move(batch.payload);
    pending->payload_xxh3 = batch.payload_xxh3;
    pending->done = std::move(done);
    asio::post(network_, [this, pending] {
      if (gave_up_) return answer(pending, std::unexpected(*gave_up_));
      unanswered_.push_back(pending);
      if (connection_) connection_->to_write.cancel();
    });
  }

  void finish() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return in_flight_ == 0; });
  }

  Stats stats() const override { return {connections_.load(), resent_.load()}; }

 private:
  using PendingPtr = std::shared_ptr<Pending>;

  Nothing run(std::promise<Status> first);
  void tell_outage(const std::string& why);
  Nothing keep_alive();
  asio::awaitable<Status> open(ConnectionPtr connection);
  asio::awaitable<std::optional<ReceivedFrame>> receive(ConnectionPtr connection, Status& why);
  Nothing write_batches(ConnectionPtr connection);
  Nothing read_answers(ConnectionPtr connection);
  Nothing sleep(TimeUs us);
  Status take_welcome(Connection& connection, ByteSpan fields);
  void take(Connection& connection, const ReceivedFrame& frame);
  void take_error(Connection& connection, uint64_t sequence, const ErrorMessage& message);
  void postpone(const PendingPtr& pending, const WireError& error);
  PendingPtr next_to_send();
  PendingPtr take_out(uint64_t sequence);
  void answer(const PendingPtr& pending, Result<BatchResult> result);
  void fail_all(const Error& error);
  void forget_sequences();

  const ClientOptions options_;
  const tcp::endpoint endpoint_;
  Schema schema_;
  std::array<uint8_t, 16> table_uuid_{};
  bool known_ = false;  // schema and uuid

  asio::io_context network_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer pause_;
  asio::steady_timer tick_;
  ConnectionPtr connection_;
  std::list<PendingPtr> unanswered_;
  std::optional<Error> gave_up_;  // for good
  uint32_t bad_frames_ = 0;       // that the server would not read, since it answered the last batch
  bool stopping_ = false;
  std::thread thread_;

  std::atomic<uint64_t> connections_{0};
  std::atomic<uint64_t> resent_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t in_flight_ = 0;  // guarded by mutex_
};

// --- answers -----------------------------------------------------------------------------------------------------------

void TcpClient::answer(const PendingPtr& pending, Result<BatchResult> result) {
  pending->done(std::move(result));
  std::lock_guard lock(mutex_);
  --in_flight_;
  changed_.notify_all();
}

void TcpClient::fail_all(const Error& error) {
  std::list<PendingPtr> all;
  all.swap(unanswered_);
  for (const PendingPtr& pending : all) answer(pending, std::unexpected(error));
}

void TcpClient::forget_sequences() {
  for (const PendingPtr& pending : unanswered_) pending->sequence = 0;
}

TcpClient::PendingPtr TcpClient::take_out(uint64_t sequence) {
  auto found = std::ranges::find_if(unanswered_, [&](const PendingPtr& p) { return p->sequence == sequence; });
  if (sequence == 0 || found == unanswered_.end()) return nullptr;
  PendingPtr pending = *found;
  unanswered_.erase(found);
  return pending;
}

TcpClient::PendingPtr TcpClient::next_to_send() {
  const TimeUs now_us = now();
  for (const PendingPtr& pending : unanswered_) {
    if (pending->sequence == 0 && pending->not_before_us <= now_us) return pending;
  }
  return nullptr;
}

// The same bytes once more, after the pause that the server names, until patience ends.
void TcpClient::postpone(const PendingPtr& pending, const WireError& error) {
  const TimeUs now_us = now();
  if (pending->first_trouble_us == 0) pending->first_trouble_us = now_us;
  if (now_us - pending->first_trouble_us > options_.resend_patience_us) {
    return answer(pending, std::unexpected(from_wire(error)));
  }
  pending->sequence = 0;
  pending->not_before_us = now_us + std::max<TimeUs>(TimeUs{error.retry_after_ms} * 1'000, options_.backoff_first_us);
  unanswered_.push_front(pending);
}

void TcpClient::take_error(Connection& connection, uint64_t sequence, const ErrorMessage& message) {
  const WireClass what_next = wire_class(message.error.status);
  connection.credits += message.credits;
  if (sequence == 0) {
    // The same bytes again would be refused again, and every connection with them.
    const bool refused_again = message.error.status == WireStatus::kBadFrame && ++bad_frames_ == kBadFramesMax;
    if (what_next == WireClass::kDrop || refused_again) {
      gave_up_ = from_wire(message.error);
      fail_all(*gave_up_);
    }
    return connection.end();
  }
  PendingPtr pending = take_out(sequence);
  if (!pending) return;
  if (what_next == WireClass::kDrop) return answer(pending, std::unexpected(from_wire(message.error)));
  postpone(pending, message.error);
  if (what_next == WireClass::kReconnect) connection.end();
}

void TcpClient::take(Connection& connection, const ReceivedFrame& frame) {
  connection.heard_us = now();
  if (frame.header.type == FrameType::kGoodbye) {
    connection.goodbye = true;
  } else if (frame.header.type == FrameType::kResult) {
    Wire<ResultMessage> result = decode_result(frame.fields);
    if (!result) return connection.end();
    connection.credits += result->credits;
    bad_frames_ = 0;
    if (PendingPtr pending = take_out(frame.header.sequence)) {
      answer(
          pending,
          BatchResult{.lsn = result->lsn, .counts = result->counts, .not_accepted = std::move(result->not_accepted)});
    }
  } else if (frame.header.type == FrameType::kError) {
    Wire<ErrorMessage> error = decode_error(frame.fields);
    if (!error) {  // a status that this client does not know: it stops
      gave_up_ = Error{Code::kUnsupported, error.error().message};
      fail_all(*gave_up_);
      return connection.end();
    }
    take_error(connection, frame.header.sequence, *error);
  }
  connection.to_write.cancel();
}

// --- a connection ------------------------------------------------------------------------------------------------------

asio::awaitable<std::optional<ReceivedFrame>> TcpClient::receive(ConnectionPtr connection, Status& why) {
  std::array<uint8_t, kFrameHeaderBytes> header_bytes{};
  error_code error;
  auto header_buffer = asio::buffer(header_bytes);
  co_await asio::async_read(connection->socket, header_buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    why = fail(Code::kIoError, "the server closed the connection: " + error.message());
    co_return std::nullopt;
  }
  Wire<FrameHeader> header = decode_frame_header(header_bytes);
  if (!header || header->data_bytes != 0) {
    why = fail(Code::kIoError, header ? "a frame with data that was not asked for" : header.error().message);
    co_return std::nullopt;
  }
  ReceivedFrame frame;
  frame.header = *header;
  frame.fields.resize(header->fields_bytes);
  auto fields_buffer = asio::buffer(frame.fields);
  co_await asio::async_read(connection->socket, fields_buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error || !check_head(header_bytes, frame.fields)) {
    why = fail(Code::kIoError, "a frame of the server did not come whole");
    co_return std::nullopt;
  }
  co_return frame;
}

Status TcpClient::take_welcome(Connection& connection, ByteSpan fields) {
  Wire<WelcomeMessage> welcome = decode_welcome(fields);
  if (!welcome) return std::unexpected(from_wire(welcome.error()));
  if (welcome->checksum != WireChecksum::kXxh3) return fail(Code::kUnsupported, "the server does not know XXH3-64");
  if (known_ && welcome->table_uuid != table_uuid_) {
    gave_up_ =
        Error{Code::kInvalidArgument, "table \"" + options_.table + "\" of the server is another one than before"};
    fail_all(*gave_up_);
    return std::unexpected(*gave_up_);
  }
  if (!known_) {
    schema_ = batch_schema(options_.table, *welcome);
    table_uuid_ = welcome->table_uuid;
    known_ = true;
  }
  connection.credits = welcome->credits;
  return {};
}

asio::awaitable<Status> TcpClient::open(ConnectionPtr connection) {
  error_code error;
  connection->heard_us = now();
  const auto nothing_came = [&](const std::string& reason) {
    return std::unexpected(no_welcome(options_.address, options_.welcome_us, connection->ended ? "" : reason));
  };
  co_await connection->socket.async_connect(endpoint_, asio::redirect_error(asio::use_awaitable, error));
  if (connection->ended) co_return nothing_came("");
  if (error) co_return fail(Code::kIoError, "connecting to " + options_.address + ": " + error.message());
  connection->socket.set_option(tcp::no_delay(true), error);
  const HelloMessage hello{.client = options_.name, .table = options_.table};
  const Bytes bytes = encode_frame(FrameType::kHello, 0, WireChecksum::kCrc32, encode_fields(hello));
  auto buffer = asio::buffer(bytes);
  co_await asio::async_write(connection->socket, buffer, asio::redirect_error(asio::use_awaitable, error));
  Status why;
  std::optional<ReceivedFrame> frame = co_await receive(connection, why);
  if (!frame) co_return nothing_came(why.error().message);
  if (frame->header.type == FrameType::kWelcome) co_return take_welcome(*connection, frame->fields);
  Wire<ErrorMessage> refused = decode_error(frame->fields);
  if (frame->header.type != FrameType::kError || !refused) co_return nothing_came("another frame came");
  if (wire_class(refused->error.status) == WireClass::kDrop) {
    gave_up_ = from_wire(refused->error);
    fail_all(*gave_up_);
  }
  co_return std::unexpected(from_wire(refused->error));
}

Nothing TcpClient::write_batches(ConnectionPtr connection) {
  error_code error;
  while (!connection->ended && !error) {
    Bytes head;
    PendingPtr pending;
    if (connection->ping_wanted) {
      connection->ping_wanted = false;
      head = encode_frame(FrameType::kPing, 0, WireChecksum::kXxh3, {});
    } else if (!connection->goodbye && connection->credits > 0 && (pending = next_to_send()) != nullptr) {
      --connection->credits;
      pending->sequence = connection->next_sequence++;
      if (pending->sent_before) resent_.fetch_add(1);
      pending->sent_before = true;
      head = encode_frame_head(FrameType::kBatch, pending->sequence, WireChecksum::kXxh3, pending->fields,
                               static_cast<uint32_t>(pending->payload.size()), pending->payload_xxh3);
    } else {
      connection->to_write.expires_at(asio::steady_timer::time_point::max());
      error_code woken;
      co_await connection->to_write.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      continue;
    }
    std::vector<asio::const_buffer> buffers{asio::buffer(head)};
    if (pending) buffers.push_back(asio::buffer(pending->payload));
    co_await asio::async_write(connection->socket, buffers, asio::redirect_error(asio::use_awaitable, error));
  }
  connection->end();
}

Nothing TcpClient::read_answers(ConnectionPtr connection) {
  Status why;
  while (!connection->ended) {
    std::optional<ReceivedFrame> frame = co_await receive(connection, why);
    if (!frame) break;
    take(*connection, *frame);
  }
  connection->end();
}

// --- connections -------------------------------------------------------------------------------------------------------

Nothing TcpClient::sleep(TimeUs us) {
  pause_.expires_after(std::chrono::microseconds(us));
  error_code ignored;
  co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Nothing TcpClient::run(std::promise<Status> first) {
  uint32_t failures = 0;
  TimeUs alone_since_us = now();
  bool first_told = false, out = false;
  while (!stopping_ && !gave_up_) {
    connection_ = std::make_shared<Connection>(network_);
    const Status opened = co_await open(connection_);
    if (!first_told) {
      first.set_value(opened);
      first_told = true;
      if (!opened) co_return;
    }
    if (opened) {
      failures = 0;
      connections_.fetch_add(1);
      if (std::exchange(out, false)) tell_outage("");
      asio::co_spawn(network_, write_batches(connection_), asio::detached);
      co_await read_answers(connection_);
      alone_since_us = now();
    } else if (now() - alone_since_us > options_.connect_patience_us) {
      fail_all(opened.error());
    } else if (!stopping_ && !std::exchange(out, true)) {
      tell_outage(opened.error().message + "; trying again for " +
                  std::to_string(options_.connect_patience_us / kMicrosPerSecond) + " s");
    }
    connection_->end();
    connection_.reset();
    forget_sequences();
    if (!stopping_ && !gave_up_) co_await sleep(backoff_us(options_, ++failures, random_u64()));
  }
}

void TcpClient::tell_outage(const std::string& why) {
  if (options_.on_outage) options_.on_outage(why);
}

// Waits in not_before_us end; a server from which nothing is heard is asked, then given up.
Nothing TcpClient::keep_alive() {
  error_code ignored;
  while (!stopping_) {
    tick_.expires_after(std::chrono::microseconds(std::min(kTickUs, options_.welcome_us)));
    co_await tick_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (!connection_) continue;
    const TimeUs silent_us = now() - connection_->heard_us;
    const bool connecting = connection_->next_sequence == 1 && connection_->credits == 0;
    if (silent_us > kDeadAfterUs || (connecting && silent_us > options_.welcome_us)) {
      connection_->end();
    } else if (silent_us > kPingAfterUs) {
      connection_->ping_wanted = true;
    }
    connection_->to_write.cancel();
  }
}

}  // namespace

TimeUs backoff_us(const ClientOptions& options, uint32_t failures, uint64_t random) {
  TimeUs pause = options.backoff_first_us;
  for (uint32_t i = 1; i < failures && pause < options.backoff_max_us; ++i) pause *= 2;
  pause = std::min(pause, options.backoff_max_us);
  return pause - static_cast<TimeUs>(random % static_cast<uint64_t>(pause / 2 + 1));
}

Result<std::unique_ptr<Client>> Client::connect(ClientOptions options) {
  TALLY_ASSIGN_OR_RETURN(ListenAddress address, parse_listen_address(options.address));
  auto client = std::make_unique<TcpClient>(std::move(options), std::move(address));
  if (Status started = client->start(); !started) return std::unexpected(started.error());
  return client;
}

}  // namespace tally
