// "Did you mean ...": the known name nearest to what somebody wrote.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tally {

// Insertions, deletions, replacements and swaps of neighbours between two names, letters in any case; anything above `max`
// is answered as max + 1. Names are cut to their first 64 bytes.
size_t edit_distance(std::string_view a, std::string_view b, size_t max);

// How far a name may be off to be worth suggesting: one edit for short names, a third of the length for others.
size_t edits_worth_suggesting(std::string_view wanted);

// The nearest of `names` (a range of anything that is a string_view), the first of equals; empty if none is near.
template <class Names>
std::string nearest_name(std::string_view wanted, const Names& names) {
  size_t max = edits_worth_suggesting(wanted);
  std::string nearest;
  for (std::string_view name : names) {
    size_t distance = edit_distance(wanted, name, max);
    if (distance > max) continue;
    nearest = name;
    if (distance == 0) break;
    max = distance - 1;
  }
  return nearest;
}

// `, did you mean "country"?` to put behind a message, or nothing.
template <class Names>
std::string did_you_mean(std::string_view wanted, const Names& names) {
  std::string nearest = nearest_name(wanted, names);
  return nearest.empty() ? nearest : ", did you mean \"" + nearest + "\"?";
}

}  // namespace tally
