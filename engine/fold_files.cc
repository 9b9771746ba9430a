#include "engine/fold_files.h"

#include <algorithm>

#include "base/random.h"

namespace tally {

Result<std::vector<FoldInput>> open_fold_inputs(const FoldContext& context, const FoldTask& task) {
  std::vector<FoldInput> inputs;
  for (uint64_t number : task.inputs) {
    const auto handle = std::ranges::find_if(
        *context.segments, [number](const auto& segment) { return segment->info().number == number; });
    if (handle == context.segments->end()) {
      return fail(Code::kInternal, "segment " + std::to_string(number) + " is to be folded and not live");
    }
    TALLY_ASSIGN_OR_RETURN(std::shared_ptr<SegmentReader> reader, (*handle)->reader());
    inputs.push_back({*handle, std::move(reader)});
  }
  return inputs;
}

const SegmentReader::Section* section_of(const SegmentReader& reader, int32_t day) {
  const auto& sections = reader.sections();
  const auto found = std::ranges::find(sections, day, &SegmentReader::Section::day);
  return found == sections.end() ? nullptr : &*found;
}

std::vector<uint32_t> code_bits_of(const FoldContext& context, const RollupShape& shape) {
  std::vector<uint32_t> bits;
  for (uint32_t id : shape.dimension_ids) {
    const auto known = context.dictionary_sizes.find(id);
    bits.push_back(code_bits(known == context.dictionary_sizes.end() ? 0 : known->second));
  }
  return bits;
}

Status check_stopping(const FoldContext& context) {
  if (context.stopping && context.stopping()) return fail(Code::kCancelled, "the table is being closed");
  return {};
}

uint32_t fold_block_rows(const FoldContext& context) {
  return context.block_rows == 0 ? limits::kSegmentBlockRows : context.block_rows;
}

FoldFiles::~FoldFiles() {
  for (const SegmentInfo& segment : segments_) (void)context_.fs->unlink(context_.paths.segment(segment.number));
}

Result<SegmentWriter*> FoldFiles::writer(size_t n) {
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
                                 .tier = shape_.tier,
                                 .rollup_id = shape_.rollup_id};
  for (uint32_t id : shape_.dimension_ids) options.dictionaries.push_back(context_.dictionaries.at(id));
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<SegmentWriter> made, SegmentWriter::create(std::move(options)));
  writers_[n] = std::move(made);
  return writers_[n].get();
}

Status FoldFiles::finish(const TotalsByDay& in) {
  TotalsByDay out;
  for (auto& writer : writers_) {
    if (writer == nullptr) continue;
    TALLY_ASSIGN_OR_RETURN(SegmentInfo segment, writer->finish());
    const SegmentInfo& kept = segments_.emplace_back(std::move(segment));
    TALLY_ASSIGN_OR_RETURN(auto reader, SegmentReader::open(*context_.fs, context_.paths.segment(kept.number), &kept));
    TALLY_TRY(add_stored_totals(shape_, *reader, out));
  }
  return check_conserved(shape_, in, out);
}

std::vector<SegmentInfo> FoldFiles::keep() { return std::exchange(segments_, {}); }

}  // namespace tally
