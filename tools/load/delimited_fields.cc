#include "tools/load/delimited_fields.h"

#include <algorithm>
#include <cstring>

namespace tally {

namespace {

const char* find(const char* from, const char* end, char wanted) {
  return static_cast<const char*>(std::memchr(from, wanted, static_cast<size_t>(end - from)));
}

SourceValue text_value(std::string_view text) { return {SourceValue::Kind::kText, text}; }
SourceValue plain_value(std::string_view text) { return text.empty() ? SourceValue{} : text_value(text); }

}  // namespace

// Where split_quoted() stands.
struct DelimitedFields::Cursor {
  const char* at;
  const char* end;
  bool ended;  // nothing follows `end`
  bool record_done = false;
  const char* record_end = nullptr;  // of the record's text, line end excluded
};

DelimitedFields::Outcome DelimitedFields::split(std::string_view text, bool ended) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  const char* line_end = find(begin, end, '\n');
  if (line_end == nullptr && !ended) return {};
  Outcome outcome;
  outcome.lines = line_end == nullptr ? 0 : 1;
  if (line_end == nullptr) line_end = end;
  outcome.consumed = static_cast<size_t>(line_end - begin) + outcome.lines;
  if (csv_ && find(begin, line_end, '"') != nullptr) return split_quoted(text, ended);
  outcome.raw = text.substr(0, static_cast<size_t>(line_end - begin));
  if (outcome.raw.ends_with('\r')) outcome.raw.remove_suffix(1);
  outcome.kind = outcome.raw.empty() ? Outcome::kEmptyLine : Outcome::kRecord;
  if (outcome.kind == Outcome::kRecord) split_plain(outcome.raw);
  return outcome;
}

void DelimitedFields::split_plain(std::string_view record) {
  values_.clear();
  bool escapes = !csv_ && record.find('\\') != std::string_view::npos;
  if (escapes) {
    scratch_.clear();
    scratch_.reserve(record.size());
  }
  const char* at = record.data();
  const char* end = at + record.size();
  while (true) {
    const char* stop = find(at, end, delimiter_);
    if (stop == nullptr) stop = end;
    std::string_view field(at, static_cast<size_t>(stop - at));
    values_.push_back(csv_ ? plain_value(field) : escapes ? unescape_tsv(field) : text_value(field));
    if (stop == end) return;
    at = stop + 1;
  }
}

SourceValue DelimitedFields::unescape_tsv(std::string_view field) {
  if (field == "\\N") return {};
  if (field.find('\\') == std::string_view::npos) return text_value(field);
  size_t start = scratch_.size();
  for (size_t i = 0; i < field.size(); ++i) {
    char next = field[i] == '\\' && i + 1 < field.size() ? field[i + 1] : '\0';
    char plain = next == 't' ? '\t' : next == 'n' ? '\n' : next == 'r' ? '\r' : next == '\\' ? '\\' : '\0';
    scratch_.push_back(plain == '\0' ? field[i] : plain);
    if (plain != '\0') ++i;
  }
  return text_value(std::string_view(scratch_).substr(start));
}

DelimitedFields::Outcome DelimitedFields::split_quoted(std::string_view text, bool ended) {
  values_.clear();
  scratch_.clear();
  scratch_.reserve(text.size());
  Cursor cursor{text.data(), text.data() + text.size(), ended};
  Outcome outcome;
  while (!cursor.record_done) {
    if (cursor.at < cursor.end && *cursor.at == '"') {
      if (!take_quoted(cursor, outcome)) return outcome;
    } else {
      take_unquoted(cursor);
      if (cursor.at == nullptr) return {};
    }
  }
  outcome.kind = Outcome::kRecord;
  outcome.raw = text.substr(0, static_cast<size_t>(cursor.record_end - text.data()));
  outcome.consumed = static_cast<size_t>(cursor.at - text.data());
  outcome.lines = static_cast<uint64_t>(std::count(text.data(), cursor.at, '\n'));
  return outcome;
}

// A field that begins with a quote. False when `outcome` already says that there is no record: it goes on behind the text,
// or it is malformed.
bool DelimitedFields::take_quoted(Cursor& cursor, Outcome& outcome) {
  const char* from = ++cursor.at;
  size_t scratch_start = scratch_.size();
  bool doubled = false;
  const char* quote = nullptr;
  while (true) {
    quote = find(cursor.at, cursor.end, '"');
    if (quote == nullptr || (quote + 1 == cursor.end && !cursor.ended)) {
      if (cursor.ended) {
        outcome = {.kind = Outcome::kBad, .raw = {}, .code = "bad_quote", .message = "opens a quote that never closes"};
      }
      return false;
    }
    if (quote + 1 == cursor.end || quote[1] != '"') break;
    scratch_.append(from, quote + 1);
    from = cursor.at = quote + 2;
    doubled = true;
  }
  if (doubled) {
    scratch_.append(from, quote);
    values_.push_back(text_value(std::string_view(scratch_).substr(scratch_start)));
  } else {
    values_.push_back(text_value({from, static_cast<size_t>(quote - from)}));
  }
  const char* after = quote + 1;
  cursor.record_end = after;
  if (after < cursor.end && *after == delimiter_) {
    cursor.at = after + 1;
    return true;
  }
  if (after < cursor.end && *after == '\r') {
    if (after + 1 == cursor.end && !cursor.ended) return false;
    ++after;
  }
  cursor.record_done = after == cursor.end ? cursor.ended : *after == '\n';
  if (cursor.record_done) {
    cursor.at = after == cursor.end ? after : after + 1;
    return true;
  }
  outcome = {.kind = Outcome::kBad, .raw = {}, .code = "bad_quote", .message = "has text behind a closing quote"};
  return false;
}

// A field that does not begin with a quote. Leaves `at` null when the record goes on behind the text.
void DelimitedFields::take_unquoted(Cursor& cursor) {
  const char* stop = cursor.at;
  while (stop < cursor.end && *stop != delimiter_ && *stop != '\n') ++stop;
  if (stop == cursor.end && !cursor.ended) {
    cursor.at = nullptr;
    return;
  }
  std::string_view field(cursor.at, static_cast<size_t>(stop - cursor.at));
  cursor.record_done = stop == cursor.end || *stop == '\n';
  if (cursor.record_done && field.ends_with('\r')) field.remove_suffix(1);
  values_.push_back(plain_value(field));
  cursor.record_end = field.data() + field.size();
  cursor.at = stop == cursor.end ? stop : stop + 1;
}

}  // namespace tally
