// LZ4 (Yann Collet; liblz4) over the encoded bytes of one column block, where it pays.
#pragma once

#include "base/bytes.h"

namespace tally {

// Compresses `raw` into `out` (replaced) if that saves at least an eighth; otherwise returns false.
bool lz4_compress(ByteSpan raw, Bytes& out);
// `out` has the raw length; anything that does not come out at exactly that is kCorruption.
Status lz4_decompress(ByteSpan stored, MutableByteSpan out);

}  // namespace tally
