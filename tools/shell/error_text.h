// Where in a statement something is wrong, under what the person typed. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "query/query.h"

namespace tally {

inline constexpr size_t kPromptWidth = 7;  // of "tally> " and all that stand in its place

// The error of a statement that stands at `offset` of a longer text: its place, also that in the message, is one of the text.
QueryError placed_in(QueryError error, std::string_view text, size_t offset);
// Of a statement that nobody has typed: a place in it would say nothing.
QueryError without_place(QueryError error);

struct TypedStatement {
  std::string_view text;  // all that was typed
  size_t offset = 0;      // of the statement in it
  bool is_above = false;  // the text is the line right above, behind a prompt
  size_t screen_width = 80;
};

// A caret under the place, then the message:
//
//   tally> SELECT contry FROM ads;            or, of text that is not right above:      2 | WHERE contry = 'DE'
//                 ^                                                                             ^
//   unknown dimension "contry" at 1:8, did you mean "country"?
std::string error_text(const QueryError& error, const TypedStatement& typed);

}  // namespace tally
