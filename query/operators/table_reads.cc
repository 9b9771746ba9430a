#include "query/operators/table_reads.h"

#include <algorithm>

namespace tally {
namespace {

void add_column(const InputColumn& input, ColumnSelection& columns) {
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

// What whoever stopped the query is told comes back by the scan as it is.
ScanProceed proceed_of(const QueryControl& control) {
  return [&control](uint64_t rows) -> Status {
    if (auto goes_on = control.proceed(rows); !goes_on) {
      return fail(goes_on.error().code, goes_on.error().message + goes_on.error().hint);
    }
    return {};
  };
}

}  // namespace

// A share of all parts, one after the other.
class TableSource final : public BlockSource {
 public:
  TableSource(const TableReads& reads, size_t share, size_t shares, MarkedRows* marked)
      : reads_(reads), select_(reads.select_), share_(share), shares_(shares), marked_(marked) {}

  Sql<const Block*> next() override {
    while (true) {
      if (scan_ == nullptr) {
        if (next_part_ == reads_.parts_.size()) return nullptr;
        open(reads_.parts_[next_part_++]);
      }
      SQL_ASSIGN(const RowBlock* rows, scan_->next());
      if (rows != nullptr) return show(*rows);
      stats_.scan += scan_->stats();
      scan_.reset();
    }
  }

  QueryStats stats() const override {
    QueryStats stats = stats_;
    if (scan_ != nullptr) stats.scan += scan_->stats();
    return stats;
  }

 private:
  void open(const TableReads::Part& part) {
    part_ = &part;
    const uint64_t steps = part.plan->steps();
    const auto first = static_cast<uint32_t>(steps * share_ / shares_);
    const auto last = static_cast<uint32_t>(steps * (share_ + 1) / shares_);
    scan_ = part.plan->scan(first, last, part.stored ? nullptr : marked_);
    block_ = {};
    block_.is_stored = part.stored;
    block_.columns.resize(select_.inputs.size());
  }

  const Block* show(const RowBlock& rows) {
    block_.rows = rows.rows;
    block_.selected = rows.selected;
    block_.kinds = rows.kinds;
    block_.schema = rows.schema;
    block_.times = rows.times;
    block_.arrivals = rows.arrivals;
    for (size_t i = 0; i < select_.inputs.size(); ++i) {
      if (reads_.reads(select_.inputs[i], i, part_->stored)) {
        view(select_.inputs[i], part_->selected[i], rows, block_.columns[i]);
      }
    }
    if (part_->stored) {
      view_measures(rows);
    } else {
      view_marks(rows);
    }
    return &block_;
  }

  void view_marks(const RowBlock& rows) {
    block_.marks.resize(part_->mark_at.size());
    for (size_t i = 0; i < part_->mark_at.size(); ++i) {
      if (part_->mark_at[i] != TableReads::kNoMark) block_.marks[i] = rows.marks[part_->mark_at[i]];
    }
  }

