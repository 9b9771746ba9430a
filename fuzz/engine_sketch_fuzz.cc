// Hostile bytes as a stored sketch. First byte: bit 0 puts version, precision and, in the sparse form, the count right, so
// that mutations reach the lists behind them. What opens has one form only, merges as its registers say, in any order.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "engine/sketch_format.h"

namespace {

using namespace tally;

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// The number of entries that the lists behind it have room for, at the widths it names.
void fix(Bytes& bytes) {
  constexpr size_t kListsAt = 8;
  if (bytes.size() < kListsAt) return;
  bytes[0] = (bytes[0] & 1) != 0 ? 0x11 : 0x12;
  bytes[1] = kHyperLogLogPrecisionMin;  // the smallest: fewer registers to go through
  if (bytes[0] == 0x12) return bytes.resize(2 + (size_t{6} << bytes[1]) / 8);
  bytes[6] %= bytes[1] + 1;
  bytes[7] %= 7;
  const uint64_t bits = (bytes.size() - kListsAt) * 8;
  const uint64_t each = std::max<uint64_t>(1, uint64_t{bytes[6]} + bytes[7]);
  uint64_t count = std::min<uint64_t>(bits / each, uint64_t{1} << bytes[1]);
  auto size = [&] { return kListsAt + packed_bytes(count, bytes[6]) + packed_bytes(count, bytes[7]); };
  while (count > 0 && size() > bytes.size()) --count;
  bytes.resize(size());
  store_le(bytes.data() + 2, static_cast<uint32_t>(count));
}

void check(const Bytes& bytes) {
  auto stored = StoredSketch::open(bytes);
  if (!stored) return;
  HyperLogLog sketch(stored->precision());
  stored->merge_into(sketch);
  Bytes again;
  encode_sketch(sketch, again);
  demand(again == bytes, "another form of the same sketch was read");

  HyperLogLog other(stored->precision());
  for (int64_t i = 0; i < 40; ++i) other.add(unique_hash(i));
  HyperLogLog plain = other;
  plain.merge(sketch);
  stored->merge_into(other);
  demand(other.estimate() == plain.estimate(), "a stored sketch merges in another way");
  Bytes one, two;
  encode_sketch(other, one);
  encode_sketch(plain, two);
  demand(one == two, "a stored sketch merges other registers");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Bytes bytes(data + 1, data + size);
  if ((data[0] & 1) != 0) fix(bytes);
  check(bytes);
  return 0;
}
