#include "query/operators/row_set.h"

#include <algorithm>

#include "base/limits.h"

namespace tally {
namespace {

std::string distinct_key(const std::vector<Vector>& outputs, uint32_t i) {
  std::string key;
  for (const Vector& output : outputs) {
    Datum value = output.datum(i);
    std::string part = datum_key(value);
    key += std::to_string(value.is_null() ? 0 : part.size() + 1) + ":" + part;
  }
  return key;
}

uint64_t saturated_add(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

}  // namespace

RowSet::RowSet(const BoundSelect& select, EvaluationMemory& memory, uint64_t memory_bytes_max)
    : select_(select),
      memory_(memory),
      memory_bytes_max_(memory_bytes_max),
      keep_(saturated_add(select.limit, select.offset)) {}

bool RowSet::full() const { return select_.order_by.empty() && rows_.size() >= keep_; }

Sql<void> RowSet::add(const Block& block, Selection rows) {
  std::vector<Vector> outputs, keys;
  for (const OutputColumn& output : select_.outputs) {
    SQL_ASSIGN(Vector value, evaluate(*output.expr, block, rows, memory_));
    outputs.push_back(std::move(value));
  }
  for (const OrderKey& key : select_.order_by) {
    SQL_ASSIGN(Vector value, evaluate(*key.expr, block, rows, memory_));
    keys.push_back(std::move(value));
  }
  for (uint32_t i = 0; i < rows.size() && !full(); ++i) {
    if (select_.distinct && !seen_.insert(distinct_key(outputs, i)).second) continue;
    Row row;
    row.number = next_number_++;
    for (const Vector& key : keys) row.keys.push_back(key.datum(i));
    for (const Vector& output : outputs) {
      row.cells.push_back(to_cell(output.datum(i)));
      row.bytes += row.cells.back().text.size();
    }
    row.bytes += sizeof(Row) + row.cells.size() * sizeof(Cell) + row.keys.size() * sizeof(Datum);
    bytes_ += row.bytes;
    rows_.push_back(std::move(row));
    if (!select_.order_by.empty() && keep_ < SIZE_MAX / 4 && rows_.size() >= 2 * keep_ + 10'000) cut();
    if (rows_.size() % 1024 == 0) SQL_TRY(check_memory());
  }
  return check_memory();
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

Sql<void> RowSet::check_memory() const {
  if (bytes_ <= memory_bytes_max_) return {};
  return sql_fail(std::nullopt,
                  "the answer needs more than " + std::to_string(memory_bytes_max_ / limits::kMiB) + " MiB, at " +
                      std::to_string(rows_.size()) + " rows",
                  "; add a LIMIT, or filter more", Code::kLimitExceeded);
}

std::vector<std::vector<Cell>> RowSet::finish() {
  cut();
  std::sort(rows_.begin(), rows_.end(), [this](const Row& a, const Row& b) { return before(a, b); });
  std::vector<std::vector<Cell>> result;
  for (uint64_t i = select_.offset; i < rows_.size() && result.size() < select_.limit; ++i) {
    result.push_back(std::move(rows_[i].cells));
  }
  return result;
}

}  // namespace tally