  void view_measures(const RowBlock& rows) {
    const std::vector<StoredMeasure>& measures = reads_.source_.measures;
    block_.stored.assign(measures.size(), {});
    block_.stored_minus.assign(measures.size(), {});
    size_t at = part_->first_measure;
    for (size_t i = 0; i < measures.size(); ++i) {
      view_measure(select_.aggregates[i], rows.columns[at++], block_.stored[i]);
      if (measures[i].minus_column_id == 0) continue;
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

  void view(const InputColumn& input, size_t selected, const RowBlock& rows, BlockColumn& column) const {
    column.type = input.type;
    column.scale = input.scale;
    switch (input.source) {
      case InputColumn::Source::kTime:
        column.kind = BlockColumn::Kind::kTimes;
        column.times = rows.times;
        column.one_time = rows.one_time;
        break;
      case InputColumn::Source::kArrival:
        column.kind = BlockColumn::Kind::kTimes;
        column.times = rows.arrivals;
        break;
      case InputColumn::Source::kId:
        column.kind = BlockColumn::Kind::kIds;
        column.ids = rows.ids;
        column.id_kinds = rows.id_kinds;
        break;
      case InputColumn::Source::kDimension:
        column.kind = BlockColumn::Kind::kCodes;
        column.codes = rows.columns[selected].codes;
        column.runs = rows.columns[selected].runs;
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

  const TableReads& reads_;
  const BoundSelect& select_;
  const size_t share_, shares_;
  MarkedRows* const marked_;
  size_t next_part_ = 0;
  const TableReads::Part* part_ = nullptr;
  QueryStats stats_;  // of the parts that are done
  std::unique_ptr<RawScan> scan_;
  Block block_;
};

Sql<std::unique_ptr<TableReads>> TableReads::plan(const BoundSelect& select, const PushedDown& pushed,
                                                  const SourcePlan& source, const QueryControl& control) {
  std::unique_ptr<TableReads> reads(new TableReads(select, pushed, source));
  for (const SourcePart& part : source.parts) SQL_TRY(reads->add(part, control));
  return reads;
}

Sql<void> TableReads::add(const SourcePart& from, const QueryControl& control) {
  Part part;
  part.stored = from.source.rollup_id != 0;
  ScanSpec spec;
  spec.filter = pushed_.filter;
  spec.filter.from = from.from;
  spec.filter.to = from.to;
  spec.source = from.source;
  spec.proceed = proceed_of(control);
  spec.columns.times = false;
  if (pushed_.time_buckets != nullptr) {
    spec.columns.bucket_width_us = pushed_.time_buckets->fixed_width();
    spec.columns.bucket_origin = pushed_.time_buckets->origin();
  }
  for (size_t i = 0; i < select_.inputs.size(); ++i) {
    part.selected.push_back(spec.columns.column_ids.size());
    if (!reads(select_.inputs[i], i, part.stored)) continue;
    add_column(select_.inputs[i], spec.columns);
    if (pushed_.key_alone[i]) spec.columns.run_ids.push_back(select_.inputs[i].column_id);
  }
  part.first_measure = spec.columns.column_ids.size();
  if (part.stored) {
    add_measures(spec.columns);
  } else {
    add_late(spec.columns);
    add_marks(part, spec.columns);
  }
  SQL_ASSIGN(part.plan, select_.snapshot->plan(std::move(spec)));
  rows_ += part.plan->rows();
  parts_.push_back(std::move(part));
  return {};
}

// Rollup tiers have no fields: what aggregates make of them is stored.
bool TableReads::reads(const InputColumn& input, size_t i, bool stored) const {
  const bool kept = input.source == InputColumn::Source::kDimension || input.source == InputColumn::Source::kTime;
  return pushed_.used[i] && (!stored || kept);
}

void TableReads::add_late(ColumnSelection& columns) const {
  for (const RowFilter& rows : select_.filters) {
    const bool late = rows.rows == RowClass::kLate;
    columns.arrivals = columns.arrivals || late;
    columns.times = columns.times || late;
  }
}

void TableReads::add_marks(Part& part, ColumnSelection& columns) const {
  part.mark_at.assign(pushed_.marks.size(), kNoMark);
  for (size_t i = 0; i < pushed_.marks.size(); ++i) {
    if (!pushed_.marks[i]) continue;
    part.mark_at[i] = columns.marks.size();
    columns.marks.push_back(*pushed_.marks[i]);
  }
}

void TableReads::add_measures(ColumnSelection& columns) const {
  columns.kinds = false;
  for (const StoredMeasure& measure : source_.measures) {
    columns.column_ids.push_back(measure.column_id);
    if (measure.minus_column_id != 0) columns.column_ids.push_back(measure.minus_column_id);
  }
}

ScanStats TableReads::stats() const {
  ScanStats stats;
  for (const Part& part : parts_) stats += part.plan->stats();
  return stats;
}

std::unique_ptr<BlockSource> TableReads::open(size_t share, size_t shares, MarkedRows* marked) const {
  return std::make_unique<TableSource>(*this, share, shares, marked);
}

}  // namespace tally
