#include "server/settings.h"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <span>
#include <variant>

#include "base/nearest.h"
#include "server/listen_address.h"
#include "server/settings_toml.h"

namespace tally {
namespace {

using Place = std::variant<std::string* (*)(Settings&), uint64_t* (*)(Settings&), TimeUs* (*)(Settings&)>;

struct Definition {
  std::string_view name;
  SettingKind kind;
  Place place;
  uint64_t min;  // of a text: 1, it is not empty
  uint64_t max;
  bool reloadable;
  std::string_view choices;  // of a text: words separated by spaces; empty: any
  std::string_view meaning;
};

constexpr uint64_t kForever = 366ull * 24 * 3600 * kMicrosPerSecond;

template <auto Section, auto Member>
constexpr Place text_at() {
  return Place{+[](Settings& s) -> std::string* { return &(s.*Section.*Member); }};
}
template <auto Section, auto Member>
constexpr Place number_at() {
  return Place{+[](Settings& s) -> uint64_t* { return &(s.*Section.*Member); }};
}
template <auto Section, auto Member>
constexpr Place time_at() {
  return Place{+[](Settings& s) -> TimeUs* { return &(s.*Section.*Member); }};
}

using S = Settings;
const std::array kDefinitions = {
    Definition{"listen.tcp", SettingKind::kAddress, text_at<&S::listen, &S::Listen::tcp>(), 1, 0, false, "",
               "address and port of the protocol of server/PROTOCOL.md; port 0: one that is free"},
    Definition{"listen.ops", SettingKind::kAddress, text_at<&S::listen, &S::Listen::ops>(), 0, 0, false, "",
               "address and port of metrics and health; empty: none"},
    Definition{"server.workers", SettingKind::kNumber, number_at<&S::server, &S::Server::workers>(), 0,
               limits::kWorkersMax, false, "", "threads that check and decode batches; 0: one a core"},
    Definition{"limits.connections", SettingKind::kNumber, number_at<&S::limits, &S::Limits::connections>(), 1,
               1'000'000, false, "", "at once"},
    Definition{"limits.silent_connections", SettingKind::kNumber,
               number_at<&S::limits, &S::Limits::silent_connections>(), 1, 1'000'000, false, "",
               "of those, that have not said HELLO yet"},
    Definition{"limits.connections_per_address", SettingKind::kNumber,
               number_at<&S::limits, &S::Limits::connections_per_address>(), 1, 1'000'000, false, "",
               "from one address, or one network of 64 bits in IPv6"},
    Definition{"limits.credits", SettingKind::kNumber, number_at<&S::limits, &S::Limits::credits>(), 1, 1'024, false,
               "", "batches that one connection may have sent and not answered"},
    Definition{"limits.ingest_bytes", SettingKind::kBytes, number_at<&S::limits, &S::Limits::ingest_bytes>(),
               limits::kBatchDataMax + limits::kBatchFieldsMax, 1ull << 40, false, "",
               "of batches received and not answered, all connections together"},
    Definition{"limits.queries_running", SettingKind::kNumber, number_at<&S::limits, &S::Limits::queries_running>(), 1,
               1'024, false, "", "statements at once"},
    Definition{"limits.queries_waiting", SettingKind::kNumber, number_at<&S::limits, &S::Limits::queries_waiting>(), 0,
               100'000, false, "", "statements behind them; more are answered busy"},
    Definition{"limits.query_time", SettingKind::kDuration, time_at<&S::limits, &S::Limits::query_time>(), 1'000,
               kForever, false, "", "for computing an answer; a statement may ask for less"},
    Definition{"limits.answer_time", SettingKind::kDuration, time_at<&S::limits, &S::Limits::answer_time>(), 1'000,
               kForever, false, "", "that making an answer may wait, in all, for a client to read it"},
    Definition{"limits.query_bytes", SettingKind::kBytes, number_at<&S::limits, &S::Limits::query_bytes>(),
               limits::kMiB, 1ull << 40, false, "", "of memory that one statement may take"},
    Definition{"limits.hello_time", SettingKind::kDuration, time_at<&S::limits, &S::Limits::hello_time>(), 1'000,
               kForever, false, "", "from connecting to HELLO"},
    Definition{"limits.frame_time", SettingKind::kDuration, time_at<&S::limits, &S::Limits::frame_time>(), 1'000,
               kForever, false, "", "from the first byte of a frame to its last"},
    Definition{"limits.idle_time", SettingKind::kDuration, time_at<&S::limits, &S::Limits::idle_time>(), 1'000,
               kForever, false, "", "of silence while nothing is owed"},
    Definition{"limits.write_time", SettingKind::kDuration, time_at<&S::limits, &S::Limits::write_time>(), 1'000,
               kForever, false, "", "for a client to read what it is sent"},
    Definition{"limits.stop_time", SettingKind::kDuration, time_at<&S::limits, &S::Limits::stop_time>(), 0, kForever,
               false, "", "for what is in flight when the server stops"},
    Definition{"storage.memtable_bytes", SettingKind::kBytes, number_at<&S::storage, &S::Storage::memtable_bytes>(),
               limits::kMiB, 1ull << 40, false, "", "rows of a table in memory before they go to segments"},
    Definition{"storage.block_cache_bytes", SettingKind::kBytes,
               number_at<&S::storage, &S::Storage::block_cache_bytes>(), 0, 1ull << 40, false, "",
               "blocks of segments kept in memory, all tables together"},
    Definition{"storage.remembered_ids", SettingKind::kNumber, number_at<&S::storage, &S::Storage::remembered_ids>(),
               1'000, 100'000'000'000, false, "", "of a table; beyond it batches are answered retry_later"},
    Definition{"storage.free_bytes_soft", SettingKind::kBytes, number_at<&S::storage, &S::Storage::free_bytes_soft>(),
               0, 1ull << 50, false, "", "of the disk: below it joins, and folds that do not fit, wait; 0: never"},
    Definition{"storage.free_bytes_hard", SettingKind::kBytes, number_at<&S::storage, &S::Storage::free_bytes_hard>(),
               0, 1ull << 50, false, "",
               "of the disk, beside what is in memory: below it batches are answered no_space; 0: never"},
    Definition{"storage.shards", SettingKind::kNumber, number_at<&S::storage, &S::Storage::shards>(), 0,
               limits::kShardsMax, false, "", "threads that decide rows, of a table; 0: one a core"},
    Definition{"storage.backup_directory", SettingKind::kText, text_at<&S::storage, &S::Storage::backup_directory>(), 0,
               0, false, "", "where BACKUP TO 'name' makes its directory; empty: nowhere, it is refused"},
    Definition{"log.level", SettingKind::kText, text_at<&S::log, &S::Log::level>(), 0, 0, false,
               "debug info warn error", "what the server's log shows"},
    Definition{"log.slow_query", SettingKind::kDuration, time_at<&S::log, &S::Log::slow_query>(), 0, kForever, false,
               "", "a statement that took longer than this is logged, its literals left out"},
    Definition{"log.format", SettingKind::kText, text_at<&S::log, &S::Log::format>(), 0, 0, false, "text json",
               "of the server's log, on standard error"},
};

const Definition* find_definition(std::string_view name) {
  for (const Definition& definition : kDefinitions) {
    if (definition.name == name) return &definition;
  }
  return nullptr;
}

std::vector<std::string_view> setting_names() {
  std::vector<std::string_view> names;
  for (const Definition& definition : kDefinitions) names.push_back(definition.name);
  return names;
}

std::string environment_name(std::string_view name) {
  std::string result = "TALLY_";
  for (char c : name) {
    result += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return result;
}

struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit kDurations[] = {{"", 1e6},    {"us", 1},    {"ms", 1e3},   {"s", 1e6},
                               {"min", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}};
constexpr Unit kSizes[] = {{"", 1},     {"B", 1},    {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0},
                           {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

Result<uint64_t> parse_with_units(std::string_view text, std::span<const Unit> units) {
  text = trimmed(text);
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && std::isfinite(number) && number >= 0) {
    const std::string_view unit = trimmed(text.substr(static_cast<size_t>(end - text.data())));
    for (const Unit& known : units) {
      if (known.name == unit && number * known.factor < 9e18) {
        return static_cast<uint64_t>(std::llround(number * known.factor));
      }
    }
  }
  std::string names;
  for (const Unit& unit : units.subspan(1)) names += (names.empty() ? "" : ", ") + std::string(unit.name);
  return fail(Code::kInvalidArgument, "\"" + std::string(text) + "\" is no number with one of " + names + " behind it");
}

Result<uint64_t> parse_value(const Definition& definition, std::string_view value) {
  if (definition.kind == SettingKind::kBytes) return parse_setting_bytes(value);
  if (definition.kind == SettingKind::kDuration) {
    TALLY_ASSIGN_OR_RETURN(TimeUs time, parse_setting_duration(value));
    return static_cast<uint64_t>(time);
  }
  value = trimmed(value);
  uint64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc{} && end == value.data() + value.size()) return number;
  return fail(Code::kInvalidArgument, "\"" + std::string(value) + "\" is no whole number");
}

Status check_address(std::string_view value) {
  TALLY_ASSIGN_OR_RETURN(ListenAddress address, parse_listen_address(value));
  return check_exposure(address);
}

std::string spell(const Definition& definition, uint64_t value) {
  if (definition.kind == SettingKind::kDuration) {
    if (value % kMicrosPerSecond == 0) return std::to_string(value / kMicrosPerSecond) + " s";
    return std::to_string(value) + " us";
  }
  if (definition.kind == SettingKind::kBytes) {
    if (value != 0 && value % limits::kMiB == 0) return std::to_string(value / limits::kMiB) + " MiB";
    return std::to_string(value) + " B";
  }
  return std::to_string(value);
}

std::string spell(const Definition& definition, Settings& settings) {
  if (auto* text = std::get_if<0>(&definition.place)) return *(*text)(settings);
  if (auto* number = std::get_if<1>(&definition.place)) return spell(definition, *(*number)(settings));
  return spell(definition, static_cast<uint64_t>(*std::get<2>(definition.place)(settings)));
}

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const size_t space = std::min(choices.find(' '), choices.size());
    if (choices.substr(0, space) == value) return true;
    choices.remove_prefix(std::min(space + 1, choices.size()));
  }
  return false;
}

}  // namespace

std::string_view setting_source_name(SettingSource source) {
  constexpr std::string_view kNames[] = {"default", "file", "environment", "command line"};
  return kNames[static_cast<size_t>(source)];
}

Result<TimeUs> parse_setting_duration(std::string_view text) {
  TALLY_ASSIGN_OR_RETURN(uint64_t us, parse_with_units(text, kDurations));
  return static_cast<TimeUs>(us);
}

Result<uint64_t> parse_setting_bytes(std::string_view text) { return parse_with_units(text, kSizes); }

SettingsTable::SettingsTable() : sources_(kDefinitions.size(), SettingSource::kDefault) {}

Status SettingsTable::set(std::string_view name, std::string_view value, SettingSource source) {
  const Definition* definition = find_definition(name);
  if (definition == nullptr) {
    return fail(Code::kInvalidArgument,
                "there is no setting \"" + std::string(name) + "\"" + did_you_mean(name, setting_names()));
  }
  const std::string place = std::string(name) + ": ";
  if (auto* text = std::get_if<0>(&definition->place)) {
    if (!definition->choices.empty() && !is_choice(definition->choices, value)) {
      return fail(Code::kInvalidArgument,
                  place + "\"" + std::string(value) + "\" is none of " + std::string(definition->choices));
    }
    if (definition->kind == SettingKind::kAddress && (definition->min > 0 || !value.empty())) {
      if (Status good = check_address(value); !good) return std::unexpected(std::move(good).error().with_context(name));
    }
    *(*text)(settings_) = value;
  } else {
    auto number = parse_value(*definition, value);
    if (!number) return std::unexpected(std::move(number).error().with_context(name));
    if (*number < definition->min || *number > definition->max) {
      return fail(Code::kInvalidArgument, place + spell(*definition, *number) + " is out of its range, from " +
                                              spell(*definition, definition->min) + " to " +
                                              spell(*definition, definition->max));
    }
    if (auto* count = std::get_if<1>(&definition->place)) {
      *(*count)(settings_) = *number;
    } else {
      *std::get<2>(definition->place)(settings_) = static_cast<TimeUs>(*number);
    }
  }
  sources_[static_cast<size_t>(definition - kDefinitions.data())] = source;
  return {};
}

Status SettingsTable::read_toml(const std::string& path, std::string_view text) {
  TALLY_ASSIGN_OR_RETURN(std::vector<TomlSetting> found, parse_settings_toml(path, text));
  for (const TomlSetting& setting : found) {
    if (Status status = set(setting.name, setting.value, SettingSource::kFile); !status) {
      return std::unexpected(std::move(status).error().with_context(path + ":" + std::to_string(setting.line)));
    }
  }
  return {};
}

Status SettingsTable::read_environment(FileSystem& fs, const Environment& environment) {
  constexpr uint64_t kSecretBytesMax = 64 * limits::kKiB;
  for (const Definition& definition : kDefinitions) {
    const std::string variable = environment_name(definition.name);
    std::optional<std::string> value = environment(variable);
    const std::optional<std::string> file = environment(variable + "_FILE");
    if (value && file) {
      return fail(Code::kInvalidArgument, variable + " and " + variable + "_FILE are both set: one of them is enough");
    }
    if (file) {
      auto bytes = read_whole_file(fs, *file, kSecretBytesMax);
      if (!bytes) return std::unexpected(std::move(bytes).error().with_context(variable + "_FILE"));
      value = trimmed(as_text(*bytes));
    }
    if (!value) continue;
    if (Status status = set(definition.name, *value, SettingSource::kEnvironment); !status) {
      return std::unexpected(std::move(status).error().with_context(variable));
    }
  }
  return {};
}

Result<SettingsTable> SettingsTable::load(FileSystem& fs, const std::string& path, const Environment& environment) {
  constexpr uint64_t kConfigBytesMax = limits::kMiB;
  SettingsTable table;
  if (!path.empty()) {
    TALLY_ASSIGN_OR_RETURN(Bytes bytes, read_whole_file(fs, path, kConfigBytesMax));
    TALLY_TRY(table.read_toml(path, as_text(bytes)));
  }
  TALLY_TRY(table.read_environment(fs, environment));
  return table;
}

std::vector<SettingRow> SettingsTable::rows() const {
  std::vector<SettingRow> rows;
  Settings now = settings_;
  Settings standard;
  for (size_t i = 0; i < kDefinitions.size(); ++i) {
    const Definition& definition = kDefinitions[i];
    rows.push_back({.name = std::string(definition.name),
                    .value = spell(definition, now),
                    .standard = spell(definition, standard),
                    .source = sources_[i],
                    .reloadable = definition.reloadable,
                    .meaning = std::string(definition.meaning)});
  }
  return rows;
}

SettingsTable::Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

std::vector<std::string> process_variables() {
  std::vector<std::string> names;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

std::vector<std::string> unknown_variables(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  std::vector<std::string> sections;
  for (const Definition& definition : kDefinitions) {
    known.push_back(environment_name(definition.name));
    known.push_back(known.back() + "_FILE");
    sections.push_back(environment_name(definition.name.substr(0, definition.name.find('.') + 1)));
  }
  std::vector<std::string> sentences;
  for (const std::string& name : names) {
    const auto begins = [&](const std::string& section) { return name.starts_with(section); };
    if (std::ranges::find(known, name) != known.end() || std::ranges::none_of(sections, begins)) continue;
    sentences.push_back(name + " in the environment is no setting's" + did_you_mean(name, known));
  }
  return sentences;
}

}  // namespace tally
