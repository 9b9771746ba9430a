#include "tools/whole_number.h"

#include <charconv>

namespace tally {

std::function<std::string(const std::string&)> whole_number(uint64_t least, uint64_t most) {
  return [least, most](const std::string& text) -> std::string {
    uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc() && stopped == end && number >= least && number <= most) return {};
    const std::string range = most == UINT64_MAX ? (least == 0 ? "" : " from " + std::to_string(least) + " on")
                                                 : " from " + std::to_string(least) + " to " + std::to_string(most);
    return "\"" + text + "\" is no whole number" + range;
  };
}

}  // namespace tally
