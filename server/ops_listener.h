// HTTP for operators, on a port of its own: GET /metrics (Prometheus text), /health/live, /health/ready. One request a
// connection; everything about it is bounded in size and time. Threads: the network thread alone.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "server/listen_address.h"

namespace boost::asio {
class io_context;
}

namespace tally {

struct Health {
  bool ready = false;
  std::string text;  // a line: "ready", "replaying the log", "stopping"
};

class OpsListener {
 public:
  struct Sources {
    std::function<std::string()> metrics;
    std::function<Health()> health;
  };
  static Result<std::unique_ptr<OpsListener>> open(boost::asio::io_context& network, const ListenAddress& address,
                                                   Sources sources);
  virtual ~OpsListener() = default;
  virtual std::string address() const = 0;
  virtual void close() = 0;
};

}  // namespace tally
