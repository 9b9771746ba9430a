#include <CLI/CLI.hpp>

#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <thread>

#include "server/listen_address.h"
#include "server/server.h"
#include "tools/command.h"
#include "tools/open_database.h"

namespace tally {
namespace {

struct ServeArguments {
  std::string data;
  std::string config;
  std::string tcp;
  std::string ops;
  bool settings = false;
};

// Says every few seconds that the log is still being replayed.
class Patience {
 public:
  Patience(ServerLog& log, Clock& clock) : thread_([this, &log, &clock] { run(log, clock); }) {}
  ~Patience() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void run(ServerLog& log, Clock& clock) {
    const TimeUs begun_us = clock.boottime_us();
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, std::chrono::seconds(2), [this] { return over_; })) {
      log.info("still replaying the log",
               {{"seconds", std::to_string((clock.boottime_us() - begun_us) / kMicrosPerSecond)}});
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;  // guarded by mutex_
  std::thread thread_;
};

Result<SettingsTable> load_settings(const ServeArguments& arguments) {
  auto fs = make_posix_file_system();
  TALLY_ASSIGN_OR_RETURN(SettingsTable table, SettingsTable::load(*fs, arguments.config, process_environment()));
  if (!arguments.tcp.empty()) TALLY_TRY(table.set("listen.tcp", arguments.tcp, SettingSource::kCommandLine));
  if (!arguments.ops.empty()) {
    TALLY_TRY(table.set("listen.ops", arguments.ops == "none" ? "" : arguments.ops, SettingSource::kCommandLine));
  }
  return table;
}

DatabaseOptions database_options(const Settings& settings) {
  DatabaseOptions options;
  options.table.shards = static_cast<uint32_t>(settings.storage.shards);
  options.table.memtable_bytes_max = settings.storage.memtable_bytes;
  options.table.remembered_ids_max = settings.storage.remembered_ids;
  options.table.free_bytes_soft = settings.storage.free_bytes_soft;
  options.table.free_bytes_hard = settings.storage.free_bytes_hard;
  options.block_cache_bytes = settings.storage.block_cache_bytes;
  return options;
}

// A table that takes no batches is named; the others, and queries, do not suffer.
void bring_up_writes(Database& database, Server& server, ServerLog& log) {
  for (const std::string& name : database.table_names()) {
    auto table = database.table(name);
    Status ready = table ? (*table)->prepare_writes() : Status(std::unexpected(table.error()));
    if (!ready && ready.error().code == Code::kNoSpace) {
      // Tried again by each batch, until there is room.
      log.warn("a table takes no batches for want of room", {{"table", name}, {"reason", ready.error().message}});
    } else if (!ready) {
      log.error("a table takes no batches", {{"table", name}, {"reason", ready.error().message}});
      server.table_takes_no_batches(name, ready.error().message);
    }
    if (table) {
      if (std::string note = io_note(**table); !note.empty()) log.warn(note, {{"table", name}});
    }
  }
}

Status serve(Console& console, const ServeArguments& arguments, const SettingsTable& settings) {
  Clock& clock = system_clock();
  ServerLog log(parse_log_level(settings.settings().log.level), settings.settings().log.format == "json", clock);
  for (const std::string& sentence : unknown_variables(process_variables())) log.warn(sentence, {});
  OpenDatabase open;  // goes after the server
  Server server(settings, clock, log, TALLY_VERSION);
  TALLY_TRY(server.start());
  if (!server.ops_address().empty()) console.result("ops " + server.ops_address() + "\n");
  const TimeUs begun_us = clock.boottime_us();
  log.info("opening the database", {{"data", arguments.data}});
  {
    Patience patience(log, clock);
    TALLY_ASSIGN_OR_RETURN(open, open_database(arguments.data, database_options(settings.settings())));
    if (!server.stop_requested()) bring_up_writes(*open.database, server, log);
  }
  Status served;
  if (!server.stop_requested()) served = server.serve(*open.database, arguments.data);
  if (served && !server.stop_requested()) {
    const TimeUs took_us = clock.boottime_us() - begun_us;
    log.info("ready", {{"tcp", server.tcp_address()},
                       {"ops", server.ops_address()},
                       {"tables", std::to_string(open.database->table_names().size())},
                       {"milliseconds", std::to_string(took_us / 1000)}});
    console.result("ready " + server.tcp_address() + "\n");
    server.wait_for_stop();
  }
  server.stop();
  Status closed = open.database->close();
  if (closed) log.info("stopped: everything is flushed, the log is closed");
  return served ? closed : served;
}

std::string settings_text(const SettingsTable& table) {
  std::string text;
  for (const SettingRow& row : table.rows()) {
    text += row.name + " = " + row.value + "    # " + row.meaning + " (default " +
            (row.standard.empty() ? "none" : row.standard) + ", from " + std::string(setting_source_name(row.source)) +
            ")\n";
  }
  return text;
}

int run_serve(Console& console, const ServeArguments& arguments) {
  auto settings = load_settings(arguments);
  if (!settings) return report_failure(console, "serve", settings.error());
  if (arguments.settings) {
    for (const std::string& sentence : unknown_variables(process_variables())) console.message(sentence);
    console.result(settings_text(*settings));
    return kExitOk;
  }
  if (arguments.data.empty()) return report_usage(console, "serve", "--data is required");
  std::signal(SIGPIPE, SIG_IGN);  // whoever read the log may go; the server does not go with them
  if (Status status = serve(console, arguments, *settings); !status) {
    return report_failure(console, "serve", status.error());
  }
  return kExitOk;
}

}  // namespace

Command add_serve_command(CLI::App& parent) {
  auto arguments = std::make_shared<ServeArguments>();
  CLI::App* app = parent.add_subcommand("serve", "Take events and statements over the network");
  app->add_option("--data", arguments->data, "The database")->type_name("DIR");
  app->add_option("--config", arguments->config, "Settings in TOML; TALLY_SECTION_KEY in the environment wins over it")
      ->type_name("FILE");
  app->add_option("--tcp", arguments->tcp, "Where to listen for the TCP protocol; port 0: one that is free")
      ->type_name("A:P");
  app->add_option("--ops", arguments->ops, "Where to listen for metrics and health; none: nowhere")->type_name("A:P");
  app->add_flag("--settings", arguments->settings, "Print all settings, with what they mean, and leave");
  app->footer(
      "Prints `ready ADDRESS:PORT` when it takes connections. SIGTERM and SIGINT stop it in order: what is in flight "
      "is\n"
      "answered, what is in memory is flushed.\n\nExamples:\n  tally serve --data shop\n"
      "  tally serve --data shop --config /etc/tally.toml --tcp 127.0.0.1:0");
  return {app, [arguments](Console& console) { return run_serve(console, *arguments); }};
}

}  // namespace tally
