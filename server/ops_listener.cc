#include "server/ops_listener.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <chrono>

#include "server/limits.h"

namespace tally {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Nothing = asio::awaitable<void>;

constexpr std::chrono::seconds kPatience(10);
constexpr std::chrono::milliseconds kAcceptPause(100);

class HttpOps final : public OpsListener {
 public:
  HttpOps(asio::io_context& network, Sources sources)
      : network_(network), acceptor_(network), sources_(std::make_shared<Sources>(std::move(sources))) {}

  Status listen(const ListenAddress& address) {
    error_code error;
    const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return fail(Code::kIoError, "listening on " + address.to_string() + ": " + error.message());
    open_ = std::make_shared<size_t>(0);
    return {};
  }
  void run() { asio::co_spawn(network_, accept_all(acceptor_, sources_, open_), asio::detached); }

  std::string address() const override {
    const tcp::endpoint endpoint = acceptor_.local_endpoint();
    return ListenAddress{endpoint.address().to_string(), endpoint.port(), true}.to_string();
  }
  void close() override {
    error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  static Nothing accept_all(tcp::acceptor& acceptor, std::shared_ptr<Sources> sources, std::shared_ptr<size_t> open) {
    asio::steady_timer pause(acceptor.get_executor());
    while (true) {
      tcp::socket socket(acceptor.get_executor());
      error_code error;
      co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
      if (error) {
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      if (*open >= limits::kOpsConnectionsMax) continue;  // the socket closes
      ++*open;
      asio::co_spawn(acceptor.get_executor(), answer(std::move(socket), sources),
                     [open](const std::exception_ptr&) { --*open; });
    }
  }

  static Nothing answer(tcp::socket socket, std::shared_ptr<Sources> sources) {
    beast::tcp_stream stream(std::move(socket));
    stream.expires_after(kPatience);
    beast::flat_buffer buffer(limits::kOpsHeaderBytesMax);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(limits::kOpsHeaderBytesMax);
    parser.body_limit(boost::none);  // it is not read
    error_code error;
    co_await http::async_read_header(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error && !is_bad_request(error)) co_return;
    http::response<http::string_body> response = error ? refuse(error) : respond(parser.get(), *sources);
    co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
    stream.socket().shutdown(tcp::socket::shutdown_send, error);
    co_await leave_unread(stream);
  }

  // Closing with bytes unread would make the kernel throw the answer away.
  static Nothing leave_unread(beast::tcp_stream& stream) {
    std::array<uint8_t, 4096> nobody_reads{};
    stream.expires_after(std::chrono::microseconds(limits::kLingerUs));
    error_code error;
    for (uint32_t bytes = 0; !error && bytes < limits::kOpsUnreadBytesMax;) {
      auto into = asio::buffer(nobody_reads);
      bytes += static_cast<uint32_t>(
          co_await stream.async_read_some(into, asio::redirect_error(asio::use_awaitable, error)));
    }
  }

  // Bytes came, and they are no request; anything else is a client that went or stood still.
  static bool is_bad_request(const error_code& error) {
    static const error_code kOfHttp = http::error::bad_method;
    return error.category() == kOfHttp.category() && error != http::error::end_of_stream;
  }

  static http::response<http::string_body> plain_response(http::status status) {
    http::response<http::string_body> response(status, 11);
    response.set(http::field::server, "tally");
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(false);
    return response;
  }

  static http::response<http::string_body> refuse(const error_code& error) {
    const bool long_one = error == http::error::header_limit || error == http::error::buffer_overflow;
    auto response =
        plain_response(long_one ? http::status::request_header_fields_too_large : http::status::bad_request);
    response.body() = long_one ? "a request may have " + std::to_string(limits::kOpsHeaderBytesMax) + " bytes\n"
                               : "this is no HTTP request: " + error.message() + "\n";
    response.prepare_payload();
    return response;
  }

  static http::response<http::string_body> respond(const http::request<http::empty_body>& request,
                                                   const Sources& sources) {
    auto response = plain_response(http::status::ok);
    const std::string target(request.target().substr(0, request.target().find('?')));
    const bool head = request.method() == http::verb::head;
    if (request.method() != http::verb::get && !head) {
      response.result(http::status::method_not_allowed);
      response.set(http::field::allow, "GET, HEAD");
      response.body() = "GET it\n";
    } else if (target == "/metrics") {
      response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
      response.body() = sources.metrics();
    } else if (target == "/health/live") {
      response.body() = "alive\n";
    } else if (target == "/health/ready") {
      const Health health = sources.health();
      if (!health.ready) response.result(http::status::service_unavailable);
      response.body() = health.text + "\n";
    } else {
      response.result(http::status::not_found);
      response.body() = "there are /metrics, /health/live and /health/ready\n";
    }
    response.prepare_payload();
    if (head) response.body().clear();
    return response;
  }

  asio::io_context& network_;
  tcp::acceptor acceptor_;
  std::shared_ptr<Sources> sources_;
  std::shared_ptr<size_t> open_;
};

}  // namespace

Result<std::unique_ptr<OpsListener>> OpsListener::open(asio::io_context& network, const ListenAddress& address,
                                                       Sources sources) {
  auto listener = std::make_unique<HttpOps>(network, std::move(sources));
  TALLY_TRY(listener->listen(address));
  listener->run();
  return listener;
}

}  // namespace tally
