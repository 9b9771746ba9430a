#include "engine/id_filter.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/cpu.h"
#include "engine/encoding/selection.h"
#include "engine/id_filter_kernels.h"

namespace tally {

namespace {

constexpr size_t kHeaderBytes = 16;
constexpr size_t kBlockBytes = 32;
constexpr size_t kSumBytes = 8;

static_assert(sizeof(Hash128) == 16 && offsetof(Hash128, lo) == 0, "the kernels read hashes as pairs of words");

const IdFilterKernels& kernels() { return cpu_has_avx2() ? avx2::kIdFilterKernels : baseline::kIdFilterKernels; }

const uint64_t* words_of(std::span<const Hash128> hashes) { return reinterpret_cast<const uint64_t*>(hashes.data()); }

uint64_t blocks_for(uint64_t ids) {
  uint64_t blocks = (ids * kIdFilterBitsPerId + kBlockBytes * 8 - 1) / (kBlockBytes * 8);
  return std::clamp<uint64_t>(blocks, 1, UINT32_MAX);
}

}  // namespace

IdFilterBuilder::IdFilterBuilder(uint64_t ids_max) : bits_(blocks_for(ids_max) * kBlockBytes) {}

void IdFilterBuilder::add(std::span<const Hash128> hashes) {
  kernels().add(bits_.data(), static_cast<uint32_t>(bits_.size() / kBlockBytes), words_of(hashes), hashes.size());
  ids_ += hashes.size();
}

void IdFilterBuilder::finish(Bytes& out) {
  size_t at = out.size();
  ByteWriter writer(out);
  writer.u32(static_cast<uint32_t>(bits_.size() / kBlockBytes));
  writer.u32(0);
  writer.u64(ids_);
  writer.bytes(bits_);
  writer.u64(xxh3(ByteSpan(out).subspan(at)));
  std::fill(bits_.begin(), bits_.end(), uint8_t{0});
  ids_ = 0;
}

Result<IdFilter> IdFilter::open(ByteSpan bytes) {
  ByteReader in(bytes);
  IdFilter filter;
  TALLY_ASSIGN_OR_RETURN(uint32_t blocks, in.u32("the blocks of an id filter"));
  TALLY_TRY(in.expect_zero(4, "an id filter"));
  TALLY_ASSIGN_OR_RETURN(filter.ids_, in.u64("the ids of an id filter"));
  if (blocks == 0 || bytes.size() != kHeaderBytes + uint64_t{blocks} * kBlockBytes + kSumBytes) {
    return fail(Code::kCorruption,
                "id filter: " + std::to_string(bytes.size()) + " bytes for " + std::to_string(blocks) + " blocks");
  }
  ByteSpan before = bytes.first(bytes.size() - kSumBytes);
  if (load_le<uint64_t>(bytes.data() + before.size()) != xxh3(before)) {
    return fail(Code::kCorruption, "id filter: its sum does not match");
  }
  filter.bits_ = before.subspan(kHeaderBytes);
  return filter;
}

bool IdFilter::may_contain(const Hash128& hash) const {
  uint64_t word = 0;
  may_contain(std::span(&hash, 1), std::span(&word, 1));
  return word != 0;
}

void IdFilter::may_contain(std::span<const Hash128> hashes, std::span<uint64_t> words) const {
  TALLY_CHECK(words.size() == selection_words(hashes.size()));
  kernels().probe(bits_.data(), static_cast<uint32_t>(bits_.size() / kBlockBytes), words_of(hashes), hashes.size(),
                  words.data());
}

}  // namespace tally
