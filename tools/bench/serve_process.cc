#include "tools/bench/serve_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server/listen_address.h"
#include "server/server.h"
#include "tools/bench/ad_database.h"

extern char** environ;

namespace tally {
namespace {

constexpr uint64_t kRememberedIdsMax = 1'000'000'000;  // ten minutes bring more than the default

[[noreturn]] void stop_bench(const std::string& what) { stop_bench(what, Error{Code::kInternal, "cannot go on"}); }

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t got; (got = ::read(descriptor, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

// GET over a connection of its own; the body.
std::string http_get(const std::string& address, const char* path) {
  const ListenAddress where = need(parse_listen_address(address), "address");
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(where.port);
  ::inet_pton(AF_INET, where.host.c_str(), &to.sin_addr);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) stop_bench("metrics");
  const std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
  if (::write(socket, request.data(), request.size()) < 0) stop_bench("metrics");
  std::string answer = read_all(socket);
  ::close(socket);
  const size_t body = answer.find("\r\n\r\n");
  return body == std::string::npos ? "" : answer.substr(body + 4);
}

}  // namespace

void run_bench_server(const std::string& directory, int tell) {
  auto fs = make_posix_file_system();
  Clock& clock = system_clock();
  auto settings = need(SettingsTable::load(*fs, "", process_environment()), "settings");
  need(settings.set("listen.tcp", "127.0.0.1:0", SettingSource::kCommandLine), "settings");
  need(settings.set("listen.ops", "127.0.0.1:0", SettingSource::kCommandLine), "settings");
  ServerLog log(LogLevel::kError, false, clock);
  {
    DatabaseOptions options;
    options.table.shards = static_cast<uint32_t>(settings.settings().storage.shards);
    options.table.memtable_bytes_max = settings.settings().storage.memtable_bytes;
    options.table.remembered_ids_max = kRememberedIdsMax;
    options.block_cache_bytes = settings.settings().storage.block_cache_bytes;
    auto database = need(Database::open(*fs, clock, directory, options), "open");
    Server server(settings, clock, log, "bench");
    need(server.start(), "start");
    need(need(database->table(kAdEventsTable), "table")->prepare_writes(), "prepare");
    need(server.serve(*database), "serve");
    const std::string addresses = server.tcp_address() + " " + server.ops_address() + "\n";
    if (::write(tell, addresses.data(), addresses.size()) < 0) std::_Exit(1);
    ::close(tell);
    server.wait_for_stop();
    server.stop();
    need(database->close(), "close");
  }
  std::_Exit(0);
}

ServerProcess::ServerProcess(const std::string& directory) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) stop_bench("pipe");
  ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  const std::string tell = std::to_string(ends[1]);
  const char* words[] = {"bench_serve", "--server", directory.c_str(), tell.c_str(), nullptr};
  if (::posix_spawn(&pid_, "/proc/self/exe", nullptr, nullptr, const_cast<char**>(words), environ) != 0) {
    stop_bench("the server's process");
  }
  ::close(ends[1]);
  const std::string said = read_all(ends[0]);
  ::close(ends[0]);
  const size_t space = said.find(' ');
  if (space == std::string::npos) stop_bench("the server did not come up");
  address_ = said.substr(0, space);
  ops_address_ = said.substr(space + 1, said.size() - space - 2);
}

ServerProcess::~ServerProcess() {
  if (pid_ != 0) stop();
}

void ServerProcess::stop() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  if (status != 0) stop_bench("the server ended with status " + std::to_string(status));
}

double ServerProcess::cpu_seconds() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/stat");
  std::string line;
  std::getline(in, line);
  line.erase(0, line.rfind(')') + 2);  // what stands before may hold spaces (proc(5))
  uint64_t ticks = 0;
  for (int field = 3; field <= 15 && !line.empty(); ++field) {
    if (field >= 14) ticks += std::strtoull(line.c_str(), nullptr, 10);
    line.erase(0, line.find(' ') + 1);
  }
  return static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

uint64_t ServerProcess::status_bytes(const char* name) const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
  const std::string wanted = name;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(wanted)) return std::strtoull(line.c_str() + wanted.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

uint64_t ServerProcess::memory_bytes() const { return status_bytes("VmRSS"); }
uint64_t ServerProcess::peak_memory_bytes() const { return status_bytes("VmHWM"); }

std::map<std::string, double> ServerProcess::metrics() const {
  std::map<std::string, double> values;
  std::string page = http_get(ops_address_, "/metrics");
  for (size_t at = 0; at < page.size();) {
    const size_t end = std::min(page.find('\n', at), page.size());
    const std::string line = page.substr(at, end - at);
    at = end + 1;
    if (line.empty() || line.front() == '#') continue;
    const size_t space = line.rfind(' ');
    std::string name = line.substr(0, space);
    if (const size_t label = name.find("{table=\"ad_events\"}"); label != std::string::npos) name.resize(label);
    values[name] = std::strtod(line.c_str() + space, nullptr);
  }
  return values;
}

uint64_t disk_bytes(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, ignored)) {
    struct stat status{};
    if (::stat(entry.path().c_str(), &status) == 0) bytes += static_cast<uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace tally
