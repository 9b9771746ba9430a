// ALTER TABLE and DROP TABLE.
#include "query/parser_impl.h"

namespace tally {

Sql<Statement> Parser::alter() {
  SQL_TRY(take());
  SQL_TRY(expect_word("table"));
  AlterTableStatement result;
  result.offset = now_.offset;
  SQL_ASSIGN(result.table, name("a table"));
  result.action_offset = now_.offset;
  SQL_ASSIGN(bool add, accept_word("add"));
  SQL_ASSIGN(bool drop, accept_word("drop"));
  SQL_ASSIGN(bool set, accept_word("set"));
  if (add) {
    SQL_TRY(alter_add(result));
  } else if (drop) {
    SQL_TRY(alter_drop(result));
  } else if (set) {
    SQL_TRY(alter_set(result));
  } else {
    return unexpected_here("ADD, DROP or SET");
  }
  return Statement(std::move(result));
}

Sql<AlterTableStatement::Part> Parser::table_part() {
  using Part = AlterTableStatement::Part;
  Part part;
  if (now_.is_word("dimension")) {
    part = Part::kDimension;
  } else if (now_.is_word("field")) {
    part = Part::kField;
  } else if (now_.is_word("measure")) {
    part = Part::kMeasure;
  } else if (now_.is_word("rollup")) {
    part = Part::kRollup;
  } else {
    return unexpected_here("DIMENSION, FIELD, MEASURE or ROLLUP");
  }
  return part;
}

Sql<void> Parser::alter_add(AlterTableStatement& out) {
  using Part = AlterTableStatement::Part;
  out.action = AlterTableStatement::Action::kAdd;
  SQL_ASSIGN(out.part, table_part());
  if (out.part == Part::kRollup) {
    SQL_ASSIGN(out.rollup, rollup_definition());
    return {};
  }
  SQL_TRY(take());
  ColumnDefinition column;
  column.offset = now_.offset;
  SQL_ASSIGN(column.name, name("a column"));
  if (out.part == Part::kMeasure) {
    SQL_TRY(measure_definition(column));
  } else {
    SQL_TRY(column_type(column));
    column.kind = out.part == Part::kDimension ? ColumnDefinition::Kind::kDimension : ColumnDefinition::Kind::kField;
    if (out.part == Part::kDimension) SQL_TRY(dimension_limit(column));
  }
  out.column = std::move(column);
  return {};
}

Sql<void> Parser::alter_drop(AlterTableStatement& out) {
  out.action = AlterTableStatement::Action::kDrop;
  SQL_ASSIGN(out.part, table_part());
  SQL_TRY(take());
  out.dropped.second = now_.offset;
  SQL_ASSIGN(out.dropped.first, name("a name"));
  return {};
}

Sql<void> Parser::alter_set(AlterTableStatement& out) {
  using Action = AlterTableStatement::Action;
  if (now_.is_word("retention")) return set_retention(out);
  if (now_.is_word("lateness")) {
    out.action = Action::kSetLateness;
    for (bool more = true; more;) {
      if (!now_.is_word("lateness")) return unexpected_here("LATENESS");
      SQL_ASSIGN(LatenessDefinition lateness, lateness_definition());
      out.lateness.push_back(std::move(lateness));
      SQL_ASSIGN(more, accept_symbol(","));
    }
    return {};
  }
  if (now_.is_word("grace")) {
    out.action = Action::kSetGrace;
    SQL_TRY(take());
    SQL_ASSIGN(out.interval, string_literal("an interval like '5 minutes'"));
    return {};
  }
  if (!now_.is_word("durability")) return unexpected_here("RETENTION, LATENESS, GRACE or DURABILITY");
  out.action = Action::kSetDurability;
  SQL_TRY(take());
  SQL_ASSIGN(out.fsync, durability());
  return {};
}

// RETENTION raw '7 days' | RETENTION by_geo hour '90 days', day '730 days', and DRY RUN.
Sql<void> Parser::set_retention(AlterTableStatement& out) {
  out.action = AlterTableStatement::Action::kSetRetention;
  SQL_TRY(take());
  if (now_.is_word("raw")) {
    SQL_TRY(take());
    SQL_ASSIGN(out.interval, string_literal("an interval like '7 days'"));
  } else {
    RollupDefinition rollup;
    rollup.offset = now_.offset;
    SQL_ASSIGN(rollup.name, name("raw or a rollup"));
    SQL_TRY(tier_retention(rollup));
    out.rollup = std::move(rollup);
  }
  SQL_ASSIGN(out.dry_run, accept_word("dry"));
  if (out.dry_run) SQL_TRY(expect_word("run"));
  return {};
}

Sql<Statement> Parser::drop() {
  SQL_TRY(take());
  SQL_TRY(expect_word("table"));
  DropTableStatement result;
  SQL_ASSIGN(result.if_exists, accept_word("if"));
  if (result.if_exists) SQL_TRY(expect_word("exists"));
  result.offset = now_.offset;
  SQL_ASSIGN(result.table, name("a table"));
  return Statement(std::move(result));
}

}  // namespace tally
