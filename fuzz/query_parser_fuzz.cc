// Any text to a syntax tree: a statement, or an error whose place is inside the text and which can be rendered. A tree keeps
// to the bounds that the parser promises.
#include <cstdint>
#include <string_view>

#include "base/limits.h"
#include "query/parser.h"

namespace tally {
namespace {

// Depth of the tree below, as it is; what the parser counted must not be less.
unsigned depth_of(const Expr& expr) {
  unsigned depth = 0;
  for (const ExprPtr& arg : expr.args) {
    const unsigned below = depth_of(*arg);
    depth = below > depth ? below : depth;
  }
  if (depth + 1 > expr.depth || expr.depth > limits::kSqlDepthMax) __builtin_trap();
  return depth + 1;
}

void check(const ExprPtr& expr) {
  if (expr != nullptr) depth_of(*expr);
}

void check(const SelectStatement& select) {
  if (select.items.empty()) __builtin_trap();
  for (const SelectItem& item : select.items) check(item.expr);
  for (const ExprPtr& key : select.group_by) check(key);
  for (const OrderItem& key : select.order_by) check(key.expr);
  check(select.where);
  check(select.having);
  check(select.limit);
  check(select.offset);
}

void check(const Statement& statement) {
  if (const auto* select = std::get_if<SelectStatement>(&statement)) check(*select);
  if (const auto* explain = std::get_if<ExplainStatement>(&statement)) check(explain->select);
  if (const auto* table = std::get_if<CreateTableStatement>(&statement)) {
    for (const ColumnDefinition& column : table->columns) check(column.expression);
    for (const LatenessDefinition& lateness : table->lateness) check(lateness.condition);
  }
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tally;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto statement = parse_statement(text);
  if (statement) {
    check(*statement);
    return 0;
  }
  if (statement.error().message.empty() || statement.error().offset.value_or(0) > size) __builtin_trap();
  to_query_error(text, statement.error()).render(text);
  return 0;
}
