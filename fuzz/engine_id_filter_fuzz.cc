// Hostile bytes as an id filter. First byte: bit 0 puts length, number of blocks, reserved bytes and sum right, so that
// mutations reach the filter's own bits. Whatever opens is asked in both ways, which must agree; a filter that ids were added
// to knows all of them.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/checksum.h"
#include "engine/encoding/selection.h"
#include "engine/id_filter.h"

namespace {

using namespace tally;

constexpr size_t kHeaderBytes = 16, kBlockBytes = 32, kSumBytes = 8;

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

void fix(Bytes& bytes) {
  const size_t blocks = std::clamp<size_t>((bytes.size() + kBlockBytes - 1) / kBlockBytes, 1, 64);
  bytes.resize(kHeaderBytes + blocks * kBlockBytes + kSumBytes);
  store_le(bytes.data(), static_cast<uint32_t>(blocks));
  store_le(bytes.data() + 4, uint32_t{0});
  const size_t before = bytes.size() - kSumBytes;
  store_le(bytes.data() + before, xxh3(ByteSpan(bytes).first(before)));
}

// Hashes made of the input's own bytes.
std::vector<Hash128> hashes_of(ByteSpan data) {
  std::vector<Hash128> hashes(std::min<size_t>(data.size() / 8, 70));
  for (size_t i = 0; i < hashes.size(); ++i) hashes[i] = {load_le<uint64_t>(data.data() + i * 8), i};
  return hashes;
}

std::vector<bool> ask(const IdFilter& filter, const std::vector<Hash128>& hashes) {
  std::vector<uint64_t> words(selection_words(hashes.size()));
  filter.may_contain(hashes, words);
  std::vector<bool> answers(hashes.size());
  for (size_t i = 0; i < hashes.size(); ++i) {
    answers[i] = is_selected(words, i);
    demand(answers[i] == filter.may_contain(hashes[i]), "one id and many ids get other answers");
  }
  return answers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Bytes bytes(data + 1, data + size);
  const std::vector<Hash128> hashes = hashes_of(bytes);
  if ((data[0] & 1) != 0) fix(bytes);
  if (auto filter = IdFilter::open(bytes)) {
    (void)ask(*filter, hashes);
    const uint64_t block_bits = (bytes.size() - kHeaderBytes - kSumBytes) * 8;
    demand(block_bits % (kBlockBytes * 8) == 0, "a part of a block was let through");
  } else {
    demand((data[0] & 1) == 0, "a filter with everything right was refused");
  }
  IdFilterBuilder builder(1 + data[0]);
  builder.add(hashes);
  Bytes built;
  builder.finish(built);
  auto filter = IdFilter::open(built);
  demand(filter.has_value() && filter->ids() == hashes.size(), "a filter that was built does not open");
  for (bool answer : ask(*filter, hashes)) demand(answer, "an id that was added is said not to be there");
  return 0;
}
