#include "query/operators/block_source.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace tally {
namespace {

void add(QueryStats& sum, const ScanStats& one) {
  sum.scan.segments += one.segments;
  sum.scan.segments_by_time += one.segments_by_time;
  sum.scan.blocks += one.blocks;
  sum.scan.rows_read += one.rows_read;
  sum.scan.rows_selected += one.rows_selected;
  sum.scan.memtable_rows += one.memtable_rows;
}

// The parts of a plan, one after the other.
class TableSource final : public BlockSource {
 public:
  TableSource(const BoundSelect& select, const PushedDown& pushed, const SourcePlan& plan)
      : select_(select), pushed_(pushed), plan_(plan) {}

  Sql<const Block*> next() override {
    while (true) {
      if (scan_ == nullptr) {
        if (part_ == plan_.parts.size()) return nullptr;
        open(plan_.parts[part_++]);
      }
      SQL_ASSIGN(const RowBlock* rows, scan_->next());
      if (rows != nullptr) return show(*rows);
      add(stats_, scan_->stats());
      scan_.reset();
    }
  }

  QueryStats stats() const override {
    QueryStats stats = stats_;
    if (scan_ != nullptr) add(stats, scan_->stats());
    return stats;
  }

 private:
  void open(const SourcePart& part) {
    ScanSpec spec;
    spec.filter = pushed_.filter;
    spec.filter.from = part.from;
    spec.filter.to = part.to;
    spec.source = part.source;
    spec.columns.times = false;
    stored_ = part.source.rollup_id != 0;
    selected_.clear();
    for (size_t i = 0; i < select_.inputs.size(); ++i) {
      selected_.push_back(spec.columns.column_ids.size());
      if (reads(select_.inputs[i], i)) add_column(select_.inputs[i], spec.columns);
    }
    first_measure_ = spec.columns.column_ids.size();
    if (stored_) {
      add_measures(spec.columns);
    } else {
      add_late(spec.columns);
    }
    block_ = {};
    block_.columns.resize(select_.inputs.size());
    scan_ = select_.snapshot->scan(std::move(spec));
  }

  // Rollup tiers have no fields: what aggregates make of them is stored.
  bool reads(const InputColumn& input, size_t i) const {
    const bool kept = input.source == InputColumn::Source::kDimension || input.source == InputColumn::Source::kTime;
    return pushed_.used[i] && (!stored_ || kept);
  }

  void add_late(ColumnSelection& columns) const {
    for (const RowFilter& rows : select_.filters) {
      const bool late = rows.rows == RowClass::kLate;
      columns.arrivals = columns.arrivals || late;
      columns.times = columns.times || late;
    }
  }

  void add_measures(ColumnSelection& columns) const {
    columns.kinds = false;
    for (const StoredMeasure& measure : plan_.measures) {
      columns.column_ids.push_back(measure.column_id);
      if (measure.minus_column_id != 0) columns.column_ids.push_back(measure.minus_column_id);
    }
  }

  const Block* show(const RowBlock& rows) {
    block_.rows = rows.rows;
    block_.selected = rows.selected;
    block_.kinds = rows.kinds;
    block_.schema = rows.schema;
    block_.times = rows.times;
    block_.arrivals = rows.arrivals;
    for (size_t i = 0; i < select_.inputs.size(); ++i) {
      if (reads(select_.inputs[i], i)) view(select_.inputs[i], selected_[i], rows, block_.columns[i]);
    }
    if (stored_) view_measures(rows);
    return &block_;
  }

  void view_measures(const RowBlock& rows) {
    block_.stored.assign(plan_.measures.size(), {});
    block_.stored_minus.assign(plan_.measures.size(), {});
    size_t at = first_measure_;
    for (size_t i = 0; i < plan_.measures.size(); ++i) {
      view_measure(select_.aggregates[i], rows.columns[at++], block_.stored[i]);
      if (plan_.measures[i].minus_column_id == 0) continue;
      view_measure(select_.aggregates[i], rows.columns[at++], block_.stored_minus[i]);
    }
  }

  void view_measure(const Aggregate& aggregate, const BlockColumns::Selected& from, BlockColumn& column) const {
    const bool sketch = aggregate.function == AggregateFunction::kApproxDistinct;
    column.kind = sketch ? BlockColumn::Kind::kStrings : BlockColumn::Kind::kInts;
    column.type = sketch ? SqlType::kString : aggregate.type;
    if (!sketch && aggregate.argument != nullptr && aggregate.argument->op == Op::kSlot) {
      column.scale = select_.inputs[aggregate.argument->slot].scale;
    }
    column.ints = from.ints;
    column.nulls = from.nulls;
    column.strings = from.strings;
  }

  static void add_column(const InputColumn& input, ColumnSelection& columns) {
    switch (input.source) {
      case InputColumn::Source::kDimension:
      case InputColumn::Source::kField: columns.column_ids.push_back(input.column_id); break;
      case InputColumn::Source::kTime: columns.times = true; break;
      case InputColumn::Source::kId: columns.ids = true; break;
      case InputColumn::Source::kLsn: columns.lsns = true; break;
      case InputColumn::Source::kArrival: columns.arrivals = true; break;
      default: break;
    }
  }

