#include "base/nearest.h"

#include <algorithm>
#include <array>

namespace tally {
namespace {

constexpr size_t kNameBytes = 64;
using Row = std::array<size_t, kNameBytes + 1>;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

size_t edits_worth_suggesting(std::string_view wanted) { return std::max<size_t>(1, wanted.size() / 3); }

// Optimal string alignment, three rows of the matrix at a time.
size_t edit_distance(std::string_view a, std::string_view b, size_t max) {
  a = a.substr(0, kNameBytes);
  b = b.substr(0, kNameBytes);
  Row before{};
  Row above{};
  Row row{};
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replace = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + replace});
      bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return std::min(above[b.size()], max + 1);
}

}  // namespace tally
