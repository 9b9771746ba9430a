// Runs statements of a session while somebody waits for them: Ctrl-C cancels the statement (a second one gives up on whoever
// does not answer), and from two seconds on a terminal shows how far it is. Threads: one.
#pragma once

#include <string>
#include <string_view>

#include "tools/console.h"
#include "tools/shell/session.h"
#include "tools/shell/signal_inbox.h"

namespace tally {

inline constexpr TimeUs kProgressFromUs = 2 * kMicrosPerSecond;

struct StatementAnswer {
  std::expected<QueryResult, QueryError> result;
  double seconds = 0;
  bool interrupted = false;  // by Ctrl-C, or a polite kill
};

class StatementRunner {
 public:
  StatementRunner(Session& session, SignalInbox& signals, Console& console)
      : session_(session), signals_(signals), console_(console) {}

  // `rows`: takes the rows while they come, by another thread.
  StatementAnswer run(std::string_view sql, RowSink* rows = nullptr);
  // Nothing on the screen, an answer within `timeout_us` or none: for completion.
  std::expected<QueryResult, QueryError> ask(std::string_view sql, TimeUs timeout_us);

  Session& session() { return session_; }
  SignalInbox& signals() { return signals_; }

 private:
  StatementAnswer wait_for(std::string_view sql, TimeUs timeout_us, bool show, RowSink* rows);

  Session& session_;
  SignalInbox& signals_;
  Console& console_;
};

// "12,000,000 rows read, 4,800,000 rows/s, 2.50 s; Ctrl-C cancels"
std::string progress_line(uint64_t rows_read, double seconds);

}  // namespace tally
