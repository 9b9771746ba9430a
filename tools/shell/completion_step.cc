#include <algorithm>

#include "tools/shell/line_editor.h"
#include "tools/terminal_text.h"

namespace tally {

namespace {

// Characters, not bytes: half a character would be no UTF-8.
std::string common_front(const std::vector<Completions::Choice>& choices) {
  std::u32string front = to_characters(choices.front().text);
  for (const Completions::Choice& choice : choices) {
    const std::u32string other = to_characters(choice.text);
    front.erase(std::mismatch(front.begin(), front.end(), other.begin(), other.end()).first, front.end());
  }
  return from_characters(front);
}

}  // namespace

CompletionStep completion_step(const Completions& completions, std::string_view before_cursor) {
  const auto& choices = completions.choices;
  if (choices.empty()) return {};
  if (choices.size() == 1 && !completions.more)
    return {.text = choices.front().text + choices.front().tail, .list = false};
  const std::string_view there =
      before_cursor.substr(before_cursor.size() - std::min(completions.replaces, before_cursor.size()));
  std::string front = common_front(choices);
  if (completions.more || front.size() < there.size() || front == there) return {.text = {}, .list = true};
  return {.text = std::move(front), .list = false};
}

std::string choice_list(const Completions& completions, size_t width) {
  std::vector<std::string> shown;
  size_t widest = 0;
  for (const Completions::Choice& choice : completions.choices) {
    shown.push_back(cropped(terminal_text(choice.text), std::max<size_t>(width, 2) - 1));
    widest = std::max(widest, display_width(shown.back()));
  }
  const size_t across = std::max<size_t>(1, width / (widest + 2));
  const size_t down = (shown.size() + across - 1) / across;
  std::string out;
  for (size_t row = 0; row < down; ++row) {
    std::string line;
    for (size_t at = row; at < shown.size(); at += down) line += padded(shown[at], widest + 2, Align::kLeft);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  if (completions.more) out += "... and more\n";
  return out;
}

}  // namespace tally
