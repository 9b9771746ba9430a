#include <doctest/doctest.h>

#include <set>

#include "query/sql_error.h"
#include "tests/support/temp_dir.h"
#include "tools/shell/error_text.h"
#include "tools/shell/history_file.h"
#include "tools/shell/meta_commands.h"
#include "tools/shell/pager.h"
#include "tools/shell/prompt.h"
#include "tools/shell/statement_runner.h"
#include "tools/shell/statement_words.h"
#include "tools/shell/watch.h"
#include "tools/terminal_text.h"

namespace tally {
namespace {

TEST_CASE("commands: the words of a line") {
  const MetaLine line = parse_meta_line("\\o 'my file.csv'  x;");
  CHECK(line.name == "\\o");
  CHECK(line.words == std::vector<std::string>{"my file.csv", "x"});
  CHECK(parse_meta_line("\\q ; ").name == "\\q");
  CHECK(parse_meta_line("").name.empty());
}

TEST_CASE("commands: every one is found, named once, explained, and \\? fits 80 columns") {
  std::set<std::string> names;
  for (const MetaCommand& command : meta_commands()) {
    CHECK(names.insert(std::string(command.name)).second);
    CHECK(find_meta_command(command.name) == &command);
    CHECK((command.run != nullptr));
    CHECK(meta_help().find(std::string(command.name) + " ") != std::string::npos);
    CHECK(meta_help().find(command.help) != std::string::npos);
  }
  for (const char* wanted :
       {"\\d", "\\dt", "\\timing", "\\watch", "\\x", "\\o", "\\i", "\\format", "\\chart", "\\q", "\\?"}) {
    CHECK(names.contains(wanted));
  }
  CHECK(find_meta_command("\\G") == find_meta_command("\\gx"));
  CHECK(find_meta_command("\\nope") == nullptr);
  CHECK_FALSE(is_larger_than(meta_help(), {.rows = 100, .columns = 80}));
}

TEST_CASE("commands: what the first word says of a statement") {
  CHECK(only_reads("-- why\n select 1"));
  CHECK(only_reads("EXPLAIN SELECT 1"));
  CHECK_FALSE(only_reads("ALTER TABLE a ADD FIELD b STRING"));
  CHECK_FALSE(only_reads("'"));
  CHECK(changes_tables("create table a"));
  CHECK_FALSE(changes_tables("\"create\""));
}

TEST_CASE("prompt: says what the text waits for, in the same width") {
  const std::pair<const char*, const char*> cases[] = {{"", "tally> "},          {"SELECT", "  ...> "},
                                                       {"SELECT 'x", " ...'> "}, {"SELECT \"x", " ...\"> "},
                                                       {"/* x", " ...*> "},      {"SELECT 1; ", "tally> "}};
  for (const auto& [text, prompt] : cases) {
    CAPTURE(text);
    CHECK(prompt_for(text) == prompt);
    CHECK(prompt_for(text).size() == kPromptWidth);
  }
}

QueryError error_at(std::string_view sql, std::string_view word) {
  const auto offset = static_cast<uint32_t>(sql.find(word));
  return {.error = {Code::kInvalidArgument, "wrong"}, .position = SourcePosition{.offset = offset}};
}

TEST_CASE("error: a caret under what was typed, behind the prompt") {
  CHECK(error_text(error_at("SELECT x", "x"), {.text = "SELECT x;", .is_above = true}) == "              ^\nwrong");
  CHECK(error_text(error_at("SELECT '漢', x", "x"), {.text = "SELECT '漢', x;", .is_above = true}) ==
        std::string(7 + 13, ' ') + "^\nwrong");
  CHECK(error_text({.error = {Code::kIoError, "gone"}, .position = {}}, {.text = "SELECT 1"}) == "gone");
}

TEST_CASE("error: the line of a longer text, with its number") {
  const std::string sql = "SELECT 1,\n  contry\nFROM ads";
  CHECK(error_text(error_at(sql, "contry"), {.text = sql, .is_above = true}) == "   2 |   contry\n         ^\nwrong");
  const std::string two = "SELECT 1; SELECT nope";
  CHECK(error_text(error_at("SELECT nope", "nope"), {.text = two, .offset = 10}) ==
        "   1 | SELECT 1; SELECT nope\n                        ^\nwrong");
}

TEST_CASE("error: the place in the message is that in the text in which the statement stands") {
  const auto said = [](std::string_view text, std::string_view statement, std::string_view word, std::string hint) {
    const auto offset = static_cast<uint32_t>(statement.find(word));
    const SourcePosition position = locate(statement, offset);
    return placed_in(
        {.error = {Code::kInvalidArgument, "no \"" + std::string(word) + "\" at " + std::to_string(position.line) +
                                               ":" + std::to_string(position.column) + hint},
         .position = position},
        text, text.find(statement));
  };
  const QueryError second = said("SELECT 1; SELECT foo;", "SELECT foo", "foo", ", did you mean \"fo\"?");
  CHECK(second.error.message == "no \"foo\" at 1:18, did you mean \"fo\"?");
  CHECK(second.position->column == 18);
  CHECK(said("SELECT 'ä';\n\nSELECT a,\n  foo", "SELECT a,\n  foo", "foo", "").error.message == "no \"foo\" at 4:3");
  CHECK(said("SELECT 1; SELECT ä, foo", "SELECT ä, foo", "foo", "").error.message == "no \"foo\" at 1:21");
  const QueryError hidden = without_place(said("DESCRIBE foo", "DESCRIBE foo", "foo", ", did you mean \"fo\"?"));
  CHECK(hidden.error.message == "no \"foo\", did you mean \"fo\"?");
  CHECK_FALSE(hidden.position.has_value());
}

TEST_CASE("error: a line wider than the screen is shown around the place, and control characters as escapes") {
  const std::string sql = "SELECT " + std::string(200, 'a') + ", nope, b";
  const std::string shown = error_text(error_at(sql, "nope"), {.text = sql, .is_above = true, .screen_width = 60});
  const size_t first = shown.find('\n'), second = shown.find('\n', first + 1);
  CHECK(display_width(shown.substr(0, first)) <= 60);
  const size_t caret = second - first - 2;
  CHECK(shown.substr(caret, 4) == "nope");
  CHECK(error_text(error_at("SELECT '\x1b[2J', x", "x"), {.text = "SELECT '\x1b[2J', x"}).find('\x1b') ==
        std::string::npos);
}

TEST_CASE("history: entries of several lines, kept across shells, private") {
  TempDir directory;
  const std::string path = directory.file("history");
  HistoryFile one(path), other(path);
  CHECK(one.load()->empty());
  const std::vector<std::string> entries{"SELECT 1;", "SELECT 'a\\b',\n  'c';", "\\d ads"};
  CHECK(one.append(entries[0]));
  CHECK(other.append(entries[1]));
  CHECK(one.append(" SELECT 'a secret';"));
  CHECK(one.append(entries[2]));
  CHECK(*HistoryFile(path).load() == entries);
  for (const std::string& entry : entries) CHECK(history_entry(history_line(entry)) == entry);
}

TEST_CASE("history: the oldest go when a shell starts, and no path keeps nothing") {
  TempDir directory;
  HistoryFile file(directory.file("history"));
  std::string all;
  for (size_t i = 0; i < kHistoryEntriesMax + 5; ++i) all += std::to_string(i) + "\n";
  REQUIRE(write_file_atomic(*make_posix_file_system(), directory.file("history"), as_bytes(all)));
  CHECK(file.load()->size() == kHistoryEntriesMax);
  CHECK(file.load()->front() == "5");
  HistoryFile none("");
  CHECK(none.append("SELECT 1"));
  CHECK(none.load()->empty());
  HistoryFile nowhere(directory.file("no/such/directory"));
  CHECK_FALSE(nowhere.append("SELECT 1"));
  CHECK(nowhere.append("said once"));
}

TEST_CASE("pager: what is larger than the screen") {
  const TerminalSize screen{.rows = 4, .columns = 10};
  CHECK_FALSE(is_larger_than("1\n2\n3\n", screen));
  CHECK(is_larger_than("1\n2\n3\n4\n", screen));
  CHECK_FALSE(is_larger_than("0123456789\n", screen));
  CHECK(is_larger_than("01234567890\n", screen));
  CHECK_FALSE(is_larger_than("漢字漢字漢\n", screen));
  CHECK(is_larger_than("漢字漢字漢字\n", screen));
  CHECK_FALSE(is_larger_than("", screen));
}

TEST_CASE("watch: fits the screen and says what is left out") {
  const TerminalSize screen{.rows = 10, .columns = 5};
  CHECK(fitted("abcdefgh\nb\n", screen, 3) == "abcd…\nb\n");
  CHECK(fitted("a\nb\nc\n", screen, 3) == "a\nb\nc\n");
  CHECK(fitted("a\nb\nc\nd\n", screen, 3) == "a\nb\n... and 2 lines more\n");
}

TEST_CASE("progress: rows read, rate, time") {
  CHECK(progress_line(12'000'000, 2.5) == "12,000,000 rows read, 4,800,000 rows/s, 2.50 s; Ctrl-C cancels");
  CHECK(progress_line(0, 3) == "3.00 s; Ctrl-C cancels");
}

}  // namespace
}  // namespace tally
