#include "engine/block_set.h"

#include <roaring/roaring.h>

#include <utility>

#include "engine/roaring_validator.h"

namespace tally {

namespace {

// Out of memory is the only reason for which CRoaring gives none.
roaring_bitmap_t* checked(roaring_bitmap_t* bitmap) {
  TALLY_CHECK(bitmap != nullptr);
  return bitmap;
}

}  // namespace

BlockSet::BlockSet() : bitmap_(checked(roaring_bitmap_create())) {}
BlockSet::BlockSet(std::span<const uint32_t> blocks) : BlockSet() { add(blocks); }
BlockSet::~BlockSet() {
  if (bitmap_ != nullptr) roaring_bitmap_free(bitmap_);
}
BlockSet::BlockSet(const BlockSet& other) : bitmap_(checked(roaring_bitmap_copy(other.bitmap_))) {}
BlockSet::BlockSet(BlockSet&& other) noexcept : bitmap_(std::exchange(other.bitmap_, nullptr)) {}
BlockSet& BlockSet::operator=(BlockSet other) noexcept {
  std::swap(bitmap_, other.bitmap_);
  return *this;
}

BlockSet BlockSet::range(uint32_t first, uint32_t last) {
  BlockSet set;
  if (first < last) roaring_bitmap_add_range_closed(set.bitmap_, first, last - 1);
  return set;
}

Result<BlockSet> BlockSet::decode(ByteSpan bytes, uint64_t blocks_end) {
  TALLY_TRY(validate_roaring(bytes, blocks_end));
  BlockSet set;
  roaring_bitmap_free(set.bitmap_);
  const char* from = reinterpret_cast<const char*>(bytes.data());
  set.bitmap_ = checked(roaring_bitmap_portable_deserialize_safe(from, bytes.size()));
  return set;
}

size_t BlockSet::encoded_bytes() {
  roaring_bitmap_run_optimize(bitmap_);
  return roaring_bitmap_portable_size_in_bytes(bitmap_);
}

void BlockSet::encode(Bytes& out) {
  size_t at = out.size();
  size_t size = encoded_bytes();
  out.resize(at + size);
  TALLY_CHECK(roaring_bitmap_portable_serialize(bitmap_, reinterpret_cast<char*>(out.data() + at)) == size);
}

bool BlockSet::empty() const { return roaring_bitmap_is_empty(bitmap_); }
uint64_t BlockSet::count() const { return roaring_bitmap_get_cardinality(bitmap_); }
bool BlockSet::contains(uint32_t block) const { return roaring_bitmap_contains(bitmap_, block); }

std::vector<uint32_t> BlockSet::blocks() const {
  std::vector<uint32_t> blocks(count());
  roaring_bitmap_to_uint32_array(bitmap_, blocks.data());
  return blocks;
}

void BlockSet::select(std::span<uint64_t> words) const {
  for (uint32_t block : blocks()) {
    TALLY_CHECK(block / 64 < words.size());
    words[block / 64] |= uint64_t{1} << block % 64;
  }
}

void BlockSet::add(std::span<const uint32_t> blocks) { roaring_bitmap_add_many(bitmap_, blocks.size(), blocks.data()); }

BlockSet& BlockSet::operator&=(const BlockSet& other) {
  roaring_bitmap_and_inplace(bitmap_, other.bitmap_);
  return *this;
}
BlockSet& BlockSet::operator|=(const BlockSet& other) {
  roaring_bitmap_or_inplace(bitmap_, other.bitmap_);
  return *this;
}
BlockSet& BlockSet::operator-=(const BlockSet& other) {
  if (this == &other) return *this = BlockSet();
  roaring_bitmap_andnot_inplace(bitmap_, other.bitmap_);
  return *this;
}
bool BlockSet::same(const BlockSet& other) const { return roaring_bitmap_equals(bitmap_, other.bitmap_); }

}  // namespace tally
