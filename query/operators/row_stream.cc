#include "query/operators/row_stream.h"

#include <utility>

namespace tally {
namespace {

// Of an expression over columns.
uint8_t scale_of(const BoundSelect& select, const BoundExpr& expr) {
  if (expr.type != SqlType::kDecimal) return 0;
  if (expr.op == Op::kSlot) return select.inputs[expr.slot].scale;
  return expr.op == Op::kCast ? expr.cast_scale : uint8_t{0};
}

}  // namespace

Sql<void> RowStream::begin() {
  if (std::exchange(begun_, true)) return {};
  SQL_TRY(control_.resting([&] { return sink_.begin(columns_); }));
  return {};
}

Sql<void> RowStream::add(const Block& block, Selection rows) {
  std::vector<Vector> outputs;
  for (const OutputColumn& output : select_.outputs) {
    SQL_ASSIGN(Vector value, evaluate(*output.expr, block, rows, memory_));
    outputs.push_back(std::move(value));
  }
  for (uint32_t i = 0; i < rows.size() && !full(); ++i) {
    if (select_.distinct) {
      SQL_ASSIGN(const bool fresh, is_new(outputs, i));
      if (!fresh) continue;
    }
    if (skipped_ < select_.offset) {
      ++skipped_;
      continue;
    }
    append(outputs, i);
    if (waiting_ == kRows || bytes_ >= kBytes) SQL_TRY(hand_over());
  }
  return hand_over();
}

Sql<bool> RowStream::is_new(const std::vector<Vector>& outputs, uint32_t i) {
  std::string key;
  for (const Vector& output : outputs) add_to_key(output, i, key);
  const uint64_t bytes = kDistinctKeyBytes + key.size();
  if (!seen_.insert(std::move(key)).second) return false;
  const MemoryBudget::Verdict verdict = budget_.change(seen_bytes_, seen_bytes_ + bytes);
  seen_bytes_ += bytes;
  if (verdict != MemoryBudget::Verdict::kFits) return answer_too_large(verdict, budget_, rows_);
  return true;
}

void RowStream::append(const std::vector<Vector>& outputs, uint32_t i) {
  if (piece_.size() == waiting_) piece_.emplace_back();
  std::vector<Cell>& row = piece_[waiting_++];
  row.resize(outputs.size());
  for (size_t c = 0; c < outputs.size(); ++c) {
    row[c] = to_cell(outputs[c].datum(i));
    bytes_ += sizeof(Cell) + row[c].text.size();
  }
  ++rows_;
}

Sql<void> RowStream::hand_over() {
  if (waiting_ == 0) return {};
  SQL_TRY(begin());
  bytes_ = 0;
  const std::span<const std::vector<Cell>> rows(piece_.data(), std::exchange(waiting_, 0));
  SQL_TRY(control_.resting([&] { return sink_.take(rows); }));
  return control_.proceed(0);
}

uint8_t scale_before_rows(const BoundSelect& select, const BoundExpr& expr) {
  if (expr.op != Op::kSlot || !select.aggregated) return scale_of(select, expr);
  if (expr.slot < select.keys.size()) return scale_of(select, *select.keys[expr.slot]);
  const BoundExprPtr& argument = select.aggregates[expr.slot - select.keys.size()].argument;
  return argument == nullptr || expr.type != SqlType::kDecimal ? uint8_t{0} : scale_of(select, *argument);
}

}  // namespace tally
