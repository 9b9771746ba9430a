// A configuration file in TOML as a flat list: [section] key = value gives "section.key". Values are texts, whole numbers and
// booleans; anything else is refused by name and line. Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tally {

struct TomlSetting {
  std::string name;
  std::string value;
  uint32_t line = 0;
};

// `path` is for messages: "tally.toml:3: ...".
Result<std::vector<TomlSetting>> parse_settings_toml(const std::string& path, std::string_view text);

}  // namespace tally
