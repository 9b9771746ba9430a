// The rows of a segment as text, from the file alone: the second half of segment_describe.h.
#include <map>

#include "base/decimal.h"
#include "base/timestamp.h"
#include "engine/segment_cursor.h"
#include "engine/segment_describe.h"
#include "engine/sketch_format.h"

namespace tally {

namespace {

constexpr size_t kFlushBytes = 64 * limits::kKiB;

class RowDump {
 public:
  RowDump(std::shared_ptr<const SegmentFile> segment, const TextSink& sink)
      : segment_(std::move(segment)), schema_(*segment_->footer().schema), sink_(sink) {}

  Status run(uint64_t rows_max) {
    TALLY_TRY(read_appendix());
    put_names();
    SegmentCursor cursor(segment_, selection(), {});
    const size_t blocks = segment_->footer().blocks.size();
    for (uint32_t block = 0; block < blocks && rows_ < rows_max; ++block) {
      Result<const BlockColumns*> columns = cursor.read(block);
      if (!columns) {
        flush();
        return std::unexpected(std::move(columns).error());
      }
      const uint64_t rows = std::min<uint64_t>((*columns)->rows.rows, rows_max - rows_);
      for (uint32_t row = 0; row < rows; ++row) raw() ? put_row(**columns, row) : put_bucket(**columns, row);
      rows_ += rows;
    }
    flush();
    return {};
  }

 private:
  // Dimensions and fields in the order of the schema: what by_column is parallel to.
  std::vector<const Column*> value_columns() const {
    std::vector<const Column*> columns;
    for (const Column& column : schema_.columns) {
      if (column.role == ColumnRole::kDimension || column.role == ColumnRole::kField) columns.push_back(&column);
    }
    return columns;
  }

  bool raw() const { return segment_->footer().rollup_id == 0; }

  // Of a rollup tier: dimensions, counts of rows, measures; by_column is parallel to them. What else a later version may have
  // put into the file is not known here.
  std::vector<uint32_t> bucket_columns() const {
    std::vector<uint32_t> ids;
    for (const auto& column : segment_format::stored_columns(schema_, segment_->footer().rollup_id)) {
      if (column.id != schema_.columns[schema_.time_column()].id) ids.push_back(column.id);
    }
    return ids;
  }

  ColumnSelection selection() const {
    ColumnSelection selection;
    if (!raw()) {
      selection.kinds = false;
      selection.column_ids = bucket_columns();
      return selection;
    }
    selection.ids = selection.lsns = selection.arrivals = true;
    for (const Column* column : value_columns()) selection.column_ids.push_back(column->id);
    return selection;
  }

  Status read_appendix() {
    const auto& parts = segment_->footer().appendix;
    ColumnBytes bytes;
    std::vector<uint32_t> codes;
    std::vector<StringRef> values;
    for (size_t part = 0; part < parts.size(); ++part) {
      TALLY_TRY(segment_->read_appendix_part(part, bytes, codes, values));
      auto& of_dimension = strings_[parts[part].dimension_id];
      for (size_t i = 0; i < codes.size(); ++i) of_dimension.emplace(codes[i], values[i].view());
    }
    return {};
  }

  void put_names() {
    if (!raw()) {
      append_tsv_text(schema_.columns[schema_.time_column()].name, text_);
      for (uint32_t id : bucket_columns()) {
        text_ += '\t';
        append_tsv_text(segment_format::column_name(schema_, id), text_);
      }
      text_ += '\n';
      return;
    }
    for (const Column& column : schema_.columns) {
      append_tsv_text(column.name, text_);
      text_ += '\t';
    }
    text_ += "_kind\t_lsn\t_arrival\n";
  }

  void put_row(const BlockColumns& block, uint32_t row) {
    const RawColumns& rows = block.rows;
    size_t value = 0;
    for (const Column& column : schema_.columns) {
      switch (column.role) {
        case ColumnRole::kEventTime: text_ += format_timestamp(rows.times[row]); break;
        case ColumnRole::kId: append_tsv_text(format_id(rows.id_kinds[row], rows.ids[row]), text_); break;
        case ColumnRole::kDimension: put_code(column, block.by_column[value++].codes[row]); break;
        case ColumnRole::kField: put_field(column, block.by_column[value++], row); break;
      }
      text_ += '\t';
    }
    text_ += row_kind_name(rows.kinds[row]);
    text_ += '\t' + std::to_string(rows.lsns[row]) + '\t' + format_timestamp(rows.arrivals[row]) + '\n';
    if (text_.size() >= kFlushBytes) flush();
  }

