#include "tools/load/ndjson_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "tools/load/json_members.h"
#include "tools/load/source_buffer.h"

namespace tally {

static_assert(SourceBuffer::kPadding >= simdjson::SIMDJSON_PADDING);

namespace {

namespace dom = simdjson::dom;

class NdjsonReader : public RecordReader {
 public:
  NdjsonReader(std::string name, std::unique_ptr<ByteSource> bytes)
      : name_(std::move(name)), buffer_(std::move(bytes)), parser_(limits::kSourceLineBytesMax) {
    TALLY_CHECK(parser_.allocate(kParserBytes, kJsonDepthMax) == simdjson::SUCCESS);  // grows, the depth stays
  }

  Status read_first_keys();
  const std::vector<std::string>& columns() const override { return columns_; }
  bool open_columns() const override { return true; }
  void select(const std::vector<std::string>& names) override {
    selected_ = names;
    expected_.clear();
  }
  Result<bool> next(SourceRecord& record) override;
  std::vector<std::string> take_new_names() override { return std::exchange(new_names_, {}); }
  const ByteSource& source() const override { return buffer_.source(); }

 private:
  static constexpr size_t kAbsent = SIZE_MAX;
  static constexpr size_t kParserBytes = 64 * limits::kKiB;

  Result<bool> find_line(SourceRecord& record);
  void parse(SourceRecord& record);
  Status skip_long_line(SourceRecord& record);
  bool take_members(dom::object object, SourceRecord& record);
  size_t selected_at(size_t place, std::string_view key);
  void note_absent(std::string_view key);

