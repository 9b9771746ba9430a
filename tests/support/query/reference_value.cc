#include "tests/support/query/reference_value.h"

#include "base/timestamp.h"

namespace tally::reference {
namespace {

BigInt length_of(const Interval& interval) {
  return BigInt(interval.months) * 30 * kMicrosPerDay + interval.us;  // a month of 30 days, as comparisons have it
}

}  // namespace

Value value_of(const Datum& datum) {
  switch (datum.type) {
    case SqlType::kNull: return Null{};
    case SqlType::kBool: return datum.boolean;
    case SqlType::kTimestamp: return Time{datum.time};
    case SqlType::kString: return datum.text;
    case SqlType::kInterval: return unpack_interval(datum.number.value);
    default: return exact_of(datum.number.value, datum.number.scale);
  }
}

std::string to_text(const Value& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const Exact* number = std::get_if<Exact>(&value)) return to_text(*number);
  if (const Time* time = std::get_if<Time>(&value)) return format_timestamp(time->us);
  if (const Interval* interval = std::get_if<Interval>(&value)) return format_interval(*interval);
  if (const std::string* text = std::get_if<std::string>(&value)) return *text;
  return "NULL";
}

std::string key_of(const Value& value) {
  if (const Exact* number = std::get_if<Exact>(&value)) return "#" + value_key(*number);
  if (const Interval* interval = std::get_if<Interval>(&value)) return "i" + length_of(*interval).str();
  if (is_null(value)) return "n";
  return "=" + to_text(value);
}

int compare(const Value& a, const Value& b) {
  auto order = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  if (const Exact* number = std::get_if<Exact>(&a)) return compare(*number, std::get<Exact>(b));
  if (const Time* time = std::get_if<Time>(&a)) return order(time->us, std::get<Time>(b).us);
  if (const bool* truth = std::get_if<bool>(&a)) return order(*truth, std::get<bool>(b));
  if (const Interval* interval = std::get_if<Interval>(&a)) {
    return order(length_of(*interval), length_of(std::get<Interval>(b)));
  }
  return order(std::get<std::string>(a), std::get<std::string>(b));
}

}  // namespace tally::reference
