// Numbers of the block index; its layout stands in block_index.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tally::block_index_format {

inline constexpr size_t kHeaderBytes = 8;
inline constexpr size_t kTableEntryBytes = 8;
inline constexpr size_t kGroupCodes = 128;  // what a lookup decodes: small against a read of the disk
inline constexpr unsigned kFormBits = 4;
inline constexpr uint8_t kFormBitmap = 0;
inline constexpr uint8_t kFormLongList = 15;
// No Roaring bitmap is shorter, with its length: a shorter list need not be compared with one.
inline constexpr size_t kBitmapBytesMin = 19;

}  // namespace tally::block_index_format
