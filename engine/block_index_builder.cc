#include <algorithm>
#include <functional>

#include "engine/block_index.h"
#include "engine/block_index_format.h"
#include "engine/encoding/bit_pack.h"

namespace tally {

namespace {

using namespace block_index_format;

// What a group is made of, before the parts are put one behind the other.
class GroupWriter {
 public:
  explicit GroupWriter(uint32_t blocks) : block_width_(packed_width(blocks - 1)) {}

  void add(uint32_t code, std::span<const uint32_t> blocks) {
    codes_.push_back(code);
    if (list_bytes(blocks.size()) > kBitmapBytesMin && add_bitmap(blocks)) return;
    bool long_list = blocks.size() >= kFormLongList;
    forms_.push_back(long_list ? kFormLongList : static_cast<uint8_t>(blocks.size()));
    if (long_list) long_counts_.push_back(static_cast<uint16_t>(blocks.size()));
    lists_.insert(lists_.end(), blocks.begin(), blocks.end());
  }

  void write(Bytes& out) const {
    ByteWriter writer(out);
    uint32_t widest = 0;
    for (size_t i = 1; i < codes_.size(); ++i) widest = std::max(widest, codes_[i] - codes_[i - 1] - 1);
    writer.u8(static_cast<uint8_t>(packed_width(widest)));
    pack_bits(codes_.size() - 1, packed_width(widest), out, [&](size_t i) { return codes_[i + 1] - codes_[i] - 1; });
    pack_bits(forms_.size(), kFormBits, out, [&](size_t i) { return forms_[i]; });
    for (uint16_t count : long_counts_) writer.u16(count);
    pack_bits(lists_.size(), block_width_, out, [&](size_t i) { return lists_[i]; });
    for (uint32_t length : bitmap_lengths_) writer.u32(length);
    writer.bytes(bitmaps_);
  }

 private:
  bool add_bitmap(std::span<const uint32_t> blocks) {
    BlockSet set(blocks);
    if (list_bytes(blocks.size()) <= sizeof(uint32_t) + set.encoded_bytes()) return false;
    forms_.push_back(kFormBitmap);
    size_t before = bitmaps_.size();
    set.encode(bitmaps_);
    bitmap_lengths_.push_back(static_cast<uint32_t>(bitmaps_.size() - before));
    return true;
  }

  // A count that does not fit its two bytes makes a bitmap.
  uint64_t list_bytes(size_t blocks) const {
    if (blocks > UINT16_MAX) return UINT64_MAX;
    return packed_bytes(blocks, block_width_) + (blocks >= kFormLongList ? 2 : 0);
  }

  unsigned block_width_;
  std::vector<uint32_t> codes_;
  std::vector<uint8_t> forms_;
  std::vector<uint16_t> long_counts_;
  std::vector<uint32_t> lists_;
  std::vector<uint32_t> bitmap_lengths_;
  Bytes bitmaps_;
};

}  // namespace

void BlockIndexBuilder::add(uint32_t code, uint32_t block) {
  uint64_t pair = uint64_t{code} << 32 | block;
  if (!pairs_.empty() && pairs_.back() == pair) return;
  if (pairs_.size() >= compact_at_) {
    compact();
    compact_at_ = std::max(compact_at_, pairs_.size() * 2);
  }
  pairs_.push_back(pair);
}

void BlockIndexBuilder::compact() {
  if (std::adjacent_find(pairs_.begin(), pairs_.end(), std::greater_equal<>()) == pairs_.end()) return;
  std::sort(pairs_.begin(), pairs_.end());
  pairs_.erase(std::unique(pairs_.begin(), pairs_.end()), pairs_.end());
}

void BlockIndexBuilder::finish(uint32_t blocks, Bytes& out) {
  compact();
  Bytes table;
  Bytes bodies;
  uint32_t codes = 0;
  std::vector<uint32_t> of_code;
  for (size_t i = 0; i < pairs_.size();) {
    GroupWriter group(blocks);
    ByteWriter(table).u32(static_cast<uint32_t>(pairs_[i] >> 32));
    for (size_t in_group = 0; in_group < kGroupCodes && i < pairs_.size(); ++in_group, ++codes) {
      uint64_t code = pairs_[i] >> 32;
      of_code.clear();
      for (; i < pairs_.size() && pairs_[i] >> 32 == code; ++i) of_code.push_back(static_cast<uint32_t>(pairs_[i]));
      TALLY_CHECK(of_code.back() < blocks);
      group.add(static_cast<uint32_t>(code), of_code);
    }
    group.write(bodies);
    TALLY_CHECK(bodies.size() <= UINT32_MAX);
    ByteWriter(table).u32(static_cast<uint32_t>(bodies.size()));
  }
  ByteWriter writer(out);
  writer.u32(codes);
  writer.u32(blocks);
  writer.bytes(table);
  writer.bytes(bodies);
  pairs_.clear();
  compact_at_ = 4096;
}

}  // namespace tally
