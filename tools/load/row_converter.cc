#include "tools/load/row_converter.h"

#include <algorithm>

#include "base/decimal.h"
#include "base/figures.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/timestamp.h"

namespace tally {

namespace {

constexpr size_t kShownBytesMax = 60;
constexpr size_t kNamesShownMax = 40;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

// A value as a message shows it: short, and on one line.
std::string shown(std::string_view text) {
  std::string out = quoted(text.substr(0, kShownBytesMax));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (text.size() > kShownBytesMax) out.insert(out.size() - 1, "...");
  return out;
}

// A source may have names by the thousand, and long ones.
std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), kNamesShownMax); ++i) {
    const std::string& name = names[i];
    out += (i == 0 ? "" : ", ") + name.substr(0, kShownBytesMax) + (name.size() > kShownBytesMax ? "..." : "");
  }
  if (names.size() > kNamesShownMax) out += " and " + with_thousands(names.size() - kNamesShownMax) + " more";
  return names.empty() ? "none" : out;
}

std::vector<std::string> id_sources(const Schema& schema) {
  std::vector<std::string> names;
  for (uint32_t id : schema.id_from) names.push_back(schema.find_column(id)->name);
  return names;
}

// The source column of `column`: as mapped, else of the same name.
std::string source_of(const std::string& column, const std::vector<ColumnMapping>& mappings) {
  for (const ColumnMapping& mapping : mappings) {
    if (mapping.column == column) return mapping.source;
  }
  return column;
}

Status check_mappings(const Schema& schema, const std::vector<std::string>& source_columns, bool open_columns,
                      const std::vector<ColumnMapping>& mappings) {
  std::vector<std::string> columns;
  for (const Column& column : schema.columns) columns.push_back(column.name);
  for (size_t i = 0; i < mappings.size(); ++i) {
    const ColumnMapping& mapping = mappings[i];
    if (!contains(columns, mapping.column)) {
      return fail(Code::kInvalidArgument, "--map: table " + quoted(schema.table_name) + " has no column " +
                                              quoted(mapping.column) + did_you_mean(mapping.column, columns));
    }
    if (!open_columns && !contains(source_columns, mapping.source)) {
      return fail(Code::kInvalidArgument, "--map: the source has no column " + quoted(mapping.source) +
                                              did_you_mean(mapping.source, source_columns));
    }
    if (schema.derives_ids() && schema.columns[schema.id_column()].name == mapping.column) {
      return fail(Code::kInvalidArgument, "--map: table " + quoted(schema.table_name) + " derives its ids from " +
                                              joined(id_sources(schema)) + ", none are loaded");
    }
    for (size_t j = 0; j < i; ++j) {
      if (mappings[j].column == mapping.column) {
        return fail(Code::kInvalidArgument, "--map: column " + quoted(mapping.column) + " is mapped twice");
      }
    }
  }
  return {};
}

std::unexpected<Error> missing_column(const Schema& schema, const Column& column, const std::string& source,
                                      const std::vector<std::string>& source_columns) {
  std::string what = column.role == ColumnRole::kEventTime ? "event time" : "id";
  std::string message = "the source has no column " + quoted(source) + ", which is the " + what + " of table " +
                        quoted(schema.table_name);
  std::string nearest = nearest_name(source, source_columns);
  message += nearest.empty()
                 ? " (it has " + joined(source_columns) + "); say which it is: --map " + column.name + "=SOURCE"
                 : ", did you mean " + quoted(nearest) + "? Then say --map " + column.name + "=" + nearest;
  return fail(Code::kInvalidArgument, message);
}

}  // namespace

Result<ColumnMapping> parse_column_mapping(const std::string& text) {
  size_t sign = text.find('=');
  if (sign == std::string::npos || sign == 0 || sign + 1 == text.size()) {
    return fail(Code::kInvalidArgument, "--map wants column=source, not " + quoted(text));
  }
  return ColumnMapping{text.substr(0, sign), text.substr(sign + 1)};
}

