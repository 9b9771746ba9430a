#include "tools/terminal_size.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/decimal.h"

namespace tally {

namespace {

void from_environment(const char* name, size_t& value) {
  const char* text = std::getenv(name);
  if (text == nullptr) return;
  const auto number = parse_int64(text);
  if (number && *number > 0 && *number < 10'000) value = static_cast<size_t>(*number);
}

}  // namespace

TerminalSize terminal_size() {
  for (const int file : {STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
      return {.rows = size.ws_row, .columns = size.ws_col};
    }
  }
  TerminalSize size;
  from_environment("LINES", size.rows);
  from_environment("COLUMNS", size.columns);
  return size;
}

}  // namespace tally
