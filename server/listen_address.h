// "127.0.0.1:9077", "[::1]:0", "localhost:9077": where a listener listens. Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tally {

struct ListenAddress {
  std::string host;  // an address in digits
  uint16_t port = 0;
  bool loopback = false;
  std::string to_string() const;
};
Result<ListenAddress> parse_listen_address(std::string_view text);

// C1: what is reachable from elsewhere needs keys and TLS, and there are none.
Status check_exposure(const ListenAddress& address);

}  // namespace tally
