#include "base/figures.h"

namespace tally {

std::string with_thousands(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string quantity(uint64_t number, std::string_view noun) {
  return with_thousands(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

}  // namespace tally
