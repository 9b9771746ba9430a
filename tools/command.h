// Subcommands of `tally`. Each add_*_command() declares its options on `app` and returns what runs it once they are parsed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "tools/console.h"

namespace CLI {
class App;
}

namespace tally {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

struct Command {
  CLI::App* app = nullptr;  // with its name
  std::function<int(Console&)> run;
};

Command add_init_command(CLI::App& app);
Command add_sql_command(CLI::App& app);
Command add_load_command(CLI::App& app);
Command add_generate_command(CLI::App& app);
Command add_retract_command(CLI::App& app);
Command add_check_command(CLI::App& app);
Command add_inspect_command(CLI::App& app);
Command add_serve_command(CLI::App& app);
Command add_backup_command(CLI::App& app);
Command add_restore_command(CLI::App& app);
Command add_clock_command(CLI::App& app);

// "tally load: <message>" to stderr; returns kExitFailed, or kExitUsage.
int report_failure(Console& console, std::string_view command, const Error& error);
int report_usage(Console& console, std::string_view command, std::string_view message);

// The whole program: parses the arguments and runs the command they name.
int run_command_line(int argc, const char* const* argv, const char* version);

}  // namespace tally
