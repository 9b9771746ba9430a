#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>

#include "base/file_names.h"
#include "base/path_inside.h"
#include "engine/backup.h"
#include "engine/check.h"
#include "server/client/remote_query.h"
#include "tools/command.h"
#include "tools/open_database.h"

namespace tally {
namespace {

struct BackupArguments {
  std::string data;
  std::string server;
  std::string to;
  bool no_check = false;
};

struct RestoreArguments {
  std::string from;
  std::string to;
  bool no_check = false;
};

// What `tally check` finds in a database that was just written.
Status verify(Console& console, const std::string& directory) {
  auto fs = make_posix_file_system();
  TALLY_ASSIGN_OR_RETURN(std::vector<TableCheck> tables, check_database(*fs, system_clock(), directory));
  size_t problems = 0;
  for (const TableCheck& table : tables) {
    for (const std::string& problem : table.problems) console.message("problem: " + table.table + ": " + problem);
    problems += table.problems.size();
  }
  if (problems == 0) return {};
  return fail(Code::kCorruption, directory + " was copied, and " + quantity(problems, "problem") + " found in it");
}

void describe(Console& console, const std::string& path, const BackupList& list) {
  for (const auto& table : list.tables) {
    console.result("  " + table.name + " at LSN " + std::to_string(table.lsn) + "\n");
  }
  console.result(path + ": " + quantity(list.files.size(), "file") + ", " + human_bytes(list.bytes()) + "\n");
}

Status backup_stopped(Console& console, const BackupArguments& arguments) {
  if (path_inside(arguments.to, arguments.data)) {
    return fail(Code::kInvalidArgument,
                arguments.to + " lies inside the database; choose a place outside " + arguments.data);
  }
  auto fs = make_posix_file_system();
  auto list = backup_stopped_database(*fs, arguments.data, arguments.to);
  if (!list) {
    return std::unexpected(
        with_way_out(list.error(), "; a server that runs takes its backup itself: --server A:P NAME"));
  }
  if (!arguments.no_check) TALLY_TRY(verify(console, join_path(arguments.to, kBackupDataName)));
  describe(console, arguments.to, *list);
  return {};
}

// The name as an SQL string.
std::string quoted(const std::string& text) {
  std::string sql = "'";
  for (char c : text) sql += c == '\'' ? "''" : std::string(1, c);
  return sql + "'";
}

Status backup_running(Console& console, const BackupArguments& arguments) {
  TALLY_ASSIGN_OR_RETURN(auto remote, RemoteQuery::connect(arguments.server));
  auto result = remote->run("BACKUP TO " + quoted(arguments.to), {});
  if (!result) return std::unexpected(result.error().error);
  for (const std::vector<Cell>& row : result->rows) {
    console.result("  " + row[1].text + " at LSN " + std::to_string(static_cast<uint64_t>(row[2].number)) + "\n");
  }
  if (result->rows.empty()) {
    console.result(arguments.to + ": a backup of a database without tables\n");
    return {};
  }
  const std::vector<Cell>& row = result->rows.front();
  const std::string path = row[0].text;
  const std::string data = join_path(path, kBackupDataName);
  std::error_code ignored;
  if (!arguments.no_check && std::filesystem::exists(data, ignored)) TALLY_TRY(verify(console, data));
  console.result(path + ": " + quantity(static_cast<uint64_t>(row[3].number), "file") + ", " +
                 human_bytes(static_cast<uint64_t>(row[4].number)) + "\n");
  return {};
}

int run_backup(Console& console, const BackupArguments& arguments) {
  if (arguments.data.empty() == arguments.server.empty()) {
    return report_usage(console, "backup", "say of what: either --data DIR or --server A:P");
  }
  const Status done = arguments.data.empty() ? backup_running(console, arguments) : backup_stopped(console, arguments);
  return done ? kExitOk : report_failure(console, "backup", done.error());
}

int run_restore(Console& console, const RestoreArguments& arguments) {
  if (path_inside(arguments.to, arguments.from)) {
    return report_failure(
        console, "restore",
        {Code::kInvalidArgument,
         arguments.to + " lies inside the backup, which is only read; choose " + "a place outside " + arguments.from});
  }
  auto fs = make_posix_file_system();
  auto list = restore_backup(*fs, arguments.from, arguments.to);
  if (!list) return report_failure(console, "restore", list.error());
  if (!arguments.no_check) {
    if (Status good = verify(console, arguments.to); !good) return report_failure(console, "restore", good.error());
  }
  describe(console, arguments.to, *list);
  return kExitOk;
}

}  // namespace

Command add_backup_command(CLI::App& parent) {
  auto arguments = std::make_shared<BackupArguments>();
  CLI::App* app = parent.add_subcommand("backup", "Copy a database, stopped or running, at one LSN of each table");
  app->add_option("--data", arguments->data, "The database, which nobody has open")->type_name("DIR");
  app->add_option("--server", arguments->server, "Instead: the server that has it open")->type_name("A:P");
  app->add_option("TO", arguments->to, "A new directory; with --server a name in the server's storage.backup_directory")
      ->required();
  app->add_flag("--no-check", arguments->no_check, "Leave out `tally check` of the copy");
  app->footer(
      "The source is only read. A backup that did not come to its end has no file BACKUP, and `tally restore` refuses "
      "it.\n\nExamples:\n  tally backup --data shop /backups/monday\n  tally backup --server 127.0.0.1:9077 monday");
  return {app, [arguments](Console& console) { return run_backup(console, *arguments); }};
}

Command add_restore_command(CLI::App& parent) {
  auto arguments = std::make_shared<RestoreArguments>();
  CLI::App* app = parent.add_subcommand("restore", "Make a database of a backup");
  app->add_option("FROM", arguments->from, "The backup")->required();
  app->add_option("DIR", arguments->to, "Where the database is to be: a directory that is not there yet")->required();
  app->add_flag("--no-check", arguments->no_check, "Leave out `tally check` of the database");
  app->footer(
      "The backup is only read, and every file held against its sum.\n\nExample:\n  tally restore /backups/monday "
      "shop2");
  return {app, [arguments](Console& console) { return run_restore(console, *arguments); }};
}

}  // namespace tally
