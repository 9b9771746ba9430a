#include "base/timestamp.h"
#include "engine/event_id.h"
#include "query/binder_impl.h"

namespace tally {
namespace {

// What to say of two types that do not meet.
std::unexpected<SqlError> different_types(const BoundExpr& a, const BoundExpr& b) {
  std::string hint;
  const BoundExpr* number = is_numeric(a.type) ? &a : is_numeric(b.type) ? &b : nullptr;
  bool other_is_string = a.type == SqlType::kString || b.type == SqlType::kString;
  if (number != nullptr && is_constant(*number) && other_is_string)
    hint = "; write '" + to_string(number->constant.number) + "'";
  return sql_fail(b.offset,
                  "cannot compare " + std::string(type_name(a.type)) + " with " + std::string(type_name(b.type)), hint);
}

}  // namespace

Sql<void> Binder::become(BoundExprPtr& expr, SqlType type) {
  if (!expr->untyped || expr->type != SqlType::kString || type == SqlType::kString || type == SqlType::kNull) return {};
  const std::string& text = expr->constant.text;
  Datum value;
  if (type == SqlType::kTimestamp) {
    auto time = parse_iso_timestamp(text);
    if (!time) {
      const bool span = parse_interval(text).has_value();
      return sql_fail(expr->offset, time.error().message,
                      span ? "; a span of time is INTERVAL '" + printable(text) + "'"
                           : "; a moment can also be reckoned: now() - INTERVAL '1 day'");
    }
    value = Datum::of_time(*time);
  } else if (type == SqlType::kInterval) {
    auto interval = parse_interval(text);
    if (!interval) return sql_fail(expr->offset, interval.error().message);
    value = Datum::of_interval(*interval);
  } else if (type == SqlType::kBool) {
    std::string word = lower_case(text);
    if (word != "true" && word != "false")
      return sql_fail(expr->offset, "'" + printable(text) + "' is neither true nor false");
    value = Datum::of_bool(word == "true");
  } else {
    auto number = parse_numeric(text);
    if (!number) return sql_fail(expr->offset, "'" + printable(text) + "' is no number");
    value = Datum::of_number(*number);
  }
  expr->constant = std::move(value);
  expr->type = expr->constant.type;
  expr->untyped = false;
  expr->hash = structure_hash(*expr);
  return {};
}

Sql<void> Binder::unify(BoundExprPtr& a, BoundExprPtr& b) {
  SQL_TRY(become(a, b->type));
  SQL_TRY(become(b, a->type));
  bool fits = a->type == b->type || a->type == SqlType::kNull || b->type == SqlType::kNull ||
              (is_numeric(a->type) && is_numeric(b->type));
  if (!fits) return different_types(*a, *b);
  canonical_id_literal(*a, *b);
  canonical_id_literal(*b, *a);
  return {};
}

// Any spelling of a UUID is compared as the id column shows it.
void Binder::canonical_id_literal(BoundExpr& column, BoundExpr& literal) {
  bool id = column.op == Op::kSlot && !out_.inputs.empty() && column.slot < out_.inputs.size() &&
            out_.inputs[column.slot].source == InputColumn::Source::kId;
  if (!id || !is_constant(literal) || literal.type != SqlType::kString) return;
  uint8_t bytes[16];
  if (!parse_uuid(literal.constant.text, bytes)) return;
  IdSlot slot;
  IdKind kind = canonical_id(literal.constant.text, slot);
  literal.constant.text = format_id(kind, slot);
  literal.hash = structure_hash(literal);
}

Sql<SqlType> Binder::common_type(std::vector<BoundExprPtr*> branches, std::string_view what) {
  SqlType common = SqlType::kNull;
  for (BoundExprPtr* branch : branches) {
    SqlType type = (*branch)->untyped ? SqlType::kNull : (*branch)->type;
    if (type == SqlType::kNull || type == common) continue;
    if (is_numeric(type) && is_numeric(common)) {
      common = SqlType::kDecimal;
      continue;
    }
    if (common != SqlType::kNull) {
      return sql_fail((*branch)->offset, std::string(what) + " gives " + std::string(type_name(common)) +
                                             " in one place and " + std::string(type_name(type)) + " in another");
    }
    common = type;
  }
  for (BoundExprPtr* branch : branches) {
    if (common == SqlType::kNull && (*branch)->untyped) common = SqlType::kString;
    SQL_TRY(become(*branch, common));
    if (common == SqlType::kInt64 && (*branch)->type == SqlType::kDecimal) common = SqlType::kDecimal;
  }
  return common;
}

Sql<void> Binder::want_condition(BoundExprPtr& expr, std::string_view what) {
  SQL_TRY(become(expr, SqlType::kBool));
  if (expr->type == SqlType::kBool || expr->type == SqlType::kNull) return {};
  return sql_fail(expr->offset, std::string(what) + " wants a condition, not " + std::string(type_name(expr->type)));
}

Sql<void> Binder::want_number(BoundExprPtr& expr, std::string_view what) {
  SQL_TRY(become(expr, SqlType::kDecimal));
  if (is_numeric(expr->type) || expr->type == SqlType::kNull) return {};
  return sql_fail(expr->offset, std::string(what) + " wants a number, not " + std::string(type_name(expr->type)));
}

}  // namespace tally
