#include "tools/load/delimited_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "tools/load/delimited_fields.h"
#include "tools/load/source_buffer.h"

namespace tally {

namespace {

class DelimitedReader : public RecordReader {
 public:
  DelimitedReader(SourceFormat format, std::string name, std::unique_ptr<ByteSource> bytes)
      : name_(std::move(name)), fields_(format), buffer_(std::move(bytes)) {}

  Status read_header();
  const std::vector<std::string>& columns() const override { return columns_; }
  bool open_columns() const override { return false; }
  void select(const std::vector<std::string>& names) override {
    selected_.clear();
    for (const std::string& name : names) {
      auto found = std::find(columns_.begin(), columns_.end(), name);
      selected_.push_back(found == columns_.end() ? kAbsent : static_cast<size_t>(found - columns_.begin()));
    }
  }
  Result<bool> next(SourceRecord& record) override;
  const ByteSource& source() const override { return buffer_.source(); }

 private:
  static constexpr size_t kAbsent = SIZE_MAX;

  Result<bool> next_split(SourceRecord& record);
  Status give_up_line(SourceRecord& record, RowFault fault);
  void give_values(SourceRecord& record);
  // What the record that was handed out last occupies; its views end when it is consumed.
  void consume_last() {
    buffer_.consume(consume_next_);
    consume_next_ = 0;
  }

  std::string name_;
  DelimitedFields fields_;
  SourceBuffer buffer_;
  std::vector<std::string> columns_;
  std::vector<size_t> selected_;
  std::string kept_raw_;  // of a line too long for the buffer
  size_t consume_next_ = 0;
  uint64_t line_ = 1;  // of the first byte not consumed
  uint64_t lines_next_ = 0;
  uint64_t number_ = 0;
};

Status DelimitedReader::read_header() {
  TALLY_TRY(skip_byte_order_mark(buffer_, name_));
  SourceRecord header;
  TALLY_ASSIGN_OR_RETURN(bool more, next_split(header));
  if (!more) return fail(Code::kInvalidArgument, name_ + " is empty: its first line must name the columns");
  if (!header.faulty && !simdjson::validate_utf8(header.raw)) {
    header.faulty = true;
    header.fault = {"bad_utf8", "is not UTF-8", ""};
  }
  if (header.faulty) return fail(Code::kInvalidArgument, name_ + ":1: the header " + header.fault.message);
  std::set<std::string_view> seen;
  for (const SourceValue& field : fields_.values()) {
    if (!seen.insert(field.text).second) {
      return fail(Code::kInvalidArgument,
                  name_ + ":1: the header names the column \"" + std::string(field.text) + "\" twice");
    }
    columns_.emplace_back(field.text);
  }
  number_ = 0;
  return {};
}

// Splits the next record into fields_; its fault, if any, is that of the text.
Result<bool> DelimitedReader::next_split(SourceRecord& record) {
  consume_last();
  line_ += lines_next_;
  lines_next_ = 0;
  while (true) {
    std::string_view pending = buffer_.pending();
    if (!pending.empty()) {
      DelimitedFields::Outcome outcome = fields_.split(pending, buffer_.ended());
      if (outcome.kind == DelimitedFields::Outcome::kEmptyLine) {
        buffer_.consume(outcome.consumed);
        line_ += outcome.lines;
        continue;
      }
      record.number = ++number_;
      record.line = line_;
      if (outcome.kind == DelimitedFields::Outcome::kRecord) {
        record.raw = outcome.raw;
        record.faulty = false;
        consume_next_ = outcome.consumed;
        lines_next_ = outcome.lines;
        return true;
      }
      if (outcome.kind == DelimitedFields::Outcome::kBad) {
        TALLY_TRY(give_up_line(record, {outcome.code, outcome.message, ""}));
        return true;
      }
      --number_;
      if (buffer_.full()) {
        record.number = ++number_;
        TALLY_TRY(give_up_line(
            record, {"row_too_long", "is longer than " + std::to_string(limits::kSourceLineBytesMax) + " bytes", ""}));
        return true;
      }
    }
    if (buffer_.ended()) return false;
    TALLY_TRY(buffer_.fill());
  }
}

// The line that the record began at is given up, and no more than that: what follows may be sound.
Status DelimitedReader::give_up_line(SourceRecord& record, RowFault fault) {
  record.faulty = true;
  record.fault = std::move(fault);
  std::string_view pending = buffer_.pending();
  const void* end = std::memchr(pending.data(), '\n', pending.size());
  lines_next_ = 1;
  if (end != nullptr || buffer_.ended()) {
    size_t length =
        end == nullptr ? pending.size() : static_cast<size_t>(static_cast<const char*>(end) - pending.data());
    record.raw = pending.substr(0, length);
    if (record.raw.ends_with('\r')) record.raw.remove_suffix(1);
    consume_next_ = std::min(length + 1, pending.size());
    return {};
  }
  kept_raw_ = pending.substr(0, limits::kRejectedRawBytesMax);
  record.raw = kept_raw_;
  while (true) {
    pending = buffer_.pending();
    end = std::memchr(pending.data(), '\n', pending.size());
    if (end != nullptr) {
      buffer_.consume(static_cast<size_t>(static_cast<const char*>(end) - pending.data()) + 1);
      return {};
    }
    buffer_.consume(pending.size());
    if (buffer_.ended()) return {};
    TALLY_TRY(buffer_.fill());
  }
}

void DelimitedReader::give_values(SourceRecord& record) {
  const std::vector<SourceValue>& fields = fields_.values();
  record.values.resize(selected_.size());
  for (size_t i = 0; i < selected_.size(); ++i) {
    record.values[i] = selected_[i] == kAbsent ? SourceValue{} : fields[selected_[i]];
  }
}

Result<bool> DelimitedReader::next(SourceRecord& record) {
  TALLY_ASSIGN_OR_RETURN(bool more, next_split(record));
  if (!more || record.faulty) return more;
  if (fields_.values().size() != columns_.size()) {
    record.faulty = true;
    record.fault = {"wrong_field_count",
                    "has " + std::to_string(fields_.values().size()) + " fields where the header has " +
                        std::to_string(columns_.size()),
                    ""};
  } else if (!simdjson::validate_utf8(record.raw)) {
    record.faulty = true;
    record.fault = {"bad_utf8", "is not UTF-8", ""};
  } else {
    give_values(record);
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<RecordReader>> open_delimited_reader(SourceFormat format, const std::string& name,
                                                            std::unique_ptr<ByteSource> bytes) {
  auto reader = std::make_unique<DelimitedReader>(format, name, std::move(bytes));
  TALLY_TRY(reader->read_header());
  return reader;
}

}  // namespace tally
