#include "engine/encoding/lz4_block.h"

#include <lz4.h>

namespace tally {

bool lz4_compress(ByteSpan raw, Bytes& out) {
  size_t wanted = raw.size() - raw.size() / 8;
  if (raw.size() < 16 || raw.size() > LZ4_MAX_INPUT_SIZE) return false;
  out.resize(wanted);  // LZ4 gives up when it does not fit: no time is lost on what will not be kept
  int size = LZ4_compress_default(reinterpret_cast<const char*>(raw.data()), reinterpret_cast<char*>(out.data()),
                                  static_cast<int>(raw.size()), static_cast<int>(wanted));
  if (size <= 0) return false;
  out.resize(static_cast<size_t>(size));
  return true;
}

Status lz4_decompress(ByteSpan stored, MutableByteSpan out) {
  if (stored.size() > LZ4_MAX_INPUT_SIZE || out.size() > LZ4_MAX_INPUT_SIZE) {
    return fail(Code::kCorruption, "an LZ4 block above the limit of LZ4");
  }
  int size = LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(out.data()),
                                 static_cast<int>(stored.size()), static_cast<int>(out.size()));
  if (size < 0 || static_cast<size_t>(size) != out.size()) {
    return fail(Code::kCorruption,
                "LZ4 gives " + std::to_string(size) + " bytes instead of " + std::to_string(out.size()));
  }
  return {};
}

}  // namespace tally
