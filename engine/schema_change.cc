#include "engine/schema_change.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace tally {
namespace {

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

std::unexpected<Error> needed(std::string_view what, std::string_view name, const std::string& by) {
  return fail(Code::kInvalidArgument,
              std::string(what) + " " + quoted(name) + " cannot be dropped: " + by + " needs it");
}

Schema next_of(const Schema& now) {
  Schema next = now;
  ++next.version;
  return next;
}

Result<Schema> checked(Schema next) {
  TALLY_TRY(validate_schema(next));
  return next;
}

bool mentions(const std::optional<Condition>& condition, uint32_t column_id) {
  return condition && mentions_column(*condition, column_id);
}

Status check_nothing_needs(const Schema& schema, const Column& column) {
  const std::string_view what = column.role == ColumnRole::kDimension ? "dimension" : "field";
  for (const Measure& measure : schema.measures) {
    if (measure.column_id != column.id && !mentions(measure.condition, column.id)) continue;
    return needed(what, column.name, "measure " + quoted(measure.name));
  }
  for (const LatenessClass& entry : schema.lateness) {
    if (!mentions(entry.condition, column.id)) continue;
    return needed(what, column.name, "LATENESS ... WHERE " + entry.condition_text);
  }
  for (const Rollup& rollup : schema.rollups) {
    const auto& ids = rollup.dimension_ids;
    if (rollup.every_dimension || std::find(ids.begin(), ids.end(), column.id) == ids.end()) continue;
    return needed(what, column.name, "rollup " + quoted(rollup.name));
  }
  const auto& from = schema.id_from;
  if (std::find(from.begin(), from.end(), column.id) == from.end()) return {};
  return needed(what, column.name, "the id, which is derived from it,");
}

Status check_new_name(const Schema& schema, std::string_view name) {
  if (schema.find_column(name) == nullptr && schema.find_measure(name) == nullptr) return {};
  return fail(Code::kAlreadyExists, "table " + quoted(schema.table_name) + " has a " + quoted(name) + " already");
}

// Ids are never used again: what comes has a new one.
template <class Item>
Status check_items(const std::vector<Item>& now, const std::vector<Item>& next, uint32_t first_free,
                   std::string_view what) {
  for (const Item& item : next) {
    auto before = std::find_if(now.begin(), now.end(), [&](const Item& known) { return known.id == item.id; });
    if (before == now.end()) {
      if (item.id >= first_free) continue;
      return fail(Code::kInvalidArgument,
                  std::string(what) + " " + quoted(item.name) + " has an id that was used before");
    }
    if (!(*before == item)) {
      return fail(Code::kUnsupported,
                  "changing the " + std::string(what) + " " + quoted(item.name) + " is not supported: add another one");
    }
  }
  return {};
}

Status check_columns(const Schema& now, const Schema& next) {
  TALLY_TRY(check_items(now.columns, next.columns, now.next_id, "column"));
  if (next.columns[next.time_column()].id != now.columns[now.time_column()].id ||
      next.columns[next.id_column()].id != now.columns[now.id_column()].id) {
    return fail(Code::kUnsupported, "event time and id of a table stay what they are");
  }
  // The order of dimensions is the order of sorting: it stays, and what is new comes last.
  auto known_first = [&](const Column& a, const Column& b) { return a.id < now.next_id && b.id >= now.next_id; };
  for (size_t i = 1; i < next.columns.size(); ++i) {
    if (known_first(next.columns[i], next.columns[i - 1])) {
      return fail(Code::kInvalidArgument, "a new column stands behind those that are there");
    }
  }
  return {};
}

Status check_measures(const Schema& now, const Schema& next) {
  TALLY_TRY(check_items(now.measures, next.measures, now.next_id, "measure"));
  for (const Measure& measure : next.measures) {
    if (measure.id < now.next_id || measure.since_version == next.version) continue;
    return fail(Code::kInvalidArgument, "measure " + quoted(measure.name) + " is new and says that it is not");
  }
  return {};
}

// They come with new ids and go. Their lists follow the columns and measures; how long they are kept may change.
Status check_rollups(const Schema& now, const Schema& next) {
  for (const Rollup& rollup : next.rollups) {
    auto before = std::find_if(now.rollups.begin(), now.rollups.end(),
                               [&](const Rollup& known) { return known.id == rollup.id; });
    if (before == now.rollups.end()) {
      if (rollup.id >= now.next_id && rollup.since_version == next.version) continue;
      return fail(Code::kInvalidArgument, "rollup " + quoted(rollup.name) + " is new and says that it is not");
    }
    Rollup same = rollup;
    std::copy(std::begin(before->retention_us), std::end(before->retention_us), std::begin(same.retention_us));
    if (same.every_dimension) same.dimension_ids = before->dimension_ids;
    if (same.every_measure) same.measure_ids = before->measure_ids;
    for (size_t tier = 1; tier < 4; ++tier) {
      if ((before->retention_us[tier] == 0) == (rollup.retention_us[tier] == 0)) continue;
      return fail(Code::kUnsupported, "rollup " + quoted(rollup.name) + ": another set of tiers is not supported yet");
    }
    if (!(same == *before)) return fail(Code::kUnsupported, "changing a rollup is not supported: add another one");
  }
  if (!next.rollups.empty()) return {};
  return fail(Code::kInvalidArgument, "a table keeps at least one rollup: nothing else outlives raw");
}

}  // namespace

