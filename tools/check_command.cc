#include <CLI/CLI.hpp>

#include <memory>

#include "base/file.h"
#include "engine/check.h"
#include "tools/command.h"
#include "tools/open_database.h"

namespace tally {

namespace {

std::string rollups(const TableCheck& table) {
  if (table.rollup_segments == 0) return {};
  return quantity(table.rollup_rows, "row") + " of rollups in " + quantity(table.rollup_segments, "segment") + " (" +
         human_bytes(table.rollup_bytes) + "), ";
}

std::string describe(const TableCheck& table) {
  std::string text = table.table + ": " + (table.problems.empty() ? "sound" : "DAMAGED") + "; " +
                     quantity(table.rows, "row") + " in " + quantity(table.segments, "segment") + " (" +
                     human_bytes(table.segment_bytes) + "), " + rollups(table) + quantity(table.log_records, "record") +
                     " in the log, ledger: " + with_thousands(table.ledger.received) +
                     " received = " + with_thousands(table.ledger.accepted) + " accepted + " +
                     with_thousands(table.ledger.duplicates) + " duplicates + " +
                     with_thousands(table.ledger.conflicts) + " conflicts + " + with_thousands(table.ledger.too_late) +
                     " too late + " + with_thousands(table.ledger.rejected) + " rejected\n";
  for (const std::string& problem : table.problems) text += "  problem: " + problem + "\n";
  for (const std::string& note : table.notes) text += "  note: " + note + "\n";
  return text;
}

int run_check(Console& console, const std::string& directory) {
  auto fs = make_posix_file_system();
  auto tables = check_database(*fs, system_clock(), directory);
  if (!tables) return report_failure(console, "check", with_way_out(tables.error(), kStopItFirst));
  size_t problems = 0;
  for (const TableCheck& table : *tables) {
    console.result(describe(table));
    problems += table.problems.size();
  }
  if (tables->empty()) console.result(directory + ": a database without tables\n");
  if (problems == 0) return kExitOk;
  console.message("tally check: " + quantity(problems, "problem") + " in " + directory);
  return kExitFailed;
}

}  // namespace

Command add_check_command(CLI::App& parent) {
  auto directory = std::make_shared<std::string>();
  CLI::App* app = parent.add_subcommand("check", "Verify every checksum and count of a database that is not in use");
  app->add_option("DIR", *directory, "The database")->required();
  app->footer(
      "Prints a line a table and a line a problem; exit code 1 if there is any.\n\nExample:\n  tally check shop");
  return {app, [directory](Console& console) { return run_check(console, *directory); }};
}

}  // namespace tally
