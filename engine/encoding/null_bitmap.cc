#include "engine/encoding/null_bitmap.h"

#include <cstring>

namespace tally {

bool any_null(std::span<const uint8_t> nulls) {
  return !nulls.empty() && std::memchr(nulls.data(), 1, nulls.size()) != nullptr;
}

void encode_null_bitmap(std::span<const uint8_t> nulls, Bytes& out) {
  size_t at = out.size();
  out.resize(at + null_bitmap_bytes(nulls.size()));
  for (size_t row = 0; row < nulls.size(); ++row) {
    out[at + row / 8] = static_cast<uint8_t>(out[at + row / 8] | (nulls[row] & 1u) << row % 8);
  }
}

Status decode_null_bitmap(ByteSpan bitmap, std::span<uint8_t> nulls) {
  if (bitmap.size() != null_bitmap_bytes(nulls.size())) {
    return fail(Code::kCorruption, "a null bitmap of " + std::to_string(bitmap.size()) + " bytes for " +
                                       std::to_string(nulls.size()) + " rows");
  }
  for (size_t row = 0; row < nulls.size(); ++row) nulls[row] = bitmap[row / 8] >> row % 8 & 1u;
  if (nulls.size() % 8 != 0 && bitmap.back() >> nulls.size() % 8 != 0) {
    return fail(Code::kCorruption, "a null bitmap has bits beyond its last row");
  }
  return {};
}

}  // namespace tally