Result<RowConverter> RowConverter::make(std::shared_ptr<const Schema> schema,
                                        const std::vector<std::string>& source_columns, bool open_columns,
                                        const std::vector<ColumnMapping>& mappings) {
  TALLY_TRY(check_mappings(*schema, source_columns, open_columns, mappings));
  RowConverter converter;
  std::vector<std::string> null_columns, ignored;
  for (size_t i = 0; i < schema->columns.size(); ++i) {
    const Column& column = schema->columns[i];
    std::string source = source_of(column.name, mappings);
    bool there = contains(source_columns, source);
    if (column.role == ColumnRole::kId && schema->derives_ids()) continue;
    bool needed = column.role == ColumnRole::kEventTime || column.role == ColumnRole::kId;
    if (needed && !there) return missing_column(*schema, column, source, source_columns);
    if (!there) null_columns.push_back(column.name);
    if (!there && !open_columns) continue;
    converter.targets_.push_back({i, column.role, column.type});
    converter.source_names_.push_back(std::move(source));
  }
  for (const std::string& name : source_columns) {
    if (!contains(converter.source_names_, name)) ignored.push_back(name);
  }
  if (schema->derives_ids()) converter.notes_.push_back("ids are derived from " + joined(id_sources(*schema)));
  if (!ignored.empty()) converter.notes_.push_back("not in the table, ignored: " + joined(ignored));
  if (!null_columns.empty()) {
    converter.notes_.push_back(
        (open_columns ? "not in the first row, NULL where missing: " : "not in the source, NULL: ") +
        joined(null_columns));
  }
  converter.schema_ = std::move(schema);
  return converter;
}

std::optional<RowFault> RowConverter::set_cell(const Target& target, const SourceValue& value,
                                               BatchBuilder& builder) const {
  const Column& column = schema_->columns[target.column];
  auto fault = [&](std::string_view code, std::string message) {
    return RowFault{std::string(code), std::move(message), column.name};
  };
  if (value.kind == SourceValue::Kind::kNested) {
    return fault("wrong_type", shown(value.text) + " is an object or array, not a single value");
  }
  if (target.role != ColumnRole::kEventTime && value.text.size() > limits::kStringBytesMax) {
    return fault("too_long", "is " + std::to_string(value.text.size()) + " bytes long, the limit is " +
                                 std::to_string(limits::kStringBytesMax));
  }
  if (target.role == ColumnRole::kEventTime) {
    auto time = parse_timestamp(value.text);
    if (!time) return fault("bad_timestamp", time.error().message);
    builder.set_time(*time);
  } else if (target.role == ColumnRole::kId) {
    if (value.text.empty()) return fault("missing_id", "is empty, and every row needs an id");
    builder.set_id(value.text);
  } else if (target.type == ColumnType::kInt64) {
    auto number = parse_int64(value.text);
    if (!number) return fault("bad_integer", number.error().message);
    builder.set_int64(target.column, *number);
  } else if (target.type == ColumnType::kDecimal) {
    auto number = parse_decimal(value.text, column.precision, column.scale);
    if (!number) return fault("bad_decimal", number.error().message);
    builder.set_int64(target.column, *number);
  } else {
    builder.set_string(target.column, value.text);
  }
  return std::nullopt;
}

std::optional<RowFault> RowConverter::convert(const SourceRecord& record, BatchBuilder& builder) const {
  if (record.faulty) return record.fault;
  for (size_t i = 0; i < targets_.size(); ++i) {
    const Target& target = targets_[i];
    const SourceValue& value = record.values[i];
    std::optional<RowFault> fault;
    if (value.kind != SourceValue::Kind::kNull) {
      fault = set_cell(target, value, builder);
    } else if (target.role == ColumnRole::kEventTime) {
      fault =
          RowFault{"missing_time", "is NULL, and every row needs an event time", schema_->columns[target.column].name};
    } else if (target.role == ColumnRole::kId) {
      fault = RowFault{"missing_id", "is NULL, and every row needs an id", schema_->columns[target.column].name};
    }
    if (fault) {
      builder.drop_row();
      return fault;
    }
  }
  if (Status status = builder.end_row(); !status)
    return RowFault{"bad_row", "cannot be stored: " + status.error().message, ""};
  return std::nullopt;
}

}  // namespace tally
