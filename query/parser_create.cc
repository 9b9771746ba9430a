#include "query/parser_impl.h"

namespace tally {

Sql<Statement> Parser::create() {
  SQL_TRY(take());
  if (!now_.is_word("table")) return unexpected_here("TABLE");
  SQL_TRY(take());
  CreateTableStatement table;
  SQL_ASSIGN(bool conditional, accept_word("if"));
  if (conditional) {
    SQL_TRY(expect_word("not"));
    SQL_TRY(expect_word("exists"));
    table.if_not_exists = true;
  }
  table.offset = now_.offset;
  SQL_ASSIGN(table.name, name("a table"));
  SQL_TRY(expect_symbol("("));
  for (bool more = true; more;) {
    SQL_ASSIGN(ColumnDefinition column, column_definition());
    table.columns.push_back(std::move(column));
    SQL_ASSIGN(more, accept_symbol(","));
  }
  SQL_TRY(expect_symbol(")"));
  while (now_.kind != TokenKind::kEnd && !now_.is_symbol(";")) SQL_TRY(table_option(table));
  return Statement(std::move(table));
}

Sql<ColumnDefinition> Parser::column_definition() {
  ColumnDefinition column;
  column.offset = now_.offset;
  SQL_ASSIGN(column.name, name("a column"));
  SQL_ASSIGN(bool time, accept_word("timestamp"));
  if (time) {
    column.kind = ColumnDefinition::Kind::kEventTime;
    SQL_TRY(expect_word("event"));
    SQL_TRY(expect_word("time"));
    return column;
  }
  SQL_ASSIGN(bool id, accept_word("id"));
  if (id) {
    SQL_TRY(id_definition(column));
    return column;
  }
  SQL_ASSIGN(bool measure, accept_word("measure"));
  if (measure) {
    SQL_TRY(measure_definition(column));
    return column;
  }
  SQL_TRY(typed_definition(column));
  return column;
}

Sql<void> Parser::id_definition(ColumnDefinition& column) {
  column.kind = ColumnDefinition::Kind::kId;
  SQL_TRY(expect_word("unique"));
  SQL_TRY(expect_word("within"));
  SQL_ASSIGN(auto within, string_literal("an interval like '72 hours'"));
  column.within = std::move(within.first);
  column.within_offset = within.second;
  SQL_ASSIGN(bool derived, accept_word("from"));
  if (derived) {
    SQL_ASSIGN(column.id_from, name_list("a column"));
  }
  return {};
}

Sql<void> Parser::column_type(ColumnDefinition& column) {
  using Type = ColumnDefinition::Type;
  uint32_t type_offset = now_.offset;
  if (now_.is_word("string")) {
    column.type = Type::kString;
  } else if (now_.is_word("int64")) {
    column.type = Type::kInt64;
  } else if (now_.is_word("decimal")) {
    column.type = Type::kDecimal;
  } else if (now_.kind != TokenKind::kWord) {
    return unexpected_here("a type: STRING, INT64 or DECIMAL(p, s)");
  } else {
    return sql_fail(type_offset, "unknown type " + now_.describe(),
                    "; a column is TIMESTAMP EVENT TIME, ID UNIQUE WITHIN, STRING, INT64, DECIMAL(p, s) or MEASURE");
  }
  SQL_TRY(take());
  if (column.type == Type::kDecimal) {
    SQL_TRY(expect_symbol("("));
    SQL_ASSIGN(uint64_t precision, integer("a number of digits"));
    SQL_TRY(expect_symbol(","));
    SQL_ASSIGN(uint64_t scale, integer("a number of digits"));
    SQL_TRY(expect_symbol(")"));
    if (precision < 1 || precision > 18 || scale > precision) {
      return sql_fail(type_offset, "DECIMAL(p, s) wants p of 1 to 18 and s of 0 to p");
    }
    column.precision = static_cast<uint32_t>(precision);
    column.scale = static_cast<uint32_t>(scale);
  }
  return {};
}

Sql<void> Parser::typed_definition(ColumnDefinition& column) {
  SQL_TRY(column_type(column));
  SQL_ASSIGN(bool dimension, accept_word("dimension"));
  if (!dimension) {
    column.kind = ColumnDefinition::Kind::kField;
    SQL_ASSIGN(bool field, accept_word("field"));
    if (!field) return unexpected_here("DIMENSION or FIELD");
    return {};
  }
  column.kind = ColumnDefinition::Kind::kDimension;
  return dimension_limit(column);
}

Sql<void> Parser::dimension_limit(ColumnDefinition& column) {
  SQL_ASSIGN(bool limited, accept_word("limit"));
  if (limited) {
    SQL_ASSIGN(column.values_max, integer("a number of values"));
  }
  return {};
}

Sql<void> Parser::measure_definition(ColumnDefinition& column) {
  SQL_ASSIGN(bool derived, accept_word("as"));
  if (derived) {
    column.kind = ColumnDefinition::Kind::kDerived;
    return expression_with_text(column.expression, column.expression_text);
  }
  column.kind = ColumnDefinition::Kind::kMeasure;
  SQL_TRY(aggregate_definition(column));
  SQL_ASSIGN(bool conditional, accept_word("where"));
  if (!conditional) return {};
  return expression_with_text(column.expression, column.expression_text);
}

Sql<void> Parser::aggregate_definition(ColumnDefinition& column) {
  using Aggregate = ColumnDefinition::Aggregate;
  if (now_.is_word("count"))
    column.aggregate = Aggregate::kCount;
  else if (now_.is_word("sum"))
    column.aggregate = Aggregate::kSum;
  else if (now_.is_word("min"))
    column.aggregate = Aggregate::kMin;
  else if (now_.is_word("max"))
    column.aggregate = Aggregate::kMax;
  else if (now_.is_word("unique"))
    column.aggregate = Aggregate::kUnique;
  else
    return unexpected_here("COUNT, SUM(...), MIN(...), MAX(...), UNIQUE(...) or AS");
  SQL_TRY(take());
  if (column.aggregate == Aggregate::kCount) {
    if (now_.is_symbol("(")) {
      return sql_fail(now_.offset, "a COUNT measure counts rows and takes no argument", "; write COUNT WHERE ...");
    }
    return {};
  }
  SQL_TRY(expect_symbol("("));
  column.argument.second = now_.offset;
  SQL_ASSIGN(column.argument.first, name("a column"));
  SQL_TRY(expect_symbol(")"));
  if (column.aggregate != Aggregate::kUnique) return {};
  SQL_ASSIGN(bool precise, accept_word("precision"));
  if (!precise) return {};
  column.unique_precision_offset = now_.offset;
  SQL_ASSIGN(column.unique_precision, integer("a precision of 10 to 16"));
  return {};
}

Sql<void> Parser::expression_with_text(ExprPtr& expression_out, std::string& text) {
  uint32_t start = now_.offset;
  SQL_ASSIGN(expression_out, expression());
  text = std::string(sql_.substr(start, last_end_ - start));
  return {};
}

Sql<void> Parser::table_option(CreateTableStatement& table) {
  uint32_t offset = now_.offset;
  auto twice = [&](std::string_view what) { return sql_fail(offset, std::string(what) + " is there twice"); };
  if (now_.is_word("retention")) {
    SQL_TRY(take());
    if (table.raw_retention) return twice("RETENTION raw");
    SQL_TRY(expect_word("raw"));
    SQL_ASSIGN(table.raw_retention, string_literal("an interval like '7 days'"));
  } else if (now_.is_word("rollup")) {
    SQL_ASSIGN(RollupDefinition rollup, rollup_definition());
    table.rollups.push_back(std::move(rollup));
  } else if (now_.is_word("lateness")) {
    SQL_ASSIGN(LatenessDefinition lateness, lateness_definition());
    table.lateness.push_back(std::move(lateness));
  } else if (now_.is_word("grace")) {
    SQL_TRY(take());
    if (table.grace) return twice("GRACE");
    SQL_ASSIGN(table.grace, string_literal("an interval like '5 minutes'"));
  } else if (now_.is_word("durability")) {
    SQL_TRY(take());
    if (table.fsync) return twice("DURABILITY");
    SQL_ASSIGN(table.fsync, durability());
  } else {
    return unexpected_here("RETENTION raw, ROLLUP, LATENESS, GRACE, DURABILITY or the end of the statement");
  }
  return {};
}

Sql<bool> Parser::durability() {
  if (!now_.is_word("fsync") && !now_.is_word("interval")) return unexpected_here("fsync or interval");
  SQL_ASSIGN(Token word, take());
  return word.is_word("fsync");
}

Sql<RollupDefinition> Parser::rollup_definition() {
  RollupDefinition rollup;
  SQL_TRY(take());
  rollup.offset = now_.offset;
  SQL_ASSIGN(rollup.name, name("the rollup's name"));
  SQL_ASSIGN(rollup.dimensions, name_list("a dimension"));
  SQL_ASSIGN(bool chosen, accept_word("measures"));
  if (chosen) {
    SQL_ASSIGN(rollup.measures, name_list("a measure"));
  }
  SQL_TRY(expect_word("retention"));
  SQL_TRY(tier_retention(rollup));
  return rollup;
}

// minute '7 days', hour '90 days'
Sql<void> Parser::tier_retention(RollupDefinition& rollup) {
  for (bool more = true; more;) {
    RollupDefinition::Retention retention;
    retention.offset = now_.offset;
    if (!now_.is_word("minute") && !now_.is_word("hour") && !now_.is_word("day")) {
      return unexpected_here("minute, hour or day");
    }
    SQL_ASSIGN(Token tier, take());
    retention.tier = tier.value();
    SQL_ASSIGN(auto interval, string_literal("an interval like '90 days'"));
    retention.interval = std::move(interval.first);
    retention.interval_offset = interval.second;
    rollup.retention.push_back(std::move(retention));
    SQL_ASSIGN(more, accept_symbol(","));
  }
  return {};
}

Sql<LatenessDefinition> Parser::lateness_definition() {
  LatenessDefinition lateness;
  SQL_TRY(take());
  SQL_ASSIGN(auto interval, string_literal("an interval like '30 days'"));
  lateness.interval = std::move(interval.first);
  lateness.offset = interval.second;
  SQL_ASSIGN(bool conditional, accept_word("where"));
  if (conditional) SQL_TRY(expression_with_text(lateness.condition, lateness.condition_text));
  return lateness;
}

}  // namespace tally
