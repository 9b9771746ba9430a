#include "tools/sql/shell.h"

#include <editline/readline.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "base/nearest.h"

namespace tally {

namespace {

constexpr std::string_view kHelp =
    "A statement ends with a semicolon and may take several lines.\n"
    "  \\d          tables          \\d NAME    a table: columns, measures, rollups\n"
    "  \\timing     rows and time behind every answer, on or off\n"
    "  \\format F   table, csv, tsv, json, jsonl, markdown or vertical\n"
    "  \\q          leave (or Ctrl-D)\n";

std::optional<std::string> read_line(const char* prompt) {
  std::unique_ptr<char, decltype(&std::free)> line(readline(prompt), &std::free);
  if (line == nullptr) return std::nullopt;
  return std::string(line.get());
}

bool blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

std::string quoted_name(const std::string& name) {
  std::string out = "\"";
  for (char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

void SqlShell::run() {
  console_.message("Tally. \\? says what can be typed here, \\q leaves.");
  std::string statement;
  while (auto line = read_line(statement.empty() ? "tally> " : "  ...> ")) {
    if (statement.empty() && blank(*line)) continue;
    if (statement.empty() && line->starts_with('\\')) {
      add_history(line->c_str());
      if (!command(*line)) return;
      continue;
    }
    statement += (statement.empty() ? "" : "\n") + *line;
    if (!split_statements(statement).complete) continue;
    add_history(statement.c_str());
    session_.run_script(statement, "");
    statement.clear();
  }
  console_.message("");
}

bool SqlShell::command(const std::string& line) {
  size_t space = line.find_first_of(" \t");
  std::string name = line.substr(0, space);
  std::string argument = space == std::string::npos ? "" : line.substr(line.find_first_not_of(" \t", space));
  while (!argument.empty() && (argument.back() == ' ' || argument.back() == ';')) argument.pop_back();
  if (name == "\\q") return false;
  if (name == "\\?" || name == "\\h" || name == "\\help") {
    console_.result(kHelp);
  } else if (name == "\\dt" || (name == "\\d" && argument.empty())) {
    session_.run_script("SHOW TABLES", "");
  } else if (name == "\\d") {
    session_.run_script("DESCRIBE " + quoted_name(argument), "");
  } else if (name == "\\timing") {
    session_.set_timing(!session_.timing());
    console_.message(session_.timing() ? "timing is on" : "timing is off");
  } else if (name == "\\format") {
    set_format(argument);
  } else {
    const std::string known[] = {"\\q", "\\?", "\\d", "\\dt", "\\timing", "\\format"};
    console_.message("there is no command " + name + did_you_mean(name, known) + " \\? lists them");
  }
  return true;
}

void SqlShell::set_format(const std::string& name) {
  auto format = parse_output_format(name);
  if (format) {
    session_.set_format(*format);
  } else {
    console_.message("there are " + std::string(kOutputFormatNames));
  }
}

}  // namespace tally
