// Looks at the condition of every table once a second (engine/table_condition.h): tells the log of what begins and what is over,
// and health of what is. Threads: any; it has one of its own until its end.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "engine/database.h"
#include "server/server_log.h"

namespace tally {

class ConditionWatch {
 public:
  // Tests look themselves instead of start().
  ConditionWatch(Database& database, ServerLog& log) : database_(database), log_(log) {}
  ~ConditionWatch() { stop(); }
  void start();
  void stop();

  void look();
  // A line each for an operator; empty: there is nothing of the kind.
  std::string trouble() const;  // tables that take no batches until there is room again
  std::string notes() const;    // the rest

 private:
  using Place = std::pair<std::string, std::string>;  // table, part
  std::string text(bool takes_no_batches) const;
  void run();

  Database& database_;
  ServerLog& log_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_, as is the next
  std::map<Place, ConditionLine> known_;
  std::thread thread_;
};

}  // namespace tally
