// `tally sql`: runs what is typed, piped or read from files, statement by statement, and the commands between them. The
// prompt (prompt.h), -c, -f, \i and ~/.tallyrc all go through it. Threads: one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/console.h"
#include "tools/shell/meta_commands.h"
#include "tools/shell/name_cache.h"
#include "tools/shell/result_writer.h"
#include "tools/shell/shell_settings.h"
#include "tools/shell/statement_runner.h"

namespace tally {

class Shell {
 public:
  Shell(StatementRunner& runner, Console& console, const ShellSettings& settings)
      : runner_(runner), console_(console), settings_(settings), writer_(console), names_(runner) {}

  // Up to the first error. `name` is what an error names the script by, with the line: a file, or "stdin"; empty: whoever
  // wrote it sees it.
  MetaOutcome run_script(std::string_view text, const std::string& name);
  // What was typed at the prompt: runs what is finished of it and returns the rest; `outcome` says how it went.
  std::string run_typed(std::string_view text, MetaOutcome& outcome);
  Status finish() { return writer_.close_file(); }

  // For the commands. Each says by itself what went wrong.
  MetaOutcome run_statement(std::string_view sql);
  MetaOutcome run_statement_vertical(std::string_view sql);
  MetaOutcome describe(const std::string& table);
  MetaOutcome list_tables();
  MetaOutcome chart(const std::vector<std::string>& words);
  MetaOutcome watch(const std::string& sql, double seconds, uint64_t times);
  MetaOutcome include(const std::string& path);
  MetaOutcome show_text(std::string_view text);
  MetaOutcome failed(std::string_view message);
  const std::string& last_statement() const { return last_statement_; }
  const std::optional<QueryResult>& last_result() const { return last_result_; }

  ShellSettings& settings() { return settings_; }
  ResultWriter& writer() { return writer_; }
  Console& console() { return console_; }
  NameCache& names() { return names_; }

 private:
  // Where the statement stands that is run now: for its errors.
  struct Place {
    std::string script;     // its name; empty: the prompt, or -c
    std::string_view text;  // all of it
    bool typed = false;
    bool first = false;  // nothing was run since it was typed
  };
  struct Piece {
    std::string_view statement;
    std::string_view command;
  };
  MetaOutcome run_piece(const Piece& piece);
  MetaOutcome run_command(std::string_view statement, std::string_view line);
  MetaOutcome settle(StatementAnswer answer, std::string_view sql, ResultStream* stream = nullptr);
  Status show(QueryResult result, double seconds, ResultStream* stream);
  void keep(std::optional<QueryResult> result);  // nothing: it was too large
  void say_error(const QueryError& error, std::string_view sql);
  std::string script_place(std::string_view piece, uint32_t line_in_piece) const;
  void say_notice();

  StatementRunner& runner_;
  Console& console_;
  ShellSettings settings_;
  ResultWriter writer_;
  NameCache names_;
  Place place_;
  std::string last_statement_;
  std::optional<QueryResult> last_result_;  // nothing: there was none, or it was streamed and too large to keep
  bool last_was_too_large_ = false;
  size_t depth_ = 0;  // of \i within \i
};

// A script, or why it cannot be read; "-" is standard input.
Result<std::string> read_script(const std::string& path);

}  // namespace tally
