#include "tools/shell/result_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cmath>

#include "tools/shell/pager.h"
#include "tools/terminal_text.h"

namespace tally {

std::string duration_text(double seconds) {
  if (seconds < 0.0095) return fmt::format("{:.1f} ms", seconds * 1000);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  return human_seconds(seconds);
}

std::optional<ResultFormat> format_of_file(std::string_view path) {
  for (const std::string_view packed : {".gz", ".zst", ".lz4"}) {
    if (path.ends_with(packed)) path.remove_suffix(packed.size());
  }
  constexpr std::array<std::pair<std::string_view, ResultFormat>, 7> kEnds{{{".csv", ResultFormat::kCsv},
                                                                            {".tsv", ResultFormat::kTsv},
                                                                            {".json", ResultFormat::kJson},
                                                                            {".jsonl", ResultFormat::kJsonLines},
                                                                            {".ndjson", ResultFormat::kJsonLines},
                                                                            {".md", ResultFormat::kMarkdown},
                                                                            {".txt", ResultFormat::kTable}}};
  for (const auto& [end, format] : kEnds) {
    if (path.ends_with(end)) return format;
  }
  return std::nullopt;
}

std::string ResultWriter::text_of(const QueryResult& result, const ShellSettings& settings,
                                  const TerminalSize* screen) {
  ResultFormat format = settings.format;
  if (format == ResultFormat::kTable && settings.vertical == Vertical::kOn) format = ResultFormat::kVertical;
  if (format == ResultFormat::kTable && settings.vertical == Vertical::kAuto && screen != nullptr &&
      !result.rows.empty() && table_width(result, settings.style) > screen->columns) {
    format = ResultFormat::kVertical;
  }
  return result_text(result, format, settings.style);
}

std::string ResultWriter::last_line(const QueryResult& result, double seconds) {
  const uint64_t rows = result.handed_over ? result.stats.rows : result.rows.size();
  std::string text = "(" + quantity(rows, "row") + " in " + duration_text(seconds);
  const uint64_t read = result.stats.scan.rows_read;
  if (read > 0) {
    text += "; " + quantity(read, "row") + " read";
    if (seconds > 0)
      text += ", " + with_thousands(static_cast<uint64_t>(static_cast<double>(read) / seconds)) + " rows/s";
  }
  return text + ")";
}

Status ResultWriter::show(const QueryResult& result, double seconds, const ShellSettings& settings) {
  if (result.columns.empty()) {
    if (!result.message.empty()) console_.message(result.message);
    return {};
  }
  if (file_ != nullptr) {
    ShellSettings to_file = settings;
    to_file.format = format_of(settings);
    TALLY_TRY(file_->write(text_of(result, to_file, nullptr)));
  } else {
    const TerminalSize screen = terminal_size();
    TALLY_TRY(show_text(text_of(result, settings, console_.output_is_terminal() ? &screen : nullptr), settings));
  }
  if (settings.timing) console_.message(last_line(result, seconds));
  return {};
}

ResultFormat ResultWriter::format_of(const ShellSettings& settings) const {
  return file_ != nullptr && file_format_ ? *file_format_ : settings.format;
}

std::unique_ptr<ResultStream> ResultWriter::stream(const ShellSettings& settings) {
  const auto format = for_programs(format_of(settings));
  if (!format || (file_ == nullptr && console_.output_is_terminal())) return nullptr;
  if (file_ != nullptr) {
    return std::make_unique<ResultStream>(*format, [this](std::string_view text) { return file_->write(text); });
  }
  return std::make_unique<ResultStream>(*format, [this](std::string_view text) {
    return console_.stream(text) ? Status{} : fail(Code::kIoError, "the result could not be written");
  });
}

Status ResultWriter::end(ResultStream& stream, const QueryResult& result, double seconds,
                         const ShellSettings& settings) {
  if (!stream.finish()) return stream.written();
  if (settings.timing) console_.message(last_line(result, seconds));
  return {};
}

Status ResultWriter::show_text(std::string_view text, const ShellSettings& settings) {
  if (file_ != nullptr) return file_->write(text);
  const bool person = console_.output_is_terminal() && ::isatty(STDIN_FILENO) == 1;
  if (person && settings.pager && is_larger_than(text, terminal_size())) {
    const std::string command = pager_command();
    if (!command.empty()) {
      if (show_in_pager(command, terminal_lines(text))) return {};
      console_.message("the pager \"" + command +
                       "\" could not be started: PAGER names another, \\pager off does without");
    }
  }
  console_.result(text);
  return console_.output_failed() ? fail(Code::kIoError, "the result could not be written") : Status{};
}

Status ResultWriter::open_file(const std::string& path) {
  TALLY_TRY(close_file());
  if (fs_ == nullptr) fs_ = make_posix_file_system();
  TALLY_ASSIGN_OR_RETURN(file_, open_byte_sink(*fs_, path));
  file_format_ = format_of_file(path);
  return {};
}

Status ResultWriter::close_file() {
  if (file_ == nullptr) return {};
  Status closed = file_->close();
  file_.reset();
  return closed;
}

}  // namespace tally
