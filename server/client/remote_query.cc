#include "server/client/remote_query.h"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "server/client/no_welcome.h"
#include "server/listen_address.h"
#include "server/messages.h"

namespace tally {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct WholeFrame {
  FrameHeader header;
  Bytes fields;
  Bytes data;
};

QueryError query_error(const WireError& error) {
  QueryError result{.error = from_wire(error), .position = std::nullopt};
  if (error.position)
    result.position = SourcePosition{error.position->offset, error.position->line, error.position->column};
  return result;
}

std::unexpected<QueryError> broken(Error error) {
  return std::unexpected(QueryError{.error = std::move(error), .position = std::nullopt});
}

uint32_t milliseconds(int64_t us) {
  return static_cast<uint32_t>(std::clamp<int64_t>((us + 999) / 1000, 0, UINT32_MAX));
}

// What has come of an answer, and where its rows go.
class Answer {
 public:
  explicit Answer(const QueryOptions& options) : sink_(options.rows), rows_read_(options.rows_read) {}

  // An error: these are not frames that a server sends.
  Wire<void> take(const WholeFrame& frame) {
    switch (frame.header.type) {
      case FrameType::kProgress: return take_progress(frame);
      case FrameType::kColumns: return take_columns(frame);
      case FrameType::kRows: return take_rows(frame);
      case FrameType::kEnd: return take_end(frame);
      default: return {};
    }
  }
  // What the sink said to its columns or rows.
  const Status& taken() const { return taken_; }
  QueryResult result() { return std::move(result_); }

 private:
  Wire<void> take_progress(const WholeFrame& frame) {
    Wire<ProgressMessage> progress = decode_progress(frame.fields);
    if (!progress) return std::unexpected(progress.error());
    if (rows_read_ != nullptr) rows_read_->store(progress->rows_read, std::memory_order_relaxed);
    return {};
  }

  Wire<void> take_columns(const WholeFrame& frame) {
    Wire<ColumnsMessage> columns = decode_columns(frame.fields);
    if (!columns) return std::unexpected(columns.error());
    if (!result_.columns.empty()) return wire_fail(WireStatus::kBadFrame, "columns of the answer come twice");
    result_.columns = std::move(columns->columns);
    if (sink_ != nullptr) taken_ = sink_->begin(result_.columns);
    result_.handed_over = sink_ != nullptr;
    return {};
  }

  Wire<void> take_rows(const WholeFrame& frame) {
    const size_t before = result_.rows.size();
    Wire<void> good = decode_rows(frame.fields, frame.data, result_.columns.size(), result_.rows);
    if (!good) return good;
    result_.stats.rows += result_.rows.size() - before;
    if (sink_ == nullptr) return {};
    if (!result_.rows.empty()) taken_ = sink_->take(result_.rows);
    result_.rows.clear();
    return {};
  }

  Wire<void> take_end(const WholeFrame& frame) {
    Wire<EndMessage> end = decode_end(frame.fields);
    if (!end) return std::unexpected(end.error());
    if (end->rows != result_.stats.rows) return wire_fail(WireStatus::kBadFrame, "rows of the answer are missing");
    result_.message = std::move(end->message);
    result_.stats.scan.rows_read = end->rows_read;
    result_.stats.elapsed_us = static_cast<int64_t>(end->elapsed_us);
    return {};
  }

  RowSink* const sink_;
  std::atomic<uint64_t>* const rows_read_;
  QueryResult result_;
  Status taken_;
};

class TcpQuery final : public RemoteQuery {
 public:
  TcpQuery(std::string text, ListenAddress address, TimeUs welcome_us)
      : text_(std::move(text)),
        endpoint_(asio::ip::make_address(address.host), address.port),
        welcome_us_(welcome_us),
        socket_(network_) {}

  Status open() {
    deadline_us_ = system_clock().boottime_us() + welcome_us_;
    Result<WelcomeMessage> welcome = say_hello();
    deadline_us_ = 0;
    if (!welcome) {
      error_code ignored;
      socket_.close(ignored);
      return std::unexpected(std::move(welcome).error());
    }
    checksum_ = welcome->checksum;
    idle_us_ = TimeUs{welcome->idle_timeout_s} * kMicrosPerSecond;
    used_us_ = system_clock().boottime_us();
    open_ = true;
    return {};
  }

