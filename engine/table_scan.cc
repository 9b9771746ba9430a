#include "engine/table_scan.h"

#include <algorithm>

#include "engine/memtable_scan.h"
#include "engine/segment_format.h"

namespace tally {
namespace {

// The steps of one segment: step first_step + i is block blocks[i].
struct SegmentSteps {
  std::shared_ptr<SegmentReader> reader;
  ScanFilter filter;
  std::vector<uint32_t> blocks;
  uint32_t first_step = 0;

  uint32_t end_step() const { return first_step + static_cast<uint32_t>(blocks.size()); }
};

class Plan final : public ScanPlan, public std::enable_shared_from_this<Plan> {
 public:
  Plan(std::shared_ptr<const PublishedState> state, Lsn cut, ScanSpec spec)
      : state_(std::move(state)), cut_(cut), spec_(std::move(spec)) {}

  Status make() {
    if (spec_.source.segments) {
      for (const auto& handle : *state_->segments) TALLY_TRY(add_segment(*handle));
    }
    segment_steps_ = steps_;
    if (spec_.source.memtable) {
      for (const auto& chunks : state_->chunks) {
        for (const auto& chunk : *chunks) memtable_.add(*chunk, chunk->rows_at(cut_), spec_.filter, stats_);
      }
    }
    steps_ += static_cast<uint32_t>(memtable_.steps().size());
    rows_ += memtable_.rows();
    return {};
  }

  uint32_t steps() const override { return steps_; }
  uint64_t rows() const override { return rows_; }
  const ScanStats& stats() const override { return stats_; }
  std::unique_ptr<RawScan> scan(uint32_t first, uint32_t last, MarkedRows* marked) const override;

  const ScanSpec& spec() const { return spec_; }
  uint32_t segment_steps() const { return segment_steps_; }
  const SegmentSteps& segment_of(uint32_t step) const {
    const auto behind = std::ranges::upper_bound(segments_, step, {}, &SegmentSteps::first_step);
    return *(behind - 1);
  }
  const MemtableStep& slice_of(uint32_t step) const { return memtable_.steps()[step - segment_steps_]; }

 private:
  bool overlaps(const SegmentInfo& info) const {
    return info.min_time < spec_.filter.to && info.max_time >= spec_.filter.from;
  }

  Status add_segment(const SegmentHandle& handle) {
    const SegmentInfo& info = handle.info();
    if (info.tier != spec_.source.tier || info.rollup_id != spec_.source.rollup_id) return {};
    const bool raw = info.rollup_id == 0;
    if (raw && info.max_lsn <= spec_.source.above) return {};
    ++stats_.segments;
    if (!overlaps(info)) {
      ++stats_.segments_by_time;
      return {};
    }
    SegmentSteps part;
    part.filter = spec_.filter;
    if (raw && info.min_lsn <= spec_.source.above) part.filter.predicates.push_back(later_records());
    TALLY_ASSIGN_OR_RETURN(part.reader, handle.reader());
    TALLY_ASSIGN_OR_RETURN(BlockPlan plan, part.reader->plan(part.filter));
    if (!raw) keep_sections(info, *part.reader, plan.blocks);
    stats_.blocks += plan.counts;
    if (plan.blocks.empty()) return {};
    for (const uint32_t block : plan.blocks) rows_ += part.reader->blocks()[block].rows;
    part.first_step = steps_;
    part.blocks = std::move(plan.blocks);
    steps_ = part.end_step();
    segments_.push_back(std::move(part));
    return {};
  }

  ScanPredicate later_records() const {
    return {.column_id = segment_format::kLsnColumn,
            .is_dimension = false,
            .matches = IntPredicate::range(static_cast<int64_t>(spec_.source.above) + 1, INT64_MAX)};
  }

  // Blocks of days that the tier has dropped, or that a coarser tier answers, are not looked at.
  void keep_sections(const SegmentInfo& info, const SegmentReader& reader, std::vector<uint32_t>& blocks) const {
    const std::vector<SegmentReader::Section>& sections = reader.sections();
    std::vector<bool> wanted(sections.size());
    for (size_t i = 0; i < sections.size(); ++i) {
      const SegmentDay& day = info.days[i];
      const Lsn dropped = state_->manifest->progress({info.rollup_id, info.tier, day.day}).dropped_lsn;
      wanted[i] = day.above_lsn >= spec_.source.above && day.through_lsn > dropped;
    }
    size_t section = 0;
    std::erase_if(blocks, [&](uint32_t block) {
      while (block >= sections[section].first_block + sections[section].blocks) ++section;
      return !wanted[section];
    });
  }