  void view(const InputColumn& input, size_t selected, const RowBlock& rows, BlockColumn& column) const {
    column.type = input.type;
    column.scale = input.scale;
    switch (input.source) {
      case InputColumn::Source::kTime:
      case InputColumn::Source::kArrival:
        column.kind = BlockColumn::Kind::kTimes;
        column.times = input.source == InputColumn::Source::kTime ? rows.times : rows.arrivals;
        break;
      case InputColumn::Source::kId:
        column.kind = BlockColumn::Kind::kIds;
        column.ids = rows.ids;
        column.id_kinds = rows.id_kinds;
        break;
      case InputColumn::Source::kDimension:
        column.kind = BlockColumn::Kind::kCodes;
        column.codes = rows.columns[selected].codes;
        column.dictionary = &select_.snapshot->dictionary(input.position);
        break;
      case InputColumn::Source::kField:
        column.kind = input.type == SqlType::kString ? BlockColumn::Kind::kStrings : BlockColumn::Kind::kInts;
        column.ints = rows.columns[selected].ints;
        column.nulls = rows.columns[selected].nulls;
        column.strings = rows.columns[selected].strings;
        break;
      case InputColumn::Source::kKind:
        column.kind = BlockColumn::Kind::kKinds;
        column.kinds = rows.kinds;
        break;
      case InputColumn::Source::kLsn:
        column.kind = BlockColumn::Kind::kLsns;
        column.lsns = rows.lsns;
        break;
      case InputColumn::Source::kRow: break;
    }
  }

  const BoundSelect& select_;
  const PushedDown& pushed_;
  const SourcePlan& plan_;
  size_t part_ = 0;               // the next
  QueryStats stats_;              // of the parts that are done
  bool stored_ = false;           // the part is of a rollup
  std::vector<size_t> selected_;  // by input: position in the scan's columns
  size_t first_measure_ = 0;
  std::unique_ptr<RawScan> scan_;
  Block block_;
};

// Rows that are there already, as one block; without inputs, one row.
class GivenSource final : public BlockSource {
 public:
  explicit GivenSource(const BoundSelect& select) {
    bool given = select.source == BoundSelect::Source::kRows;
    block_.rows = given ? static_cast<uint32_t>(select.given_rows.size()) : 1;
    vectors_.reserve(select.inputs.size());
    for (const InputColumn& input : select.inputs) {
      Vector vector = Vector::of(input.type, block_.rows);
      for (uint32_t row = 0; row < block_.rows; ++row) vector.set(row, select.given_rows[row][input.position]);
      vectors_.push_back(std::move(vector));
      BlockColumn column;
      column.type = input.type;
      column.vector = &vectors_.back();
      block_.columns.push_back(column);
    }
  }
  Sql<const Block*> next() override { return std::exchange(given_, true) ? nullptr : &block_; }
  QueryStats stats() const override { return {}; }

 private:
  std::vector<Vector> vectors_;
  Block block_;
  bool given_ = false;
};

}  // namespace

std::unique_ptr<BlockSource> open_source(const BoundSelect& select, const PushedDown& pushed, const SourcePlan& plan) {
  if (select.snapshot != nullptr) return std::make_unique<TableSource>(select, pushed, plan);
  return std::make_unique<GivenSource>(select);
}

KindFilter::KindFilter(const BoundSelect& select) {
  auto want = [this](RowKind kind) { wanted_[static_cast<uint8_t>(kind)] = true; };
  all_ = select.snapshot == nullptr || (select.source == BoundSelect::Source::kRaw && select.every_kind);
  want(RowKind::kEvent);
  if (select.source != BoundSelect::Source::kTable) return;
  for (const RowFilter& filter : select.filters) {
    if (filter.rows == RowClass::kAdditive || filter.rows == RowClass::kRetracted) want(RowKind::kRetraction);
    if (filter.rows == RowClass::kDuplicates) want(RowKind::kDuplicate);
    if (filter.rows == RowClass::kConflicts) want(RowKind::kConflict);
  }
}

Selection KindFilter::select_rows(const Block& block, std::vector<uint32_t>& memory) const {
  const bool kinds_matter = !all_ && block.stored.empty();
  if (block.selected.empty() && block.rows <= Selection::kAllMax && (!kinds_matter || wants_all(block))) {
    return Selection::all(block.rows);
  }
  memory.resize(block.rows);
  size_t kept = 0;
  if (block.selected.empty()) {
    std::iota(memory.begin(), memory.end(), 0);
    kept = block.rows;
  }
  for (size_t word = 0; word < block.selected.size(); ++word) {
    for (uint64_t left = block.selected[word]; left != 0; left &= left - 1) {
      memory[kept++] = static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(left)));
    }
  }
  const size_t selected = kept;
  if (kinds_matter) {
    kept = 0;
    for (size_t i = 0; i < selected; ++i) {
      const uint32_t row = memory[i];
      memory[kept] = row;
      kept += wanted_[static_cast<uint8_t>(block.kinds[row])] ? 1 : 0;
    }
  }
  return Selection(memory.data(), kept);
}

// Most blocks hold events alone, which every query wants.
bool KindFilter::wants_all(const Block& block) {
  uint8_t any = 0;
  for (uint32_t row = 0; row < block.rows; ++row) any |= static_cast<uint8_t>(block.kinds[row]);
  return any == static_cast<uint8_t>(RowKind::kEvent);
}

}  // namespace tally
