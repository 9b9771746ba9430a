#include "engine/fold_raw.h"

#include <algorithm>

#include "engine/fold_files.h"
#include "engine/raw_groups.h"
#include "engine/raw_values.h"

namespace tally {
namespace {

std::vector<RollupShape> shapes_of(const FoldContext& context, std::span<const FoldTask> tasks) {
  std::vector<RollupShape> shapes;
  for (const FoldTask& task : tasks) shapes.push_back(RollupShape::of(context.schema, task.rollup_id, task.tier));
  return shapes;
}

class RawFold {
 public:
  RawFold(const FoldContext& context, std::span<const FoldTask> tasks)
      : context_(context),
        tasks_(tasks),
        shapes_(shapes_of(context, tasks)),
        all_(RollupShape::of_all(shapes_)),
        values_(all_, context.dictionaries),
        rows_(all_) {
    for (const RollupShape& shape : shapes_) files_.push_back(std::make_unique<FoldFiles>(context, shape));
  }

  Result<std::vector<Folded>> run() {
    TALLY_ASSIGN_OR_RETURN(inputs_, open_fold_inputs(context_, tasks_.front()));
    for (const FoldTask::Day& day : tasks_.front().days) TALLY_TRY(fold_day(day));
    std::vector<Folded> folded(tasks_.size());
    for (size_t i = 0; i < tasks_.size(); ++i) TALLY_TRY(files_[i]->finish(totals_of(shapes_[i])));
    for (size_t i = 0; i < tasks_.size(); ++i) {
      folded[i].segments = files_[i]->keep();
      folded[i].rows_in = rows_in_;
      for (const SegmentInfo& segment : folded[i].segments) folded[i].rows_out += segment.rows;
    }
    return folded;
  }

 private:
  Status fold_day(const FoldTask::Day& day) {
    RollupTotals& totals = totals_.try_emplace(day.day, all_.values.size()).first->second;
    size_t file = 0;
    rows_.clear(day.day);
    for (const FoldInput& input : inputs_) {
      const SegmentReader::Section* section = section_of(*input.reader, day.day);
      if (section == nullptr || input.reader->info().max_lsn <= day.above) continue;
      auto cursor = input.reader->cursor(values_.selection());
      for (uint32_t block = section->first_block; block < section->first_block + section->blocks; ++block) {
        TALLY_TRY(check_stopping(context_));
        TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor->read(block));
        add_block(values_.values(*columns, input.reader->schema()), columns->rows.lsns, day, totals);
        if (rows_.rows() < kFoldRowsMax) continue;
        TALLY_TRY(write_groups(day, file++));
        rows_.clear(day.day);
      }
    }
    return write_groups(day, file);
  }

  // Rows of the records in (above, through], in runs: a block's rows stand in the order of dimensions, not of records.
  void add_block(const RollupRows::Input& input, const Lsn* lsns, const FoldTask::Day& day, RollupTotals& totals) {
    auto wanted = [&](uint32_t row) { return lsns[row] > day.above && lsns[row] <= day.through; };
    for (uint32_t row = 0; row < input.rows;) {
      while (row < input.rows && !wanted(row)) ++row;
      const uint32_t first = row;
      while (row < input.rows && wanted(row)) ++row;
      if (row == first) continue;
      rows_.add(input, first, row - first);
      add_totals(all_, input, first, row - first, totals);
      rows_in_ += row - first;
    }
  }

  Status write_groups(const FoldTask::Day& day, size_t file) {
    if (rows_.rows() == 0) return {};
    for (size_t i = 0; i < tasks_.size(); ++i) {
      TALLY_TRY(check_stopping(context_));
      TALLY_ASSIGN_OR_RETURN(SegmentWriter * writer, files_[i]->writer(file));
      RawGroups groups(shapes_[i], code_bits_of(context_, shapes_[i]), all_, rows_);
      TALLY_TRY(groups.write({.writer = writer,
                              .day = day.day,
                              .above = day.above,
                              .through = day.through,
                              .block_rows = fold_block_rows(context_)}));
    }
    return {};
  }

  // What a rollup must add up to: of its values, what raw had.
  TotalsByDay totals_of(const RollupShape& shape) const {
    TotalsByDay totals;
    for (const auto& [day, of_all] : totals_) {
      RollupTotals& of_day = totals.try_emplace(day, shape.values.size()).first->second;
      for (size_t i = 0; i < of_day.size(); ++i) {
        const auto same = std::ranges::find(all_.values, shape.values[i].column_id, &RollupShape::Value::column_id);
        of_day[i] = of_all[static_cast<size_t>(same - all_.values.begin())];
      }
    }
    return totals;
  }

  const FoldContext& context_;
  const std::span<const FoldTask> tasks_;
  const std::vector<RollupShape> shapes_;
  const RollupShape all_;
  RawValues values_;
  RawRows rows_;
  std::vector<std::unique_ptr<FoldFiles>> files_;  // by task
  std::vector<FoldInput> inputs_;
  TotalsByDay totals_;  // of all values, as raw has them
  uint64_t rows_in_ = 0;
};

}  // namespace

Result<std::vector<Folded>> fold_raw(const FoldContext& context, std::span<const FoldTask> tasks) {
  TALLY_CHECK(!tasks.empty());
  for (const FoldTask& task : tasks) {
    TALLY_CHECK(task.source == Tier::kRaw && task.inputs == tasks.front().inputs && task.days == tasks.front().days);
  }
  return RawFold(context, tasks).run();
}

}  // namespace tally
