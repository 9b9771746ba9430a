#include "server/session.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <map>

#include "server/limits.h"

namespace tally {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Nothing = asio::awaitable<void>;

// Lets a coroutine wait until somebody says go; of one thread.
class Signal {
 public:
  explicit Signal(asio::io_context& context) : timer_(context) {}
  Nothing wait() {
    timer_.expires_at(asio::steady_timer::time_point::max());
    error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  void notify() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

// A statement that is not answered yet.
struct Asked {
  std::shared_ptr<AnswerStream> stream;
  bool wants_progress = false;
  uint64_t told = 0;  // rows read
  TimeUs begun_us = 0;
  TimeUs told_us = 0;
};

struct Outgoing {
  Bytes bytes;
  std::shared_ptr<AnswerStream> stream;  // of which this is a piece
};

class TcpSession final : public Session, public std::enable_shared_from_this<TcpSession> {
 public:
  TcpSession(SessionServices& services, tcp::socket socket, uint64_t id, std::string peer, Events events)
      : services_(services),
        limits_(services.settings.limits),
        socket_(std::move(socket)),
        id_(id),
        peer_(std::move(peer)),
        events_(std::move(events)),
        to_write_(services.network),
        room_(services.network),
        granted_(services.network),
        connected_us_(services.clock.boottime_us()),
        since_us_(connected_us_),
        credits_(static_cast<uint32_t>(limits_.credits)) {}

  void run() {
    services_.metrics.connections.add(1);
    services_.log.debug("connected", {{"connection", std::to_string(id_)}, {"peer", peer_}});
    auto self = shared_from_this();
    asio::co_spawn(
        services_.network, [self] { return self->read_frames(); },
        [self](const std::exception_ptr& thrown) { self->reading_ended(thrown); });
    asio::co_spawn(
        services_.network, [self] { return self->write_frames(); },
        [self](const std::exception_ptr& thrown) { self->writing_ended(thrown); });
  }

  void check_deadlines(TimeUs now_us) override;
  void refuse(WireStatus status, const std::string& reason) override {
    end_with({.status = status, .message = reason});
  }
  void drain(const std::string& reason) override;
  void cut() override { close_socket(); }

 private:
  enum class Reading { kBetween, kFrame, kWaiting };

  Nothing read_frames();
  asio::awaitable<bool> read_frame();
  asio::awaitable<bool> read_exactly(MutableByteSpan into);
  asio::awaitable<bool> read_fields(const FrameHeader& header, Bytes& fields);
  asio::awaitable<bool> take_bytes(uint64_t bytes);
  Nothing linger();
  Nothing write_frames();
  void reading_ended(const std::exception_ptr& thrown);
  void writing_ended(const std::exception_ptr& thrown);
  void coroutine_ended();

  Wire<void> allowed(const FrameHeader& header) const;
  Wire<void> take(const FrameHeader& header, Bytes fields, Bytes data);
  Wire<void> take_hello(ByteSpan fields);
  Wire<void> take_batch(const FrameHeader& header, ByteSpan fields, Bytes data);
  Wire<void> take_query(const FrameHeader& header, ByteSpan fields);
  void take_cancel(const FrameHeader& header);
  void answer_batch(uint64_t sequence, TimeUs received_us, ByteBudget::Claim& claim, const Wire<BatchResult>& result);
  void note_health(const WireError& error);
  void end_query(uint64_t sequence, Bytes last);
  void client_is_gone(const error_code& how);
  void cancel_statements();
  void tell_progress(TimeUs now_us);

  void send(FrameType type, uint64_t sequence, ByteSpan fields);
  void queue(Outgoing frame);
  void end_with(WireError error);
  void finish_if_done();
  void close_socket();
  bool owes() const { return batches_owed_ > 0 || !queries_.empty(); }
  template <class Work>
  void on_network(Work work) {
    asio::post(services_.network, std::move(work));
  }

  SessionServices& services_;
  const Settings::Limits& limits_;
  tcp::socket socket_;
  const uint64_t id_;
  const std::string peer_;
  const Events events_;
  Signal to_write_;
  Signal room_;     // in outgoing_
  Signal granted_;  // the claim that was waited for

  Identity identity_;
  Table* table_ = nullptr;
  WireChecksum checksum_ = WireChecksum::kCrc32;
  bool said_hello_ = false;
  uint64_t last_sequence_ = 0;

  const TimeUs connected_us_;
  TimeUs ended_us_ = 0;  // when the last frame was written
  Reading reading_ = Reading::kBetween;
  TimeUs since_us_;                           // of reading_; in between frames: since something was owed or read
  TimeUs writing_since_us_ = 0;               // 0: nothing is being written
  std::shared_ptr<ByteBudget::Claim> claim_;  // of the frame being read

  std::deque<Outgoing> outgoing_;
  uint32_t credits_;  // that the client has
  uint32_t batches_owed_ = 0;
  std::map<uint64_t, Asked> queries_;
  bool read_no_more_ = false;   // what is owed is still answered
  bool write_no_more_ = false;  // than what is in outgoing_
  bool goodbye_said_ = false;
  bool goodbye_heard_ = false;
  bool socket_closed_ = false;
  int coroutines_ = 2;
};

// --- reading -----------------------------------------------------------------------------------------------------------

asio::awaitable<bool> TcpSession::read_exactly(MutableByteSpan into) {
  if (into.empty()) co_return true;
  error_code error;
  auto buffer = asio::buffer(into.data(), into.size());
  co_await asio::async_read(socket_, buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error) client_is_gone(error);
  co_return !error && !read_no_more_;
}

// What was taken from the budget is there at once; anything else takes memory as it comes, not as it is announced.
asio::awaitable<bool> TcpSession::read_fields(const FrameHeader& header, Bytes& fields) {
  const size_t step = claim_ ? header.fields_bytes : limits::kFieldsStep;
  while (fields.size() < header.fields_bytes) {
    const size_t have = fields.size();
    fields.resize(std::min<size_t>(have + step, header.fields_bytes));
    const bool more = co_await read_exactly(MutableByteSpan(fields).subspan(have));
    if (!more) co_return false;
  }
  co_return true;
}

asio::awaitable<bool> TcpSession::take_bytes(uint64_t bytes) {
  auto self = shared_from_this();
  claim_ = services_.budget.claim(bytes, [self] { self->granted_.notify(); });
  if (!claim_->granted) services_.metrics.ingest_waits.add();
  while (!claim_->granted && !read_no_more_) {
    reading_ = Reading::kWaiting;
    co_await granted_.wait();
  }
  reading_ = Reading::kFrame;
  since_us_ = services_.clock.boottime_us();
  co_return claim_->granted && !read_no_more_;
}

// False: nothing more is to be read.
asio::awaitable<bool> TcpSession::read_frame() {
  std::array<uint8_t, kFrameHeaderBytes> header_bytes{};
  const MutableByteSpan span(header_bytes);
  reading_ = Reading::kBetween;
  bool more = co_await read_exactly(span.first(1));
  if (!more) co_return false;
  reading_ = Reading::kFrame;
  since_us_ = services_.clock.boottime_us();
  more = co_await read_exactly(span.subspan(1));
  if (!more) co_return false;
  const Wire<FrameHeader> header = decode_frame_header(header_bytes);
  Wire<void> good;
  if (!header) {
    good = std::unexpected(header.error());
  } else {
    good = allowed(*header);
  }
  if (!good) {
    end_with(good.error());
    co_return false;
  }
  if (header->type == FrameType::kBatch) {
    const uint64_t bytes = uint64_t{header->fields_bytes} + header->data_bytes;
    more = co_await take_bytes(std::max(bytes, limits::kIngestChargeMin));
    if (!more) co_return false;
  }
  Bytes fields;
  more = co_await read_fields(*header, fields);
  if (!more) co_return false;
  good = check_head(header_bytes, fields);
  Bytes data(good ? header->data_bytes : 0);
  if (good) {
    more = co_await read_exactly(data);
    if (!more) co_return false;
    good = take(*header, std::move(fields), std::move(data));
  }
  if (!good) end_with(good.error());
  since_us_ = services_.clock.boottime_us();
  co_return good.has_value();
}

Nothing TcpSession::read_frames() {
  bool more = true;
  while (more && !read_no_more_) {
    while (outgoing_.size() >= limits::kAnswersQueuedMax && !read_no_more_) co_await room_.wait();
    if (read_no_more_) break;
    more = co_await read_frame();
    if (claim_) {  // of a frame that did not become a batch
      services_.budget.release(*claim_);
      claim_.reset();
    }
  }
  read_no_more_ = true;
  finish_if_done();
  co_await linger();
}

// So that the last frame is not lost: closing with bytes unread would make the kernel throw away what is under way.
Nothing TcpSession::linger() {
  std::array<uint8_t, 4096> nobody_reads{};
  error_code error;
  while (!error) {
    auto buffer = asio::buffer(nobody_reads);
    co_await socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  }
  client_is_gone(error);
}

// Nobody waits for the answers of a client that closed its connection. One that said GOODBYE may have closed its side alone.
void TcpSession::client_is_gone(const error_code& how) {
  if (goodbye_heard_ && how == asio::error::eof) return;
  cancel_statements();
}

void TcpSession::cancel_statements() {
  for (auto& [sequence, asked] : queries_) services_.queries.cancel(*asked.stream);
}

void TcpSession::tell_progress(TimeUs now_us) {
  if (write_no_more_ || !outgoing_.empty()) return;
  for (auto& [sequence, asked] : queries_) {
    const uint64_t rows = asked.stream->rows_read_so_far();
    if (!asked.wants_progress || rows == asked.told || now_us - asked.told_us < limits::kProgressEveryUs) continue;
    asked.told = rows;
    asked.told_us = now_us;
    const ProgressMessage progress{.rows_read = rows, .elapsed_us = static_cast<uint64_t>(now_us - asked.begun_us)};
    send(FrameType::kProgress, sequence, encode_fields(progress));
  }
}

void TcpSession::check_deadlines(TimeUs now_us) {
  const TimeUs waited_us = now_us - since_us_;
  if (writing_since_us_ != 0 && now_us - writing_since_us_ > limits_.write_time) {
    services_.log.warn("a client does not read its answers", {{"connection", std::to_string(id_)}, {"peer", peer_}});
    return close_socket();
  }
  if (ended_us_ != 0 && now_us - ended_us_ > limits::kLingerUs) return close_socket();
  tell_progress(now_us);
  if (read_no_more_) return;
  if (!said_hello_ && now_us - connected_us_ > limits_.hello_time)
    return refuse(WireStatus::kTimeout, "no HELLO came in time");
  if (reading_ == Reading::kFrame && waited_us > limits_.frame_time) {
    return refuse(WireStatus::kTimeout, "a frame took too long to come");
  }
  if (reading_ == Reading::kBetween && !owes() && waited_us > limits_.idle_time) {
    refuse(WireStatus::kTimeout, "silent for too long: PING keeps a connection open");
  }
}

// --- frames in ---------------------------------------------------------------------------------------------------------

Wire<void> TcpSession::allowed(const FrameHeader& header) const {
  const auto out_of_order = [&](const std::string& why) {
    return wire_fail(WireStatus::kOutOfOrder, std::string(frame_type_name(header.type)) + ": " + why);
  };
  if (!said_hello_) {
    if (header.type != FrameType::kHello) return out_of_order("HELLO comes first");
    if (header.checksum != WireChecksum::kCrc32) return out_of_order("its checksum is always CRC-32");
    return {};
  }
  if (header.checksum != checksum_) return out_of_order("WELCOME named the other checksum");
  switch (header.type) {
    case FrameType::kBatch:
      if (table_ == nullptr) return out_of_order("HELLO named no table");
      if (header.sequence <= last_sequence_) return out_of_order("its sequence is not above those before");
      if (credits_ == 0) return wire_fail(WireStatus::kNoCredit, "a BATCH without a credit for it");
      return {};
    case FrameType::kQuery:
      if (header.sequence <= last_sequence_) return out_of_order("its sequence is not above those before");
      return {};
    case FrameType::kCancel:
    case FrameType::kPing:
    case FrameType::kPong:
    case FrameType::kGoodbye: return {};
    case FrameType::kHello: return out_of_order("it was said already");
    case FrameType::kWelcome:
    case FrameType::kResult:
    case FrameType::kColumns:
    case FrameType::kRows:
    case FrameType::kEnd:
    case FrameType::kProgress:
    case FrameType::kError: break;
  }
  return out_of_order("only servers send it");
}

Wire<void> TcpSession::take(const FrameHeader& header, Bytes fields, Bytes data) {
  if (header.type == FrameType::kBatch || header.type == FrameType::kQuery) last_sequence_ = header.sequence;
  switch (header.type) {
    case FrameType::kHello: return take_hello(fields);
    case FrameType::kBatch: return take_batch(header, fields, std::move(data));
    case FrameType::kQuery: return take_query(header, fields);
    case FrameType::kCancel: take_cancel(header); return {};
    case FrameType::kPing: send(FrameType::kPong, header.sequence, {}); return {};
    case FrameType::kGoodbye:
      goodbye_heard_ = true;
      read_no_more_ = true;
      finish_if_done();
      return {};
    case FrameType::kPong:
    case FrameType::kWelcome:
    case FrameType::kResult:
    case FrameType::kColumns:
    case FrameType::kRows:
    case FrameType::kEnd:
    case FrameType::kProgress:
    case FrameType::kError: break;
  }
  return {};
}

Wire<void> TcpSession::take_hello(ByteSpan fields) {
  Wire<HelloMessage> hello = decode_hello(fields);
  if (!hello) return std::unexpected(hello.error());
  if (hello->version_min > kProtocolVersion || hello->version_max < kProtocolVersion) {
    return wire_fail(WireStatus::kUnsupported, "this server speaks version 1 of the protocol");
  }
  if ((hello->checksums & (kOffersCrc32 | kOffersXxh3)) == 0) {
    return wire_fail(WireStatus::kUnsupported, "neither CRC-32 nor XXH3-64 is offered");
  }
  Wire<Identity> identity = authenticate(*hello);
  if (!identity) return std::unexpected(identity.error());
  identity_ = *std::move(identity);
  WelcomeMessage welcome;
  welcome.checksum = (hello->checksums & kOffersXxh3) != 0 ? WireChecksum::kXxh3 : WireChecksum::kCrc32;
  welcome.connection = id_;
  welcome.server = services_.server_name;
  welcome.credits = credits_;
  welcome.batch_bytes_max = limits::kBatchDataMax;
  welcome.batch_rows_max = limits::kBatchRowsMax;
  welcome.idle_timeout_s = static_cast<uint32_t>(limits_.idle_time / kMicrosPerSecond);
  welcome.frame_timeout_s = static_cast<uint32_t>(limits_.frame_time / kMicrosPerSecond);
  if (!hello->table.empty()) {
    Result<Table*> table = services_.database.table(hello->table);
    if (!table) return std::unexpected(to_wire(table.error(), WireStatus::kUnknownTable));
    auto snapshot = (*table)->snapshot();
    if (!snapshot) return std::unexpected(to_wire(snapshot.error(), WireStatus::kReadOnly));
    table_ = *table;
    const std::shared_ptr<const Schema> schema = table_->schema();
    welcome.table_uuid = (*snapshot)->manifest().table_uuid;
    welcome.schema_version = schema->version;
    welcome.columns = schema->columns;
    welcome.id_from = schema->id_from;
  }
  send(FrameType::kWelcome, 0, encode_fields(welcome));
  checksum_ = welcome.checksum;
  said_hello_ = true;
  events_.said_hello(id_);
  services_.log.debug("welcome", {{"connection", std::to_string(id_)},
                                  {"client", hello->client.substr(0, 64)},
                                  {"table", table_ != nullptr ? table_->name() : ""}});
  return {};
}

Wire<void> TcpSession::take_batch(const FrameHeader& header, ByteSpan fields, Bytes data) {
  Wire<BatchMessage> notes = decode_batch_fields(fields);
  if (!notes) return std::unexpected(notes.error());
  services_.metrics.batches_received.add();
  services_.metrics.batch_bytes.add(data.size());
  services_.metrics.ingest_bytes.add(static_cast<int64_t>(claim_->bytes));
  --credits_;
  ++batches_owed_;
  auto self = shared_from_this();
  const TimeUs received_us = services_.clock.boottime_us();
  const uint64_t sequence = header.sequence;
  IngestJob job{.table = table_, .header = header, .notes = *std::move(notes), .payload = std::move(data)};
  job.done = [self, sequence, received_us, claim = std::move(claim_)](Wire<BatchResult> result) mutable {
    auto shared = std::make_shared<Wire<BatchResult>>(std::move(result));
    self->on_network(
        [self, sequence, received_us, claim, shared] { self->answer_batch(sequence, received_us, *claim, *shared); });
  };
  services_.ingest.submit(std::move(job));
  return {};
}

void TcpSession::answer_batch(uint64_t sequence, TimeUs received_us, ByteBudget::Claim& claim,
                              const Wire<BatchResult>& result) {
  services_.metrics.ingest_bytes.add(-static_cast<int64_t>(claim.bytes));
  services_.budget.release(claim);
  ++credits_;
  --batches_owed_;
  since_us_ = reading_ == Reading::kBetween ? services_.clock.boottime_us() : since_us_;
  if (result) {
    services_.metrics.batches_answered.add();
    services_.metrics.acknowledgement.observe(services_.clock.boottime_us() - received_us);
    send(FrameType::kResult, sequence,
         encode_fields(ResultMessage{
             .credits = 1, .lsn = result->lsn, .counts = result->counts, .not_accepted = result->not_accepted}));
  } else {
    services_.metrics.batches_refused.add();
    note_health(result.error());
    services_.log.warn("a batch was refused", {{"connection", std::to_string(id_)},
                                               {"batch", std::to_string(sequence)},
                                               {"status", std::string(wire_status_name(result.error().status))},
                                               {"reason", result.error().message}});
    send(FrameType::kError, sequence, encode_fields(ErrorMessage{.error = result.error(), .credits = 1}));
  }
  finish_if_done();
}

// A table that was poisoned, or cannot be written, stays so until the server is started again.
void TcpSession::note_health(const WireError& error) {
  if (error.status != WireStatus::kReadOnly && error.status != WireStatus::kIndeterminate) return;
  if (!services_.health.takes_no_batches(table_->name(), error.message)) return;
  services_.log.error("a table takes no batches any more", {{"table", table_->name()}, {"reason", error.message}});
}

Wire<void> TcpSession::take_query(const FrameHeader& header, ByteSpan fields) {
  Wire<QueryMessage> query = decode_query(fields);
  if (!query) return std::unexpected(query.error());
  const uint64_t sequence = header.sequence;
  auto self = shared_from_this();
  auto stream_place = std::make_shared<std::weak_ptr<AnswerStream>>();
  auto stream = std::make_shared<AnswerStream>([self, stream_place](Bytes piece) {
    auto shared = std::make_shared<Bytes>(std::move(piece));
    self->on_network([self, stream_place, shared] { self->queue({std::move(*shared), stream_place->lock()}); });
  });
  *stream_place = stream;
  Asked asked{
      .stream = stream, .wants_progress = query->progress, .told = 0, .begun_us = services_.clock.boottime_us()};
  asked.told_us = asked.begun_us;
  QueryJob job{
      .connection = id_, .sequence = sequence, .checksum = checksum_, .query = *std::move(query), .stream = stream};
  job.done = [self, sequence](Bytes last) {
    auto shared = std::make_shared<Bytes>(std::move(last));
    self->on_network([self, sequence, shared] { self->end_query(sequence, std::move(*shared)); });
  };
  const bool room = queries_.size() < limits::kQueriesPerConnection;
  if (room && services_.queries.submit(std::move(job))) {
    queries_.emplace(sequence, std::move(asked));
    return {};
  }
  services_.metrics.queries_refused.add();
  WireError busy{
      .status = WireStatus::kBusy,
      .message = room ? "too many statements run and wait already (limits.queries_running, limits.queries_waiting)"
                      : "too many statements of this connection are not answered: it may have " +
                            std::to_string(limits::kQueriesPerConnection)};
  busy.retry_after_ms = 100;
  send(FrameType::kError, sequence, encode_fields(ErrorMessage{.error = std::move(busy)}));
  return {};
}

void TcpSession::take_cancel(const FrameHeader& header) {
  auto found = queries_.find(header.sequence);
  if (found != queries_.end()) services_.queries.cancel(*found->second.stream);
}

void TcpSession::end_query(uint64_t sequence, Bytes last) {
  queries_.erase(sequence);
  since_us_ = reading_ == Reading::kBetween ? services_.clock.boottime_us() : since_us_;
  queue({std::move(last), nullptr});
  finish_if_done();
}

// --- frames out --------------------------------------------------------------------------------------------------------

void TcpSession::send(FrameType type, uint64_t sequence, ByteSpan fields) {
  queue({encode_frame(type, sequence, checksum_, fields), nullptr});
}

void TcpSession::queue(Outgoing frame) {
  if (write_no_more_ || socket_closed_) {
    if (frame.stream) frame.stream->written();
    return;
  }
  outgoing_.push_back(std::move(frame));
  to_write_.notify();
}

// What is wrong is said once, and nothing behind it: whatever is owed will be asked for again.
void TcpSession::end_with(WireError error) {
  if (write_no_more_) return;
  if (error.status != WireStatus::kTooMany) services_.metrics.connections_failed.add();  // that one was refused
  services_.log.warn("connection ended", {{"connection", std::to_string(id_)},
                                          {"peer", peer_},
                                          {"status", std::string(wire_status_name(error.status))},
                                          {"reason", error.message}});
  send(FrameType::kError, 0, encode_fields(ErrorMessage{.error = std::move(error)}));
  write_no_more_ = true;
  read_no_more_ = true;
  cancel_statements();
  granted_.notify();
  room_.notify();
  to_write_.notify();
}

void TcpSession::drain(const std::string& reason) {
  if (read_no_more_) return;
  read_no_more_ = true;
  if (said_hello_) {
    send(FrameType::kGoodbye, 0, encode_fields(GoodbyeMessage{.reason = reason}));
    goodbye_said_ = true;
  }
  granted_.notify();
  room_.notify();
  finish_if_done();
}

void TcpSession::finish_if_done() {
  if (!read_no_more_ || owes() || write_no_more_) return;
  if (said_hello_ && !goodbye_said_)
    send(FrameType::kGoodbye, 0, encode_fields(GoodbyeMessage{.reason = "all is answered"}));
  write_no_more_ = true;
  to_write_.notify();
}

Nothing TcpSession::write_frames() {
  error_code error;
  while (!error && !socket_closed_) {
    if (outgoing_.empty()) {
      if (write_no_more_) break;
      co_await to_write_.wait();
      continue;
    }
    // Small answers go out together.
    std::deque<Outgoing> now;
    std::vector<asio::const_buffer> buffers;
    size_t bytes = 0;
    while (!outgoing_.empty() && now.size() < 64 && bytes < limits::kRowsDataUsual) {
      bytes += outgoing_.front().bytes.size();
      now.push_back(std::move(outgoing_.front()));
      outgoing_.pop_front();
      buffers.push_back(asio::buffer(now.back().bytes));
    }
    room_.notify();
    writing_since_us_ = services_.clock.boottime_us();
    co_await asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, error));
    writing_since_us_ = 0;
    for (const Outgoing& frame : now) {
      if (frame.stream) frame.stream->written();
    }
  }
  ended_us_ = services_.clock.boottime_us();
  if (!error && !socket_closed_) {
    socket_.shutdown(tcp::socket::shutdown_send, error);
  } else {
    close_socket();
  }
}

// --- the end -----------------------------------------------------------------------------------------------------------

void TcpSession::close_socket() {
  if (socket_closed_) return;
  socket_closed_ = true;
  read_no_more_ = true;
  write_no_more_ = true;
  cancel_statements();
  for (const Outgoing& frame : outgoing_) {
    if (frame.stream) frame.stream->written();
  }
  outgoing_.clear();
  error_code ignored;
  socket_.close(ignored);
  granted_.notify();
  room_.notify();
  to_write_.notify();
}

void TcpSession::reading_ended(const std::exception_ptr& thrown) {
  if (thrown) services_.log.error("reading a connection failed", {{"connection", std::to_string(id_)}});
  if (claim_) services_.budget.release(*claim_);
  claim_.reset();
  read_no_more_ = true;
  if (thrown) close_socket();
  coroutine_ended();
}

void TcpSession::writing_ended(const std::exception_ptr& thrown) {
  if (thrown) {
    services_.log.error("writing a connection failed", {{"connection", std::to_string(id_)}});
    close_socket();
  }
  coroutine_ended();
}

void TcpSession::coroutine_ended() {
  if (--coroutines_ > 0) return;
  close_socket();
  services_.metrics.connections.add(-1);
  services_.log.debug("gone", {{"connection", std::to_string(id_)}});
  events_.closed(id_);
}

}  // namespace

Wire<Identity> authenticate(const HelloMessage& hello) {
  if (hello.credential_kind == CredentialKind::kNone && hello.credential.empty()) return Identity{};
  return wire_fail(WireStatus::kDenied, "this server has no keys, so it cannot know this one");
}

std::shared_ptr<Session> Session::start(SessionServices& services, int descriptor, bool ipv6, uint64_t id,
                                        std::string peer, Events events) {
  tcp::socket socket(services.network);
  error_code error;
  socket.assign(ipv6 ? tcp::v6() : tcp::v4(), descriptor, error);
  if (error) return nullptr;
  socket.set_option(tcp::no_delay(true), error);
  auto session = std::make_shared<TcpSession>(services, std::move(socket), id, std::move(peer), std::move(events));
  session->run();
  return session;
}

}  // namespace tally
