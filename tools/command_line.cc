#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/nearest.h"
#include "tools/command.h"

namespace tally {

namespace {

constexpr const char* kDescription = "Tally counts ad events, each exactly once, and answers SQL over them.";
constexpr const char* kExample =
    "Example:\n"
    "  tally init shop\n"
    "  tally sql --data shop -f data/impressions.sql\n"
    "  tally load --data shop --table impressions --replay data/open_bandit.csv.gz\n"
    "  tally sql --data shop -c \"SELECT campaign, SUM(impressions), SUM(clicks) FROM impressions GROUP BY campaign\"\n"
    "`tally COMMAND --help` says more about a command.";

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

// "--tabel=x" is looked for as "--tabel".
std::string option_word(const std::string& argument) { return argument.substr(0, argument.find('=')); }

class CommandLine {
 public:
  explicit CommandLine(const char* version) : app_(kDescription, "tally") {
    app_.set_version_flag("--version", std::string("tally ") + version, "Print the version and leave");
    app_.footer(kExample);
    app_.require_subcommand(1);
    app_.get_formatter()->column_width(36);
    for (auto add : {add_init_command, add_serve_command, add_sql_command, add_load_command, add_generate_command,
                     add_retract_command, add_check_command, add_inspect_command, add_backup_command,
                     add_restore_command, add_clock_command}) {
      commands_.push_back(add(app_));
    }
  }

  int run(int argc, const char* const* argv, Console& console) {
    if (argc <= 1) {
      console.message(app_.help());
      return kExitUsage;
    }
    if (argv[1][0] != '-' && find(argv[1]) == nullptr) {
      return report_usage(console, "", unknown_command(argv[1]));
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      console.result(chosen().help(chosen().get_parent() != nullptr ? "tally" : "") + "\n");
      return kExitOk;
    } catch (const CLI::CallForVersion& version) {
      console.result(std::string(version.what()) + "\n");
      return kExitOk;
    } catch (const CLI::ParseError& error) {
      const CLI::App& where = chosen();
      return report_usage(console, where.get_parent() != nullptr ? where.get_name() : "", explain(where, error));
    }
    return find(chosen().get_name())->run(console);
  }

 private:
  const Command* find(const std::string& name) const {
    for (const Command& command : commands_) {
      if (command.app->get_name() == name) return &command;
    }
    return nullptr;
  }
  std::string unknown_command(const std::string& name) const {
    std::vector<std::string> names;
    for (const Command& command : commands_) names.push_back(command.app->get_name());
    return "there is no command \"" + name + "\"" + did_you_mean(name, names);
  }
  // The subcommand on the command line, or the program itself.
  CLI::App& chosen() {
    auto parsed = app_.get_subcommands();
    return parsed.empty() ? app_ : *parsed.front();
  }
  static std::string explain(const CLI::App& where, const CLI::ParseError& error) {
    for (const std::string& argument : where.remaining()) {
      if (argument.size() > 1 && argument[0] == '-') {
        std::string word = option_word(argument);
        return "there is no option " + word + did_you_mean(word, option_names(where));
      }
    }
    if (!where.remaining().empty()) return "\"" + where.remaining().front() + "\" is one argument too many";
    return error.what();
  }

  CLI::App app_;
  std::vector<Command> commands_;
};

}  // namespace

int report_failure(Console& console, std::string_view command, const Error& error) {
  console.message("tally " + std::string(command) + ": " + error.message);
  return kExitFailed;
}

int report_usage(Console& console, std::string_view command, std::string_view message) {
  std::string name = "tally" + (command.empty() ? "" : " " + std::string(command));
  console.message(name + ": " + std::string(message));
  console.message("`" + name + " --help` says how it is used.");
  return kExitUsage;
}

int run_command_line(int argc, const char* const* argv, const char* version) {
  Console console;
  CommandLine line(version);
  int code = line.run(argc, argv, console);
  if (console.output_failed()) {
    // A reader that has seen enough (`| head`) needs no telling.
    if (console.output_errno() != EPIPE) {
      console.message(std::string("tally: the result could not be written: ") + std::strerror(console.output_errno()));
    }
    return kExitFailed;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    console.message(std::string("tally: the result could not be written: ") + std::strerror(errno));
    return kExitFailed;
  }
  return code;
}

}  // namespace tally
