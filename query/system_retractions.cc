#include "query/system_retractions.h"

namespace tally {
namespace {

Datum number_or_null(uint64_t value) { return value == 0 ? Datum() : number(value); }

// Of every table that can be read, its retractions; the error of the first that cannot.
template <class AddRow>
Sql<SystemRows> for_each_retraction(Catalog& catalog, SystemRows result, AddRow add_row) {
  for (const std::string& name : catalog.table_names()) {
    auto snapshot = catalog.snapshot(name);
    if (!snapshot) return sql_fail(std::nullopt, snapshot.error().message, {}, snapshot.error().code);
    auto retractions = (*snapshot)->retractions();
    if (!retractions) return sql_fail(std::nullopt, retractions.error().message, {}, retractions.error().code);
    for (const Retraction& one : *retractions) add_row(name, one, result.rows);
  }
  return result;
}

Datum id_of(const Retraction& one) { return Datum::of_text(format_id(one.id_kind, one.slot())); }

bool is_unresolved(const Retraction& one) { return !unresolved_reason(one.state).empty(); }

}  // namespace

Sql<SystemRows> system_retractions(Catalog& catalog) {
  SystemRows result;
  result.add_columns(SqlType::kString, {"table", "event_id", "state", "by", "reason"});
  result.add_columns(SqlType::kTimestamp, {"asked"});
  result.add_columns(SqlType::kInt64, {"verdict_lsn"});
  result.add_columns(SqlType::kTimestamp, {"settled"});
  result.add_columns(SqlType::kInt64, {"settled_lsn", "original_lsn"});
  return for_each_retraction(
      catalog, std::move(result),
      [](const std::string& table, const Retraction& one, std::vector<std::vector<Datum>>& rows) {
        rows.push_back({Datum::of_text(table), id_of(one),
                        Datum::of_text(std::string(retraction_state_name(one.state))), Datum::of_text(one.request->by),
                        Datum::of_text(one.request->reason), Datum::of_time(one.request->arrival_us),
                        number(one.request->lsn), one.settled_lsn == 0 ? Datum() : Datum::of_time(one.settled_us),
                        number_or_null(one.settled_lsn), number_or_null(one.original_lsn)});
      });
}

Sql<SystemRows> system_adjustments(Catalog& catalog) {
  SystemRows result;
  result.add_columns(SqlType::kString, {"table", "event_id", "kind", "why", "by", "reason"});
  result.add_columns(SqlType::kTimestamp, {"asked", "settled"});
  return for_each_retraction(
      catalog, std::move(result),
      [](const std::string& table, const Retraction& one, std::vector<std::vector<Datum>>& rows) {
        if (!is_unresolved(one)) return;
        rows.push_back({Datum::of_text(table), id_of(one), Datum::of_text("unresolved retraction"),
                        Datum::of_text(std::string(unresolved_reason(one.state))), Datum::of_text(one.request->by),
                        Datum::of_text(one.request->reason), Datum::of_time(one.request->arrival_us),
                        Datum::of_time(one.settled_us)});
      });
}

}  // namespace tally
