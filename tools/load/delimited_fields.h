// Splits one record of delimited text into fields: a function of bytes, without I/O. Fields are views into the text, or
// into a scratch buffer where escapes had to be undone. One object a reader: its memory is used again. Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/record_reader.h"

namespace tally {

class DelimitedFields {
 public:
  explicit DelimitedFields(SourceFormat format) : csv_(format == SourceFormat::kCsv), delimiter_(csv_ ? ',' : '\t') {}

  struct Outcome {
    enum Kind : uint8_t { kRecord, kEmptyLine, kIncomplete, kBad } kind = kIncomplete;
    size_t consumed = 0;        // of a record or an empty line, its end included
    uint64_t lines = 0;         // line ends among them
    std::string_view raw;       // the record without its end
    std::string code, message;  // of kBad
  };
  // `text` begins at a record and is not empty; `ended` says that nothing follows it.
  Outcome split(std::string_view text, bool ended);
  const std::vector<SourceValue>& values() const { return values_; }  // of the last kRecord

 private:
  struct Cursor;
  void split_plain(std::string_view record);
  Outcome split_quoted(std::string_view text, bool ended);
  bool take_quoted(Cursor& cursor, Outcome& outcome);
  void take_unquoted(Cursor& cursor);
  SourceValue unescape_tsv(std::string_view field);

  bool csv_;
  char delimiter_;
  std::vector<SourceValue> values_;
  std::string scratch_;  // reserved before it is filled, so that views into it stay
};

}  // namespace tally
