// Hostile bytes as a Roaring bitmap: whatever passes the validator must deserialize in CRoaring, give true answers, and
// come out as the same set.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "engine/block_set.h"

namespace {

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kAny = uint64_t{1} << 32;
  auto set = tally::BlockSet::decode({data, size}, kAny);
  if (!set) return 0;
  if (set->count() > 1'000'000) return 0;  // all of a large container: sound, and slow to list
  std::vector<uint32_t> blocks = set->blocks();
  demand(blocks.size() == set->count(), "another cardinality");
  for (size_t i = 1; i < blocks.size(); ++i) demand(blocks[i - 1] < blocks[i], "blocks do not ascend");
  for (uint32_t block : blocks) demand(set->contains(block), "a block is not found");
  demand(tally::BlockSet(blocks) == *set, "the same blocks make another set");
  tally::BlockSet both = *set;
  both &= tally::BlockSet::range(1000, 70'000);
  tally::BlockSet others = *set;
  others -= tally::BlockSet::range(1000, 70'000);
  demand(both.count() + others.count() == set->count(), "a part is missing");
  both |= others;
  demand(both == *set, "two parts do not make the whole");
  tally::Bytes bytes;
  set->encode(bytes);
  auto again = tally::BlockSet::decode(bytes, kAny);
  demand(again.has_value() && *again == *set, "it does not come back");
  return 0;
}
