#include "engine/fold.h"

#include <algorithm>
#include <bit>

#include "base/random.h"
#include "engine/raw_values.h"
#include "engine/rollup_rows.h"
#include "engine/rollup_totals.h"
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
      : context_(context), task_(task), shape_(RollupShape::of(context.schema, task.rollup_id, task.tier)) {
    for (uint32_t id : shape_.dimension_ids) {
      const auto known = context.dictionary_sizes.find(id);
      const uint32_t size = known == context.dictionary_sizes.end() ? kFirstValueCode : known->second;
      code_bits_.push_back(static_cast<uint32_t>(std::bit_width(std::max(size, kFirstValueCode) - 1)));
    }
  }

  Result<Folded> run() {
    Status done = write();
    if (done) done = check_outputs();
    if (done) return std::move(folded_);
    writers_.clear();  // which removes what is not finished
    for (const SegmentInfo& segment : folded_.segments)
      (void)context_.fs->unlink(context_.paths.segment(segment.number));
    return std::unexpected(std::move(done).error());
  }

 private:
  Status write() {
    TALLY_TRY(open_inputs());
    for (const FoldTask::Day& day : task_.days) {
      totals_in_.emplace_back(shape_.values.size());
      file_ = &day != &task_.days.front() && (&day)[-1].day == day.day ? 1 : 0;
      TALLY_TRY(task_.source == Tier::kRaw ? fold_raw_day(day) : merge_day(day));
    }
    for (auto& writer : writers_) {
      if (writer == nullptr) continue;
      TALLY_ASSIGN_OR_RETURN(SegmentInfo segment, writer->finish());
      folded_.rows_out += segment.rows;
      folded_.segments.push_back(std::move(segment));
    }
    return {};
  }

  Status open_inputs() {
    for (uint64_t number : task_.inputs) {
      const auto handle = std::ranges::find_if(
          *context_.segments, [number](const auto& segment) { return segment->info().number == number; });
      if (handle == context_.segments->end()) {
        return fail(Code::kInternal, "segment " + std::to_string(number) + " is to be folded and not live");
      }
      TALLY_ASSIGN_OR_RETURN(std::shared_ptr<SegmentReader> reader, (*handle)->reader());
      inputs_.push_back(std::move(reader));
      handles_.push_back(*handle);
    }
    return {};
  }

  // The n-th file of the task: a day of raw may need several.
  Result<SegmentWriter*> writer(size_t n) {
    if (writers_.size() <= n) writers_.resize(n + 1);
    if (writers_[n] != nullptr) return writers_[n].get();
    SegmentWriter::Options options{.fs = context_.fs,
                                   .directory = context_.paths.segment_directory(),
                                   .number = context_.take_number(),
                                   .uuid = random_uuid(),
                                   .table_uuid = context_.table_uuid,
                                   .schema = context_.schema,
                                   .dictionaries = {},
                                   .block_rows = context_.block_rows,
                                   .records = {},
                                   .tier = task_.tier,
                                   .rollup_id = task_.rollup_id};
    for (uint32_t id : shape_.dimension_ids) options.dictionaries.push_back(context_.dictionaries.at(id));
    TALLY_ASSIGN_OR_RETURN(std::unique_ptr<SegmentWriter> made, SegmentWriter::create(std::move(options)));
    writers_[n] = std::move(made);
    return writers_[n].get();
  }

  Status check_stopping() const {
    if (context_.stopping && context_.stopping()) return fail(Code::kCancelled, "the table is being closed");
    return {};
  }

  static const SegmentReader::Section* section_of(const SegmentReader& reader, int32_t day) {
    const auto& sections = reader.sections();
    const auto found = std::ranges::find(sections, day, &SegmentReader::Section::day);
    return found == sections.end() ? nullptr : &*found;
  }

  Status put(RollupRows& rows, const FoldTask::Day& day, size_t file, bool all) {
    if (rows.waiting() == 0) return {};
    TALLY_ASSIGN_OR_RETURN(SegmentWriter * out, writer(file));
    const uint32_t block_rows = context_.block_rows == 0 ? limits::kSegmentBlockRows : context_.block_rows;
    return rows.write(*out, day.above, day.through, block_rows, all);
  }

  // --- from raw ----------------------------------------------------------------------------------------------------

  Status fold_raw_day(const FoldTask::Day& day) {
    RollupRows rows(shape_, code_bits_, day.day);
    RawValues values(shape_, context_.dictionaries);
    size_t file = 0;
    for (const auto& reader : inputs_) {
      const SegmentReader::Section* section = section_of(*reader, day.day);
      if (section == nullptr || reader->info().max_lsn <= day.above) continue;
      auto cursor = reader->cursor(values.selection());
      for (uint32_t block = section->first_block; block < section->first_block + section->blocks; ++block) {
        TALLY_TRY(check_stopping());
        TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor->read(block));
        add_raw(values.values(*columns, reader->schema()), columns->rows.lsns, day, rows);
        if (rows.added() < kFoldRowsMax) continue;
        TALLY_TRY(rows.combine());
        TALLY_TRY(put(rows, day, file++, true));
      }
    }
    TALLY_TRY(rows.combine());
    return put(rows, day, file, true);
  }

  // Rows of the records in (above, through], in runs: a block's rows stand in the order of dimensions, not of records.
  void add_raw(const RollupRows::Input& input, const Lsn* lsns, const FoldTask::Day& day, RollupRows& rows) {
    auto wanted = [&](uint32_t row) { return lsns[row] > day.above && lsns[row] <= day.through; };
    for (uint32_t row = 0; row < input.rows;) {
      while (row < input.rows && !wanted(row)) ++row;
      const uint32_t first = row;
      while (row < input.rows && wanted(row)) ++row;
      if (row == first) continue;
      rows.add(input, first, row - first);
      add_totals(shape_, input, first, row - first, totals_in_.back());
      folded_.rows_in += row - first;
    }
  }

  // --- from a tier -------------------------------------------------------------------------------------------------

  // Rows up to the lowest last key of the streams' blocks are complete: nothing that is not read yet comes before them.
  Status merge_day(const FoldTask::Day& day) {
    RollupRows rows(shape_, code_bits_, day.day);
    std::vector<Stream> streams;
    TALLY_TRY(open_streams(day, streams));
    const bool sorted = std::ranges::all_of(inputs_, [&](const auto& reader) { return sorted_alike(*reader); });
    if (!sorted) {
      for (Stream& stream : streams) TALLY_TRY(take_all(stream, rows));
      streams.clear();
    }
    while (!streams.empty()) {
      TALLY_TRY(check_stopping());
      take_complete(streams, rows);
      TALLY_TRY(rows.combine());
      TALLY_TRY(put(rows, day, file_, false));
      for (Stream& stream : streams) {
        if (stream.at == stream.input.rows) TALLY_TRY(next_block(stream));
      }
      std::erase_if(streams, [](const Stream& stream) { return stream.at == stream.input.rows; });
    }
    TALLY_TRY(rows.combine());
    return put(rows, day, file_, true);
  }

  // Its dimensions are the first of ours, in our order: then its rows are in our order, too.
  bool sorted_alike(const SegmentReader& reader) const {
    const std::vector<uint32_t> theirs = segment_format::stored_dimensions(reader.schema(), reader.info().rollup_id);
    return theirs.size() <= shape_.dimension_ids.size() &&
           std::equal(theirs.begin(), theirs.end(), shape_.dimension_ids.begin());
  }

  Status open_streams(const FoldTask::Day& day, std::vector<Stream>& streams) {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const SegmentReader::Section* section = section_of(*inputs_[i], day.day);
      if (section == nullptr || !wanted(handles_[i]->info(), day)) continue;
      Stream& stream = streams.emplace_back();
      stream.cursor = inputs_[i]->cursor(tier_selection(shape_));
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
    add_totals(shape_, stream.input, stream.at, count, totals_in_.back());
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

  // --- conservation ------------------------------------------------------------------------------------------------

  Status check_outputs() {
    std::map<int32_t, RollupTotals> totals_in, totals_out;
    for (size_t day = 0; day < task_.days.size(); ++day) {
      RollupTotals& of_day = totals_in.try_emplace(task_.days[day].day, shape_.values.size()).first->second;
      for (size_t i = 0; i < of_day.size(); ++i) of_day[i] += totals_in_[day][i];
    }
    for (const SegmentInfo& segment : folded_.segments) {
      TALLY_ASSIGN_OR_RETURN(auto reader,
                             SegmentReader::open(*context_.fs, context_.paths.segment(segment.number), &segment));
      auto cursor = reader->cursor(tier_selection(shape_));
      for (const SegmentReader::Section& section : reader->sections()) {
        RollupTotals& of_day = totals_out.try_emplace(section.day, shape_.values.size()).first->second;
        for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
          TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor->read(block));
          RollupRows::Input input;
          show_tier_block(shape_, *columns, input);
          add_totals(shape_, input, 0, input.rows, of_day);
        }
      }
    }
    for (const auto& [day, in] : totals_in) {
      const RollupTotals& out = totals_out.try_emplace(day, shape_.values.size()).first->second;
      for (size_t i = 0; i < in.size(); ++i) {
        if (in[i] == out[i]) continue;
        return fail(Code::kCorruption, "folding into rollup " + std::to_string(task_.rollup_id) + " changed " +
                                           segment_format::column_name(*shape_.schema, shape_.values[i].column_id) +
                                           " of day " + std::to_string(day));
      }
    }
    return {};
  }

  const FoldContext& context_;
  const FoldTask& task_;
  const RollupShape shape_;
  std::vector<uint32_t> code_bits_;
  std::vector<std::shared_ptr<SegmentReader>> inputs_;
  std::vector<std::shared_ptr<const SegmentHandle>> handles_;
  std::vector<std::unique_ptr<SegmentWriter>> writers_;
  std::vector<RollupTotals> totals_in_;  // by day of the task
  size_t file_ = 0;                      // where the rows of a merged day go
  Folded folded_;
};

}  // namespace

Result<Folded> fold(const FoldContext& context, const FoldTask& task) { return Fold(context, task).run(); }

}  // namespace tally
