#include "tools/shell/watch.h"

#include <algorithm>

#include "base/timestamp.h"
#include "tools/terminal_text.h"

namespace tally {

namespace {

// A piece of the screen that is drawn again in place.
class LiveArea {
 public:
  explicit LiveArea(Console& console) : console_(console) {}

  void draw(std::string_view text) {
    const TerminalSize screen = terminal_size();
    // A terminal that changed its size has broken the lines anew: nobody knows where they are.
    if (lines_ > 0 && (screen.columns != screen_.columns || screen.rows != screen_.rows)) {
      console_.control("\x1b[H\x1b[2J");
    } else if (lines_ > 0) {
      console_.control("\x1b[" + std::to_string(lines_) + "F\x1b[J");
    }
    screen_ = screen;
    lines_ = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    console_.result(text);
  }

 private:
  Console& console_;
  TerminalSize screen_;
  size_t lines_ = 0;
};

std::string head_line(double seconds) {
  const std::string time = format_timestamp(system_clock().wall_us()).substr(11, 8);
  std::string every = duration_text(seconds);
  if (every.ends_with(".00 s")) every.replace(every.size() - 5, 5, " s");
  return time + " UTC, every " + every + "; Ctrl-C ends\n";
}

// True: the time is over; false: somebody wants an end.
bool pause(SignalInbox& signals, TimeUs until_us) {
  while (true) {
    const TimeUs left_us = until_us - system_clock().boottime_us();
    if (signals.take_interrupt() || signals.ended()) return false;
    if (left_us <= 0) return true;
    signals.wait(left_us);
  }
}

bool may_pass(const QueryError& error) {
  return !error.position && (error.error.code == Code::kIoError || error.error.code == Code::kRetryLater);
}

}  // namespace

std::string fitted(std::string_view text, TerminalSize screen, size_t lines_max) {
  std::string out;
  size_t shown = 0;
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  for (size_t at = 0; at < text.size(); ++shown) {
    if (shown + 1 == lines_max && lines > lines_max) {
      return out + "... and " + quantity(lines - shown, "line") + " more\n";
    }
    const size_t end = std::min(text.find('\n', at), text.size());
    out += cropped(text.substr(at, end - at), screen.columns) + "\n";
    at = end + 1;
  }
  return out;
}

std::expected<std::optional<QueryResult>, QueryError> watch_statement(const WatchPlace& place, const std::string& sql,
                                                                      double seconds, uint64_t times) {
  const bool live = place.console.output_is_terminal() && !place.writer.has_file();
  LiveArea area(place.console);
  std::optional<QueryResult> last;
  for (uint64_t count = 0; times == 0 || count < times; ++count) {
    const TimeUs begun_us = system_clock().boottime_us();
    StatementAnswer answer = place.runner.run(sql);
    if (answer.interrupted) break;
    if (!answer.result && !may_pass(answer.result.error())) return std::unexpected(std::move(answer.result).error());
    if (live) {
      const TerminalSize screen = terminal_size();
      const std::string text = answer.result ? ResultWriter::text_of(*answer.result, place.settings, &screen)
                                             : terminal_text(answer.result.error().error.message) + "\n";
      std::string last_line;
      if (answer.result) last_line = ResultWriter::last_line(*answer.result, answer.seconds) + "\n";
      const size_t room = screen.rows > 6 ? screen.rows - 4 : 2;
      area.draw(fitted(head_line(seconds), screen, 1) + fitted(text, screen, room) + fitted(last_line, screen, 1));
    } else if (!answer.result) {
      place.console.message(answer.result.error().error.message);
    } else if (!place.writer.show(*answer.result, answer.seconds, place.settings)) {
      break;
    }
    if (answer.result) last = std::move(*answer.result);
    if (times != 0 && count + 1 == times) break;
    if (!pause(place.runner.signals(), begun_us + static_cast<TimeUs>(seconds * 1e6))) break;
  }
  return last;
}

}  // namespace tally
