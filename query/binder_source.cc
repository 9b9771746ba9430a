#include <algorithm>

#include "query/binder_impl.h"
#include "query/find_table.h"
#include "query/system_tables.h"

namespace tally {
namespace {

SqlType to_sql_type(ColumnType type) {
  switch (type) {
    case ColumnType::kTimestamp: return SqlType::kTimestamp;
    case ColumnType::kInt64: return SqlType::kInt64;
    case ColumnType::kDecimal: return SqlType::kDecimal;
    default: return SqlType::kString;
  }
}

bool is_engine_measure(std::string_view name) {
  return std::find(std::begin(kEngineMeasures), std::end(kEngineMeasures), name) != std::end(kEngineMeasures);
}

}  // namespace

Sql<void> Binder::bind_from(const SelectStatement& statement) {
  if (!statement.from) return {};
  const TableName& table = *statement.from;
  if (table.system) return bind_system_table(table);
  SQL_ASSIGN(auto snapshot, snapshot_of(table.name, table.offset, *catalog_));
  out_.source = table.raw ? BoundSelect::Source::kRaw : BoundSelect::Source::kTable;
  out_.table_name = table.name;
  out_.snapshot = std::move(snapshot);
  schema_ = &out_.snapshot->schema();
  out_.grace_us = schema_->grace_us;
  return {};
}

Sql<void> Binder::bind_system_table(const TableName& table) {
  auto rows = read_system_table(table.name, *catalog_);
  if (!rows) {
    SqlError error = rows.error();
    if (!error.offset) error.offset = table.offset;
    return std::unexpected(std::move(error));
  }
  out_.source = BoundSelect::Source::kRows;
  out_.table_name = "system." + table.name;
  out_.given_rows = std::move(rows->rows);
  for (size_t i = 0; i < rows->columns.size(); ++i) {
    InputColumn column;
    column.source = InputColumn::Source::kRow;
    column.position = i;
    column.type = rows->columns[i].type;
    column.name = rows->columns[i].name;
    out_.inputs.push_back(std::move(column));
  }
  return {};
}

BoundExprPtr Binder::slot(InputColumn input, const Expr& expr) {
  auto known = std::find_if(out_.inputs.begin(), out_.inputs.end(), [&](const InputColumn& other) {
    return other.source == input.source && other.column_id == input.column_id && other.position == input.position;
  });
  uint32_t number = static_cast<uint32_t>(known - out_.inputs.begin());
  BoundExprPtr result = make(Op::kSlot, input.type, expr);
  if (known == out_.inputs.end()) out_.inputs.push_back(std::move(input));
  result->slot = number;
  result->hash = structure_hash(*result);
  return result;
}

Sql<BoundExprPtr> Binder::column_slot(const Column& column, const Expr& expr) {
  InputColumn input;
  input.column_id = column.id;
  input.type = to_sql_type(column.type);
  input.scale = column.scale;
  input.name = column.name;
  switch (column.role) {
    case ColumnRole::kEventTime: input.source = InputColumn::Source::kTime; break;
    case ColumnRole::kId: input.source = InputColumn::Source::kId; break;
    case ColumnRole::kField: input.source = InputColumn::Source::kField; break;
    case ColumnRole::kDimension: {
      input.source = InputColumn::Source::kDimension;
      std::vector<size_t> dimensions = schema_->dimensions();
      auto found = std::find_if(dimensions.begin(), dimensions.end(),
                                [&](size_t position) { return schema_->columns[position].id == column.id; });
      input.position = static_cast<size_t>(found - dimensions.begin());
    }
  }
  return slot(std::move(input), expr);
}

const SelectItem* Binder::find_alias(std::string_view name) const {
  if (statement_ == nullptr) return nullptr;
  for (const SelectItem& item : statement_->items) {
    if (item.alias == name && item.expr->kind != ExprKind::kStar) return &item;
  }
  return nullptr;
}

// A column that GROUP BY could mean.
bool Binder::is_input_name(std::string_view name) const {
  if (schema_ != nullptr) {
    const Column* column = schema_->find_column(name);
    if (column == nullptr) return false;
    return out_.source == BoundSelect::Source::kRaw || column->role == ColumnRole::kDimension ||
           column->role == ColumnRole::kEventTime;
  }
  return std::any_of(out_.inputs.begin(), out_.inputs.end(),
                     [&](const InputColumn& input) { return input.name == name; });
}

Sql<BoundExprPtr> Binder::name(const Expr& expr) {
  if (place_ == Place::kLimit) return sql_fail(at(expr), "LIMIT and OFFSET take a number, not a column");
  if (!expr.qualifier.empty()) {
    bool known = statement_ != nullptr && statement_->from &&
                 (expr.qualifier == statement_->from->name || expr.qualifier == statement_->from->alias);
    if (!known) return sql_fail(at(expr), "unknown table " + quoted(expr.qualifier) + " before the column's name");
  }
  // HAVING and ORDER BY also see the names that the select list gives, columns first.
  bool sees_aliases =
      (place_ == Place::kHaving || place_ == Place::kOrderBy) && expr.qualifier.empty() && alias_depth_ == 0;
  const SelectItem* alias = sees_aliases && !is_input_name(expr.text) ? find_alias(expr.text) : nullptr;
  if (alias != nullptr) {
    ++alias_depth_;
    auto bound = bind_at(Place::kSelect, *alias->expr);
    --alias_depth_;
    if (!bound) return bound;
    copied_nodes_ += node_count(**bound);
    return counted_copy(**bound, expr);
  }
  switch (out_.source) {
    case BoundSelect::Source::kOneRow:
      return sql_fail(at(expr), "unknown name " + quoted(expr.text) + ": there is no FROM");
    case BoundSelect::Source::kTable: return table_name(expr);
    case BoundSelect::Source::kRaw: return raw_name(expr);
    case BoundSelect::Source::kRows: return given_name(expr);
  }
  return unknown_name(expr);
}

Sql<BoundExprPtr> Binder::given_name(const Expr& expr) {
  for (const InputColumn& input : out_.inputs) {
    if (input.name == expr.text) return slot(input, expr);
  }
  return unknown_name(expr);
}

Sql<BoundExprPtr> Binder::raw_name(const Expr& expr) {
  if (const Column* column = schema_->find_column(expr.text)) return column_slot(*column, expr);
  InputColumn input;
  input.name = expr.text;
  input.type = SqlType::kInt64;
  if (expr.text == "_kind") {
    input.source = InputColumn::Source::kKind;
    input.type = SqlType::kString;
    out_.every_kind = true;
    return slot(std::move(input), expr);
  }
  if (expr.text == "_lsn") {
    input.source = InputColumn::Source::kLsn;
    return slot(std::move(input), expr);
  }
  if (expr.text == "_arrival") {
    input.source = InputColumn::Source::kArrival;
    input.type = SqlType::kTimestamp;
    return slot(std::move(input), expr);
  }
  if (schema_->find_measure(expr.text) != nullptr || is_engine_measure(expr.text)) {
    return sql_fail(at(expr), quoted(expr.text) + " is a measure, and " + out_.table_name + ".raw has rows",
                    "; read it FROM " + out_.table_name);
  }
  return unknown_name(expr);
}

Sql<BoundExprPtr> Binder::table_name(const Expr& expr) {
  if (const Column* column = schema_->find_column(expr.text)) {
    bool usable = column->role == ColumnRole::kDimension || column->role == ColumnRole::kEventTime;
    if (!usable) {
      return sql_fail(at(expr),
                      quoted(expr.text) + (column->role == ColumnRole::kId ? " is the event's id" : " is a field") +
                          " and is kept in the raw rows only",
                      "; read it FROM " + out_.table_name + ".raw, or declare a measure over it");
    }
    if (place_ == Place::kDerived)
      return sql_fail(at(expr), quoted(expr.text) + " is no measure, and a derived measure is made of measures");
    return column_slot(*column, expr);
  }
  const Measure* found = schema_->find_measure(expr.text);
  bool engine_kept = is_engine_measure(expr.text);
  if (found == nullptr && !engine_kept) return unknown_name(expr);
  if (place_ == Place::kWhere || place_ == Place::kGroupBy) {
    return sql_fail(at(expr),
                    "a measure is not allowed in " + std::string(place_ == Place::kWhere ? "WHERE" : "GROUP BY") +
                        ": " + quoted(expr.text),
                    place_ == Place::kWhere ? "; filter groups with HAVING" : "");
  }
  if (place_ == Place::kDerived) return engine_kept ? engine_measure(expr.text, expr) : measure(*found, expr);
  if (found != nullptr && found->kind == AggregateKind::kDerived) return derived(*found, expr);
  if (found != nullptr) return bare_measure(*found, expr);
  return sql_fail(at(expr), quoted(expr.text) + " is a measure and needs its aggregate",
                  "; write SUM(" + expr.text + ")");
}

std::unexpected<SqlError> Binder::unknown_name(const Expr& expr) const {
  std::vector<std::string> names;
  std::string_view noun = "column";
  if (schema_ != nullptr) {
    bool table = out_.source == BoundSelect::Source::kTable;
    if (table) noun = place_ == Place::kDerived ? "measure" : "dimension";
    for (const Column& column : schema_->columns) {
      bool usable = !table || column.role == ColumnRole::kDimension || column.role == ColumnRole::kEventTime;
      if (usable) names.push_back(column.name);
    }
    if (table) {
      for (std::string& measure : measure_names()) names.push_back(std::move(measure));
    }
  }
  for (const InputColumn& input : out_.inputs) names.push_back(input.name);
  if (statement_ != nullptr && place_ != Place::kWhere) {
    for (const SelectItem& item : statement_->items) {
      if (!item.alias.empty()) names.push_back(item.alias);
    }
  }
  std::erase(names, expr.text);
  std::string hint = did_you_mean(expr.text, names);
  if (hint.empty() && expr.quoted) hint = "; a string goes in single quotes: '" + printable(expr.text) + "'";
  if (place_ == Place::kWhere && find_alias(expr.text) != nullptr) {
    hint =
        ": WHERE does not see the names that the select list gives; repeat the expression, or filter groups with "
        "HAVING";
  }
  return sql_fail(at(expr), "unknown " + std::string(noun) + " " + quoted(expr.text), hint, Code::kNotFound);
}

}  // namespace tally
