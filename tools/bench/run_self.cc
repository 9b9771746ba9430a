#include "tools/bench/run_self.h"

#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>

namespace tally {

void run_self(const char* program, const std::vector<std::string>& arguments) {
  std::vector<char*> words{const_cast<char*>(program)};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  int status = posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, words.data(), environ);
  if (status == 0) (void)waitpid(child, &status, 0);
  if (status == 0) return;
  std::fprintf(stderr, "bench: the process for %s failed\n", arguments.front().c_str());
  std::exit(1);
}

}  // namespace tally
