#include "query/vector.h"

#include <algorithm>
#include <deque>
#include <numeric>

namespace tally {

std::string_view Vector::code_text(uint32_t code) const {
  if (code < kFirstValueCode) return code == kOtherCode ? kOtherText : std::string_view();
  return dictionary->value(code);
}

Int128 Vector::code_number(uint32_t code) const {
  if (code < kFirstValueCode) return 0;
  std::string_view bytes = dictionary->value(code);
  return bytes.size() == sizeof(int64_t) ? load_le<int64_t>(as_bytes(bytes).data()) : 0;
}

Vector Vector::of(SqlType type, uint32_t size) {
  Vector result;
  result.type = type;
  result.size = size;
  switch (type) {
    case SqlType::kNull: result.all_null = true; break;
    case SqlType::kBool: result.bools.resize(size); break;
    case SqlType::kTimestamp: result.times.resize(size); break;
    case SqlType::kString: result.strings.resize(size); break;
    default: result.numbers.resize(size); break;
  }
  return result;
}

Vector Vector::of_constant(const Datum& datum, uint32_t size) {
  if (datum.is_null()) return of_null(size);
  Vector result = of(datum.type, 1);
  result.size = size;
  result.constant = true;
  if (datum.type == SqlType::kString) {
    result.strings[0] = datum.text;
  } else {
    result.set(0, datum);
  }
  return result;
}

Vector Vector::of_null(uint32_t size) {
  Vector result;
  result.size = size;
  result.all_null = true;
  return result;
}

void Vector::set_number(uint32_t i, Numeric value) {
  numbers[i] = value.value;
  if (scales.empty()) {
    if (i == 0) scale = value.scale;  // rows come in order, so the first one says
    if (value.scale == scale) return;
    scales.assign(numbers.size(), scale);
  }
  scales[i] = value.scale;
}

void Vector::set_text(uint32_t i, std::string value) {
  auto text = std::make_shared<const std::string>(std::move(value));
  strings[i] = *text;
  kept.push_back(std::move(text));
}

void Vector::set(uint32_t i, const Vector& from, uint32_t at) {
  if (from.is_null(at)) return set_null(i);
  switch (type) {
    case SqlType::kNull: break;
    case SqlType::kBool: bools[i] = from.boolean(at) ? 1 : 0; break;
    case SqlType::kTimestamp: times[i] = from.time(at); break;
    case SqlType::kString: strings[i] = from.text(at); break;
    case SqlType::kInterval: numbers[i] = from.numbers[from.index(at)]; break;
    default: set_number(i, from.number(at)); break;
  }
}

void Vector::set(uint32_t i, const Datum& value) {
  switch (value.type) {
    case SqlType::kNull: set_null(i); break;
    case SqlType::kBool: bools[i] = value.boolean ? 1 : 0; break;
    case SqlType::kTimestamp: times[i] = value.time; break;
    case SqlType::kString: set_text(i, value.text); break;
    case SqlType::kInterval: numbers[i] = value.number.value; break;
    default: set_number(i, value.number); break;
  }
}

Datum Vector::datum(uint32_t i) const {
  if (is_null(i)) return {};
  switch (type) {
    case SqlType::kNull: return {};
    case SqlType::kBool: return Datum::of_bool(boolean(i));
    case SqlType::kTimestamp: return Datum::of_time(time(i));
    case SqlType::kString: return Datum::of_text(std::string(text(i)));
    case SqlType::kInterval: return Datum::of_interval(unpack_interval(numbers[index(i)]));
    default: return Datum::of_number(number(i));
  }
}

namespace {

Vector load_codes(const BlockColumn& column, Selection rows) {
  Vector result;
  result.type = column.type;
  result.size = static_cast<uint32_t>(rows.size());
  result.dictionary = column.dictionary;
  result.codes.resize(rows.size());
  size_t run = 0;
  for (uint32_t i = 0; i < result.size; ++i) {
    if (column.codes != nullptr) {
      result.codes[i] = column.codes[rows[i]];
    } else {
      while (column.runs.ends[run] <= rows[i]) ++run;
      result.codes[i] = column.runs.codes[run];
    }
    if (result.is_null_code(result.codes[i])) result.set_null(i);
  }
  return result;
}

Vector load_ints(const BlockColumn& column, Selection rows) {
  Vector result = Vector::of(column.type, static_cast<uint32_t>(rows.size()));
  result.scale = column.scale;
  for (uint32_t i = 0; i < result.size; ++i) {
    result.numbers[i] = column.ints[rows[i]];
    if (column.nulls != nullptr && column.nulls[rows[i]] != 0) result.set_null(i);
  }
  return result;
}

Vector load_strings(const BlockColumn& column, Selection rows) {
  Vector result = Vector::of(SqlType::kString, static_cast<uint32_t>(rows.size()));
  for (uint32_t i = 0; i < result.size; ++i) {
    const StringRef& string = column.strings[rows[i]];
    if (string.is_null()) {
      result.set_null(i);
    } else {
      result.strings[i] = string.view();
    }
  }
  return result;
}

Vector load_ids(const BlockColumn& column, Selection rows) {
  Vector result = Vector::of(SqlType::kString, static_cast<uint32_t>(rows.size()));
  auto texts = std::make_shared<std::vector<std::string>>(rows.size());
  for (uint32_t i = 0; i < result.size; ++i) {
    const IdSlot& id = column.ids[rows[i]];
    if (column.id_kinds[rows[i]] == IdKind::kText) {
      result.strings[i] = id.text.view();
      continue;
    }
    (*texts)[i] = format_id(column.id_kinds[rows[i]], id);
    result.strings[i] = (*texts)[i];
  }
  result.kept.push_back(std::move(texts));
  return result;
}

Vector load_vector(const Vector& from, Selection rows) {
  Vector result = Vector::of(from.type, static_cast<uint32_t>(rows.size()));
  result.kept = from.kept;
  const bool plain = !from.constant && !from.may_have_nulls();
  if (plain && from.type == SqlType::kTimestamp) {
    for (uint32_t i = 0; i < result.size; ++i) result.times[i] = from.times[rows[i]];
    return result;
  }
  if (plain && is_numeric(from.type) && from.uniform_numbers()) {
    result.scale = from.scale;
    for (uint32_t i = 0; i < result.size; ++i) result.numbers[i] = from.numbers[rows[i]];
    return result;
  }
  for (uint32_t i = 0; i < result.size; ++i) result.set(i, from, rows[i]);
  return result;
}

}  // namespace

Selection Selection::all(uint32_t rows) {
  static const std::vector<uint32_t> numbers = [] {
    std::vector<uint32_t> made(kAllMax);
    std::iota(made.begin(), made.end(), 0);
    return made;
  }();
  Selection all(numbers.data(), rows);
  all.all_ = true;
  return all;
}

Vector load(const BlockColumn& column, Selection rows) {
  uint32_t size = static_cast<uint32_t>(rows.size());
  Vector result;
  switch (column.kind) {
    case BlockColumn::Kind::kTimes:
      result = Vector::of(SqlType::kTimestamp, size);
      if (column.one_time) {
        std::fill(result.times.begin(), result.times.end(), *column.one_time);
        return result;
      }
      for (uint32_t i = 0; i < size; ++i) result.times[i] = column.times[rows[i]];
      return result;
    case BlockColumn::Kind::kCodes:
      if (column.codes == nullptr && column.runs.empty()) return Vector::of_null(size);
      return load_codes(column, rows);
    case BlockColumn::Kind::kInts:
      if (column.ints == nullptr) return Vector::of_null(size);
      return load_ints(column, rows);
    case BlockColumn::Kind::kStrings:
      if (column.strings == nullptr) return Vector::of_null(size);
      return load_strings(column, rows);
    case BlockColumn::Kind::kIds: return load_ids(column, rows);
    case BlockColumn::Kind::kKinds:
      result = Vector::of(SqlType::kString, size);
      for (uint32_t i = 0; i < size; ++i) result.strings[i] = row_kind_name(column.kinds[rows[i]]);
      return result;
    case BlockColumn::Kind::kLsns:
      result = Vector::of(SqlType::kInt64, size);
      for (uint32_t i = 0; i < size; ++i) result.numbers[i] = static_cast<Int128>(column.lsns[rows[i]]);
      return result;
    case BlockColumn::Kind::kVector: return load_vector(*column.vector, rows);
  }
  return result;
}

}  // namespace tally