Result<Schema> with_column(const Schema& now, Column column) {
  TALLY_TRY(check_new_name(now, column.name));
  Schema next = next_of(now);
  column.id = next.next_id++;
  if (column.role == ColumnRole::kDimension && column.values_max == 0) {
    column.values_max = limits::kDimensionValuesDefault;
  }
  if (column.role == ColumnRole::kDimension) {
    for (Rollup& rollup : next.rollups) {
      if (rollup.every_dimension) rollup.dimension_ids.push_back(column.id);
    }
  }
  next.columns.push_back(std::move(column));
  return checked(std::move(next));
}

Result<Schema> without_column(const Schema& now, std::string_view name) {
  const Column* column = now.find_column(name);
  if (column == nullptr) return fail(Code::kNotFound, "unknown column " + quoted(name));
  if (column->role != ColumnRole::kDimension && column->role != ColumnRole::kField) {
    return fail(Code::kInvalidArgument, "event time and id of a table cannot be dropped");
  }
  TALLY_TRY(check_nothing_needs(now, *column));
  Schema next = next_of(now);
  const uint32_t id = column->id;
  for (Rollup& rollup : next.rollups) std::erase(rollup.dimension_ids, id);
  std::erase_if(next.columns, [id](const Column& one) { return one.id == id; });
  return checked(std::move(next));
}

Result<Schema> with_measure(const Schema& now, Measure measure) {
  TALLY_TRY(check_new_name(now, measure.name));
  Schema next = next_of(now);
  measure.id = next.next_id++;
  measure.since_version = next.version;
  if (measure.kind != AggregateKind::kDerived) {
    for (Rollup& rollup : next.rollups) {
      if (rollup.every_measure) rollup.measure_ids.push_back(measure.id);
    }
  }
  next.measures.push_back(std::move(measure));
  return checked(std::move(next));
}

Result<Schema> without_measure(const Schema& now, std::string_view name) {
  const Measure* measure = now.find_measure(name);
  if (measure == nullptr) return fail(Code::kNotFound, "unknown measure " + quoted(name));
  const uint32_t id = measure->id;
  Schema next = next_of(now);
  for (Rollup& rollup : next.rollups) {
    const bool there = std::erase(rollup.measure_ids, id) > 0;
    if (there && !rollup.every_measure) return needed("measure", name, "rollup " + quoted(rollup.name));
  }
  std::erase_if(next.measures, [id](const Measure& one) { return one.id == id; });
  return checked(std::move(next));
}

Result<Schema> with_rollup(const Schema& now, Rollup rollup) {
  if (std::ranges::find(now.rollups, rollup.name, &Rollup::name) != now.rollups.end()) {
    return fail(Code::kAlreadyExists,
                "table " + quoted(now.table_name) + " has a rollup " + quoted(rollup.name) + " already");
  }
  Schema next = next_of(now);
  rollup.id = next.next_id++;
  rollup.since_version = next.version;
  next.rollups.push_back(std::move(rollup));
  return checked(std::move(next));
}

Result<Schema> without_rollup(const Schema& now, std::string_view name) {
  const auto found = std::ranges::find(now.rollups, name, &Rollup::name);
  if (found == now.rollups.end()) return fail(Code::kNotFound, "unknown rollup " + quoted(name));
  if (now.rollups.size() == 1) {
    return fail(Code::kInvalidArgument,
                "rollup " + quoted(name) +
                    " cannot be dropped: it is the last one, and nothing else outlives raw; add "
                    "another first");
  }
  Schema next = next_of(now);
  std::erase_if(next.rollups, [&](const Rollup& one) { return one.name == name; });
  return checked(std::move(next));
}

Status check_change(const Schema& now, const Schema& next) {
  auto refuse = [](std::string_view what) {
    return fail(Code::kUnsupported, "changing " + std::string(what) + " of a table is not supported yet");
  };
  if (next.table_name != now.table_name) return refuse("the name");
  if (next.next_id < now.next_id) return fail(Code::kInvalidArgument, "ids of columns would be given twice");
  TALLY_TRY(check_columns(now, next));
  TALLY_TRY(check_measures(now, next));
  TALLY_TRY(check_rollups(now, next));
  if (next.id_from != now.id_from || next.within_us != now.within_us) return refuse("the id");
  if (next.durability != now.durability) return refuse("DURABILITY");
  return {};
}

}  // namespace tally
