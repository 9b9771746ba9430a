// The shell as a person meets it, on a pseudo-terminal (shell_stories.py has the stories, pty_terminal.py the terminal).
#include "tests/end_to_end/program.h"

namespace tally {
namespace {

void tell(const char* story) {
  Workshop shop;
  Ran ran = shop.run({"python3", "-B", "tests/end_to_end/shell_stories.py", story, tally_binary(), shop.path("work")});
  CAPTURE(ran.out);
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.out.find("told\n") != std::string::npos);
}

TEST_CASE("shell: Tab completes words, tables, columns and values") { tell("completion"); }
TEST_CASE("shell: history brings back whole statements, of earlier shells too") { tell("history"); }
TEST_CASE("shell: Ctrl-C stops a long statement and not the shell, here and on a server") { tell("cancel"); }
TEST_CASE("shell: Ctrl-C while a line is drawn clears it, and no write is lost") { tell("interrupted_drawing"); }
TEST_CASE("shell: a window that changes its size") { tell("resize"); }
TEST_CASE("shell: a pasted script, marked as a paste and not") { tell("paste"); }
TEST_CASE("shell: a server that dies and comes back") { tell("dead_server"); }
TEST_CASE("shell: a statement watched, through a restart of its server") { tell("watch"); }
TEST_CASE("shell: commands, settings, files, errors, hostile text") { tell("commands"); }
TEST_CASE("shell: the pager") { tell("pager"); }
TEST_CASE("shell: formats, exit codes and readers that leave, in a pipe") { tell("pipes"); }
TEST_CASE("shell: a long statement says how far it is") { tell("statement_progress"); }
TEST_CASE("shell: a polite kill and a terminal that goes away") { tell("ended"); }
TEST_CASE("shell: load and generate show progress on a terminal alone") { tell("progress"); }
TEST_CASE("shell: what docs/SHELL.md shows is what happens") { tell("transcripts"); }

TEST_CASE("shell: every command's help has an example, and wrong words get the nearest") {
  Workshop shop;
  for (const char* command :
       {"init", "serve", "sql", "load", "generate", "retract", "check", "inspect", "backup", "restore"}) {
    CAPTURE(command);
    Ran help = shop.tally({command, "--help"});
    CHECK(help.code == 0);
    CHECK(help.out.find("Example") != std::string::npos);
    CHECK(help.out.find("  tally " + std::string(command) + " ") != std::string::npos);
  }
  const struct {
    std::vector<std::string> words;
    const char* said;
  } cases[] = {
      {{"slq"}, "there is no command \"slq\", did you mean \"sql\"?"},
      {{"generat"}, "did you mean \"generate\"?"},
      {{"sql", "--sever", "x"}, "there is no option --sever, did you mean \"--server\"?"},
      {{"load", "--tabel=x"}, "there is no option --tabel, did you mean \"--table\"?"},
      {{"check", "a", "b"}, "\"b\" is one argument too many"},
      {{"sql", "--data", "x", "--format", "jsnl"}, "there is no format \"jsnl\", did you mean \"jsonl\"?"},
  };
  for (const auto& given : cases) {
    CAPTURE(std::string(given.said));
    Ran ran = shop.tally(given.words);
    CHECK(ran.code == 2);
    CHECK(ran.err.find(given.said) != std::string::npos);
  }
}

}  // namespace
}  // namespace tally
