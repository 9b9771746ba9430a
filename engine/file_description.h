// What the describers of single files give: lines for a person, and text that streams where there may be much of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tally {

struct FileDescription {
  std::vector<std::string> lines;
  bool sound = true;  // false: lines that begin with "problem" say what is damaged
};

using TextSink = std::function<void(std::string_view)>;

// Appends a cell of a TSV file: tab, newline and backslash escaped, so that NULL, written \N, is no text's spelling.
inline void append_tsv_text(std::string_view text, std::string& out) {
  for (char c : text) {
    switch (c) {
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\\': out += "\\\\"; break;
      default: out += c;
    }
  }
}
inline constexpr std::string_view kTsvNull = "\\N";

}  // namespace tally
