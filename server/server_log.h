// The server's log: a line an event, on standard error, as text or as JSON, each with named values: connection, peer, batch,
// table. No data of rows or statements is ever in it (C14). Threads: any.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace tally {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
LogLevel parse_log_level(std::string_view name);  // of the settings' choices

struct LogValue {
  std::string_view name;
  std::string value;
};

class ServerLog {
 public:
  ServerLog(LogLevel level, bool json, Clock& clock);
  ~ServerLog();
  void write(LogLevel level, std::string_view message, std::initializer_list<LogValue> values = {});
  void debug(std::string_view message, std::initializer_list<LogValue> values = {}) {
    write(LogLevel::kDebug, message, values);
  }
  void info(std::string_view message, std::initializer_list<LogValue> values = {}) {
    write(LogLevel::kInfo, message, values);
  }
  void warn(std::string_view message, std::initializer_list<LogValue> values = {}) {
    write(LogLevel::kWarn, message, values);
  }
  void error(std::string_view message, std::initializer_list<LogValue> values = {}) {
    write(LogLevel::kError, message, values);
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One line without its end, as write() makes it.
std::string format_log_line(bool json, TimeUs time_us, LogLevel level, std::string_view message,
                            std::initializer_list<LogValue> values);

}  // namespace tally
