#include <CLI/CLI.hpp>

#include <map>
#include <memory>

#include "server/client/remote_query.h"
#include "server/clock_statement.h"
#include "tools/command.h"
#include "tools/open_database.h"

namespace tally {
namespace {

using Action = ClockStatement::Action;

struct ClockArguments {
  std::string action;
  std::string data;
  std::string server;
  std::string table;
};

// Exit code 1 when a table refused.
int print(Console& console, const QueryResult& result) {
  bool refused = false;
  for (const std::vector<Cell>& row : result.rows) {
    const std::string text =
        row[0].text + ": " + row[1].text + " " + row[2].text + ", " + row[3].text + ": " + row[4].text;
    const bool failed = row[3].text == "refused";
    refused |= failed;
    failed ? console.message("tally clock: " + text) : console.result(text + "\n");
  }
  return refused ? kExitFailed : kExitOk;
}

Result<QueryResult> ask_stopped(const ClockArguments& arguments, const ClockStatement& statement) {
  TALLY_ASSIGN_OR_RETURN(OpenDatabase open, open_database(arguments.data, {}, kAskTheServer));
  auto result = run_clock_statement(*open.database, statement);
  const Status closed = open.database->close();
  if (!result) return std::unexpected(std::move(result).error().error);
  TALLY_TRY(closed);
  return *std::move(result);
}

Result<QueryResult> ask_running(const ClockArguments& arguments, const ClockStatement& statement) {
  TALLY_ASSIGN_OR_RETURN(auto remote, RemoteQuery::connect(arguments.server));
  auto result = remote->run(clock_statement_text(statement), {});
  if (!result) return std::unexpected(std::move(result).error().error);
  return *std::move(result);
}

int run_clock(Console& console, const ClockArguments& arguments) {
  if (arguments.data.empty() == arguments.server.empty()) {
    return report_usage(console, "clock", "say of what: either --data DIR or --server A:P");
  }
  const std::map<std::string, Action> actions{
      {"show", Action::kShow}, {"confirm", Action::kConfirm}, {"back", Action::kBack}};
  const auto action = actions.find(arguments.action);
  if (action == actions.end()) {
    return report_usage(console, "clock", "\"" + arguments.action + "\" is none of show, confirm, back");
  }
  const ClockStatement statement{action->second, arguments.table};
  auto result = arguments.data.empty() ? ask_running(arguments, statement) : ask_stopped(arguments, statement);
  return result ? print(console, *result) : report_failure(console, "clock", result.error());
}

}  // namespace

Command add_clock_command(CLI::App& parent) {
  auto arguments = std::make_shared<ClockArguments>();
  CLI::App* app = parent.add_subcommand("clock", "Say what is believed of the machine's clock, and settle it");
  app->add_option("ACTION", arguments->action, "show, confirm or back")->required();
  app->add_option("--data", arguments->data, "The database, which nobody has open")->type_name("DIR");
  app->add_option("--server", arguments->server, "Instead: the server that has it open")->type_name("A:P");
  app->add_option("--table", arguments->table, "One table instead of all")->type_name("NAME");
  app->footer(
      "confirm: the clock is right as it is; also lets retention drop more than half of a history.\n"
      "back: the clock was wrong and is right now; records arrive by it again, though later ones are logged.\n\n"
      "Examples:\n  tally clock show --data shop\n  tally clock confirm --server 127.0.0.1:9077 --table ads");
  return {app, [arguments](Console& console) { return run_clock(console, *arguments); }};
}

}  // namespace tally
