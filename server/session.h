// One connection of the TCP protocol (PROTOCOL.md), on the server's side: frames in, frames out. It reads, hands batches and
// statements to the services, and writes what comes back; whatever is wrong with what it reads ends it with a reason.
//
// Invariants
//   1 a frame is read only after its type has a place here. The bytes of a BATCH were taken from the budget before; any other
//     frame takes memory as its bytes come, limits::kFieldsStep at a time, whatever its header announces.
//   2 every BATCH read whole is answered once (RESULT or ERROR), every QUERY too, unless the connection is gone first.
//   3 credits out + batches owed = credits of the settings.
//   4 nothing is read while limits::kAnswersQueuedMax frames wait to be written.
// Threads: the network thread alone; answers of the services are brought there.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/database.h"
#include "server/byte_budget.h"
#include "server/ingest_service.h"
#include "server/metrics.h"
#include "server/query_service.h"
#include "server/server_log.h"
#include "server/settings.h"
#include "server/table_health.h"

namespace boost::asio {
class io_context;
}

namespace tally {

// Who is at the other end, and what they may do. Without keys: anybody of this machine, everything.
struct Identity {
  std::string name = "local";
  bool may_ingest = true;
  bool may_query = true;
};
Wire<Identity> authenticate(const HelloMessage& hello);

// What sessions stand on; outlives them.
struct SessionServices {
  boost::asio::io_context& network;
  Database& database;
  IngestService& ingest;
  QueryService& queries;
  ByteBudget& budget;
  const Settings& settings;
  ServerMetrics& metrics;
  TableHealth& health;
  ServerLog& log;
  Clock& clock;
  std::string server_name;  // for WELCOME
};

class Session {
 public:
  // What its owner hears of it, on the network thread and never within start().
  struct Events {
    std::function<void(uint64_t id)> said_hello;  // at most once
    std::function<void(uint64_t id)> closed;      // once, when nothing is left of the connection
  };
  // Takes the connected socket `descriptor` over.
  static std::shared_ptr<Session> start(SessionServices& services, int descriptor, bool ipv6, uint64_t id,
                                        std::string peer, Events events);
  virtual ~Session() = default;
  virtual void check_deadlines(TimeUs boottime_us) = 0;  // now and then
  // Says ERROR with this reason and ends.
  virtual void refuse(WireStatus status, const std::string& reason) = 0;
  // Reads nothing more, answers what it has, says GOODBYE, ends.
  virtual void drain(const std::string& reason) = 0;
  virtual void cut() = 0;  // now
};

}  // namespace tally
