#include "tests/differential/duckdb_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

extern char** environ;

namespace tally::reference {
namespace {

class DuckDb final : public Elsewhere {
 public:
  DuckDb(pid_t process, FILE* to, FILE* from) : process_(process), to_(to), from_(from) {}
  ~DuckDb() override {
    std::fclose(to_);  // the end of its input ends it
    std::fclose(from_);
    int status = 0;
    waitpid(process_, &status, 0);
  }
  DuckDb(const DuckDb&) = delete;
  DuckDb& operator=(const DuckDb&) = delete;

  std::expected<Rows, std::string> run(const std::string& sql) override {
    std::fputs(sql.c_str(), to_);
    std::fputc('\n', to_);
    std::fflush(to_);
    std::string head;
    if (!read_line(head)) return std::unexpected("DuckDB is gone");
    if (!head.starts_with("ok ")) return std::unexpected(head.starts_with("error ") ? head.substr(6) : head);
    Rows rows(std::strtoull(head.c_str() + 3, nullptr, 10));
    for (auto& row : rows) {
      std::string line;
      if (!read_line(line)) return std::unexpected("DuckDB is gone");
      row = cells_of(line);
    }
    return rows;
  }

 private:
  bool read_line(std::string& line) {
    line.clear();
    for (int c = std::fgetc(from_); c != EOF; c = std::fgetc(from_)) {
      if (c == '\n') return true;
      line += static_cast<char>(c);
    }
    return false;
  }

  static std::vector<std::optional<std::string>> cells_of(const std::string& line) {
    std::vector<std::optional<std::string>> cells;
    for (size_t at = 0; at <= line.size();) {
      const size_t end = std::min(line.find('\t', at), line.size());
      const std::string cell = line.substr(at, end - at);
      at = end + 1;
      if (cell == "\\N") {
        cells.emplace_back();
        continue;
      }
      std::string text;
      for (size_t i = 0; i < cell.size(); ++i) {
        const bool escaped = cell[i] == '\\' && i + 1 < cell.size();
        if (!escaped) {
          text += cell[i];
          continue;
        }
        const char c = cell[++i];
        text += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
      }
      cells.emplace_back(std::move(text));
    }
    return cells;
  }

  const pid_t process_;
  FILE* to_;
  FILE* from_;
};

}  // namespace

std::expected<std::unique_ptr<Elsewhere>, std::string> start_duckdb(const std::string& modules) {
  std::signal(SIGPIPE, SIG_IGN);
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) return std::unexpected("no pipe could be made");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  std::string program = "node", script = "tests/differential/duckdb.mjs", place = modules;
  char* arguments[] = {program.data(), script.data(), place.data(), nullptr};
  pid_t process = 0;
  const int failed = posix_spawnp(&process, "node", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(to[0]);
  close(from[1]);
  if (failed != 0) return std::unexpected("node could not be started");
  auto duckdb = std::make_unique<DuckDb>(process, fdopen(to[1], "w"), fdopen(from[0], "r"));
  auto hello = duckdb->run("SELECT 1");
  if (!hello) return std::unexpected("DuckDB does not answer: " + hello.error());
  return duckdb;
}

}  // namespace tally::reference