  std::expected<QueryResult, QueryError> run(std::string_view sql, const std::vector<Cell>& parameters,
                                             const QueryOptions& options) override {
    // After a long silence the server has let go, or is about to.
    if (open_ && system_clock().boottime_us() - used_us_ > idle_us_ / 2) open_ = false;
    if (!open_) {
      if (Status opened = open(); !opened) return broken(opened.error());
    }
    const QueryMessage query{.sql = std::string(sql),
                             .timeout_ms = milliseconds(options.timeout_us),
                             .progress = options.rows_read != nullptr,
                             .parameters = parameters};
    const Bytes fields = encode_fields(query);
    if (fields.size() > frame_sizes(FrameType::kQuery).fields_max || parameters.size() > UINT16_MAX) {
      return broken({Code::kLimitExceeded, "the statement is longer than a frame may be"});
    }
    const uint64_t sequence = ++sequence_;
    if (Status sent = write(encode_frame(FrameType::kQuery, sequence, checksum_, fields)); !sent) {
      return broken(sent.error());
    }
    begin(sequence);
    auto result = [&] {
      const std::stop_callback stop(options.stop, [this] { cancel(); });
      return answer(sequence, options);
    }();
    if (end()) {
      if (!result && !open_)
        result = broken({Code::kCancelled, "the statement was cancelled, and the connection with it"});
      open_ = false;
    }
    used_us_ = system_clock().boottime_us();
    return result;
  }

