#include "tools/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "tools/terminal_size.h"
#include "tools/terminal_text.h"
#include "tools/whole_writes.h"

namespace tally {

Console::Console()
    : output_is_terminal_(::isatty(STDOUT_FILENO) == 1), messages_are_terminal_(::isatty(STDERR_FILENO) == 1) {}

void Console::result(std::string_view text) {
  end_progress();
  if (!output_is_terminal_) {
    write_out(text);
  } else {
    const std::string drawn = std::exchange(controls_, {}) + terminal_lines(text);
    keep_outcome(std::fflush(stdout) == 0 && write_whole(STDOUT_FILENO, drawn));
  }
}

bool Console::stream(std::string_view text) { return !output_failed() && write_out(text); }

bool Console::write_out(std::string_view text) {
  return keep_outcome(std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0);
}

bool Console::keep_outcome(bool written) {
  if (!written && output_errno_ == 0) output_errno_ = errno;
  return written;
}

void Console::write_message(std::string_view text) {
  if (messages_are_terminal_) {
    write_whole(STDERR_FILENO, text);
  } else {
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
}

void Console::message(std::string_view line) {
  const std::lock_guard lock(stderr_mutex_);
  wipe_progress();
  std::string text = messages_are_terminal_ ? terminal_lines(line) : std::string(line);
  text += '\n';
  std::fflush(stdout);
  write_message(text);
}

void Console::progress(std::string_view line) {
  if (!messages_are_terminal_) return;
  const std::lock_guard lock(stderr_mutex_);
  write_message("\r" + cropped(terminal_text(line), terminal_size().columns - 1) + "\033[K");
  progress_shown_ = true;
}

void Console::end_progress() {
  const std::lock_guard lock(stderr_mutex_);
  wipe_progress();
}

void Console::wipe_progress() {
  if (!progress_shown_) return;
  write_message("\r\033[K");
  progress_shown_ = false;
}

void Console::control(std::string_view sequence) {
  if (output_is_terminal_) controls_ += sequence;
}

std::string human_seconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.2f} s", seconds);
  auto whole = static_cast<uint64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace tally
