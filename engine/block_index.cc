#include "engine/block_index.h"

#include <algorithm>

#include "engine/block_index_format.h"
#include "engine/encoding/bit_pack.h"

namespace tally {

namespace {

using namespace block_index_format;

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(Code::kCorruption, "block index: " + std::string(what));
}

}  // namespace

// A group taken apart: the codes, and where the blocks of each begin.
struct BlockIndex::Group {
  size_t count = 0;
  uint32_t codes[kGroupCodes];
  uint32_t forms[kGroupCodes];
  uint32_t starts[kGroupCodes];   // in the lists, or in the bitmaps
  uint32_t lengths[kGroupCodes];  // blocks of a list, bytes of a bitmap
  std::vector<uint32_t> lists;
  ByteSpan bitmaps;

  Status take_codes(ByteSpan& bytes, uint32_t first_code);
  Status take_forms(ByteSpan& bytes);
  Status take_lists(ByteSpan& bytes, unsigned block_width);
  Status take_bitmaps(ByteSpan bytes);
};

Status BlockIndex::Group::take_codes(ByteSpan& bytes, uint32_t first_code) {
  if (bytes.empty() || bytes[0] > 32) return corrupt("gaps of an impossible width");
  unsigned width = bytes[0];
  bytes = bytes.subspan(1);
  TALLY_ASSIGN_OR_RETURN(PackedBits gaps, take_bits(bytes, count - 1, width));
  gaps.unpack(uint32_t{0}, std::span(codes).subspan(1, count - 1));
  codes[0] = first_code;
  for (size_t i = 1; i < count; ++i) {
    uint64_t code = uint64_t{codes[i - 1]} + codes[i] + 1;
    if (code > UINT32_MAX) return corrupt("codes out of range");
    codes[i] = static_cast<uint32_t>(code);
  }
  return {};
}

Status BlockIndex::Group::take_forms(ByteSpan& bytes) {
  TALLY_ASSIGN_OR_RETURN(PackedBits packed_forms, take_bits(bytes, count, kFormBits));
  packed_forms.unpack(uint32_t{0}, std::span(forms).first(count));
  for (size_t i = 0; i < count; ++i) {
    lengths[i] = forms[i];
    if (forms[i] != kFormLongList) continue;
    if (bytes.size() < sizeof(uint16_t)) return corrupt("the length of a list is cut off");
    lengths[i] = load_le<uint16_t>(bytes.data());
    if (lengths[i] == 0) return corrupt("a code without a block");
    bytes = bytes.subspan(sizeof(uint16_t));
  }
  return {};
}

Status BlockIndex::Group::take_lists(ByteSpan& bytes, unsigned block_width) {
  uint32_t total = 0;
  for (size_t i = 0; i < count; ++i) {
    starts[i] = total;
    if (forms[i] != kFormBitmap) total += lengths[i];
  }
  TALLY_ASSIGN_OR_RETURN(PackedBits blocks, take_bits(bytes, total, block_width));
  lists.resize(total);
  blocks.unpack(uint32_t{0}, lists);
  return {};
}

Status BlockIndex::Group::take_bitmaps(ByteSpan bytes) {
  auto number = static_cast<size_t>(std::count(forms, forms + count, uint32_t{kFormBitmap}));
  if (bytes.size() < number * sizeof(uint32_t)) return corrupt("the lengths of bitmaps are cut off");
  bitmaps = bytes.subspan(number * sizeof(uint32_t));
  uint64_t total = 0;
  for (size_t i = 0; i < count; ++i) {
    if (forms[i] != kFormBitmap) continue;
    starts[i] = static_cast<uint32_t>(total);
    lengths[i] = load_le<uint32_t>(bytes.data());
    bytes = bytes.subspan(sizeof(uint32_t));
    total += lengths[i];
    if (total > bitmaps.size()) return corrupt("a bitmap is cut off");
  }
  if (total != bitmaps.size()) return corrupt("bytes behind a group");
  return {};
}

Result<BlockIndex> BlockIndex::open(ByteSpan bytes, uint32_t blocks) {
  ByteReader in(bytes);
  BlockIndex index;
  TALLY_ASSIGN_OR_RETURN(index.codes_, in.u32("the number of codes"));
  TALLY_ASSIGN_OR_RETURN(index.blocks_, in.u32("the number of blocks"));
  if (index.blocks_ != blocks || blocks == 0) {
    return corrupt("it is of " + std::to_string(index.blocks_) + " blocks, not " + std::to_string(blocks));
  }
  TALLY_ASSIGN_OR_RETURN(index.table_, in.bytes(index.groups() * kTableEntryBytes, "the table of groups"));
  index.bodies_ = bytes.subspan(in.offset());
  uint32_t end = 0;
  for (size_t group = 0; group < index.groups(); ++group) {
    auto group_end = load_le<uint32_t>(index.table_.data() + group * kTableEntryBytes + 4);
    if (group_end <= end) return corrupt("groups do not ascend");
    end = group_end;
    if (group > 0 && index.first_code(group) <= index.first_code(group - 1)) return corrupt("codes do not ascend");
  }
  if (end != index.bodies_.size()) return corrupt("the groups do not end where it ends");
  return index;
}

size_t BlockIndex::groups() const { return (size_t{codes_} + kGroupCodes - 1) / kGroupCodes; }

uint32_t BlockIndex::first_code(size_t group) const {
  return load_le<uint32_t>(table_.data() + group * kTableEntryBytes);
}

// The last group that begins at or before the code; groups() if none does.
size_t BlockIndex::group_of(uint32_t code) const {
  size_t low = 0;
  size_t high = groups();
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (first_code(middle) <= code) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? groups() : low - 1;
}

