#include "tools/shell/statement_cut.h"

#include <algorithm>

namespace tally {

namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";

// Walks over the text and knows what it is in.
class Walk {
 public:
  Walk(std::string_view text, size_t from) : text_(text), at_(from) {}

  // To the next semicolon or backslash that is one, or to the end. True: found, at at().
  bool find() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ';' || c == '\\') return true;
      if (c == '\'' || c == '"') {
        if (!skip_quoted(c)) return false;
      } else if (text_.substr(at_, 2) == "--") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        if (!skip_comment()) return false;
      } else {
        if (kSpace.find(c) == std::string_view::npos) something_ = true;
        ++at_;
      }
    }
    return false;
  }
  size_t at() const { return at_; }
  // Where find() has not found any.
  Unfinished unfinished() const {
    if (inside_ != Unfinished::kNothing) return inside_;
    return something_ ? Unfinished::kStatement : Unfinished::kNothing;
  }

 private:
  // A doubled quote ends and begins again, which comes to the same.
  bool skip_quoted(char quote) {
    something_ = true;
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) {
      inside_ = quote == '"' ? Unfinished::kQuotedName : Unfinished::kString;
      return false;
    }
    at_ = end + 1;
    return true;
  }
  bool skip_comment() {
    size_t depth = 0;
    do {
      const std::string_view two = text_.substr(at_, 2);
      if (two == "/*") {
        ++depth;
        at_ += 2;
      } else if (two == "*/") {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
      if (at_ >= text_.size() && depth > 0) {
        inside_ = Unfinished::kComment;
        return false;
      }
    } while (depth > 0);
    return true;
  }

  std::string_view text_;
  size_t at_;
  bool something_ = false;  // other than space and comments
  Unfinished inside_ = Unfinished::kNothing;
};

}  // namespace

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return text.substr(text.size());
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

std::optional<StatementCut> cut_statement(std::string_view text, size_t from, Unfinished& unfinished) {
  Walk walk(text, from);
  if (!walk.find()) {
    unfinished = walk.unfinished();
    return std::nullopt;
  }
  StatementCut cut;
  cut.statement = trimmed(text.substr(from, walk.at() - from));
  cut.end = walk.at() + 1;
  if (text[walk.at()] == '\\') {
    cut.end = std::min(text.find('\n', walk.at()), text.size());
    cut.command = trimmed(text.substr(walk.at(), cut.end - walk.at()));
  }
  return cut;
}

}  // namespace tally
