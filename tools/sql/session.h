// What stands behind `tally sql`: statements in, formatted results out, errors with a caret line to stderr. The prompt, -c,
// -f and a pipe all go through it. Threads: one.
#pragma once

#include <string>
#include <string_view>

#include <functional>
#include "query/format.h"
#include "query/query.h"
#include "tools/console.h"

namespace tally {

class SqlSession {
 public:
  // Runs one statement: of a database in this process (QueryEngine), or of a server (RemoteQuery).
  using Run = std::function<std::expected<QueryResult, QueryError>(std::string_view sql)>;
  SqlSession(Run run, Console& console, OutputFormat format)
      : run_(std::move(run)), console_(console), format_(format) {}

  // Runs the statements of a script, up to its first error; false if there was one. `name` is what an error names the
  // script by, with the line: a file, or "stdin"; empty: the statement is in sight of whoever wrote it.
  bool run_script(std::string_view text, const std::string& name);

  bool timing() const { return timing_; }
  void set_timing(bool on) { timing_ = on; }  // a last line with rows and time
  void set_format(OutputFormat format) { format_ = format; }

 private:
  bool run_statement(std::string_view statement, std::string_view script, const std::string& name);
  void show(const QueryResult& result, double seconds);

  Run run_;
  Console& console_;
  OutputFormat format_;
  bool timing_ = false;
};

}  // namespace tally
