#include "server/settings_toml.h"

#include <toml++/toml.h>

namespace tally {
namespace {

std::unexpected<Error> refuse(const std::string& path, uint32_t line, const std::string& what) {
  return fail(Code::kInvalidArgument, path + ":" + std::to_string(line) + ": " + what);
}

Result<std::string> plain_value(const std::string& path, const std::string& name, const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return std::string(truth->get() ? "true" : "false");
  return refuse(path, node.source().begin.line, name + " is neither a text nor a whole number");
}

Status flatten(const std::string& path, const std::string& section, const toml::table& table,
               std::vector<TomlSetting>& out) {
  for (const auto& [key, node] : table) {
    const std::string name = section.empty() ? std::string(key.str()) : section + "." + std::string(key.str());
    if (const auto* inner = node.as_table()) {
      if (!section.empty()) return refuse(path, node.source().begin.line, name + " is a table within a section");
      TALLY_TRY(flatten(path, name, *inner, out));
      continue;
    }
    TALLY_ASSIGN_OR_RETURN(std::string value, plain_value(path, name, node));
    out.push_back({name, std::move(value), node.source().begin.line});
  }
  return {};
}

}  // namespace

Result<std::vector<TomlSetting>> parse_settings_toml(const std::string& path, std::string_view text) {
  try {
    const toml::table table = toml::parse(text, path);
    std::vector<TomlSetting> settings;
    TALLY_TRY(flatten(path, "", table, settings));
    return settings;
  } catch (const toml::parse_error& error) {
    return refuse(path, error.source().begin.line, std::string(error.description()));
  }
}

}  // namespace tally
