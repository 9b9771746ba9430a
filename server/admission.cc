#include "server/admission.h"

#include <boost/asio/ip/address.hpp>

namespace tally {

std::optional<std::string> Admission::refusal(std::string_view address) const {
  if (admitted() >= limits_.connections) return "too many connections (limits.connections)";
  if (silent_ >= limits_.silent) return "too many connections that have not said HELLO (limits.silent_connections)";
  if (from(address) >= limits_.per_address) {
    return "too many connections from " + std::string(address) + " (limits.connections_per_address)";
  }
  return std::nullopt;
}

void Admission::admit(uint64_t id, std::string_view address) {
  if (connections_.contains(id)) return;
  auto& counted = *by_address_.try_emplace(std::string(address), 0).first;
  connections_.emplace(id, Connection{&counted, true});
  ++counted.second;
  ++silent_;
}

void Admission::refuse(uint64_t id) {
  if (connections_.try_emplace(id, Connection{}).second) ++refused_;
}

void Admission::said_hello(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.silent) return;
  found->second.silent = false;
  --silent_;
}

void Admission::gone(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const Connection connection = found->second;
  connections_.erase(found);
  if (connection.address == nullptr) {
    --refused_;
    return;
  }
  if (connection.silent) --silent_;
  if (--connection.address->second == 0) by_address_.erase(by_address_.find(connection.address->first));
}

uint64_t Admission::from(std::string_view address) const {
  const auto found = by_address_.find(std::string(address));
  return found == by_address_.end() ? 0 : found->second;
}

std::string counted_address(std::string_view address) {
  namespace ip = boost::asio::ip;
  boost::system::error_code error;
  const ip::address parsed = ip::make_address(address, error);
  if (error || parsed.is_v4()) return std::string(address);
  const ip::address_v6 v6 = parsed.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_string();
  ip::address_v6::bytes_type bytes = v6.to_bytes();
  for (size_t i = 8; i < bytes.size(); ++i) bytes[i] = 0;
  return ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace tally
