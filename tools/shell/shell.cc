#include "tools/shell/shell.h"

#include <algorithm>

#include "base/limits.h"
#include "base/nearest.h"
#include "tools/load/byte_source.h"
#include "tools/shell/chart.h"
#include "tools/shell/error_text.h"
#include "tools/shell/statement_cut.h"
#include "tools/shell/statement_words.h"
#include "tools/shell/watch.h"

namespace tally {

namespace {

constexpr uint64_t kScriptBytesMax = 16 * limits::kMiB;
constexpr size_t kIncludeDepthMax = 16;

uint32_t line_of(std::string_view script, const char* place) {
  return 1 + static_cast<uint32_t>(std::count(script.data(), place, '\n'));
}

bool is_within(std::string_view piece, std::string_view text) {
  return piece.data() >= text.data() && piece.data() <= text.data() + text.size();
}

}  // namespace

Result<std::string> read_script(const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(auto source, open_byte_source(path));
  std::string text;
  Bytes buffer(64 * limits::kKiB);
  while (true) {
    TALLY_ASSIGN_OR_RETURN(size_t count, source->read(buffer));
    if (count == 0) return text;
    text += as_text(ByteSpan(buffer).first(count));
    if (text.size() > kScriptBytesMax) {
      return fail(Code::kLimitExceeded, source_name(path) + " is larger than " + human_bytes(kScriptBytesMax) +
                                            ", which is too much for a script");
    }
  }
}

MetaOutcome Shell::run_script(std::string_view text, const std::string& name) {
  const Place outer = std::exchange(place_, Place{.script = name, .text = text});
  MetaOutcome outcome = MetaOutcome::kGood;
  Unfinished unfinished = Unfinished::kNothing;
  size_t at = 0;
  while (outcome == MetaOutcome::kGood) {
    const auto cut = cut_statement(text, at, unfinished);
    if (!cut) break;
    at = cut->end;
    outcome = run_piece({cut->statement, cut->command});
  }
  // The last statement of a script needs no semicolon.
  if (outcome == MetaOutcome::kGood && unfinished != Unfinished::kNothing) {
    outcome = run_piece({trimmed(text.substr(at)), {}});
  }
  place_ = outer;
  return outcome;
}

std::string Shell::run_typed(std::string_view typed, MetaOutcome& outcome) {
  std::string text(typed);
  place_ = Place{.script = {}, .text = text, .typed = true, .first = true};
  outcome = MetaOutcome::kGood;
  size_t at = 0;
  while (outcome == MetaOutcome::kGood) {
    Unfinished unfinished = Unfinished::kNothing;
    const auto cut = cut_statement(text, at, unfinished);
    if (!cut) return unfinished == Unfinished::kNothing ? "" : text.substr(at);
    const MetaCommand* command = find_meta_command(parse_meta_line(cut->command).name);
    if (!cut->statement.empty() && !cut->command.empty() && (command == nullptr || !command->takes_statement)) {
      // The command runs now, and the statement goes on behind it.
      outcome = run_command({}, cut->command);
      text = text.substr(at, static_cast<size_t>(cut->command.data() - text.data()) - at) + text.substr(cut->end);
      place_.text = text;
      at = 0;
    } else {
      outcome = run_piece({cut->statement, cut->command});
      at = cut->end;
    }
    place_.first = false;
  }
  const std::string_view rest = trimmed(std::string_view(text).substr(std::min(at, text.size())));
  if (outcome == MetaOutcome::kFailed && !rest.empty()) console_.message("what stood behind it was not run");
  return "";
}

MetaOutcome Shell::run_piece(const Piece& piece) {
  if (!piece.command.empty()) return run_command(piece.statement, piece.command);
  return piece.statement.empty() ? MetaOutcome::kGood : run_statement(piece.statement);
}

MetaOutcome Shell::run_command(std::string_view statement, std::string_view line) {
  const MetaLine parsed = parse_meta_line(line);
  const std::string where = place_.script.empty() ? "" : script_place(line, 1);
  const MetaCommand* command = find_meta_command(parsed.name);
  if (command == nullptr) {
    const std::string near = did_you_mean(parsed.name, meta_command_names());
    return failed(where + "there is no command " + parsed.name + near + (near.empty() ? "; " : " ") + "\\? lists them");
  }
  if (!statement.empty() && !command->takes_statement) {
    if (run_statement(statement) != MetaOutcome::kGood) return MetaOutcome::kFailed;
    statement = {};
  }
  return command->run(*this, statement, parsed.words);
}

MetaOutcome Shell::run_statement(std::string_view sql) {
  const auto stream = writer_.stream(settings_);
  StatementAnswer answer = runner_.run(sql, stream.get());
  return settle(std::move(answer), sql, stream.get());
}

MetaOutcome Shell::run_statement_vertical(std::string_view sql) {
  const ShellSettings before = settings_;
  settings_.vertical = Vertical::kOn;
  const MetaOutcome outcome = run_statement(sql);
  settings_.vertical = before.vertical;
  return outcome;
}

void Shell::say_notice() {
  if (const std::string notice = runner_.session().take_notice(); !notice.empty()) console_.message(notice);
}

Status Shell::show(QueryResult result, double seconds, ResultStream* stream) {
  if (!result.handed_over) {
    const Status shown = writer_.show(result, seconds, settings_);
    if (!result.columns.empty()) keep(std::move(result));
    return shown;
  }
  const Status shown = writer_.end(*stream, result, seconds, settings_);
  keep(stream->take_kept());
  return shown;
}

void Shell::keep(std::optional<QueryResult> result) {
  last_was_too_large_ = !result;
  last_result_ = std::move(result);
}

MetaOutcome Shell::settle(StatementAnswer answer, std::string_view sql, ResultStream* stream) {
  say_notice();
  last_statement_ = sql;
  if (changes_tables(sql)) names_.forget();
  if (!answer.result) {
    if (stream != nullptr && !stream->written()) return failed(stream->written().error().message);
    if (answer.interrupted && answer.result.error().error.code == Code::kCancelled) {
      return failed("cancelled after " + duration_text(answer.seconds));
    }
    say_error(answer.result.error(), sql);
    return MetaOutcome::kFailed;
  }
  const Status shown = show(*std::move(answer.result), answer.seconds, stream);
  if (!shown) return failed(shown.error().message);
  return answer.interrupted ? MetaOutcome::kFailed : MetaOutcome::kGood;
}

std::string Shell::script_place(std::string_view piece, uint32_t line_in_piece) const {
  if (!is_within(piece, place_.text)) return place_.script + ": ";
  return place_.script + ":" + std::to_string(line_of(place_.text, piece.data()) + line_in_piece - 1) + ": ";
}

void Shell::say_error(const QueryError& error, std::string_view sql) {
  const bool within = is_within(sql, place_.text);
  if (!place_.typed) {
    const std::string where = place_.script.empty() ? "" : script_place(sql, error.position ? error.position->line : 1);
    const size_t offset = within ? static_cast<size_t>(sql.data() - place_.text.data()) : 0;
    console_.message(where + (within ? placed_in(error, place_.text, offset).render(place_.text) : error.render(sql)));
  } else {
    console_.message(
        error_text(error, {.text = within ? trimmed(place_.text) : sql,
                           .offset = within ? static_cast<size_t>(sql.data() - trimmed(place_.text).data()) : 0,
                           .is_above = within && place_.first && place_.text.find_first_not_of(' ') == 0,
                           .screen_width = terminal_size().columns}));
  }
}

MetaOutcome Shell::failed(std::string_view message) {
  if (!console_.output_failed()) console_.message(message);
  return MetaOutcome::kFailed;
}

MetaOutcome Shell::show_text(std::string_view text) {
  const Status shown = writer_.show_text(text, settings_);
  return shown ? MetaOutcome::kGood : failed(shown.error().message);
}

MetaOutcome Shell::describe(const std::string& table) {
  if (table.starts_with("system.")) {
    auto answer = runner_.run("SELECT * FROM " + table + " LIMIT 0");
    if (!answer.result) {
      answer.result = std::unexpected(without_place(std::move(answer.result).error()));
      return settle(std::move(answer), table);
    }
    QueryResult columns;
    columns.columns = {{.name = "column", .type = SqlType::kString, .scale = 0}};
    for (const ResultColumn& column : answer.result->columns) {
      Cell cell;
      cell.kind = Cell::Kind::kString;
      cell.text = column.name;
      columns.rows.push_back({std::move(cell)});
    }
    answer.result = std::move(columns);
    return settle(std::move(answer), table);
  }
  const std::string plain = table.ends_with(".raw") ? table.substr(0, table.size() - 4) : table;
  auto answer = runner_.run("DESCRIBE " + (plain.starts_with('"') ? plain : name_in_sql(plain)));
  if (answer.result && console_.output_is_terminal() && settings_.format == ResultFormat::kTable) {
    say_notice();
    return show_text(
        result_text(with_last_column_wrapped(*answer.result, terminal_size().columns), ResultFormat::kTable));
  }
  if (!answer.result) answer.result = std::unexpected(without_place(std::move(answer.result).error()));
  return settle(std::move(answer), plain);
}

MetaOutcome Shell::list_tables() {
  auto answer = runner_.run(
      "SELECT name AS \"table\", accepted - retracted AS events, dimensions, fields, measures FROM system.tables "
      "ORDER BY name");
  if (answer.result && answer.result->rows.empty()) {
    say_notice();
    return show_text("no tables yet: CREATE TABLE makes one, \\i FILE runs a script that does\n");
  }
  return settle(std::move(answer), "SHOW TABLES");
}

MetaOutcome Shell::chart(const std::vector<std::string>& words) {
  if (last_was_too_large_) {
    return failed("the last result had more than " + quantity(kStreamKeptRowsMax, "row") +
                  " and was not kept; \\chart draws smaller ones");
  }
  if (!last_result_) return failed("there is no result to draw yet: run a query first");
  const TerminalSize screen = terminal_size();
  ChartOptions options{.columns = words, .width = screen.columns, .height = screen.rows};
  if (!words.empty() && (words[0] == "line" || words[0] == "bars")) {
    options.kind = words[0] == "line" ? ChartKind::kLine : ChartKind::kBars;
    options.columns.erase(options.columns.begin());
  }
  const auto drawn = draw_chart(*last_result_, options);
  return drawn ? show_text(*drawn) : failed(drawn.error());
}

MetaOutcome Shell::watch(const std::string& sql, double seconds, uint64_t times) {
  last_statement_ = sql;
  auto ended = watch_statement({.runner = runner_, .console = console_, .writer = writer_, .settings = settings_}, sql,
                               seconds, times);
  say_notice();
  if (!ended) {
    say_error(ended.error(), sql);
    return MetaOutcome::kFailed;
  }
  if (*ended) keep(std::move(**ended));
  return console_.output_failed() ? MetaOutcome::kFailed : MetaOutcome::kGood;
}

MetaOutcome Shell::include(const std::string& path) {
  if (depth_ >= kIncludeDepthMax) return failed(path + ": scripts that include each other go too deep");
  auto text = read_script(path);
  if (!text) return failed(text.error().message);
  ++depth_;
  const MetaOutcome outcome = run_script(*text, source_name(path));
  --depth_;
  return outcome;
}

}  // namespace tally
