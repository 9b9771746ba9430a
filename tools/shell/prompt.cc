#include "tools/shell/prompt.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tools/shell/error_text.h"
#include "tools/shell/history_file.h"
#include "tools/shell/line_editor.h"
#include "tools/shell/statement_cut.h"

namespace tally {

namespace {

std::string rc_path() {
  if (const char* path = std::getenv("TALLYRC")) return path;
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : std::string(home) + "/.tallyrc";
}

// False: leave.
bool run_rc(Shell& shell) {
  const std::string path = rc_path();
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) return true;
  const auto text = read_script(path);
  if (!text) {
    shell.console().message(text.error().message);
    return true;
  }
  return shell.run_script(*text, path) != MetaOutcome::kLeave;
}

Completions complete_file(std::string_view word) {
  namespace fs = std::filesystem;
  const size_t slash = word.rfind('/');
  const std::string directory(slash == std::string_view::npos ? "." : word.substr(0, slash + 1));
  const std::string_view front = slash == std::string_view::npos ? word : word.substr(slash + 1);
  Completions found{.replaces = front.size()};
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(front) || (front.empty() && name.starts_with('.'))) continue;
    const bool is_directory = at->is_directory(error);
    found.choices.push_back({is_directory ? name + "/" : name, is_directory ? "" : " "});
  }
  std::sort(found.choices.begin(), found.choices.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
  return found;
}

std::vector<std::string> tables_to_describe(Shell& shell) {
  std::vector<std::string> names;
  for (const std::string& name : shell.names().tables()) names.push_back(name_in_sql(name));
  for (const std::string& name : shell.names().system_tables()) names.push_back("system." + name);
  return names;
}

Completions complete_command(Shell& shell, std::string_view line) {
  const size_t space = line.find_first_of(" \t");
  if (space == std::string_view::npos) return matching(line, meta_command_names(), " ");
  const MetaCommand* command = find_meta_command(line.substr(0, space));
  if (command == nullptr) return {};
  const std::string_view word = line.substr(line.find_last_of(" \t") + 1);
  switch (command->argument) {
    case MetaArgument::kSwitch:
      return matching(word,
                      command->name == "\\x" ? std::vector<std::string>{"on", "off", "auto"}
                                             : std::vector<std::string>{"on", "off"},
                      "");
    case MetaArgument::kTable: return matching(word, tables_to_describe(shell), "");
    case MetaArgument::kFormat: return matching(word, result_format_names(), "");
    case MetaArgument::kFile: return complete_file(word);
    case MetaArgument::kColumns: {
      std::vector<std::string> names{"line", "bars"};
      if (shell.last_result()) {
        for (const ResultColumn& column : shell.last_result()->columns) names.push_back(column.name);
      }
      return matching(word, names, " ");
    }
    case MetaArgument::kNone:
    case MetaArgument::kNumber: return {};
  }
  return {};
}

class Prompt {
 public:
  Prompt(Shell& shell, SignalInbox& signals)
      : shell_(shell), signals_(signals), history_(HistoryFile::default_path()) {}

  void run(const PromptOptions& options) {
    Console& console = shell_.console();
    console.message(options.greeting);
    if (options.read_rc && !run_rc(shell_)) return;
    editor_ = LineEditor::make(signals_, [this](std::string_view before, std::string_view behind) {
      return complete_typed(shell_, typed_, before, behind);
    });
    load_history();
    while (!signals_.ended()) {
      const EditedLine line = editor_->read(prompt_for(typed_));
      if (line.kind == EditedLine::Kind::kEnd) return;
      if (line.kind == EditedLine::Kind::kInterrupted) {
        typed_.clear();
        entry_.clear();
      } else if (!take(line.text)) {
        return;
      }
    }
  }

 private:
  void load_history() {
    auto entries = history_.load();
    if (!entries) return shell_.console().message(entries.error().message);
    for (const std::string& entry : *entries) editor_->remember(entry);
  }

  // What somebody types who does not know the commands yet.
  static std::string_view in_other_words(std::string_view line) {
    std::string_view word = trimmed(line);
    if (word.ends_with(';')) word = trimmed(word.substr(0, word.size() - 1));
    if (word == "quit" || word == "exit") return "\\q";
    return word == "help" ? "\\?" : line;
  }

  // False: leave.
  bool take(std::string_view line) {
    if (typed_.empty()) {
      if (trimmed(line).empty()) return true;
      line = in_other_words(line);
    }
    typed_ += (typed_.empty() ? "" : "\n") + std::string(line);
    entry_ += (entry_.empty() ? "" : "\n") + std::string(line);
    MetaOutcome outcome = MetaOutcome::kGood;
    typed_ = shell_.run_typed(typed_, outcome);
    if (typed_.empty()) remember();
    return outcome != MetaOutcome::kLeave;
  }

  void remember() {
    const std::string entry = std::exchange(entry_, {});
    editor_->remember(entry);
    if (const Status kept = history_.append(entry); !kept) shell_.console().message(kept.error().message);
  }

  Shell& shell_;
  SignalInbox& signals_;
  HistoryFile history_;
  std::unique_ptr<LineEditor> editor_;
  std::string typed_;  // of a statement that is not finished
  std::string entry_;  // for the history: the same with what was run in between
};

}  // namespace

std::string_view prompt_for(std::string_view text) {
  Unfinished unfinished = Unfinished::kNothing;
  for (size_t at = 0; const auto cut = cut_statement(text, at, unfinished);) at = cut->end;
  switch (unfinished) {
    case Unfinished::kNothing: return "tally> ";
    case Unfinished::kStatement: return "  ...> ";
    case Unfinished::kString: return " ...'> ";
    case Unfinished::kQuotedName: return " ...\"> ";
    case Unfinished::kComment: return " ...*> ";
  }
  return "tally> ";
}

Completions complete_typed(Shell& shell, const std::string& earlier, std::string_view before, std::string_view behind) {
  const std::string text = (earlier.empty() ? "" : earlier + "\n") + std::string(before);
  Unfinished unfinished = Unfinished::kNothing;
  size_t at = 0;
  while (const auto cut = cut_statement(text, at, unfinished)) {
    // A command goes to the end of its line, so it is one that is still being typed.
    if (!cut->command.empty() && cut->end == text.size()) {
      return complete_command(shell,
                              std::string_view(text).substr(static_cast<size_t>(cut->command.data() - text.data())));
    }
    at = cut->end;
  }
  return complete_statement(std::string_view(text).substr(at), behind, shell.names());
}

void run_prompt(Shell& shell, SignalInbox& signals, const PromptOptions& options) {
  Prompt(shell, signals).run(options);
}

}  // namespace tally
