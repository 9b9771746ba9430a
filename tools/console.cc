#include "tools/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "tools/terminal_size.h"
#include "tools/terminal_text.h"

namespace tally {

Console::Console()
    : output_is_terminal_(::isatty(STDOUT_FILENO) == 1), messages_are_terminal_(::isatty(STDERR_FILENO) == 1) {}

void Console::result(std::string_view text) {
  end_progress();
  const std::string safe = output_is_terminal_ ? terminal_lines(text) : std::string();
  write_out(output_is_terminal_ ? safe : text);
}

bool Console::stream(std::string_view text) { return !output_failed() && write_out(text); }

bool Console::write_out(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written && output_errno_ == 0) output_errno_ = errno;
  return written;
}

void Console::message(std::string_view line) {
  const std::lock_guard lock(stderr_mutex_);
  wipe_progress();
  std::string text = messages_are_terminal_ ? terminal_lines(line) : std::string(line);
  text += '\n';
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Console::progress(std::string_view line) {
  if (!messages_are_terminal_) return;
  const std::lock_guard lock(stderr_mutex_);
  std::string text = "\r" + cropped(terminal_text(line), terminal_size().columns - 1) + "\033[K";
  std::fwrite(text.data(), 1, text.size(), stderr);
  progress_shown_ = true;
}

void Console::end_progress() {
  const std::lock_guard lock(stderr_mutex_);
  wipe_progress();
}

void Console::wipe_progress() {
  if (!progress_shown_) return;
  std::fputs("\r\033[K", stderr);
  progress_shown_ = false;
}

void Console::control(std::string_view sequence) {
  if (!output_is_terminal_) return;
  end_progress();
  std::fwrite(sequence.data(), 1, sequence.size(), stdout);
}

std::string human_seconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.2f} s", seconds);
  auto whole = static_cast<uint64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace tally
