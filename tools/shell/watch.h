// A statement again and again, its answer drawn over the one before on a terminal. A server that is away for a while does not
// end it; Ctrl-C does. Threads: one.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "tools/shell/result_writer.h"
#include "tools/shell/statement_runner.h"

namespace tally {

struct WatchPlace {
  StatementRunner& runner;
  Console& console;
  ResultWriter& writer;
  const ShellSettings& settings;
};

// Until Ctrl-C, a polite kill, an error of the statement, or `times` answers (0: no end). The last answer, if there was one.
std::expected<std::optional<QueryResult>, QueryError> watch_statement(const WatchPlace& place, const std::string& sql,
                                                                      double seconds, uint64_t times);

// The first lines that a screen has room for, each cut to its width; says how many are left out.
std::string fitted(std::string_view text, TerminalSize screen, size_t lines_max);

}  // namespace tally
