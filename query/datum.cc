#include "query/datum.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/timestamp.h"
#include "query/sql_error.h"

namespace tally {

Datum Datum::of_bool(bool value) {
  Datum result;
  result.type = SqlType::kBool;
  result.boolean = value;
  return result;
}

Datum Datum::of_number(Numeric value) {
  Datum result;
  result.type = value.scale == 0 ? SqlType::kInt64 : SqlType::kDecimal;
  result.number = value;
  return result;
}

Datum Datum::of_time(TimeUs value) {
  Datum result;
  result.type = SqlType::kTimestamp;
  result.time = value;
  return result;
}

Datum Datum::of_interval(const Interval& value) {
  Datum result;
  result.type = SqlType::kInterval;
  result.number.value = pack(value);
  return result;
}

Datum Datum::of_text(std::string value) {
  Datum result;
  result.type = SqlType::kString;
  result.text = std::move(value);
  return result;
}

bool same(const Datum& a, const Datum& b) {
  return a.type == b.type && a.boolean == b.boolean && a.number.value == b.number.value &&
         a.number.scale == b.number.scale && a.time == b.time && a.text == b.text;
}

int compare_datums(const Datum& a, const Datum& b) {
  auto order = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  switch (a.type) {
    case SqlType::kBool: return order(a.boolean, b.boolean);
    case SqlType::kTimestamp: return order(a.time, b.time);
    case SqlType::kString: return order(a.text.compare(b.text), 0);
    case SqlType::kInterval:
      return order(approximate_us(unpack_interval(a.number.value)), approximate_us(unpack_interval(b.number.value)));
    default: return compare(a.number, b.number);
  }
}

static Result<Datum> number_of(const Cell& cell) {
  if (cell.scale > kNumericScaleMax) {
    return fail(Code::kInvalidArgument, "has " + std::to_string(cell.scale) + " digits after the point, and at most " +
                                            std::to_string(kNumericScaleMax) + " can be kept");
  }
  if (cell.number < -kInt128Max) return fail(Code::kInvalidArgument, "does not fit 127 bits");
  return Datum::of_number({cell.number, cell.scale});
}

static Result<Datum> number_of(double value) {
  if (!std::isfinite(value)) return fail(Code::kInvalidArgument, "is a double without a value: NaN or infinite");
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  TALLY_CHECK(error == std::errc());
  const std::string_view shortest(text.data(), static_cast<size_t>(end - text.data()));
  const std::optional<Numeric> number = parse_numeric(shortest);
  if (number) return Datum::of_number(*number);
  return fail(Code::kInvalidArgument, "is the double " + std::string(shortest) + ", which does not fit 127 bits and " +
                                          std::to_string(kNumericScaleMax) + " digits after the point");
}

Result<Datum> to_datum(const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::kNull: break;
    case Cell::Kind::kBool: return Datum::of_bool(cell.boolean);
    case Cell::Kind::kNumber: return number_of(cell);
    case Cell::Kind::kTimestamp: return Datum::of_time(cell.timestamp);
    case Cell::Kind::kString: return Datum::of_text(cell.text);
    case Cell::Kind::kDouble: return number_of(cell.real);
  }
  return Datum();
}

Cell to_cell(const Datum& datum) {
  Cell cell;
  switch (datum.type) {
    case SqlType::kNull: break;
    case SqlType::kBool:
      cell.kind = Cell::Kind::kBool;
      cell.boolean = datum.boolean;
      break;
    case SqlType::kInt64:
    case SqlType::kDecimal:
    case SqlType::kDouble:
      cell.kind = Cell::Kind::kNumber;
      cell.number = datum.number.value;
      cell.scale = datum.number.scale;
      break;
    case SqlType::kTimestamp:
      cell.kind = Cell::Kind::kTimestamp;
      cell.timestamp = datum.time;
      break;
    case SqlType::kInterval:
      cell.kind = Cell::Kind::kString;
      cell.text = format_interval(unpack_interval(datum.number.value));
      break;
    case SqlType::kString:
      cell.kind = Cell::Kind::kString;
      cell.text = datum.text;
      break;
  }
  return cell;
}

std::string to_text(const Datum& datum) {
  switch (datum.type) {
    case SqlType::kNull: return "NULL";
    case SqlType::kBool: return datum.boolean ? "TRUE" : "FALSE";
    case SqlType::kTimestamp: return "TIMESTAMP '" + format_timestamp(datum.time) + "'";
    case SqlType::kInterval: return "INTERVAL '" + format_interval(unpack_interval(datum.number.value)) + "'";
    case SqlType::kString: return "'" + printable(datum.text) + "'";
    default: return to_string(datum.number);
  }
}

std::string_view type_name(SqlType type) {
  switch (type) {
    case SqlType::kNull: return "NULL";
    case SqlType::kBool: return "a condition";
    case SqlType::kInt64:
    case SqlType::kDecimal:
    case SqlType::kDouble: return "a number";
    case SqlType::kString: return "a string";
    case SqlType::kTimestamp: return "a timestamp";
    case SqlType::kInterval: return "an interval";
  }
  return "a value";
}

}  // namespace tally
