// A manifest from untrusted bytes, and CURRENT. The first byte of the input says whether the checksums of header and frames
// are put right first, so that mutations reach the fields. What was read, written and read again is the same.
#include <algorithm>
#include <cstring>

#include "base/checksum.h"
#include "engine/manifest_format.h"
#include "engine/manifest_reader.h"

namespace tally {
namespace {

using namespace manifest_format;  // NOLINT: this target is about nothing else

// Returns where the frame ends.
uint64_t fix_frame(Bytes& file, uint64_t at, uint64_t& link) {
  uint8_t* header = file.data() + at;
  uint64_t length = std::min<uint64_t>(load_le<uint64_t>(header + 16), file.size() - at - kFrameHeaderBytes);
  store_le(header, kFrameMagic);
  store_le(header + 16, length);
  store_le(header + 24, std::min<uint64_t>(load_le<uint64_t>(header + 24), file.size()));
  store_le(header + 32, link);
  link = xxh3({header + kFrameHeaderBytes, length}, link ^ load_le<uint64_t>(header + 8));
  store_le(header + 40, link);
  store_le(header + 48, xxh3({file.data() + 16, 16}));
  store_le(header + 56, xxh3({header, 56}));
  return align_frame(at + kFrameHeaderBytes + length);
}

void fix_sums(Bytes& file) {
  if (file.size() < kFileHeaderBytes + kFrameHeaderBytes) return;
  std::memcpy(file.data(), kMagic.data(), kMagic.size());
  store_le(file.data() + 56, xxh3({file.data(), 56}));
  uint64_t link = load_le<uint64_t>(file.data() + 16);
  uint64_t at = fix_frame(file, kFileHeaderBytes, link);
  // Frames as they are laid out in the seeds: first copies only, the second ones stay behind as they are.
  while (at + kFrameHeaderBytes <= file.size() && load_le<uint32_t>(file.data() + at) != 0) {
    bool first_copy = file[at + 5] == 0;
    at = first_copy ? fix_frame(file, at, link) : align_frame(at + kFrameHeaderBytes);
  }
}

void check_again(const ManifestState& state) {
  Bytes first, second;
  ByteWriter out(first);
  encode_state(state, out);
  auto again = decode_state(first);
  TALLY_CHECK(again.has_value());
  ByteWriter out_again(second);
  encode_state(*again, out_again);
  TALLY_CHECK(first == second);
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  tally::Bytes file(data + 1, data + size);
  if ((data[0] & 1) != 0) tally::fix_sums(file);
  if (auto loaded = tally::decode_manifest(file, nullptr)) tally::check_again(loaded->state);
  (void)tally::manifest_format::decode_edit({data + 1, size - 1});
  auto current = tally::manifest_format::decode_current(tally::as_text({data + 1, size - 1}));
  if (current) TALLY_CHECK(tally::manifest_format::encode_current(*current).size() == size - 1);
  return 0;
}
