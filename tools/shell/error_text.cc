#include "tools/shell/error_text.h"

#include <algorithm>

#include "query/sql_error.h"
#include "tools/terminal_text.h"

namespace tally {

namespace {

std::string said(const SourcePosition& position) {
  return " at " + std::to_string(position.line) + ":" + std::to_string(position.column);
}

// In the message the place stands before the hint, if there is one.
void replace_place(QueryError& error, const std::string& with) {
  const std::string before = said(*error.position);
  const size_t at = error.error.message.rfind(before);
  if (at != std::string::npos) error.error.message.replace(at, before.size(), with);
}

struct Line {
  std::string_view text;
  size_t number = 1;
  size_t place = 0;  // offset within the line
};

Line line_at(std::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  const size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  const size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const size_t end = std::min(text.find('\n', offset), text.size());
  return {
      .text = text.substr(begin, end - begin),
      .number = 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(begin), '\n')),
      .place = offset - begin};
}

// The line from a little before the place, where all of it does not fit.
std::string excerpt(const Line& line, size_t width) {
  std::string shown = terminal_text(line.text);
  size_t caret = display_width(terminal_text(line.text.substr(0, line.place)));
  std::u32string characters = to_characters(shown);
  while (caret + 10 > width && caret > 20) {
    const size_t cut = std::min<size_t>(characters.size(), 10);
    caret -= std::min(caret, display_width(from_characters(characters.substr(0, cut))));
    characters.erase(0, cut);
  }
  std::string number = std::to_string(line.number);
  number.insert(0, number.size() < kPromptWidth - 3 ? kPromptWidth - 3 - number.size() : 0, ' ');
  const std::string margin = number + " | ";
  return margin + cropped(from_characters(characters), width) + "\n" + std::string(margin.size() + caret, ' ') + "^\n";
}

}  // namespace

QueryError placed_in(QueryError error, std::string_view text, size_t offset) {
  if (!error.position) return error;
  const SourcePosition place = locate(text, static_cast<uint32_t>(offset + error.position->offset));
  replace_place(error, said(place));
  error.position = place;
  return error;
}

QueryError without_place(QueryError error) {
  if (error.position) replace_place(error, "");
  error.position.reset();
  return error;
}

std::string error_text(const QueryError& of_statement, const TypedStatement& typed) {
  if (!of_statement.position) return of_statement.error.message;
  const QueryError error = placed_in(of_statement, typed.text, typed.offset);
  const Line line = line_at(typed.text, error.position->offset);
  const size_t caret = display_width(terminal_text(line.text.substr(0, line.place)));
  const bool fits = kPromptWidth + display_width(terminal_text(line.text)) < typed.screen_width;
  if (typed.is_above && fits && typed.text.find('\n') == std::string_view::npos) {
    return std::string(kPromptWidth + caret, ' ') + "^\n" + error.error.message;
  }
  const size_t width = typed.screen_width > kPromptWidth + 20 ? typed.screen_width - kPromptWidth : 20;
  return excerpt(line, width) + error.error.message;
}

}  // namespace tally
