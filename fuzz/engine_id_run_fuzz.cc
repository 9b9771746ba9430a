// An id run from untrusted bytes: open, every entry, look-ups, verification. What the cursor shows, a look-up finds with the
// same digest and day. The first byte of the input says whether every checksum is put right first, so that mutations reach
// what lies behind the sums.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/checksum.h"
#include "engine/id_run_format.h"
#include "fuzz/bytes_file.h"

namespace tally {
namespace {

using namespace id_run_format;  // NOLINT: this target is about nothing else

void fix_blocks(Bytes& file, const Footer& footer, uint64_t digest) {
  uint64_t at = kHeaderBytes;
  for (uint32_t number = 0; number < footer.blocks.size(); ++number) {
    uint8_t* block = file.data() + at;
    const uint32_t length = footer.blocks[number].length;
    store_le(block, digest);
    store_le(block + 8, number);
    store_le(block + length - kBlockSumBytes, xxh3({block, length - kBlockSumBytes}));
    at += length;
  }
}

void fix_sums(Bytes& file) {
  if (file.size() < kHeaderBytes + kTrailerBytes) return;
  uint8_t* head = file.data();
  uint8_t* trailer = file.data() + file.size() - kTrailerBytes;
  std::memcpy(head, kMagic.data(), kMagic.size());
  store_le(head + 120, xxh3({head, 120}));
  const uint64_t end = file.size() - kTrailerBytes;
  const uint64_t footer_at = std::clamp<uint64_t>(load_le<uint64_t>(trailer), kHeaderBytes, end);
  const uint64_t digest = xxh3({head + 16, 16});
  const ByteSpan footer_bytes(head + footer_at, end - footer_at);
  if (auto footer = decode_footer(footer_bytes, footer_at)) fix_blocks(file, *footer, digest);
  std::memcpy(trailer + 56, kEndMagic.data(), kEndMagic.size());
  store_le(trailer, footer_at);
  store_le(trailer + 8, end - footer_at);
  store_le(trailer + 16, xxh3(footer_bytes));
  store_le(trailer + 24, static_cast<uint64_t>(file.size()));
  store_le(trailer + 32, digest);
  store_le(trailer + 40, xxh3({head, end}));
  store_le(trailer + 48, xxh3({trailer, 48}));
}

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

bool read_all(const std::shared_ptr<const IdRun>& run, std::vector<SeenEntry>& all) {
  IdRunCursor cursor(run);
  for (;;) {
    auto entries = cursor.next();
    if (!entries) return false;
    if (entries->empty()) return true;
    all.insert(all.end(), entries->begin(), entries->end());
  }
}

void use(const std::shared_ptr<const IdRun>& run) {
  std::vector<SeenEntry> all;
  const bool whole = read_all(run, all);
  const bool sound = run->verify().value().empty();
  demand(whole || !sound, "a sound file that cannot be read");
  std::vector<Hash128> keys = {{0, 0}, {1, 1}};
  for (const SeenEntry& entry : all) keys.push_back(entry.key);
  for (const SeenEntry& entry : all) keys.push_back({entry.key.lo, entry.key.hi + 1});
  keys.push_back({UINT64_MAX, UINT64_MAX});
  std::sort(keys.begin(), keys.end());
  std::vector<IdRunMatch> matches(keys.size());
  IdRunCache cache;
  IdRunFinder finder(&cache);
  Status found = finder.find(*run, keys, matches);
  if (!whole) return;
  demand(found.has_value(), "the cursor reads what a look-up refuses");
  for (const SeenEntry& entry : all) {
    auto at = std::lower_bound(keys.begin(), keys.end(), entry.key) - keys.begin();
    const IdRunMatch& match = matches[static_cast<size_t>(at)];
    demand(match.found && match.digest == entry.digest && match.event_day == entry.event_day,
           "a look-up does not find what the cursor shows");
  }
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  tally::Bytes file(data + 1, data + size);
  if ((data[0] & 1) != 0) tally::fix_sums(file);
  auto run = tally::IdRun::open(std::make_unique<tally::BytesFile>("input.run", std::move(file)), nullptr);
  if (run) tally::use(*run);
  return 0;
}
