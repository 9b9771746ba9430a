// The server: listeners over one database. Its life, by the thread that made it:
//
//   Server server(settings, clock, log);
//   TALLY_TRY(server.start());            // the operations listener answers: alive, not ready
//   ... Database::open(), which may replay for a while ...
//   TALLY_TRY(server.serve(database));    // connections are taken: ready
//   server.wait_for_stop();               // SIGTERM, SIGINT
//   server.stop();                        // not ready, no new connections, what is in flight is answered
//   database.close();                     // flushes, leaves the clean mark
//
// The server outlives the database's close(): the last answers come from there. SIGTERM and SIGINT are the server's from
// start() to its end; a second one ends the process at once, which is as safe as a kill.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/database.h"
#include "server/server_log.h"
#include "server/settings.h"

namespace tally {

class Server {
 public:
  Server(const SettingsTable& settings, Clock& clock, ServerLog& log, std::string version);
  ~Server();

  Status start();
  // Said before serve(): this table takes no batches. The server is alive, and not ready.
  void table_takes_no_batches(const std::string& table, const std::string& reason);
  // `directory`: of the database, for backups; empty: none are taken.
  Status serve(Database& database, const std::string& directory = {});
  bool stop_requested() const;
  void wait_for_stop();
  void stop();

  std::string tcp_address() const;  // where it listens, with the port that the kernel chose; empty: not
  std::string ops_address() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally
