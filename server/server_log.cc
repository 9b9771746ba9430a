#include "server/server_log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/timestamp.h"

namespace tally {
namespace {

constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error"};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: break;
  }
  return spdlog::level::err;
}

// Inside quotes, for both forms; what is no printable ASCII or UTF-8 text is escaped, so that a line stays a line.
void append_quoted(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

bool plain(std::string_view text) {
  for (char c : text) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F) return false;
  }
  return !text.empty();
}

}  // namespace

LogLevel parse_log_level(std::string_view name) {
  for (size_t i = 0; i < std::size(kLevels); ++i) {
    if (kLevels[i] == name) return static_cast<LogLevel>(i);
  }
  return LogLevel::kInfo;
}

std::string format_log_line(bool json, TimeUs time_us, LogLevel level, std::string_view message,
                            std::initializer_list<LogValue> values) {
  std::string line;
  const std::string_view name = kLevels[static_cast<size_t>(level)];
  if (json) {
    line = "{\"time\":\"" + format_timestamp(time_us) + "\",\"level\":\"" + std::string(name) + "\",\"message\":";
    append_quoted(message, line);
    for (const LogValue& value : values) {
      line += ",\"" + std::string(value.name) + "\":";
      append_quoted(value.value, line);
    }
    return line + "}";
  }
  line = format_timestamp(time_us) + " " + std::string(name) + std::string(6 - name.size(), ' ') + std::string(message);
  for (const LogValue& value : values) {
    line += " " + std::string(value.name) + "=";
    if (plain(value.value)) {
      line += value.value;
    } else {
      append_quoted(value.value, line);
    }
  }
  return line;
}

struct ServerLog::Impl {
  bool json;
  Clock& clock;
  spdlog::logger logger;
};

ServerLog::ServerLog(LogLevel level, bool json, Clock& clock)
    : impl_(new Impl{json, clock, spdlog::logger("tally", std::make_shared<spdlog::sinks::stderr_sink_mt>())}) {
  impl_->logger.set_pattern("%v");
  impl_->logger.set_level(spdlog_level(level));
  impl_->logger.flush_on(spdlog::level::debug);
}
ServerLog::~ServerLog() = default;

void ServerLog::write(LogLevel level, std::string_view message, std::initializer_list<LogValue> values) {
  if (!impl_->logger.should_log(spdlog_level(level))) return;
  impl_->logger.log(spdlog_level(level), "{}",
                    format_log_line(impl_->json, impl_->clock.wall_us(), level, message, values));
}

}  // namespace tally
