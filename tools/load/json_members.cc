#include "tools/load/json_members.h"

namespace tally {

namespace {
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
}  // namespace

void JsonMembers::skip_space() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

void JsonMembers::skip_to_first() {
  skip_space();
  ++at_;  // the opening brace
}

void JsonMembers::skip_string() {
  for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
    if (text_[at_] == '\\') ++at_;
  }
  ++at_;
}

void JsonMembers::skip_nested() {
  size_t depth = 0;
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c == '"') {
      skip_string();
      continue;
    }
    ++at_;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return;
  }
}

std::string_view JsonMembers::next_value() {
  skip_space();
  skip_string();  // the name
  skip_space();
  ++at_;  // the colon
  skip_space();
  if (at_ >= text_.size()) return {};
  size_t start = at_;
  char first = text_[at_];
  if (first == '"') {
    skip_string();
  } else if (first == '{' || first == '[') {
    skip_nested();
  } else {
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && !is_space(text_[at_])) ++at_;
  }
  size_t end = at_ < text_.size() ? at_ : text_.size();
  skip_space();
  ++at_;  // the comma, or the closing brace
  return text_.substr(start, end - start);
}

}  // namespace tally
