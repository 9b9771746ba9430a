// The commands that begin with a backslash: one row each in a table, of which \? prints what Tab offers. Threads: any.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally {

class Shell;

enum class MetaOutcome : uint8_t { kGood, kFailed, kLeave };

enum class MetaArgument : uint8_t { kNone, kSwitch, kTable, kFormat, kFile, kColumns, kNumber };  // for completion

struct MetaCommand {
  std::string_view name;       // with its backslash
  std::string_view arguments;  // as \? shows them
  std::string_view help;
  MetaArgument argument = MetaArgument::kNone;
  bool takes_statement = false;  // may end a statement in place of the semicolon
  // `statement` is empty where it did not.
  MetaOutcome (*run)(Shell& shell, std::string_view statement, const std::vector<std::string>& words) = nullptr;
};

std::span<const MetaCommand> meta_commands();
const MetaCommand* find_meta_command(std::string_view name);
std::vector<std::string> meta_command_names();

// "\o 'my file.csv'" is \o and one word; a semicolon at the end does not count.
struct MetaLine {
  std::string name;
  std::vector<std::string> words;
};
MetaLine parse_meta_line(std::string_view line);

std::string meta_help();  // for \?

}  // namespace tally