  void cancel() override {
    std::lock_guard lock(mutex_);
    if (running_ == 0) return;
    // The thread that runs the statement only reads meanwhile, so these bytes stand alone.
    const Bytes frame = encode_frame(FrameType::kCancel, running_, checksum_, {});
    const bool first = !cancel_sent_;
    cancel_sent_ = true;
    const ssize_t sent =
        first ? ::send(socket_.native_handle(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
    if (sent != static_cast<ssize_t>(frame.size())) {
      cut_ = true;
      ::shutdown(socket_.native_handle(), SHUT_RDWR);
    }
  }

 private:
  // Until the deadline.
  Result<WelcomeMessage> say_hello() {
    error_code error;
    socket_ = tcp::socket(network_);
    run_until_deadline(error, [&](auto done) { socket_.async_connect(endpoint_, done); });
    if (error == asio::error::timed_out) return std::unexpected(no_welcome(text_, welcome_us_, ""));
    if (error) return fail(Code::kIoError, "connecting to " + text_ + ": " + error.message());
    socket_.set_option(tcp::no_delay(true), error);
    TALLY_TRY(write(
        encode_frame(FrameType::kHello, 0, WireChecksum::kCrc32, encode_fields(HelloMessage{.client = "tally sql"}))));
    Result<WholeFrame> frame = read_frame();
    if (!frame) return std::unexpected(no_welcome(text_, welcome_us_, silent_ ? "" : frame.error().message));
    if (frame->header.type == FrameType::kError) {
      Wire<ErrorMessage> refused = decode_error(frame->fields);
      return std::unexpected(from_wire(refused ? refused->error : refused.error()));
    }
    Wire<WelcomeMessage> welcome = decode_welcome(frame->fields);
    if (frame->header.type == FrameType::kWelcome && welcome) return *std::move(welcome);
    return std::unexpected(no_welcome(text_, welcome_us_, "another frame came"));
  }

  // Begins something and waits for its end, not beyond the deadline: then it is cancelled, and the error is timed_out.
  template <class Begin>
  void run_until_deadline(error_code& error, Begin begin) {
    std::optional<error_code> result;
    begin([&](const error_code& how, auto...) { result = how; });
    network_.restart();
    network_.run_for(std::chrono::microseconds(std::max<TimeUs>(deadline_us_ - system_clock().boottime_us(), 0)));
    silent_ = !result;
    if (silent_) {
      error_code ignored;
      socket_.close(ignored);
      network_.restart();
      network_.run();
    }
    error = silent_ ? error_code(asio::error::timed_out) : *result;
  }

  void begin(uint64_t sequence) {
    std::lock_guard lock(mutex_);
    running_ = sequence;
    cancel_sent_ = cut_ = false;
  }
  bool end() {  // true: the connection was cut
    std::lock_guard lock(mutex_);
    running_ = 0;
    return cut_;
  }
  Status lost(const error_code& error) {
    open_ = false;
    return fail(Code::kIoError, "the connection to " + text_ + " broke: " + error.message());
  }
  Status write(const Bytes& bytes) {
    error_code error;
    asio::write(socket_, asio::buffer(bytes), error);
    return error ? lost(error) : Status{};
  }
  Status read_into(MutableByteSpan bytes) {
    error_code error;
    auto buffer = asio::buffer(bytes.data(), bytes.size());
    if (deadline_us_ != 0 && !bytes.empty()) {
      run_until_deadline(error, [&](auto done) { asio::async_read(socket_, buffer, done); });
    } else if (!bytes.empty()) {
      asio::read(socket_, buffer, error);
    }
    return error ? lost(error) : Status{};
  }
  Status bad(const WireError& error) {
    open_ = false;
    return std::unexpected(from_wire(error));
  }

  Result<WholeFrame> read() {
    TALLY_ASSIGN_OR_RETURN(WholeFrame frame, read_frame());
    if (frame.header.type == FrameType::kError && frame.header.sequence == 0) {
      Wire<ErrorMessage> error = decode_error(frame.fields);
      return std::unexpected(bad(error ? error->error : error.error()).error());
    }
    return frame;
  }

  Result<WholeFrame> read_frame() {
    std::array<uint8_t, kFrameHeaderBytes> header_bytes{};
    TALLY_TRY(read_into(header_bytes));
    Wire<FrameHeader> header = decode_frame_header(header_bytes);
    if (!header) return std::unexpected(bad(header.error()).error());
    WholeFrame frame;
    frame.header = *header;
    frame.fields.resize(header->fields_bytes);
    TALLY_TRY(read_into(frame.fields));
    if (auto good = check_head(header_bytes, frame.fields); !good) return std::unexpected(bad(good.error()).error());
    frame.data.resize(header->data_bytes);
    TALLY_TRY(read_into(frame.data));
    if (auto good = check_data(*header, frame.data); !good) return std::unexpected(bad(good.error()).error());
    return frame;
  }

  std::expected<QueryResult, QueryError> answer(uint64_t sequence, const QueryOptions& options) {
    Answer answer(options);
    while (true) {
      Result<WholeFrame> frame = read();
      if (!frame) return broken(frame.error());
      if (frame->header.type == FrameType::kGoodbye) {
        open_ = false;  // what is owed still comes
        continue;
      }
      if (frame->header.sequence != sequence) continue;
      if (frame->header.type == FrameType::kError) {
        Wire<ErrorMessage> error = decode_error(frame->fields);
        return std::unexpected(query_error(error ? error->error : error.error()));
      }
      Wire<void> good = answer.take(*frame);
      if (!good) return broken(bad(good.error()).error());
      if (!answer.taken()) return give_up(answer.taken().error());
      if (frame->header.type == FrameType::kEnd) return answer.result();
    }
  }

  // Whoever takes the rows wants no more: the server hears it by the connection's end, which cancels.
  std::unexpected<QueryError> give_up(const Error& error) {
    open_ = false;
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
    return broken(error);
  }

  const std::string text_;
  const tcp::endpoint endpoint_;
  const TimeUs welcome_us_;
  TimeUs deadline_us_ = 0;  // of reading; 0: none
  bool silent_ = false;     // what was begun last came to no end before it
  asio::io_context network_{1};
  tcp::socket socket_;
  WireChecksum checksum_ = WireChecksum::kXxh3;
  bool open_ = false;
  uint64_t sequence_ = 0;
  TimeUs idle_us_ = 0;
  TimeUs used_us_ = 0;
  std::mutex mutex_;
  uint64_t running_ = 0;      // sequence of the statement whose answer is read; guarded by mutex_, as are the next two
  bool cancel_sent_ = false;  // of it
  bool cut_ = false;          // the connection was closed to cancel it
};

}  // namespace

Result<std::unique_ptr<RemoteQuery>> RemoteQuery::connect(const std::string& address, TimeUs welcome_us) {
  TALLY_ASSIGN_OR_RETURN(ListenAddress parsed, parse_listen_address(address));
  auto query = std::make_unique<TcpQuery>(address, std::move(parsed), welcome_us);
  TALLY_TRY(query->open());
  return query;
}

}  // namespace tally
