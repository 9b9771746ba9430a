// Hostile bytes as a block index: a lookup tells of each code what reading all of them told, or both refuse; an index that is
// read whole is built again and means the same. The first byte is the number of blocks.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "engine/block_index.h"

namespace {

using Content = std::map<uint32_t, std::vector<uint32_t>>;

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

tally::Result<Content> read_all(const tally::BlockIndex& index) {
  Content content;
  TALLY_TRY(index.visit_all([&](uint32_t code, std::span<const uint32_t> blocks) -> tally::Status {
    content[code].assign(blocks.begin(), blocks.end());
    return {};
  }));
  return content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  uint32_t blocks = uint32_t{data[0]} + 1;
  auto index = tally::BlockIndex::open({data + 1, size - 1}, blocks);
  if (!index) return 0;
  const uint32_t some[] = {0, 5, 7, UINT32_MAX};
  std::vector<uint64_t> words((blocks + 63) / 64);
  (void)index->select_any(some, words);
  auto content = read_all(*index);
  if (!content) return 0;
  demand(content->size() == index->codes(), "codes are missing");
  tally::BlockIndexBuilder builder;
  for (const auto& [code, of_code] : *content) {
    auto found = index->find(code);
    demand(found.has_value() && found->blocks() == of_code, "a lookup tells other blocks");
    for (uint32_t block : of_code) builder.add(code, block);
  }
  tally::Bytes bytes;
  builder.finish(blocks, bytes);
  auto again = tally::BlockIndex::open(bytes, blocks);
  demand(again.has_value() && read_all(*again).value() == *content, "it does not come back");
  return 0;
}
