#include <CLI/CLI.hpp>

#include <unistd.h>

#include <memory>
#include <thread>

#include "base/limits.h"
#include "server/client/remote_query.h"
#include "tools/command.h"
#include "tools/load/byte_source.h"
#include "tools/open_database.h"
#include "tools/sql/session.h"
#include "tools/sql/shell.h"

namespace tally {

namespace {

constexpr uint64_t kScriptBytesMax = 16 * limits::kMiB;

struct SqlArguments {
  std::string data;
  std::string server;
  std::vector<std::string> statements;
  std::vector<std::string> files;
  std::string format;
};

Result<std::string> read_script(const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(auto source, open_byte_source(path));
  std::string text;
  Bytes buffer(64 * limits::kKiB);
  while (true) {
    TALLY_ASSIGN_OR_RETURN(size_t count, source->read(buffer));
    if (count == 0) return text;
    text += as_text(ByteSpan(buffer).first(count));
    if (text.size() > kScriptBytesMax) {
      return fail(Code::kLimitExceeded, source_name(path) + " is larger than " + human_bytes(kScriptBytesMax) +
                                            ", which is too much for a script");
    }
  }
}

// -c and -f as given, else the prompt on a terminal, else what comes through the pipe. False: something failed and was said.
bool run_input(Console& console, SqlSession& session, const SqlArguments& arguments) {
  for (const std::string& statement : arguments.statements) {
    if (!session.run_script(statement, "")) return false;
  }
  std::vector<std::string> files = arguments.files;
  if (arguments.statements.empty() && files.empty()) {
    if (::isatty(STDIN_FILENO) == 1) {
      SqlShell(session, console).run();
      return true;
    }
    files.push_back(kStandardInput.data());
  }
  for (const std::string& file : files) {
    auto text = read_script(file);
    if (!text) {
      report_failure(console, "sql", text.error());
      return false;
    }
    if (!session.run_script(*text, source_name(file))) return false;
  }
  return true;
}

int run_sql(Console& console, const SqlArguments& arguments) {
  OutputFormat format = console.output_is_terminal() ? OutputFormat::kTable : OutputFormat::kTsv;
  if (!arguments.format.empty()) {
    auto wanted = parse_output_format(arguments.format);
    if (!wanted) {
      return report_usage(
          console, "sql",
          "there is no format \"" + arguments.format + "\": there are " + std::string(kOutputFormatNames));
    }
    format = *wanted;
  }
  const auto run_all = [&](SqlSession::Run run) {
    SqlSession session(std::move(run), console, format);
    session.set_timing(console.output_is_terminal() && console.messages_are_terminal());
    return run_input(console, session, arguments);
  };
  if (arguments.data.empty() == arguments.server.empty()) {
    return report_usage(console, "sql", "say where: either --data DIR or --server A:P");
  }
  if (!arguments.server.empty()) {
    auto remote = RemoteQuery::connect(arguments.server);
    if (!remote) return report_failure(console, "sql", remote.error());
    return run_all([&](std::string_view sql) { return (*remote)->run(sql, {}); }) ? kExitOk : kExitFailed;
  }
  auto open = open_database(arguments.data);
  if (!open) return report_failure(console, "sql", open.error());
  bool good;
  {
    QueryEngine engine(*open->database, {.threads = std::thread::hardware_concurrency()});
    good = run_all([&](std::string_view sql) { return engine.run(sql, {}); });
  }
  if (Status closed = open->database->close(); !closed) return report_failure(console, "sql", closed.error());
  return good ? kExitOk : kExitFailed;
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
  app->footer(
      "A script stops at its first error.\n\nExamples:\n  tally sql --data shop\n"
      "  tally sql --data shop -f data/impressions.sql\n"
      "  tally sql --data shop --format csv -c \"SELECT campaign, SUM(clicks) FROM impressions GROUP BY campaign\"");
  return {app, [arguments](Console& console) { return run_sql(console, *arguments); }};
}

}  // namespace tally
