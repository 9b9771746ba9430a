// Walks over the members of a JSON object that is known to be valid, and gives each value's own text. Views; no checks
// beyond the end of the text.
#pragma once

#include <string_view>

namespace tally {

class JsonMembers {
 public:
  explicit JsonMembers(std::string_view object) : text_(object) { skip_to_first(); }
  // The text of the next member's value, without the space around it.
  std::string_view next_value();

 private:
  void skip_to_first();
  void skip_space();
  void skip_string();
  void skip_nested();

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace tally
