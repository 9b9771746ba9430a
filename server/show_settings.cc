#include "server/show_settings.h"

#include <cctype>
#include <string>

namespace tally {
namespace {

// Words in upper case with one space between them, without a semicolon at the end; of short texts only.
std::string plain_words(std::string_view sql) {
  if (sql.size() > 64) return {};
  std::string words;
  for (char c : sql) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == ';') {
      if (!words.empty() && words.back() != ' ') words += ' ';
    } else {
      words += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
  }
  while (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

}  // namespace

bool is_show_settings(std::string_view sql) { return plain_words(sql) == "SHOW SETTINGS"; }

QueryResult show_settings(const std::vector<SettingRow>& rows) {
  QueryResult result;
  for (const char* name : {"name", "value", "default", "source", "reloadable", "meaning"}) {
    result.columns.push_back({.name = name, .type = SqlType::kString, .scale = 0});
  }
  for (const SettingRow& row : rows) {
    std::vector<Cell>& cells = result.rows.emplace_back();
    for (std::string_view text : {std::string_view(row.name), std::string_view(row.value),
                                  std::string_view(row.standard), setting_source_name(row.source),
                                  std::string_view(row.reloadable ? "yes" : "no"), std::string_view(row.meaning)}) {
      Cell& cell = cells.emplace_back();
      cell.kind = Cell::Kind::kString;
      cell.text = text;
    }
  }
  return result;
}

}  // namespace tally