  void put_bucket(const BlockColumns& block, uint32_t row) {
    text_ += format_timestamp(block.rows.times[row]);
    const std::vector<uint32_t> ids = bucket_columns();
    for (size_t i = 0; i < ids.size(); ++i) {
      text_ += '\t';
      const BlockColumns::Selected& values = block.by_column[i];
      if (const Column* column = schema_.find_column(ids[i])) {
        put_code(*column, values.codes[row]);
      } else if (values.strings != nullptr) {
        put_sketch(values.strings[row]);
      } else if (values.nulls != nullptr && values.nulls[row] != 0) {
        text_ += kTsvNull;
      } else {
        text_ += format_decimal(values.ints[row], scale_of(ids[i]));
      }
    }
    text_ += '\n';
    if (text_.size() >= kFlushBytes) flush();
  }

  uint8_t scale_of(uint32_t id) const {
    const Measure* measure = schema_.find_measure(id);
    const Column* column = measure == nullptr || measure->kind == AggregateKind::kCount
                               ? nullptr
                               : schema_.find_column(measure->column_id);
    return column != nullptr && column->type == ColumnType::kDecimal ? column->scale : 0;
  }

  // How many values it has seen, about.
  void put_sketch(const StringRef& bytes) {
    if (bytes.is_null()) {
      text_ += kTsvNull;
      return;
    }
    const auto sketch = StoredSketch::open(as_bytes(bytes.view()));
    if (!sketch) {
      text_ += "(no sketch)";
      return;
    }
    HyperLogLog registers(sketch->precision());
    sketch->merge_into(registers);
    text_ += std::to_string(registers.estimate());
  }

  void put_code(const Column& column, uint32_t code) {
    if (code == kNullCode) {
      text_ += kTsvNull;
    } else if (code == kOtherCode) {
      text_ += "(other)";
    } else {
      const auto& strings = strings_[column.id];
      const auto found = strings.find(code);
      if (found == strings.end()) {
        text_ += "(code " + std::to_string(code) + ")";  // a file that verify() does not find sound
      } else if (column.type == ColumnType::kInt64 && found->second.size() == sizeof(int64_t)) {
        text_ += std::to_string(load_le<int64_t>(as_bytes(found->second).data()));
      } else {
        append_tsv_text(found->second, text_);
      }
    }
  }

  void put_field(const Column& column, const BlockColumns::Selected& values, uint32_t row) {
    if (column.type == ColumnType::kString) {
      if (values.strings[row].is_null()) {
        text_ += kTsvNull;
      } else {
        append_tsv_text(values.strings[row].view(), text_);
      }
    } else if (values.nulls != nullptr && values.nulls[row] != 0) {
      text_ += kTsvNull;
    } else {
      text_ += format_decimal(values.ints[row], column.type == ColumnType::kDecimal ? column.scale : 0);
    }
  }

  void flush() {
    sink_(text_);
    text_.clear();
  }

  const std::shared_ptr<const SegmentFile> segment_;
  const Schema& schema_;
  const TextSink& sink_;
  std::map<uint32_t, std::map<uint32_t, std::string>> strings_;  // by dimension id and code
  std::string text_;
  uint64_t rows_ = 0;
};

}  // namespace

Status dump_segment_rows(FileSystem& fs, const std::string& path, uint64_t rows_max, const TextSink& sink) {
  TALLY_ASSIGN_OR_RETURN(auto segment, SegmentFile::open(fs, path, nullptr));
  return RowDump(std::move(segment), sink).run(rows_max);
}

Status dump_segment_rows(std::unique_ptr<File> file, uint64_t rows_max, const TextSink& sink) {
  TALLY_ASSIGN_OR_RETURN(auto segment, SegmentFile::open(std::move(file), nullptr));
  return RowDump(std::move(segment), sink).run(rows_max);
}

}  // namespace tally
