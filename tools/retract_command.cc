#include <CLI/CLI.hpp>

#include <cstdlib>
#include <memory>

#include "base/limits.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/open_database.h"
#include "tools/retract/id_lines.h"

namespace tally {

namespace {

struct RetractArguments {
  std::string data;
  std::string table;
  std::string reason;
  std::string by;
  std::vector<std::string> files;
};

std::string who_runs_this() {
  for (const char* variable : {"SUDO_USER", "USER", "LOGNAME"}) {
    if (const char* name = std::getenv(variable); name != nullptr && *name != '\0') return name;
  }
  return "unknown";
}

std::string summary_text(const std::string& table, const RetractResult& all) {
  std::string text = table + ": " + quantity(all.received, "id") + "\n";
  auto line = [&](std::string_view name, uint64_t value, std::string_view what) {
    const std::string number = with_thousands(value);
    text += "  " + std::string(name) + std::string(24 - name.size() - std::min<size_t>(number.size(), 12), ' ') +
            number + (value > 0 ? "  " + std::string(what) : "") + "\n";
  };
  line("taken back", all.retracted, "their events no longer count");
  line("waiting", all.waiting, "no such event is counted yet; it is taken back when it comes");
  line("unresolved", all.unresolved, "counted once, no longer in raw: see system.adjustments");
  line("asked before", all.repeated, "nothing changed");
  return text;
}

Status retract_file(Table& table, Console& console, const RetractArguments& arguments, const std::string& file,
                    RetractResult& all) {
  const Schema& schema = *table.schema();
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<IdLines> lines, IdLines::open(file, schema.columns[schema.id_column()].name));
  while (true) {
    TALLY_ASSIGN_OR_RETURN(std::vector<std::string> ids, lines->next(limits::kRetractionIdsMax));
    if (ids.empty()) return {};
    if (interrupted()) return fail(Code::kCancelled, "interrupted");
    Result<RetractResult> result =
        table.retract({.ids = std::move(ids), .by = arguments.by, .reason = arguments.reason});
    if (!result) {
      return std::unexpected(
          std::move(result).error().with_context(source_name(file) + ", up to line " + std::to_string(lines->line())));
    }
    all += *result;
    console.progress(with_thousands(all.received) + " ids, " + with_thousands(all.retracted) + " taken back");
  }
}

Status retract(Console& console, const RetractArguments& arguments, RetractResult& all) {
  TALLY_ASSIGN_OR_RETURN(OpenDatabase open, open_database(arguments.data));
  TALLY_ASSIGN_OR_RETURN(Table * table, open.database->table(arguments.table));
  Status status;
  {
    InterruptGuard guard;
    for (const std::string& file : arguments.files) {
      status = retract_file(*table, console, arguments, file, all);
      if (!status) break;
    }
  }
  console.end_progress();
  Status closed = open.database->close();
  return status ? closed : status;
}

int run_retract(Console& console, RetractArguments& arguments) {
  if (arguments.by.empty()) arguments.by = who_runs_this();
  RetractResult all;
  const Status status = retract(console, arguments, all);
  if (all.received > 0 || status) console.result(summary_text(arguments.table, all));
  if (status) return kExitOk;
  report_failure(console, "retract", status.error());
  if (all.received > 0) {
    console.message("run the same command again: what has been asked already is not taken back twice");
  }
  return kExitFailed;
}

}  // namespace

Command add_retract_command(CLI::App& parent) {
  auto arguments = std::make_shared<RetractArguments>();
  CLI::App* app = parent.add_subcommand("retract", "Take events back by their ids: fraud, billing corrections");
  app->add_option("FILE", arguments->files,
                  "Event ids, one a line, a .tsv with its escapes, compressed or not; - is standard input")
      ->required();
  app->add_option("--data", arguments->data, "The database")->required()->type_name("DIR");
  app->add_option("--table", arguments->table, "The table")->required()->type_name("NAME");
  app->add_option("--reason", arguments->reason, "Why, as system.retractions will say")->type_name("TEXT");
  app->add_option("--by", arguments->by, "Who asks; default: the user who runs this")->type_name("NAME");
  app->footer(
      "An id may be given before its event has come, and as often as one likes: it is taken back once.\n\nExamples:\n"
      "  tally retract --data shop --table impressions --reason 'click farm' ids.txt\n"
      "  tally sql --data shop --format tsv -c \"SELECT event_id FROM ad_events.raw WHERE publisher_id = 'p7'\" > "
      "bad.tsv\n"
      "  tally retract --data shop --table ad_events --reason 'publisher p7 is a bot farm' bad.tsv");
  return {app, [arguments](Console& console) { return run_retract(console, *arguments); }};
}

}  // namespace tally
