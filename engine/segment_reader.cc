#include "engine/segment_reader.h"

#include "engine/block_plan.h"
#include "engine/encoding/selection.h"
#include "engine/segment_cursor.h"
#include "engine/segment_file.h"
#include "engine/segment_indexes.h"
#include "engine/segment_verify.h"

namespace tally {

namespace {

class SegmentReaderImpl final : public SegmentReader {
 public:
  explicit SegmentReaderImpl(std::shared_ptr<const SegmentFile> segment) : segment_(std::move(segment)) {
    blocks_.reserve(footer().blocks.size());
    for (const auto& block : footer().blocks) blocks_.push_back(block.info);
  }

  const SegmentInfo& info() const override { return segment_->info(); }
  const Schema& schema() const override { return *footer().schema; }
  const std::array<uint8_t, 16>& table_uuid() const override { return segment_->header().table_uuid; }
  const std::vector<Section>& sections() const override { return footer().sections; }
  const std::vector<BlockInfo>& blocks() const override { return blocks_; }
  const std::map<uint32_t, uint32_t>& max_codes() const override { return footer().max_codes; }

  std::unique_ptr<Cursor> cursor(ColumnSelection selection, ScanFilter filter, CursorMemory* memory) const override {
    return std::make_unique<SegmentCursor>(segment_, std::move(selection), std::move(filter), memory);
  }

  Result<BlockPlan> plan(const ScanFilter& filter) const override { return plan_blocks(*segment_, filter); }
  const segment_format::Footer& footer() const override { return segment_->footer(); }

  Status may_contain_ids(std::span<const IdKind> kinds, std::span<const IdSlot> ids,
                         std::span<uint64_t> words) const override {
    TALLY_ASSIGN_OR_RETURN(auto filter, segment_->id_filter());
    if (!filter) {
      select_all(ids.size(), words);
      return {};
    }
    std::vector<Hash128> hashes(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) hashes[i] = filter_hash(kinds[i], ids[i]);
    filter->filter.may_contain(hashes, words);
    return {};
  }

  Result<std::vector<std::pair<uint32_t, std::string>>> appendix(uint32_t dimension_id) const override {
    std::vector<std::pair<uint32_t, std::string>> entries;
    ColumnBytes bytes;
    std::vector<uint32_t> codes;
    std::vector<StringRef> values;
    for (size_t part = 0; part < footer().appendix.size(); ++part) {
      if (footer().appendix[part].dimension_id != dimension_id) continue;
      TALLY_TRY(segment_->read_appendix_part(part, bytes, codes, values));
      for (size_t i = 0; i < codes.size(); ++i) entries.emplace_back(codes[i], values[i].view());
    }
    return entries;
  }

  Result<std::vector<std::string>> verify() const override { return verify_segment(segment_); }

 private:
  const std::shared_ptr<const SegmentFile> segment_;
  std::vector<BlockInfo> blocks_;
};

}  // namespace

Result<std::shared_ptr<SegmentReader>> SegmentReader::open(FileSystem& fs, const std::string& path,
                                                           const SegmentInfo* expected,
                                                           std::shared_ptr<BlockCache> cache) {
  TALLY_ASSIGN_OR_RETURN(auto segment, SegmentFile::open(fs, path, expected, std::move(cache)));
  return std::make_shared<SegmentReaderImpl>(std::move(segment));
}

Result<std::shared_ptr<SegmentReader>> SegmentReader::open(std::unique_ptr<File> file, const SegmentInfo* expected,
                                                           std::shared_ptr<BlockCache> cache) {
  TALLY_ASSIGN_OR_RETURN(auto segment, SegmentFile::open(std::move(file), expected, std::move(cache)));
  return std::make_shared<SegmentReaderImpl>(std::move(segment));
}

}  // namespace tally
