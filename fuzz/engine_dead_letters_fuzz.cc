// A file of dead letters from untrusted bytes. The first byte of the input says what the rest is: a file as it stands; a file
// whose sums, sizes and counts are put right first, so that mutations reach what lies behind them; or the inflated body of a
// block of letters or of marks, which no compression hides. What is read can be written, and is the same when read again.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/checksum.h"
#include "engine/dead_letter_file.h"
#include "engine/dead_letter_format.h"
#include "fuzz/bytes_file.h"

namespace tally {
namespace {

using namespace dead_letter_format;  // NOLINT: this target is about nothing else

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// Blocks follow one another by their stored sizes, the last one takes what is left.
void fix_sums(Bytes& file) {
  if (file.size() < kHeaderBytes) return;
  uint8_t* head = file.data();
  uint32_t blocks = 0;
  uint64_t sum = 0;
  for (size_t at = kHeaderBytes; at + kBlockHeaderBytes < file.size(); ++blocks) {
    uint8_t* block = file.data() + at;
    const size_t left = file.size() - at - kBlockHeaderBytes;
    const size_t stored = std::min<size_t>(load_le<uint32_t>(block + 12), left);
    store_le(block + 12, static_cast<uint32_t>(stored));
    if (block[1] == 0) store_le(block + 8, static_cast<uint32_t>(stored));
    const uint64_t body_sum = xxh3({block + kBlockHeaderBytes, stored}, xxh3({block, 16}));
    store_le(block + 16, body_sum);
    sum = chain_sum(sum, body_sum);
    at += kBlockHeaderBytes + stored;
  }
  std::memcpy(head, kMagic.data(), kMagic.size());
  store_le(head + 12, blocks);
  store_le(head + 56, static_cast<uint64_t>(file.size()));
  store_le(head + 112, sum);
  store_le(head + 120, xxh3({head, 120}));
}

void read_file(Bytes bytes) {
  auto file = LetterFile::read(std::make_unique<BytesFile>("input.dead", std::move(bytes)), nullptr);
  if (!file) return;
  auto marks = (*file)->marks();
  if (!marks) return;
  demand(marks->size() == (*file)->info().marks, "another number of marks than the header says");
  uint64_t letters = 0;
  while (true) {
    auto bundles = (*file)->next();
    if (!bundles) return;
    if (bundles->empty()) break;
    for (const LetterBundle& bundle : *bundles) letters += bundle.letters.size();
  }
  demand(letters == (*file)->info().letters, "another number of letters than the header says");
}

void read_bundles(ByteSpan body) {
  if (body.size() < 4) return;
  auto bundles = decode_bundles(body.subspan(4), load_le<uint32_t>(body.data()));
  if (!bundles) return;
  Bytes again;
  uint32_t letters = 0;
  for (const LetterBundle& bundle : *bundles) {
    encode_bundle(bundle, again);
    letters += static_cast<uint32_t>(bundle.letters.size());
    for (size_t i = 0; i < bundle.letters.size(); ++i) demand(bundle.reason(i).size() <= 64 * 1024, "a long reason");
  }
  demand(as_text(again) == as_text(body.subspan(4)), "written again it is other bytes");
  auto same = decode_bundles(again, letters);
  demand(same.has_value() && *same == *bundles, "read again it is another");
}

void read_marks(ByteSpan body) {
  auto marks = decode_marks(body, static_cast<uint32_t>(body.size() / kMarkBytes));
  if (!marks) return;
  Bytes again;
  encode_marks(*marks, again);
  demand(as_text(again) == as_text(body), "written again they are other bytes");
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tally;
  if (size == 0) return 0;
  const ByteSpan rest(data + 1, size - 1);
  Bytes bytes(rest.begin(), rest.end());
  switch (data[0] % 4) {
    case 0: read_file(std::move(bytes)); break;
    case 1:
      fix_sums(bytes);
      read_file(std::move(bytes));
      break;
    case 2: read_bundles(rest); break;
    default: read_marks(rest);
  }
  return 0;
}
