#include "server/settings.h"

#include <doctest/doctest.h>

#include <map>

#include "server/settings_toml.h"
#include "tests/support/temp_dir.h"

namespace tally {
namespace {

struct Desk {
  TempDir directory;
  std::unique_ptr<FileSystem> fs = make_posix_file_system();
  std::map<std::string, std::string> variables;

  std::string put(const std::string& name, const std::string& text) {
    const std::string path = directory.file(name);
    REQUIRE(write_file_atomic(*fs, path, as_bytes(text)).has_value());
    return path;
  }
  Result<SettingsTable> load(const std::string& text) {
    const std::string path = text.empty() ? "" : put("tally.toml", text);
    return SettingsTable::load(*fs, path, [this](const std::string& name) -> std::optional<std::string> {
      auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    });
  }
  std::string failure(const std::string& text) {
    auto table = load(text);
    return table ? "" : table.error().message;
  }
};

const SettingRow& row(const std::vector<SettingRow>& rows, std::string_view name) {
  for (const SettingRow& r : rows) {
    if (r.name == name) return r;
  }
  FAIL("no setting " << name);
  return rows.front();
}

TEST_CASE("settings: without a file the defaults hold, limits are on and the listeners are loopback") {
  Desk desk;
  auto table = desk.load("");
  REQUIRE(table.has_value());
  for (const SettingRow& r : table->rows()) {
    CHECK(r.source == SettingSource::kDefault);
    CHECK(r.value == r.standard);
    CHECK_FALSE(r.meaning.empty());
  }
  CHECK(table->settings().listen.tcp.starts_with("127.0.0.1:"));
  CHECK(table->settings().listen.ops.starts_with("127.0.0.1:"));
  CHECK(table->settings().limits.connections == limits::kConnectionsMax);
}

TEST_CASE("settings: the file is read, the environment wins over it, the command line over both") {
  Desk desk;
  desk.variables["TALLY_LIMITS_CREDITS"] = "3";
  auto table = desk.load(
      "[limits]\ncredits = 2\nidle_time = \"1.5 min\"\ningest_bytes = \"64 MiB\"\n[log]\nformat = \"json\"\n");
  REQUIRE(table.has_value());
  CHECK(table->settings().limits.credits == 3);
  CHECK(table->settings().limits.idle_time == 90 * kMicrosPerSecond);
  CHECK(table->settings().limits.ingest_bytes == 64 * limits::kMiB);
  CHECK(table->settings().log.format == "json");
  CHECK(row(table->rows(), "limits.credits").source == SettingSource::kEnvironment);
  CHECK(row(table->rows(), "limits.idle_time").source == SettingSource::kFile);
  CHECK(row(table->rows(), "limits.idle_time").value == "90 s");
  REQUIRE(table->set("listen.tcp", "127.0.0.1:0", SettingSource::kCommandLine).has_value());
  CHECK(table->settings().listen.tcp == "127.0.0.1:0");
}

TEST_CASE("settings: a _FILE variable names a file that holds the value, without its line end") {
  Desk desk;
  desk.variables["TALLY_LISTEN_TCP_FILE"] = desk.put("address", "127.0.0.1:7\n");
  auto table = desk.load("");
  REQUIRE(table.has_value());
  CHECK(table->settings().listen.tcp == "127.0.0.1:7");
  desk.variables["TALLY_LISTEN_TCP"] = "127.0.0.1:8";
  CHECK(desk.failure("").find("both set") != std::string::npos);
  desk.variables = {{"TALLY_LISTEN_TCP_FILE", desk.directory.file("nothing")}};
  CHECK(desk.failure("").find("TALLY_LISTEN_TCP_FILE") != std::string::npos);
}

TEST_CASE("settings: what is wrong is named with file, line and what may have been meant") {
  Desk desk;
  struct Case {
    const char* text;
    const char* wanted;
  };
  const Case cases[] = {
      {"[limits]\nconections = 5\n",
       "tally.toml:2: there is no setting \"limits.conections\", did you mean \"limits.connections\"?"},
      {"[limits]\ncredits = 0\n", "tally.toml:2: limits.credits: 0 is out of its range, from 1 to 1024"},
      {"[limits]\ncredits = \"many\"\n", "\"many\" is no whole number"},
      {"[limits]\nidle_time = \"5 weeks\"\n", "\"5 weeks\" is no number with one of us, ms, s, min, h, d behind it"},
      {"[limits]\ncredits = [1]\n", "tally.toml:2: limits.credits is neither a text nor a whole number"},
      {"[limits.credits]\na = 1\n", "is a table within a section"},
      {"[log]\nlevel = \"loud\"\n", "\"loud\" is none of debug info warn error"},
      {"[log]\nformat = \"json\"\n[listen]\ntcp = \"garbage\"\n",
       "tally.toml:4: listen.tcp: \"garbage\" is no ADDRESS:PORT: there is no colon"},
      {"[listen]\ntcp = \"\"\n", "tally.toml:2: listen.tcp: \"\" is no ADDRESS:PORT"},
      {"[listen]\nops = \"127.0.0.1:x\"\n", "tally.toml:2: listen.ops: \"127.0.0.1:x\" is no ADDRESS:PORT"},
      {"[listen]\nops = \"0.0.0.0:80\"\n", "tally.toml:2: listen.ops: 0.0.0.0:80 is reachable from other machines"},
      {"[limits\n", "tally.toml:1: "},
      {"credits = 1\n", "there is no setting \"credits\""},
  };
  for (const Case& c : cases) {
    const std::string failure = desk.failure(c.text);
    CHECK_MESSAGE(failure.find(c.wanted) != std::string::npos, failure);
  }
}

TEST_CASE("settings: a wrong address of the environment is named by its variable, and none is none for ops alone") {
  Desk desk;
  desk.variables["TALLY_LISTEN_TCP"] = "garbage";
  CHECK(desk.failure("").find("TALLY_LISTEN_TCP: listen.tcp: \"garbage\" is no ADDRESS:PORT") != std::string::npos);
  desk.variables = {{"TALLY_LISTEN_OPS", ""}};
  auto table = desk.load("");
  REQUIRE(table.has_value());
  CHECK(table->settings().listen.ops.empty());
}

TEST_CASE("settings: a variable that looks like a setting and is none is told, with the nearest") {
  const auto told =
      unknown_variables({"PATH", "TALLY_IO", "TALLY_SEED", "TALLY_LIMITS_CREDITS", "TALLY_LISTEN_TCP_FILE",
                         "TALLY_LIMITS_CREDIT", "TALLY_LOG_COLOUR_OF_THE_MESSAGES", "TALLY_LISTEN_TPC"});
  REQUIRE(told.size() == 3);
  CHECK(told[0] == "TALLY_LIMITS_CREDIT in the environment is no setting's, did you mean \"TALLY_LIMITS_CREDITS\"?");
  CHECK(told[1] == "TALLY_LOG_COLOUR_OF_THE_MESSAGES in the environment is no setting's");
  CHECK(told[2] == "TALLY_LISTEN_TPC in the environment is no setting's, did you mean \"TALLY_LISTEN_TCP\"?");
}

TEST_CASE("settings: durations and sizes") {
  CHECK(parse_setting_duration("250 ms").value() == 250'000);
  CHECK(parse_setting_duration("2").value() == 2'000'000);
  CHECK(parse_setting_duration("1h").value() == kMicrosPerHour);
  CHECK(parse_setting_bytes("1.5KiB").value() == 1'536);
  CHECK(parse_setting_bytes("4096").value() == 4'096);
  for (const char* text : {"", "-1 s", "1e300 d", "inf", "nan s", "s", "1 KB "}) {
    CHECK_FALSE(parse_setting_duration(text).has_value());
  }
}

}  // namespace
}  // namespace tally