  const std::shared_ptr<const PublishedState> state_;
  const Lsn cut_;
  const ScanSpec spec_;
  std::vector<SegmentSteps> segments_;  // none without blocks
  MemtablePlan memtable_;
  uint32_t segment_steps_ = 0, steps_ = 0;
  uint64_t rows_ = 0;
  ScanStats stats_;
};

class PlannedScan final : public RawScan {
 public:
  PlannedScan(std::shared_ptr<const Plan> plan, uint32_t first, uint32_t last, MarkedRows* marked)
      : plan_(std::move(plan)), next_(first), last_(last), columns_(plan_->spec().columns), memtable_(plan_->spec()) {
    columns_.marked = marked;
    block_.columns.resize(plan_->spec().columns.column_ids.size());
  }

  Result<const RowBlock*> next() override {
    while (next_ < last_) {
      const uint32_t step = next_++;
      TALLY_ASSIGN_OR_RETURN(const uint32_t rows, read(step));
      stats_.rows_read += block_rows_;
      if (plan_->spec().proceed) TALLY_TRY(plan_->spec().proceed(block_rows_));
      stats_.rows_selected += rows;
      if (rows > 0) return &block_;
    }
    return nullptr;
  }
  const ScanStats& stats() const override { return stats_; }

 private:
  // How many rows are selected.
  Result<uint32_t> read(uint32_t step) {
    if (step < plan_->segment_steps()) return read_segment(step);
    const MemtableStep& slice = plan_->slice_of(step);
    block_rows_ = slice.rows;
    stats_.memtable_rows += slice.rows;
    return memtable_.show(slice, block_);
  }

  Result<uint32_t> read_segment(uint32_t step) {
    if (segment_ == nullptr || step >= segment_->end_step()) {
      segment_ = &plan_->segment_of(step);
      cursor_.reset();
      cursor_ = segment_->reader->cursor(columns_, segment_->filter, &memory_);
    }
    TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor_->read(segment_->blocks[step - segment_->first_step]));
    ++stats_.blocks.read;
    block_rows_ = columns->rows.rows;
    stats_.rows_selected += columns->unmarked;
    stats_.rows_unmarked += columns->unmarked;
    if (columns->matches > 0) show_block(*columns);
    return columns->matches;
  }

  void show_block(const BlockColumns& columns) {
    block_.rows = columns.rows.rows;
    block_.schema = &segment_->reader->schema();
    block_.times = columns.rows.times;
    block_.kinds = columns.rows.kinds;
    block_.lsns = columns.rows.lsns;
    block_.arrivals = columns.rows.arrivals;
    block_.ids = columns.rows.ids;
    block_.id_kinds = columns.rows.id_kinds;
    block_.columns = columns.by_column;
    block_.selected = columns.selected;
    block_.marks = columns.marks;
    block_.one_time = columns.one_time;
  }

  const std::shared_ptr<const Plan> plan_;
  uint32_t next_;
  const uint32_t last_;
  ColumnSelection columns_;
  RowBlock block_;
  uint32_t block_rows_ = 0;  // of the step read last
  ScanStats stats_;
  CursorMemory memory_;
  const SegmentSteps* segment_ = nullptr;
  std::unique_ptr<SegmentReader::Cursor> cursor_;
  MemtableScan memtable_;
};

std::unique_ptr<RawScan> Plan::scan(uint32_t first, uint32_t last, MarkedRows* marked) const {
  return std::make_unique<PlannedScan>(shared_from_this(), first, last, marked);
}

}  // namespace

Result<std::shared_ptr<const ScanPlan>> plan_scan(std::shared_ptr<const PublishedState> state, Lsn cut, ScanSpec spec) {
  auto plan = std::make_shared<Plan>(std::move(state), cut, std::move(spec));
  TALLY_TRY(plan->make());
  return plan;
}

}  // namespace tally
