#include "tools/shell/meta_commands.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/nearest.h"
#include "tools/shell/shell.h"

namespace tally {

namespace {

using Words = std::vector<std::string>;

constexpr double kWatchSecondsUsual = 2;
constexpr double kWatchSecondsMin = 0.1;
constexpr double kWatchSecondsMax = 86'400;

std::string first(const Words& words) { return words.empty() ? "" : words.front(); }

MetaOutcome say(Shell& shell, const std::string& message) {
  shell.console().message(message);
  return MetaOutcome::kGood;
}

// on, off, or the other one where nothing is said.
std::optional<bool> parse_switch(const std::string& word, bool now) {
  if (word.empty()) return !now;
  if (word == "on") return true;
  if (word == "off") return false;
  return std::nullopt;
}

MetaOutcome set_switch(Shell& shell, const std::string& word, bool& value, const std::string& name) {
  const auto wanted = parse_switch(word, value);
  if (!wanted) return shell.failed(name + " is on or off, not \"" + word + "\"");
  value = *wanted;
  return say(shell, name + (value ? " is on" : " is off"));
}

MetaOutcome help(Shell& shell, std::string_view, const Words&) { return shell.show_text(meta_help()); }

MetaOutcome leave(Shell&, std::string_view, const Words&) { return MetaOutcome::kLeave; }

MetaOutcome list(Shell& shell, std::string_view, const Words&) { return shell.list_tables(); }

MetaOutcome describe(Shell& shell, std::string_view, const Words& words) {
  return words.empty() ? shell.list_tables() : shell.describe(words.front());
}

MetaOutcome timing(Shell& shell, std::string_view, const Words& words) {
  return set_switch(shell, first(words), shell.settings().timing, "timing");
}

MetaOutcome thousands(Shell& shell, std::string_view, const Words& words) {
  return set_switch(shell, first(words), shell.settings().style.thousands, "thousands");
}

MetaOutcome pager(Shell& shell, std::string_view, const Words& words) {
  return set_switch(shell, first(words), shell.settings().pager, "pager");
}

MetaOutcome vertical(Shell& shell, std::string_view, const Words& words) {
  Vertical& value = shell.settings().vertical;
  const std::string word = first(words);
  if (word.empty())
    value = value == Vertical::kOn ? Vertical::kAuto : Vertical::kOn;
  else if (word == "on")
    value = Vertical::kOn;
  else if (word == "off")
    value = Vertical::kOff;
  else if (word == "auto")
    value = Vertical::kAuto;
  else
    return shell.failed("\\x is on, off or auto, not \"" + word + "\"");
  constexpr std::array<const char*, 3> kSaid{"vertical is off: tables, however wide", "vertical is on: a line a value",
                                             "vertical is auto: where a table is wider than the terminal"};
  return say(shell, kSaid[static_cast<size_t>(value)]);
}

MetaOutcome format(Shell& shell, std::string_view, const Words& words) {
  std::string names;
  for (const std::string& name : result_format_names()) names += (names.empty() ? "" : ", ") + name;
  if (words.empty()) {
    return say(shell, "format is " + std::string(result_format_name(shell.settings().format)) + "; there are " + names);
  }
  const auto wanted = parse_result_format(words.front());
  if (!wanted) {
    const std::string near = did_you_mean(words.front(), result_format_names());
    return shell.failed("there is no format \"" + words.front() + "\"" +
                        (near.empty() ? ": there are " + names : near));
  }
  shell.settings().format = *wanted;
  return say(shell, "format is " + words.front());
}

MetaOutcome output(Shell& shell, std::string_view, const Words& words) {
  ResultWriter& writer = shell.writer();
  if (words.empty()) {
    if (!writer.has_file()) return say(shell, "results go to the terminal; \\o FILE sends them to a file");
    const Status closed = writer.close_file();
    return closed ? say(shell, "the file is complete; results go to the terminal again")
                  : shell.failed(closed.error().message);
  }
  const Status opened = writer.open_file(words.front());
  if (!opened) return shell.failed(opened.error().message);
  const auto named = format_of_file(words.front());
  return say(shell, "results go to " + words.front() + " as " +
                        std::string(result_format_name(named.value_or(shell.settings().format))) + ", until \\o");
}

MetaOutcome include(Shell& shell, std::string_view, const Words& words) {
  return words.empty() ? shell.failed("\\i wants a file") : shell.include(words.front());
}

// The statement in front of the command, or the last one.
std::optional<std::string> statement_for(Shell& shell, std::string_view statement) {
  if (!statement.empty()) return std::string(statement);
  if (!shell.last_statement().empty()) return shell.last_statement();
  shell.failed("there is no statement to run yet");
  return std::nullopt;
}

MetaOutcome go(Shell& shell, std::string_view statement, const Words&) {
  const auto sql = statement_for(shell, statement);
  if (!sql) return MetaOutcome::kFailed;
  return shell.run_statement(statement.empty() ? std::string_view(*sql) : statement);
}

MetaOutcome go_vertical(Shell& shell, std::string_view statement, const Words&) {
  const auto sql = statement_for(shell, statement);
  if (!sql) return MetaOutcome::kFailed;
  return shell.run_statement_vertical(statement.empty() ? std::string_view(*sql) : statement);
}

MetaOutcome chart(Shell& shell, std::string_view statement, const Words& words) {
  if (!statement.empty()) {
    if (const MetaOutcome outcome = shell.run_statement(statement); outcome != MetaOutcome::kGood) return outcome;
  }
  return shell.chart(words);
}

std::optional<double> parse_seconds(const std::string& word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

MetaOutcome watch(Shell& shell, std::string_view statement, const Words& words) {
  double seconds = kWatchSecondsUsual, times = 0;
  if (!words.empty()) {
    const auto wanted = parse_seconds(words[0]);
    if (!wanted || *wanted < kWatchSecondsMin || *wanted > kWatchSecondsMax) {
      return shell.failed("\\watch wants seconds, from 0.1 to a day, not \"" + words[0] + "\"");
    }
    seconds = *wanted;
  }
  if (words.size() > 1) {
    const auto wanted = parse_seconds(words[1]);
    if (!wanted || *wanted < 1 || *wanted > 1e9) {
      return shell.failed("\\watch wants a number of times, not \"" + words[1] + "\"");
    }
    times = *wanted;
  }
  const auto sql = statement_for(shell, statement);
  return sql ? shell.watch(*sql, seconds, static_cast<uint64_t>(times)) : MetaOutcome::kFailed;
}

constexpr std::array kCommands{
    MetaCommand{"\\?", "", "this list", MetaArgument::kNone, false, help},
    MetaCommand{"\\d", "[TABLE]", "the tables; of one its columns and rollups", MetaArgument::kTable, false, describe},
    MetaCommand{"\\dt", "", "the tables", MetaArgument::kNone, false, list},
    MetaCommand{"\\chart", "[KIND] [COLUMN...]", "draw the last result: line or bars", MetaArgument::kColumns, true,
                chart},
    MetaCommand{"\\watch", "[SECONDS] [TIMES]", "run it again and again; Ctrl-C ends", MetaArgument::kNumber, true,
                watch},
    MetaCommand{"\\g", "", "run the statement before it, or the last one again", MetaArgument::kNone, true, go},
    MetaCommand{"\\gx", "", "the same, a line a value", MetaArgument::kNone, true, go_vertical},
    MetaCommand{"\\x", "[on|off|auto]", "a line a value; auto: where a table is too wide", MetaArgument::kSwitch, false,
                vertical},
    MetaCommand{"\\format", "[FORMAT]", "table, csv, tsv, json, jsonl, markdown, vertical", MetaArgument::kFormat,
                false, format},
    MetaCommand{"\\thousands", "[on|off]", "1,234,567 instead of 1234567 in tables", MetaArgument::kSwitch, false,
                thousands},
    MetaCommand{"\\timing", "[on|off]", "rows, time, rows read behind every answer", MetaArgument::kSwitch, false,
                timing},
    MetaCommand{"\\pager", "[on|off]", "long answers go through PAGER", MetaArgument::kSwitch, false, pager},
    MetaCommand{"\\o", "[FILE]", "results to a file (.csv, .json.gz ...); alone: back", MetaArgument::kFile, false,
                output},
    MetaCommand{"\\i", "FILE", "run a script", MetaArgument::kFile, false, include},
    MetaCommand{"\\q", "", "leave (or Ctrl-D)", MetaArgument::kNone, false, leave},
};

constexpr std::string_view kExample =
    "A statement ends with a semicolon and may take several lines. Tab completes\n"
    "names and values, Ctrl-C stops what runs, the arrow keys and Ctrl-R bring back\n"
    "what was typed.\n"
    "\n"
    "  SELECT time_bucket('1 day', timestamp) AS day, SUM(clicks) AS clicks,\n"
    "         SUM(clicks) / SUM(impressions) AS ctr\n"
    "  FROM impressions GROUP BY day ORDER BY day;\n"
    "  \\chart ctr\n"
    "\n"
    "EXPLAIN SELECT ... says where an answer comes from. The language is in\n"
    "query/GRAMMAR.md, the shell in docs/SHELL.md.\n";

}  // namespace

std::span<const MetaCommand> meta_commands() { return kCommands; }

const MetaCommand* find_meta_command(std::string_view name) {
  if (name == "\\h" || name == "\\help") name = "\\?";
  if (name == "\\G") name = "\\gx";
  const auto found =
      std::find_if(kCommands.begin(), kCommands.end(), [&](const MetaCommand& known) { return known.name == name; });
  return found == kCommands.end() ? nullptr : &*found;
}

std::vector<std::string> meta_command_names() {
  std::vector<std::string> names;
  for (const MetaCommand& command : kCommands) names.emplace_back(command.name);
  return names;
}

MetaLine parse_meta_line(std::string_view line) {
  while (line.ends_with(';') || line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
  MetaLine parsed;
  std::vector<std::string> words;
  for (size_t at = 0; at < line.size();) {
    if (line[at] == ' ' || line[at] == '\t') {
      ++at;
    } else if (line[at] == '\'' && !words.empty()) {
      const size_t end = std::min(line.find('\'', at + 1), line.size());
      words.emplace_back(line.substr(at + 1, end - at - 1));
      at = end + 1;
    } else {
      const size_t end = std::min(line.find_first_of(" \t", at), line.size());
      words.emplace_back(line.substr(at, end - at));
      at = end;
    }
  }
  if (words.empty()) return parsed;
  parsed.name = words.front();
  parsed.words.assign(words.begin() + 1, words.end());
  return parsed;
}

std::string meta_help() {
  size_t widest = 0;
  for (const MetaCommand& command : kCommands)
    widest = std::max(widest, command.name.size() + command.arguments.size() + 1);
  std::string text;
  for (const MetaCommand& command : kCommands) {
    std::string left = std::string(command.name) + " " + std::string(command.arguments);
    left.resize(widest, ' ');
    text += "  " + left + "  " + std::string(command.help) + "\n";
  }
  return text + "\n" + std::string(kExample);
}

}  // namespace tally
