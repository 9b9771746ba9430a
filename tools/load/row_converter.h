// Turns records of a source into rows of a table: which value goes into which column is settled once, by name; then each
// record is parsed into a BatchBuilder by the types of the schema.
//
//   TALLY_ASSIGN_OR_RETURN(RowConverter converter, RowConverter::make(schema, reader->columns(), reader->open_columns(), {}));
//   reader->select(converter.source_names());
//   if (std::optional<RowFault> fault = converter.convert(record, builder)) reject(*fault);
//
// make() fails before any row: event time or id without a source column, a mapping of a column or to a source column that
// is not there. Codes of convert(): missing_time, missing_id, bad_timestamp, bad_integer, bad_decimal, wrong_type, too_long,
// bad_row; its messages name the column. Threads: one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/schema.h"
#include "tools/load/record_reader.h"

namespace tally {

// `--map column=source`
struct ColumnMapping {
  std::string column;
  std::string source;
};
Result<ColumnMapping> parse_column_mapping(const std::string& text);

class RowConverter {
 public:
  static Result<RowConverter> make(std::shared_ptr<const Schema> schema, const std::vector<std::string>& source_columns,
                                   bool open_columns, const std::vector<ColumnMapping>& mappings);

  // What a reader must select: records then carry one value for each.
  const std::vector<std::string>& source_names() const { return source_names_; }
  // For the person loading: what is ignored and what stays NULL. Empty when source and table fit.
  const std::vector<std::string>& notes() const { return notes_; }

  // Adds the record as one row, or leaves the builder as it was and says why. The builder must not be full.
  std::optional<RowFault> convert(const SourceRecord& record, BatchBuilder& builder) const;

 private:
  struct Target {
    size_t column = 0;  // position in the schema
    ColumnRole role = ColumnRole::kField;
    ColumnType type = ColumnType::kString;
  };
  std::optional<RowFault> set_cell(const Target& target, const SourceValue& value, BatchBuilder& builder) const;

  std::shared_ptr<const Schema> schema_;
  std::vector<Target> targets_;  // parallel to source_names_
  std::vector<std::string> source_names_;
  std::vector<std::string> notes_;
};

}  // namespace tally
