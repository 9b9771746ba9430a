// Puts results where they belong: on the terminal (through the pager where they are longer than the screen), into a pipe, or
// into the file of \o. Threads: one.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "tools/console.h"
#include "tools/generate/byte_sink.h"
#include "tools/shell/result_stream.h"
#include "tools/shell/shell_settings.h"
#include "tools/terminal_size.h"

namespace tally {

class ResultWriter {
 public:
  explicit ResultWriter(Console& console) : console_(console) {}

  // The rows, or the message of a statement without rows, then the last line.
  Status show(const QueryResult& result, double seconds, const ShellSettings& settings);
  Status show_text(std::string_view text, const ShellSettings& settings);  // a chart, a list

  // Where the rows of the next answer can go while it is made: into a file or a pipe, in a format for programs. Null: they are to
  // be shown when they are there. The writer must outlive it.
  std::unique_ptr<ResultStream> stream(const ShellSettings& settings);
  // The rest of what went to the stream, and the last line.
  Status end(ResultStream& stream, const QueryResult& result, double seconds, const ShellSettings& settings);

  // Results go to this file from now on, in the format of its name (x.csv, x.json.gz) where it tells one.
  Status open_file(const std::string& path);
  Status close_file();  // nothing where none is open
  bool has_file() const { return file_ != nullptr; }

  // How the rows look, on a screen of that size.
  static std::string text_of(const QueryResult& result, const ShellSettings& settings, const TerminalSize* screen);
  // "(24 rows in 12 ms; 40,000 rows read, 3,333,333 rows/s)"
  static std::string last_line(const QueryResult& result, double seconds);

 private:
  ResultFormat format_of(const ShellSettings& settings) const;

  Console& console_;
  std::unique_ptr<FileSystem> fs_;
  std::unique_ptr<ByteSink> file_;
  std::optional<ResultFormat> file_format_;
};

std::string duration_text(double seconds);  // 12 ms, 1.25 s, 2 min 5 s
std::optional<ResultFormat> format_of_file(std::string_view path);

}  // namespace tally
