#include "engine/fold.h"

#include <algorithm>

#include "engine/fold_files.h"
#include "engine/segment_format.h"

namespace tally {
namespace {

// A segment's part of one day, block by block.
struct Stream {
  std::unique_ptr<SegmentReader::Cursor> cursor;
  uint32_t next_block = 0;
  uint32_t end_block = 0;
  RollupRows::Input input;
  uint32_t at = 0;  // the first row of the block that has not been taken
};

class Fold {
 public:
  Fold(const FoldContext& context, const FoldTask& task)
      : context_(context),
        task_(task),
        shape_(RollupShape::of(context.schema, task.rollup_id, task.tier)),
        code_bits_(code_bits_of(context, shape_)),
        files_(context, shape_) {}

  Result<Folded> run() {
    TALLY_ASSIGN_OR_RETURN(inputs_, open_fold_inputs(context_, task_));
    for (const FoldTask::Day& day : task_.days) {
      totals_ = &totals_in_.try_emplace(day.day, shape_.values.size()).first->second;
      file_ = &day != &task_.days.front() && (&day)[-1].day == day.day ? 1 : 0;
      TALLY_TRY(merge_day(day));
    }
    TALLY_TRY(files_.finish(totals_in_));
    folded_.segments = files_.keep();
    for (const SegmentInfo& segment : folded_.segments) folded_.rows_out += segment.rows;
    return std::move(folded_);
  }

 private:
  Status put(RollupRows& rows, const FoldTask::Day& day, bool all) {
    if (rows.waiting() == 0) return {};
    TALLY_ASSIGN_OR_RETURN(SegmentWriter * out, files_.writer(file_));
    return rows.write(*out, day.above, day.through, fold_block_rows(context_), all);
  }

  // Rows up to the lowest last key of the streams' blocks are complete: nothing that is not read yet comes before them.
  Status merge_day(const FoldTask::Day& day) {
    RollupRows rows(shape_, code_bits_, day.day);
    std::vector<Stream> streams;
    TALLY_TRY(open_streams(day, streams));
    const bool sorted =
        std::ranges::all_of(inputs_, [&](const FoldInput& input) { return sorted_alike(*input.reader); });
    if (!sorted) {
      for (Stream& stream : streams) TALLY_TRY(take_all(stream, rows));
      streams.clear();
    }
    while (!streams.empty()) {
      TALLY_TRY(check_stopping(context_));
      take_complete(streams, rows);
      TALLY_TRY(rows.combine());
      TALLY_TRY(put(rows, day, false));
      for (Stream& stream : streams) {
        if (stream.at == stream.input.rows) TALLY_TRY(next_block(stream));
      }
      std::erase_if(streams, [](const Stream& stream) { return stream.at == stream.input.rows; });
    }
    TALLY_TRY(rows.combine());
    return put(rows, day, true);
  }

  // Its dimensions are the first of ours, in our order: then its rows are in our order, too.
  bool sorted_alike(const SegmentReader& reader) const {
    const std::vector<uint32_t> theirs = segment_format::stored_dimensions(reader.schema(), reader.info().rollup_id);
    return theirs.size() <= shape_.dimension_ids.size() &&
           std::equal(theirs.begin(), theirs.end(), shape_.dimension_ids.begin());
  }

  Status open_streams(const FoldTask::Day& day, std::vector<Stream>& streams) {
    for (const FoldInput& input : inputs_) {
      const SegmentReader::Section* section = section_of(*input.reader, day.day);
      if (section == nullptr || !wanted(input.handle->info(), day)) continue;
      Stream& stream = streams.emplace_back();
      stream.cursor = input.reader->cursor(tier_selection(shape_));
      stream.next_block = section->first_block;
      stream.end_block = section->first_block + section->blocks;
      TALLY_TRY(next_block(stream));
    }
    return {};
  }

  static bool wanted(const SegmentInfo& info, const FoldTask::Day& day) {
    const auto of = std::ranges::find(info.days, day.day, &SegmentDay::day);
    return of != info.days.end() && of->above_lsn >= day.above && of->through_lsn <= day.through;
  }

  Status next_block(Stream& stream) {
    stream.input.rows = stream.at = 0;
    if (stream.next_block == stream.end_block) return {};
    TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, stream.cursor->read(stream.next_block++));
    show_tier_block(shape_, *columns, stream.input);
    return {};
  }

  void take(Stream& stream, uint32_t count, RollupRows& rows) {
    rows.add(stream.input, stream.at, count);
    add_totals(shape_, stream.input, stream.at, count, *totals_);
    folded_.rows_in += count;
    stream.at += count;
  }

  Status take_all(Stream& stream, RollupRows& rows) {
    while (stream.input.rows > 0) {
      take(stream, stream.input.rows, rows);
      TALLY_TRY(next_block(stream));
    }
    return {};
  }

  void take_complete(std::vector<Stream>& streams, RollupRows& rows) {
    using Key = std::vector<uint64_t>;
    auto key_at = [&](const Stream& stream, uint32_t row) {
      Key key(rows.word_count());
      rows.pack_key(stream.input, row, key);
      return key;
    };
    std::optional<Key> bound;
    for (const Stream& stream : streams) {
      if (stream.next_block == stream.end_block) continue;
      Key last = key_at(stream, stream.input.rows - 1);
      if (!bound || last < *bound) bound = std::move(last);
    }
    for (Stream& stream : streams) {
      uint32_t first = stream.at, end = stream.input.rows;
      while (bound && first < end) {
        const uint32_t middle = first + (end - first) / 2;
        if (key_at(stream, middle) <= *bound)
          first = middle + 1;
        else
          end = middle;
      }
      if (end > stream.at) take(stream, end - stream.at, rows);
    }
  }

  const FoldContext& context_;
  const FoldTask& task_;
  const RollupShape shape_;
  const std::vector<uint32_t> code_bits_;
  FoldFiles files_;
  std::vector<FoldInput> inputs_;
  TotalsByDay totals_in_;
  RollupTotals* totals_ = nullptr;  // of the day that is merged
  size_t file_ = 0;                 // where its rows go
  Folded folded_;
};

}  // namespace

Result<Folded> fold(const FoldContext& context, const FoldTask& task) {
  TALLY_CHECK(task.source != Tier::kRaw);
  return Fold(context, task).run();
}

}  // namespace tally
