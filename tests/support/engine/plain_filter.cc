#include "tests/support/engine/plain_filter.h"

#include <algorithm>

#include "engine/segment_format.h"

namespace tally {

namespace {

int64_t random_code(Random& random, const PlainColumn& column) {
  if (random.chance(0.7)) return column.codes[random.below(column.codes.size())];
  static const int64_t kOdd[] = {0, 1, 2, 250, 4'000'000'000, UINT32_MAX, int64_t{1} << 32, -1, INT64_MIN, INT64_MAX};
  return kOdd[random.below(std::size(kOdd))];
}

int64_t random_int(Random& random, const PlainColumn& column) {
  static const int64_t kOdd[] = {0, -1, 1, INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1};
  if (random.chance(0.2)) return kOdd[random.below(std::size(kOdd))];
  if (random.chance(0.1)) return static_cast<int64_t>(random.next()) >> random.below(64);
  const int64_t value = column.ints[random.below(column.ints.size())].value_or(0);
  if (random.chance(0.3) && value > INT64_MIN && value < INT64_MAX) return value + (random.chance(0.5) ? 1 : -1);
  return value;
}

void ask_numbers(Random& random, PlainPredicate& predicate, const auto& value) {
  predicate.first = value();
  predicate.last = value();
  if (random.chance(0.9) && predicate.first > predicate.last) std::swap(predicate.first, predicate.last);
  if (random.chance(0.2)) predicate.last = predicate.first;
  if (random.chance(0.1)) predicate.first = INT64_MIN;
  if (random.chance(0.1)) predicate.last = INT64_MAX;
  if (random.chance(0.4)) return;
  predicate.values.emplace();
  for (uint64_t count = random.below(6); count > 0; --count) predicate.values->insert(value());
}

void ask_strings(Random& random, PlainPredicate& predicate, const PlainColumn& column) {
  predicate.of_strings = true;
  // Above eight values the search is another one.
  for (uint64_t count = random.below(random.chance(0.2) ? 14 : 4); count > 0; --count) {
    const auto& value = column.strings[random.below(column.strings.size())];
    predicate.texts.insert(random.chance(0.2) ? "nobody has this" : value.value_or(""));
  }
}

PlainPredicate random_predicate(Random& random, const PlainRows& rows) {
  PlainPredicate predicate;
  if (random.chance(0.08)) {
    predicate.column_id = kMissingColumn;
    predicate.is_dimension = random.chance(0.6);
    predicate.of_strings = !predicate.is_dimension && random.chance(0.5);
    if (predicate.of_strings) predicate.texts.insert("");
    if (!predicate.of_strings) ask_numbers(random, predicate, [&] { return static_cast<int64_t>(random.below(3)); });
    return predicate;
  }
  const PlainColumn& column = rows.columns[random.below(rows.columns.size())];
  predicate.column_id = column.id;
  predicate.is_dimension = !column.codes.empty();
  if (!column.strings.empty()) {
    ask_strings(random, predicate, column);
  } else if (predicate.is_dimension) {
    ask_numbers(random, predicate, [&] { return random_code(random, column); });
  } else {
    ask_numbers(random, predicate, [&] { return random_int(random, column); });
  }
  return predicate;
}

void ask_times(Random& random, const PlainRows& rows, PlainFilter& filter) {
  auto time = [&] { return rows.times[random.below(rows.times.size())]; };
  switch (random.below(8)) {
    case 0: filter.from = filter.to = time(); break;  // nothing
    case 1: filter.to = (filter.from = time()) + 1; break;
    case 2: filter.to = (filter.from = time() + 1) - 2; break;  // less than nothing
    case 3: filter.from = time(); break;
    case 4: filter.to = time(); break;
    case 5:
      filter.from = time();
      filter.to = time() + 1;
      if (filter.from > filter.to) std::swap(filter.from, filter.to);
      break;
    default: break;
  }
}

}  // namespace

PlainRows plain_rows(const SegmentRows& rows) {
  PlainRows plain{.times = rows.times, .columns = {}};
  for (size_t d = 0; d < rows.codes.size(); ++d) {
    PlainColumn& column = plain.columns.emplace_back();
    column.id = rows.schema->columns[rows.schema->dimensions()[d]].id;
    column.codes = rows.codes[d];
  }
  for (size_t f = 0; f < rows.fields.size(); ++f) {
    PlainColumn& column = plain.columns.emplace_back();
    column.id = rows.schema->columns[rows.schema->fields()[f]].id;
    for (size_t row = 0; row < rows.times.size(); ++row) {
      if (rows.fields[f].strings.empty()) {
        column.ints.push_back(rows.fields[f].nulls[row] != 0 ? std::nullopt : std::optional(rows.fields[f].ints[row]));
      } else {
        const StringRef& text = rows.fields[f].strings[row];
        column.strings.push_back(text.is_null() ? std::nullopt : std::optional(std::string(text.view())));
      }
    }
  }
  PlainColumn& lsns = plain.columns.emplace_back();
  lsns.id = segment_format::kLsnColumn;
  for (Lsn lsn : rows.lsns) lsns.ints.emplace_back(static_cast<int64_t>(lsn));
  return plain;
}

bool PlainPredicate::matches(const std::optional<int64_t>& value) const {
  if (!value) return false;
  return values ? values->contains(*value) : first <= *value && *value <= last;
}

std::string PlainPredicate::to_string() const {
  std::string text = "column " + std::to_string(column_id) + (is_dimension ? " codes" : "");
  if (of_strings) return text + " any of " + std::to_string(texts.size()) + " strings";
  if (!values) return text + " from " + std::to_string(first) + " to " + std::to_string(last);
  for (int64_t value : *values) text += " " + std::to_string(value);
  return text;
}

PlainFilter PlainFilter::random(Random& random, const PlainRows& rows) {
  PlainFilter filter;
  if (random.chance(0.5)) ask_times(random, rows, filter);
  for (uint64_t count = random.below(4); count > 0; --count)
    filter.predicates.push_back(random_predicate(random, rows));
  return filter;
}

ScanFilter PlainFilter::scan_filter() const {
  ScanFilter filter{.from = from, .to = to, .predicates = {}};
  for (const PlainPredicate& plain : predicates) {
    decltype(ScanPredicate::matches) matches = IntPredicate::range(plain.first, plain.last);
    if (plain.values) matches = IntPredicate::any_of({plain.values->begin(), plain.values->end()});
    if (plain.of_strings) matches = StringPredicate::any_of({plain.texts.begin(), plain.texts.end()});
    filter.predicates.push_back(
        {.column_id = plain.column_id, .is_dimension = plain.is_dimension, .matches = std::move(matches)});
  }
  return filter;
}

bool PlainFilter::matches(const PlainRows& rows, size_t row) const {
  if (rows.times[row] < from || rows.times[row] >= to) return false;
  return std::all_of(predicates.begin(), predicates.end(), [&](const PlainPredicate& predicate) {
    auto column = std::find_if(rows.columns.begin(), rows.columns.end(),
                               [&](const PlainColumn& c) { return c.id == predicate.column_id; });
    if (column == rows.columns.end()) return predicate.is_dimension && predicate.matches(kNullCode);
    if (!column->codes.empty()) return predicate.matches(column->codes[row]);
    if (!column->ints.empty()) return predicate.matches(column->ints[row]);
    return column->strings[row].has_value() && predicate.texts.contains(*column->strings[row]);
  });
}

std::string PlainFilter::to_string() const {
  std::string text = "times [" + std::to_string(from) + ", " + std::to_string(to) + ")";
  for (const PlainPredicate& predicate : predicates) text += "; " + predicate.to_string();
  return text;
}

}  // namespace tally
