// Reads the text of an invalid row again: the one record that it was, with the header of its source, into a row of the table.
// Threads: one at a time.
#pragma once

#include <optional>

#include "engine/dead_letter.h"
#include "tools/load/row_converter.h"

namespace tally {

// How a source spells its header, so that letter_reader.h can read a record of it alone. Empty for NDJSON.
std::string header_line(SourceFormat format, const std::vector<std::string>& columns);
RawFormat raw_format_of(SourceFormat format);
std::string mapping_lines(const std::vector<ColumnMapping>& mappings);

class LetterReader {
 public:
  // `mappings` go before those that the source was loaded with.
  LetterReader(std::shared_ptr<const Schema> schema, std::vector<ColumnMapping> mappings)
      : schema_(std::move(schema)), mappings_(std::move(mappings)) {}

  // Adds the row to `builder`, or says why it still is none. The builder must not be full.
  std::optional<RowFault> read(const BatchSource& source, const RejectedRow& row, BatchBuilder& builder);

 private:
  Result<std::vector<ColumnMapping>> mappings_of(const BatchSource& source) const;
  Status prepare(const BatchSource& source, RecordReader& reader);

  const std::shared_ptr<const Schema> schema_;
  const std::vector<ColumnMapping> mappings_;
  // For the source of the row before, where its header says all.
  std::optional<BatchSource> prepared_;
  std::optional<RowConverter> converter_;
};

}  // namespace tally
