#include <CLI/CLI.hpp>

#include <memory>

#include "base/limits.h"
#include "base/path_inside.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/load/letter_loader.h"
#include "tools/load/loader.h"
#include "tools/open_database.h"
#include "tools/whole_number.h"

namespace tally {

namespace {

struct LoadArguments {
  std::string data;
  std::string server;
  std::string table;
  std::vector<std::string> mappings;
  std::string format;
  std::optional<uint64_t> rejected_max;
  LoadOptions options;
  bool dead_letters = false;
  std::vector<std::string> reasons;
};

// Options that make no sense beside --dead-letters, or without it; empty if there are none.
std::string settle_source(const LoadArguments& arguments) {
  const LoadOptions& options = arguments.options;
  if (!arguments.dead_letters) {
    if (options.files.empty()) return "FILE is required";
    return arguments.reasons.empty() ? "" : "--reason chooses among dead letters: say --dead-letters as well";
  }
  if (!options.files.empty()) return "--dead-letters loads no files: leave out " + options.files.front();
  const std::pair<const char*, bool> given[] = {{"--input-format", !arguments.format.empty()},
                                                {"--ack-file", !options.ack_file.empty()},
                                                {"--rejected", !options.rejected_file.empty()},
                                                {"--rate", options.rows_per_second != 0}};
  for (auto [name, is_given] : given) {
    if (is_given) return std::string(name) + " does not go with --dead-letters";
  }
  return "";
}

// What is wrong with the options themselves; empty if nothing is.
std::string settle_options(LoadArguments& arguments) {
  if (arguments.data.empty() == arguments.server.empty()) return "say where to: either --data DIR or --server A:P";
  if (arguments.dead_letters && arguments.data.empty()) return "--dead-letters reads them in the database: say --data";
  if (std::string wrong = settle_source(arguments); !wrong.empty()) return wrong;
  for (const std::string& text : arguments.mappings) {
    auto mapping = parse_column_mapping(text);
    if (!mapping) return mapping.error().message;
    arguments.options.mappings.push_back(*mapping);
  }
  if (!arguments.format.empty()) {
    auto format = parse_source_format(arguments.format);
    if (!format) return format.error().message;
    arguments.options.format = *format;
  }
  const LoadOptions& options = arguments.options;
  if (!options.ack_file.empty() && !options.rejected_file.empty() &&
      path_inside(options.ack_file, options.rejected_file)) {
    return "--ack-file and --rejected are one file; each wants its own";
  }
  for (const std::string* path : {&arguments.options.ack_file, &arguments.options.rejected_file}) {
    if (!path->empty() && !arguments.data.empty() && path_inside(*path, arguments.data)) {
      return *path + " lies inside the database; choose a place outside " + arguments.data;
    }
  }
  return {};
}

std::string counts_text(const std::string& table, const std::string& what, const Ledger& counts, double seconds) {
  std::string text = table + ": " + what + " in " + human_seconds(seconds);
  if (seconds > 0 && counts.received > 0) {
    auto rate = static_cast<uint64_t>(static_cast<double>(counts.received) / seconds);
    text += " (" + with_thousands(rate) + " rows/s)";
  }
  text += "\n";
  auto line = [&](const char* name, uint64_t value) {
    std::string number = with_thousands(value);
    text += "  " + std::string(name) +
            std::string(24 - std::string(name).size() - std::min<size_t>(number.size(), 12), ' ') + number + "\n";
  };
  line("accepted", counts.accepted);
  line("duplicates", counts.duplicates);
  line("conflicts", counts.conflicts);
  line("too late", counts.too_late);
  line("rejected", counts.rejected);
  return text;
}

std::string summary_text(const std::string& table, const LoadSummary& summary) {
  std::string text =
      counts_text(table, quantity(summary.counts.received, "row") + " received", summary.counts, summary.seconds);
  if (summary.skipped > 0) text += "  and " + quantity(summary.skipped, "row") + " acknowledged by an earlier load\n";
  if (summary.retries > 0)
    text += "  (batches sent again because the table was busy: " + with_thousands(summary.retries) + ")\n";
  return text;
}

void say_where_to_go_on(Console& console, const LoadArguments& arguments, const LoadSummary& summary) {
  if (summary.complete) {
    console.message(
        "every row is acknowledged and safe in the log; it moves on when the database is opened with room to do so");
  }
  if (summary.next_row == 0) return;
  if (summary.next_row == 1) {
    console.message("no row of " + summary.next_file + " is acknowledged");
    return;
  }
  std::string text = "rows before row " + with_thousands(summary.next_row) + " of " + summary.next_file +
                     " are acknowledged and safe; ";
  text += arguments.options.ack_file.empty()
              ? "run the same command again: what is already there is counted as a duplicate, never twice"
              : "run the same command again to go on from there";
  console.message(text);
}

Status load_to_server(Console& console, LoadArguments& arguments, LoadSummary& summary) {
  TALLY_ASSIGN_OR_RETURN(auto sink, connect_sink(console, arguments.server, arguments.table));
  auto fs = make_posix_file_system();
  InterruptGuard guard;
  Loader loader(*sink, *fs, system_clock(), console, arguments.options);
  Status status = loader.run();
  summary = loader.summary();
  return status;
}

Status load(Console& console, LoadArguments& arguments, LoadSummary& summary) {
  if (!arguments.server.empty()) return load_to_server(console, arguments, summary);
  TALLY_ASSIGN_OR_RETURN(OpenDatabase open, open_database(arguments.data, {}, kAskTheServer));
  TALLY_ASSIGN_OR_RETURN(Table * table, open.database->table(arguments.table));
  Status status;
  {
    InterruptGuard guard;
    Loader loader(*table, *open.fs, system_clock(), console, arguments.options);
    status = loader.run();
    summary = loader.summary();
  }
  if (std::string note = io_note(*table); !note.empty()) console.message(note);
  // Closing would leave a long history unfolded.
  if (status && summary.counts.accepted > 0) status = table->run_background();
  Status closed = open.database->close();
  return status ? closed : status;
}

std::string letters_text(const std::string& table, const LetterLoadSummary& summary) {
  const uint64_t replayed = summary.counts.received;
  std::string text =
      counts_text(table, quantity(replayed, "dead letter") + " replayed", summary.counts, summary.seconds);
  auto stays = [&](uint64_t count, const std::string& why) {
    if (count > 0) text += "  left as they are: " + with_thousands(count) + " " + why + "\n";
  };
  stays(summary.still_invalid, "that still cannot be read");
  stays(summary.cut, "longer than what is kept of them");
  for (const auto& [reason, count] : summary.left) {
    std::string hint;
    if (reason == "too_late") hint = " (say --replay if it is history)";
    if (reason == "too_early") hint = " (their time has not come)";
    if (reason == "past_retention") hint = " (the table keeps nothing as old)";
    stays(count, reason + hint);
  }
  return text;
}

// What a replay refuses again is for the next one: the letters are those of the moment it begins.
Status replay_letters(Console& console, LoadArguments& arguments, LetterLoadSummary& summary) {
  TALLY_ASSIGN_OR_RETURN(OpenDatabase open, open_database(arguments.data));
  TALLY_ASSIGN_OR_RETURN(Table * table, open.database->table(arguments.table));
  Status status;
  {
    InterruptGuard guard;
    LetterLoader loader(*table, system_clock(), console,
                        {.reasons = arguments.reasons,
                         .mappings = arguments.options.mappings,
                         .replay = arguments.options.replay,
                         .batch_rows = arguments.options.batch_rows});
    status = loader.run();
    summary = loader.summary();
  }
  Status closed = open.database->close();
  return status ? closed : status;
}

int run_dead_letters(Console& console, LoadArguments& arguments) {
  LetterLoadSummary summary;
  Status status = replay_letters(console, arguments, summary);
  if (status || summary.counts.received > 0) console.result(letters_text(arguments.table, summary));
  if (!status) {
    report_failure(console, "load", status.error());
    if (summary.counts.received > 0)
      console.message("what was replayed stays so; run the same command again for the rest");
    return kExitFailed;
  }
  const uint64_t bad = summary.bad_rows();
  if (bad == 0 || (arguments.rejected_max && bad <= *arguments.rejected_max)) return kExitOk;
  return report_failure(console, "load", Error{Code::kInvalidArgument, quantity(bad, "row") + " did not get in"});
}

int run_load(Console& console, LoadArguments& arguments) {
  if (std::string wrong = settle_options(arguments); !wrong.empty()) return report_usage(console, "load", wrong);
  if (arguments.dead_letters) return run_dead_letters(console, arguments);
  LoadSummary summary;
  Status status = load(console, arguments, summary);
  if (summary.seconds > 0) console.result(summary_text(arguments.table, summary));
  if (!status) {
    report_failure(console, "load", status.error());
    say_where_to_go_on(console, arguments, summary);
    return kExitFailed;
  }
  uint64_t bad = summary.bad_rows();
  if (bad == 0) return kExitOk;
  if (arguments.rejected_max && bad <= *arguments.rejected_max) return kExitOk;
  std::string text = quantity(bad, "row") + " did not get in";
  if (!arguments.options.rejected_file.empty()) text += "; they are in " + arguments.options.rejected_file;
  return report_failure(console, "load", Error{Code::kInvalidArgument, text});
}

}  // namespace

Command add_load_command(CLI::App& parent) {
  auto arguments = std::make_shared<LoadArguments>();
  LoadOptions& options = arguments->options;
  CLI::App* app = parent.add_subcommand("load", "Load CSV, TSV or NDJSON files into a table, each event once");
  app->add_option("FILE", options.files, "Files, gzip, zstd or LZ4 compressed or not; - is standard input");
  app->add_option("--data", arguments->data, "The database")->type_name("DIR");
  app->add_option("--server", arguments->server, "Instead: the server that has it")->type_name("A:P");
  app->add_option("--table", arguments->table, "The table")->required()->type_name("NAME");
  app->add_option("--map", arguments->mappings, "A column of the table comes from this column of the file")
      ->type_name("COLUMN=SOURCE")
      ->take_all()
      ->allow_extra_args(false);
  app->add_option("--input-format", arguments->format, "csv, tsv or ndjson, where the file's name does not tell")
      ->type_name("FORMAT");
  app->add_flag("--dead-letters", arguments->dead_letters,
                "Instead of files: rows that did not get in, each once; --map as for the file they came from");
  app->add_option("--reason", arguments->reasons, "Of the dead letters only those of this reason; repeatable")
      ->type_name("CODE")
      ->take_all()
      ->allow_extra_args(false);
  app->add_flag("--replay", options.replay, "This is history: rows older than the table accepts live are taken too");
  app->add_option("--batch", options.batch_rows, "Rows a batch")
      ->type_name("N")
      ->check(whole_number(1, limits::kBatchRowsMax));
  app->add_option("--rate", options.rows_per_second, "At most N rows a second")->type_name("N")->check(whole_number(1));
  app->add_option("--ack-file", options.ack_file, "Record what is acknowledged here, and go on behind it the next time")
      ->type_name("FILE");
  app->add_option("--rejected", options.rejected_file, "Write rows that do not get in to this CSV file")
      ->type_name("FILE");
  app->add_option("--max-rejected", arguments->rejected_max, "Exit with 0 if no more than N rows do not get in")
      ->type_name("N")
      ->check(whole_number());
  app->footer(
      "Loading a file again changes nothing: its rows are duplicates by their ids.\n\nExamples:\n"
      "  tally load --data shop --table impressions --replay data/open_bandit.csv.gz\n"
      "  zcat new.csv.gz | tally load --data shop --table impressions --input-format csv -\n"
      "  tally sql --data shop -c 'SELECT reason, COUNT(*) FROM system.dead_letters GROUP BY reason'\n"
      "  tally load --data shop --table impressions --dead-letters --reason bad_timestamp --map ts=time");
  return {app, [arguments](Console& console) { return run_load(console, *arguments); }};
}

}  // namespace tally