Status BlockIndex::open_group(size_t number, Group& group) const {
  size_t begin = number == 0 ? 0 : load_le<uint32_t>(table_.data() + (number - 1) * kTableEntryBytes + 4);
  size_t end = load_le<uint32_t>(table_.data() + number * kTableEntryBytes + 4);
  ByteSpan bytes = bodies_.subspan(begin, end - begin);
  group.count = std::min<size_t>(kGroupCodes, codes_ - number * kGroupCodes);
  TALLY_TRY(group.take_codes(bytes, first_code(number)));
  TALLY_TRY(group.take_forms(bytes));
  TALLY_TRY(group.take_lists(bytes, packed_width(blocks_ - 1)));
  TALLY_TRY(group.take_bitmaps(bytes));
  if (number + 1 < groups() && group.codes[group.count - 1] >= first_code(number + 1)) {
    return corrupt("groups overlap");
  }
  return {};
}

// Calls take with the blocks of a code: a span of numbers, or a BlockSet.
template <class Take>
Status BlockIndex::take_blocks(const Group& group, size_t at, Take take) const {
  if (group.forms[at] == kFormBitmap) {
    ByteSpan bytes = group.bitmaps.subspan(group.starts[at], group.lengths[at]);
    TALLY_ASSIGN_OR_RETURN(BlockSet set, BlockSet::decode(bytes, blocks_));
    if (set.empty()) return corrupt("a code without a block");
    take(set);
    return {};
  }
  auto blocks = std::span(group.lists).subspan(group.starts[at], group.lengths[at]);
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i] >= blocks_ || (i > 0 && blocks[i] <= blocks[i - 1])) return corrupt("a list does not ascend");
  }
  take(blocks);
  return {};
}

namespace {

struct Selecting {
  std::span<uint64_t> words;
  void operator()(std::span<const uint32_t> blocks) const {
    for (uint32_t block : blocks) words[block / 64] |= uint64_t{1} << block % 64;
  }
  void operator()(const BlockSet& set) const { set.select(words); }
};

struct Uniting {
  BlockSet& all;
  void operator()(std::span<const uint32_t> blocks) const { all.add(blocks); }
  void operator()(const BlockSet& set) const { all |= set; }
};

struct Listing {
  std::vector<uint32_t>& out;
  void operator()(std::span<const uint32_t> blocks) const { out.assign(blocks.begin(), blocks.end()); }
  void operator()(const BlockSet& set) const { out = set.blocks(); }
};

}  // namespace

Status BlockIndex::select_any(std::span<const uint32_t> codes, std::span<uint64_t> words) const {
  TALLY_CHECK(words.size() == (size_t{blocks_} + 63) / 64);
  std::vector<uint32_t> wanted(codes.begin(), codes.end());
  std::sort(wanted.begin(), wanted.end());
  Group group;
  size_t open = groups();
  for (uint32_t code : wanted) {
    size_t number = group_of(code);
    if (number == groups()) continue;
    if (number != open) TALLY_TRY(open_group(number, group));
    open = number;
    const uint32_t* found = std::lower_bound(group.codes, group.codes + group.count, code);
    if (found == group.codes + group.count || *found != code) continue;
    TALLY_TRY(take_blocks(group, static_cast<size_t>(found - group.codes), Selecting{words}));
  }
  return {};
}

Result<BlockSet> BlockIndex::find(uint32_t code) const {
  BlockSet set;
  size_t number = group_of(code);
  if (number == groups()) return set;
  Group group;
  TALLY_TRY(open_group(number, group));
  const uint32_t* found = std::lower_bound(group.codes, group.codes + group.count, code);
  if (found == group.codes + group.count || *found != code) return set;
  TALLY_TRY(take_blocks(group, static_cast<size_t>(found - group.codes), Uniting{set}));
  return set;
}

// By way of words: setting bits is cheaper than growing a Roaring bitmap code by code.
Result<BlockSet> BlockIndex::find_any(std::span<const uint32_t> codes) const {
  std::vector<uint64_t> words((size_t{blocks_} + 63) / 64);
  TALLY_TRY(select_any(codes, words));
  std::vector<uint32_t> blocks;
  for (size_t word = 0; word < words.size(); ++word) {
    for (uint64_t left = words[word]; left != 0; left &= left - 1) {
      blocks.push_back(static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(std::countr_zero(left)));
    }
  }
  return BlockSet(blocks);
}

Status BlockIndex::visit_all(const Visit& visit) const {
  Group group;
  std::vector<uint32_t> blocks;
  for (size_t number = 0; number < groups(); ++number) {
    TALLY_TRY(open_group(number, group));
    for (size_t i = 0; i < group.count; ++i) {
      TALLY_TRY(take_blocks(group, i, Listing{blocks}));
      TALLY_TRY(visit(group.codes[i], blocks));
    }
  }
  return {};
}

Result<BlockIndex::Statistics> BlockIndex::statistics() const {
  Statistics statistics;
  statistics.bytes = kHeaderBytes + table_.size() + bodies_.size();
  Group group;
  std::vector<uint32_t> blocks;
  for (size_t number = 0; number < groups(); ++number) {
    TALLY_TRY(open_group(number, group));
    for (size_t i = 0; i < group.count; ++i) {
      TALLY_TRY(take_blocks(group, i, Listing{blocks}));
      statistics.pairs += blocks.size();
      ++(group.forms[i] == kFormBitmap ? statistics.bitmaps : statistics.lists);
    }
  }
  return statistics;
}

}  // namespace tally
