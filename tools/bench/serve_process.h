// The server of `./dev bench serve`: a process of its own, made by running the benchmark's program again, so that its
// processor time and memory are its own. Threads: one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

namespace tally {

// In the child: serves the database in `directory` until SIGTERM, having written both addresses to the descriptor `tell`.
[[noreturn]] void run_bench_server(const std::string& directory, int tell);

class ServerProcess {
 public:
  explicit ServerProcess(const std::string& directory);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& address() const { return address_; }
  double cpu_seconds() const;
  uint64_t memory_bytes() const;       // resident now
  uint64_t peak_memory_bytes() const;  // resident, ever
  // What the operations listener says: "tally_memtable_rows" to its value, of the one table there is.
  std::map<std::string, double> metrics() const;
  void stop();  // in order; a server that fails ends the benchmark

 private:
  uint64_t status_bytes(const char* name) const;

  pid_t pid_ = 0;
  std::string address_;
  std::string ops_address_;
};

// Of all files under it, as the file system counts them.
uint64_t disk_bytes(const std::string& directory);

}  // namespace tally
