// The prompt of `tally sql`: statements over as many lines as they need, up to a semicolon, and a few commands that begin
// with a backslash. Ends at \q or the end of the input. Threads: one.
#pragma once

#include "tools/console.h"
#include "tools/sql/session.h"

namespace tally {

class SqlShell {
 public:
  SqlShell(SqlSession& session, Console& console) : session_(session), console_(console) {}
  void run();

 private:
  bool command(const std::string& line);  // false: leave
  void set_format(const std::string& name);

  SqlSession& session_;
  Console& console_;
};

}  // namespace tally
