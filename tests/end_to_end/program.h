// Runs the program under test as a person does, and keeps what it said. TALLY_BINARY names it; ctest sets that.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "tests/support/temp_dir.h"

namespace tally {

struct Ran {
  int code = -1;  // exit code; 128 + signal when it was killed
  std::string out;
  std::string err;
};

inline std::string tally_binary() {
  const char* path = std::getenv("TALLY_BINARY");
  REQUIRE_MESSAGE(path != nullptr, "TALLY_BINARY names the program under test");
  return path;
}

class Workshop {
 public:
  std::string path(const std::string& name) const { return directory_.file(name); }
  std::string put(const std::string& name, const std::string& text) const {
    REQUIRE(write_file_atomic(*fs_, path(name), as_bytes(text)).has_value());
    return path(name);
  }
  std::string get(const std::string& name) const {
    auto bytes = read_whole_file(*fs_, path(name), 1 << 28);
    return bytes ? std::string(as_text(*bytes)) : "";
  }
  FileSystem& fs() const { return *fs_; }

  // Starts a program; its output goes to files of the workshop.
  pid_t start(const std::vector<std::string>& words, const std::string& input = "/dev/null") const {
    pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child != 0) return child;
    redirect(input, O_RDONLY, STDIN_FILENO);
    redirect(path(".out"), O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(path(".err"), O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  Ran finish(pid_t child) const {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), get(".out"), get(".err")};
  }
  Ran run(const std::vector<std::string>& words, const std::string& input = "/dev/null") const {
    return finish(start(words, input));
  }
  Ran tally(std::vector<std::string> words, const std::string& input = "/dev/null") const {
    words.insert(words.begin(), tally_binary());
    return run(words, input);
  }
  // The rows of a query as CSV, without the header.
  std::string ask(const std::string& data, const std::string& sql) const {
    Ran ran = tally({"sql", "--data", data, "--format", "csv", "-c", sql});
    CHECK_MESSAGE(ran.code == 0, ran.err);
    size_t header = ran.out.find('\n');
    return header == std::string::npos ? "" : ran.out.substr(header + 1);
  }

 private:
  static void redirect(const std::string& path, int flags, int to) {
    int file = ::open(path.c_str(), flags, 0600);
    if (file < 0 || ::dup2(file, to) < 0) ::_exit(126);
    ::close(file);
  }

  TempDir directory_;
  std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
};

}  // namespace tally
