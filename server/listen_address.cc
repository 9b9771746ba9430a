#include "server/listen_address.h"

#include <boost/asio/ip/address.hpp>

#include <charconv>

namespace tally {

std::string ListenAddress::to_string() const {
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    return fail(Code::kInvalidArgument, "\"" + std::string(text) + "\" is no ADDRESS:PORT: " + why);
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse("there is no colon");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  ListenAddress address;
  auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (wrong != std::errc{} || end != port.data() + port.size()) return refuse("the port is a number up to 65535");
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(std::string(host), error);
  if (error) return refuse("the address is an IP address, or localhost");
  address.host = parsed.to_string();
  address.loopback = parsed.is_loopback();
  return address;
}

Status check_exposure(const ListenAddress& address) {
  if (address.loopback) return {};
  return fail(Code::kInvalidArgument,
              address.to_string() +
                  " is reachable from other machines, and without keys and TLS, which Tally does not " +
                  "have, anybody there could write and read: listen on 127.0.0.1 or [::1]");
}

}  // namespace tally