  std::string name_;
  SourceBuffer buffer_;
  dom::parser parser_;
  std::vector<std::string> columns_;
  std::vector<std::string> selected_;
  std::vector<size_t> expected_;  // by place in the object: which selected name stood there last time
  std::vector<uint8_t> seen_;     // by selected name, in this record
  std::string last_absent_;       // most files have one such key, or none
  std::set<std::string, std::less<>> known_names_;
  std::vector<std::string> new_names_;
  std::string kept_raw_;
  std::optional<SourceRecord> held_;
  size_t consume_next_ = 0;
  uint64_t line_ = 0;
  uint64_t number_ = 0;
};

// A record's `fault` is set here for lines that are too long only.
Result<bool> NdjsonReader::find_line(SourceRecord& record) {
  buffer_.consume(consume_next_);
  consume_next_ = 0;
  while (true) {
    std::string_view pending = buffer_.pending();
    const char* begin = pending.data();
    const auto* end = static_cast<const char*>(std::memchr(begin, '\n', pending.size()));
    bool whole = end != nullptr || (buffer_.ended() && !pending.empty());
    if (whole) {
      size_t length = end == nullptr ? pending.size() : static_cast<size_t>(end - begin);
      size_t consumed = std::min(length + 1, pending.size());
      std::string_view line = pending.substr(0, length);
      if (line.ends_with('\r')) line.remove_suffix(1);
      ++line_;
      if (line.find_first_not_of(" \t") == std::string_view::npos) {
        buffer_.consume(consumed);
        continue;
      }
      record.number = ++number_;
      record.line = line_;
      record.raw = line;
      record.faulty = false;
      consume_next_ = consumed;
      return true;
    }
    if (buffer_.ended()) return false;
    if (buffer_.full()) {
      TALLY_TRY(skip_long_line(record));
      return true;
    }
    TALLY_TRY(buffer_.fill());
  }
}

Status NdjsonReader::skip_long_line(SourceRecord& record) {
  record.number = ++number_;
  record.line = ++line_;
  record.faulty = true;
  record.fault = {"row_too_long", "is longer than " + std::to_string(limits::kSourceLineBytesMax) + " bytes", ""};
  kept_raw_ = buffer_.pending().substr(0, limits::kRejectedRawBytesMax);
  record.raw = kept_raw_;
  while (true) {
    std::string_view pending = buffer_.pending();
    const void* end = std::memchr(pending.data(), '\n', pending.size());
    if (end != nullptr) {
      buffer_.consume(static_cast<size_t>(static_cast<const char*>(end) - pending.data()) + 1);
      return {};
    }
    buffer_.consume(pending.size());
    if (buffer_.ended()) return {};
    TALLY_TRY(buffer_.fill());
  }
}

Status NdjsonReader::read_first_keys() {
  TALLY_TRY(skip_byte_order_mark(buffer_, name_));
  SourceRecord first;
  TALLY_ASSIGN_OR_RETURN(bool more, find_line(first));
  if (more && !first.faulty) {
    dom::object object;
    auto result = parser_.parse(first.raw.data(), first.raw.size(), false);
    if (result.get(object) == simdjson::SUCCESS) {
      for (auto member : object) columns_.emplace_back(member.key);
      known_names_.insert(columns_.begin(), columns_.end());
    }
  }
  // The record comes again with next(): from the buffer, or, too long for it, as it was found.
  if (more && first.faulty) held_ = std::move(first);
  if (more && !first.faulty) {
    consume_next_ = 0;
    --line_;
    --number_;
  }
  return {};
}

size_t NdjsonReader::selected_at(size_t place, std::string_view key) {
  if (place < expected_.size()) {
    size_t guess = expected_[place];
    if (guess != kAbsent && selected_[guess] == key) return guess;
  } else {
    expected_.resize(place + 1, kAbsent);
  }
  auto found = std::find(selected_.begin(), selected_.end(), key);
  expected_[place] = found == selected_.end() ? kAbsent : static_cast<size_t>(found - selected_.begin());
  return expected_[place];
}

void NdjsonReader::note_absent(std::string_view key) {
  if (key == last_absent_) return;
  last_absent_ = key;
  if (known_names_.contains(key) || known_names_.size() >= columns_.size() + kNewNamesMax) return;
  new_names_.emplace_back(*known_names_.emplace(key).first);
}

// False when a selected name comes twice; the fault is set then.
bool NdjsonReader::take_members(dom::object object, SourceRecord& record) {
  JsonMembers members(record.raw);
  size_t place = 0;
  for (auto [key, value] : object) {
    std::string_view text = members.next_value();
    size_t index = selected_at(place++, key);
    if (index == kAbsent) {
      note_absent(key);
      continue;
    }
    if (seen_[index]++ != 0) {
      record.fault = {"duplicate_key", "names \"" + std::string(key) + "\" twice", ""};
      return false;
    }
    SourceValue& out = record.values[index];
    switch (value.type()) {
      case dom::element_type::NULL_VALUE: break;
      case dom::element_type::STRING: out = {SourceValue::Kind::kText, value.get_string().value_unsafe()}; break;
      case dom::element_type::ARRAY:
      case dom::element_type::OBJECT: out = {SourceValue::Kind::kNested, text}; break;
      default: out = {SourceValue::Kind::kText, text}; break;
    }
  }
  return true;
}

void NdjsonReader::parse(SourceRecord& record) {
  record.values.assign(selected_.size(), SourceValue{});
  seen_.assign(selected_.size(), 0);
  record.faulty = true;
  dom::element element;
  dom::object object;
  if (auto error = parser_.parse(record.raw.data(), record.raw.size(), false).get(element); error) {
    record.fault = {error == simdjson::UTF8_ERROR ? "bad_utf8" : "bad_json",
                    "is not JSON: " + std::string(simdjson::error_message(error)), ""};
  } else if (element.get(object) != simdjson::SUCCESS) {
    record.fault = {"bad_json", "is JSON but not an object", ""};
  } else {
    record.faulty = !take_members(object, record);
  }
}

Result<bool> NdjsonReader::next(SourceRecord& record) {
  if (held_) {
    record = *std::move(held_);
    held_.reset();
    return true;
  }
  TALLY_ASSIGN_OR_RETURN(bool more, find_line(record));
  if (more && !record.faulty) parse(record);
  return more;
}

}  // namespace

Result<std::unique_ptr<RecordReader>> open_ndjson_reader(const std::string& name, std::unique_ptr<ByteSource> bytes) {
  auto reader = std::make_unique<NdjsonReader>(name, std::move(bytes));
  TALLY_TRY(reader->read_first_keys());
  return reader;
}

}  // namespace tally
