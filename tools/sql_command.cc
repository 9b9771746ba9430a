#include <CLI/CLI.hpp>

#include <unistd.h>

#include <memory>

#include "base/nearest.h"
#include "tools/command.h"
#include "tools/load/byte_source.h"
#include "tools/open_database.h"
#include "tools/shell/prompt.h"
#include "tools/shell/shell.h"

namespace tally {

namespace {

struct SqlArguments {
  std::string data;
  std::string server;
  std::vector<std::string> statements;
  std::vector<std::string> files;
  std::string format;
  bool no_rc = false;
};

// -c and -f as given, else the prompt on a terminal, else what comes through the pipe. False: something failed and was said.
bool run_input(Shell& shell, SignalInbox& signals, const SqlArguments& arguments) {
  for (const std::string& statement : arguments.statements) {
    if (const MetaOutcome outcome = shell.run_script(statement, ""); outcome != MetaOutcome::kGood) {
      return outcome == MetaOutcome::kLeave;
    }
  }
  std::vector<std::string> files = arguments.files;
  if (arguments.statements.empty() && files.empty()) {
    if (::isatty(STDIN_FILENO) == 1 && shell.console().output_is_terminal()) {
      const std::string where = arguments.data.empty() ? "connected to " + arguments.server : arguments.data;
      run_prompt(shell, signals,
                 {.greeting = "Tally " TALLY_VERSION ", " + where + ". \\? lists the commands, Ctrl-D leaves.",
                  .read_rc = !arguments.no_rc});
      return true;
    }
    files.emplace_back(kStandardInput);
  }
  for (const std::string& file : files) {
    auto text = read_script(file);
    if (!text) {
      report_failure(shell.console(), "sql", text.error());
      return false;
    }
    if (const MetaOutcome outcome = shell.run_script(*text, source_name(file)); outcome != MetaOutcome::kGood) {
      return outcome == MetaOutcome::kLeave;
    }
  }
  return true;
}

bool run_shell(Console& console, SignalInbox& signals, Session& session, const SqlArguments& arguments,
               const ShellSettings& settings) {
  StatementRunner runner(session, signals, console);
  Shell shell(runner, console, settings);
  const bool good = run_input(shell, signals, arguments);
  const Status finished = shell.finish();
  if (!finished) report_failure(console, "sql", finished.error());
  return good && finished && !console.output_failed();
}

int run_remote(Console& console, const SqlArguments& arguments, const ShellSettings& settings) {
  SignalInbox signals;
  auto session = connect_session(arguments.server);
  if (!session) return report_failure(console, "sql", session.error());
  return run_shell(console, signals, **session, arguments, settings) ? kExitOk : kExitFailed;
}

int run_embedded(Console& console, const SqlArguments& arguments, const ShellSettings& settings) {
  SignalInbox signals;
  auto open = open_database(arguments.data, {}, kAskTheServer);
  if (!open) return report_failure(console, "sql", open.error());
  bool good = false;
  {
    const auto session = make_embedded_session(*open->database);
    good = run_shell(console, signals, *session, arguments, settings);
  }
  if (Status closed = open->database->close(); !closed) return report_failure(console, "sql", closed.error());
  return good ? kExitOk : kExitFailed;
}

int run_sql(Console& console, const SqlArguments& arguments) {
  ShellSettings settings;
  settings.format = console.output_is_terminal() ? ResultFormat::kTable : ResultFormat::kTsv;
  settings.timing = console.output_is_terminal() && console.messages_are_terminal();
  if (!arguments.format.empty()) {
    const auto wanted = parse_result_format(arguments.format);
    if (!wanted) {
      std::string names;
      for (const std::string& name : result_format_names()) names += (names.empty() ? "" : ", ") + name;
      const std::string near = did_you_mean(arguments.format, result_format_names());
      return report_usage(
          console, "sql",
          "there is no format \"" + arguments.format + "\"" + (near.empty() ? ": there are " + names : near));
    }
    settings.format = *wanted;
  }
  if (arguments.data.empty() == arguments.server.empty()) {
    return report_usage(console, "sql", "say where: either --data DIR or --server A:P");
  }
  return arguments.data.empty() ? run_remote(console, arguments, settings) : run_embedded(console, arguments, settings);
}

}  // namespace

Command add_sql_command(CLI::App& parent) {
  auto arguments = std::make_shared<SqlArguments>();
  CLI::App* app = parent.add_subcommand("sql", "Ask questions in SQL: a prompt, a statement, a script");
  app->add_option("--data", arguments->data, "The database")->type_name("DIR");
  app->add_option("--server", arguments->server, "Instead: the server that has it")->type_name("A:P");
  app->add_option("-c,--command", arguments->statements, "Run this; may be given several times")
      ->type_name("SQL")
      ->take_all()
      ->allow_extra_args(false);
  app->add_option("-f,--file", arguments->files, "Run this script; - is standard input")
      ->type_name("FILE")
      ->take_all()
      ->allow_extra_args(false);
  app->add_option("--format", arguments->format,
                  "table, csv, tsv, json, jsonl, markdown or vertical; default: table on a terminal, else tsv")
      ->type_name("FORMAT");
  app->add_flag("--no-rc", arguments->no_rc, "Begin the prompt without ~/.tallyrc");
  app->footer(
      "Neither -c nor -f: a prompt on a terminal (\\? lists its commands), else a script from standard input.\n"
      "A script stops at its first error. Exit code 0: all went well, 1: something failed, 2: wrong options.\n\n"
      "Examples:\n  tally sql --data shop\n"
      "  tally sql --server 127.0.0.1:4440\n"
      "  tally sql --data shop -f data/impressions.sql\n"
      "  tally sql --data shop --format csv -c \"SELECT campaign, SUM(clicks) FROM impressions GROUP BY campaign\"");
  return {app, [arguments](Console& console) { return run_sql(console, *arguments); }};
}

}  // namespace tally
