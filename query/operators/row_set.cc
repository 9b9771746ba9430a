#include "query/operators/row_set.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/limits.h"
#include "query/operators/order_positions.h"

namespace tally {
namespace {

constexpr uint64_t kCheckBytes = 256 * limits::kKiB;  // that may be added before the budget hears of them

uint64_t saturated_add(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

}  // namespace

void add_to_key(const Vector& values, uint32_t i, std::string& key) {
  Datum value = values.datum(i);
  std::string part = datum_key(value);
  key += std::to_string(value.is_null() ? 0 : part.size() + 1) + ":" + part;
}

void fill_cell(const Vector& values, uint32_t i, Cell& cell) {
  if (values.is_null(i)) return;
  switch (values.type) {
    case SqlType::kTimestamp:
      cell.kind = Cell::Kind::kTimestamp;
      cell.timestamp = values.time(i);
      break;
    case SqlType::kInt64:
    case SqlType::kDecimal: {
      const Numeric number = values.number(i);
      cell.kind = Cell::Kind::kNumber;
      cell.number = number.value;
      cell.scale = number.scale;
      break;
    }
    case SqlType::kString:
      cell.kind = Cell::Kind::kString;
      cell.text = values.text(i);
      break;
    default: cell = to_cell(values.datum(i));
  }
}

// With DISTINCT every row is chosen.
std::string RowSet::distinct_key(const std::vector<Output>& outputs, uint32_t i) {
  std::string key;
  for (const Output& output : outputs) add_to_key(output.values, i, key);
  return key;
}

bool RowSet::is_new(const std::vector<Output>& outputs, uint32_t i) {
  const auto [key, fresh] = seen_.insert(distinct_key(outputs, i));
  if (fresh) bytes_ += kDistinctKeyBytes + key->size();
  return fresh;
}

std::unexpected<SqlError> answer_too_large(MemoryBudget::Verdict verdict, const MemoryBudget& budget, uint64_t rows) {
  if (verdict == MemoryBudget::Verdict::kTooMuchOfAll) return too_much_of_all();
  return sql_fail(std::nullopt,
                  "the answer needs more than " + std::to_string(budget.bytes_max() / limits::kMiB) + " MiB, at " +
                      std::to_string(rows) + " rows",
                  "; add a LIMIT, or filter more", Code::kLimitExceeded);
}

RowSet::RowSet(const BoundSelect& select, EvaluationMemory& memory, MemoryBudget& budget)
    : select_(select), memory_(memory), budget_(budget), keep_(saturated_add(select.limit, select.offset)) {}

bool RowSet::full() const { return select_.order_by.empty() && rows_.size() >= keep_; }

// What is computed is computed of every row, as its errors are the query's; what stands there already is read only of rows that
// may enter the answer.
Sql<std::vector<RowSet::Output>> RowSet::outputs_of(const Block& block, Selection rows, Selection chosen) {
  std::vector<Output> outputs;
  for (const OutputColumn& output : select_.outputs) {
    const bool late = output.expr->op == Op::kSlot && chosen.size() < rows.size();
    SQL_ASSIGN(Vector values, evaluate(*output.expr, block, late ? chosen : rows, memory_));
    outputs.push_back({std::move(values), late});
  }
  return outputs;
}

Sql<std::vector<Vector>> RowSet::keys_of(const Block& block, Selection rows) {
  std::vector<Vector> keys;
  for (const OrderKey& key : select_.order_by) {
    SQL_ASSIGN(Vector value, evaluate(*key.expr, block, rows, memory_));
    keys.push_back(std::move(value));
  }
  return keys;
}

Sql<void> RowSet::add_only(const Block& block, Selection rows) {
  if (select_.distinct) return add(block, rows);
  SQL_ASSIGN(const std::vector<Vector> keys, keys_of(block, rows));
  std::vector<uint32_t> chosen = order_positions(select_.order_by, keys, static_cast<uint32_t>(rows.size()), keep_);
  chosen.erase(chosen.begin(), chosen.begin() + static_cast<ptrdiff_t>(std::min(select_.offset, chosen.size())));
  std::vector<uint32_t> chosen_rows;
  for (const uint32_t i : chosen) chosen_rows.push_back(rows[i]);
  SQL_ASSIGN(const std::vector<Output> outputs, outputs_of(block, rows, chosen_rows));
  ordered_.reserve(chosen.size());
  for (uint32_t k = 0; k < chosen.size(); ++k) {
    std::vector<Cell>& cells = ordered_.emplace_back(outputs.size());
    bytes_ += sizeof cells + cells.size() * sizeof(Cell);
    for (size_t at = 0; at < outputs.size(); ++at) {
      fill_cell(outputs[at].values, outputs[at].of_chosen ? k : chosen[k], cells[at]);
      bytes_ += cells[at].text.size();
    }
    if (bytes_ - std::min(bytes_, budgeted_) >= kCheckBytes) SQL_TRY(check_memory());
  }
  return check_memory();
}

Sql<void> RowSet::add(const Block& block, Selection rows) {
  SQL_ASSIGN(const std::vector<Vector> keys, keys_of(block, rows));
  const std::vector<uint32_t> chosen = candidates(keys, static_cast<uint32_t>(rows.size()));
  std::vector<uint32_t> chosen_rows;
  for (const uint32_t i : chosen) chosen_rows.push_back(rows[i]);
  SQL_ASSIGN(const std::vector<Output> outputs, outputs_of(block, rows, chosen_rows));
  const uint64_t first_number = std::exchange(next_number_, next_number_ + rows.size());
  for (uint32_t k = 0; k < chosen.size(); ++k) {
    const uint32_t i = chosen[k];
    if (full()) break;
    if (select_.distinct && !is_new(outputs, i)) continue;
    Row row;
    row.number = first_number + i;
    row.keys.reserve(keys.size());
    for (const Vector& key : keys) {
      row.keys.push_back(key.datum(i));
      row.bytes += row.keys.back().text.size();
    }
    row.cells.resize(outputs.size());
    for (size_t at = 0; at < outputs.size(); ++at) {
      fill_cell(outputs[at].values, outputs[at].of_chosen ? k : i, row.cells[at]);
      row.bytes += row.cells[at].text.size();
    }
    row.bytes += sizeof(Row) + row.cells.size() * sizeof(Cell) + row.keys.size() * sizeof(Datum);
    bytes_ += row.bytes;
    rows_.push_back(std::move(row));
    if (!select_.order_by.empty() && keep_ < SIZE_MAX / 4 && rows_.size() >= 2 * keep_ + 10'000) cut();
    if (bytes_ - std::min(bytes_, budgeted_) >= kCheckBytes) SQL_TRY(check_memory());
  }
  return check_memory();
}

// Of the rows of a block no more can enter the answer than it has rows; the others are not made.
std::vector<uint32_t> RowSet::candidates(const std::vector<Vector>& keys, uint32_t size) const {
  if (!keys.empty() && !select_.distinct && keep_ < size) {
    std::vector<uint32_t> rows = order_positions(select_.order_by, keys, size, keep_);
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  std::vector<uint32_t> rows(size);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

bool RowSet::before(const Row& a, const Row& b) const {
  for (size_t i = 0; i < select_.order_by.size(); ++i) {
    const OrderKey& key = select_.order_by[i];
    bool a_null = a.keys[i].is_null(), b_null = b.keys[i].is_null();
    if (a_null && b_null) continue;
    if (a_null || b_null) return a_null == key.nulls_first;
    int order = compare_datums(a.keys[i], b.keys[i]);
    if (order != 0) return key.descending ? order > 0 : order < 0;
  }
  return a.number < b.number;
}

// Keeps the first `keep_` rows.
void RowSet::cut() {
  if (rows_.size() <= keep_) return;
  auto middle = rows_.begin() + static_cast<ptrdiff_t>(keep_);
  std::nth_element(rows_.begin(), middle, rows_.end(), [this](const Row& a, const Row& b) { return before(a, b); });
  for (auto row = middle; row != rows_.end(); ++row) bytes_ -= row->bytes;
  rows_.erase(middle, rows_.end());
}

// Rows that a LIMIT will not let through go before the answer is too large.
Sql<void> RowSet::check_memory() {
  MemoryBudget::Verdict verdict = budget_.change(std::exchange(budgeted_, bytes_), bytes_);
  if (verdict != MemoryBudget::Verdict::kFits && rows_.size() > keep_) {
    cut();
    verdict = budget_.change(std::exchange(budgeted_, bytes_), bytes_);
  }
  if (verdict == MemoryBudget::Verdict::kFits) return {};
  return answer_too_large(verdict, budget_, rows_.size() + ordered_.size());
}

std::vector<std::vector<Cell>> RowSet::finish() {
  if (!ordered_.empty()) return std::move(ordered_);
  cut();
  std::sort(rows_.begin(), rows_.end(), [this](const Row& a, const Row& b) { return before(a, b); });
  std::vector<std::vector<Cell>> result;
  for (uint64_t i = select_.offset; i < rows_.size() && result.size() < select_.limit; ++i) {
    result.push_back(std::move(rows_[i].cells));
  }
  return result;
}

}  // namespace tally
