#include "engine/encoding/id_list.h"

#include <algorithm>
#include <vector>

#include "base/limits.h"
#include "engine/encoding/bit_pack.h"

namespace tally {

namespace {

constexpr size_t kFixedBytes = 16;

uint32_t id_size(IdKind kind, const IdSlot& id) { return kind == IdKind::kText ? id.text.size() : kFixedBytes; }

Encoding encode_mixed(std::span<const IdSlot> ids, std::span<const IdKind> kinds, Bytes& out) {
  size_t rows = ids.size();
  uint64_t total = 0;
  for (size_t row = 0; row < rows; ++row) total += id_size(kinds[row], ids[row]);
  size_t at = out.size();
  out.resize(at + 3 * rows + total);
  uint8_t* kind_at = out.data() + at;
  uint8_t* length_at = kind_at + rows;
  uint8_t* bytes_at = length_at + 2 * rows;
  for (size_t row = 0; row < rows; ++row) {
    uint32_t size = id_size(kinds[row], ids[row]);
    TALLY_CHECK(size >= 1 && size <= limits::kStringBytesMax);
    kind_at[row] = static_cast<uint8_t>(kinds[row]);
    store_le(length_at + 2 * row, static_cast<uint16_t>(size));
    if (kinds[row] == IdKind::kText) {
      std::memcpy(bytes_at, ids[row].text.data(), size);
    } else {
      std::memcpy(bytes_at, ids[row].raw, size);
    }
    bytes_at += size;
  }
  return Encoding::kMixedIds;
}

// An id of version 4 as its two words, and what is left of them without the six bits that are the same in all.
constexpr size_t kUuid4Bytes = 14;
constexpr unsigned kUuid4Bits = 10;
constexpr uint64_t kSixBytes = (uint64_t{1} << 48) - 1;

struct UuidWords {
  uint64_t first, second;

  explicit UuidWords(const IdSlot& id) : first(load_le<uint64_t>(id.raw)), second(load_le<uint64_t>(id.raw + 8)) {}
  bool is_version4() const { return (first >> 48 & 0xF0) == 0x40 && (second & 0xC0) == 0x80; }
  uint64_t ten_bits() const { return (first >> 48 & 0x0F) | (second & 0x3F) << 4; }

  void put_rest(uint8_t* to) const {
    uint64_t last_six = second >> 16;
    store_le(to, (first & kSixBytes) | first >> 56 << 48 | (second >> 8) << 56);
    std::memcpy(to + 8, &last_six, 6);
  }
  UuidWords(const uint8_t* rest, uint64_t ten_bits) {
    auto eight = load_le<uint64_t>(rest);
    auto last_six = load_le<uint64_t>(rest + 6) >> 16;
    first = (eight & kSixBytes) | (0x40 | (ten_bits & 0x0F)) << 48 | eight >> 48 << 56;
    second = (0x80 | ten_bits >> 4) | eight >> 56 << 8 | last_six << 16;
  }
};

Encoding encode_uuid4(std::span<const IdSlot> ids, Bytes& out) {
  size_t at = out.size();
  out.resize(at + ids.size() * kUuid4Bytes);
  for (size_t row = 0; row < ids.size(); ++row) UuidWords(ids[row]).put_rest(out.data() + at + row * kUuid4Bytes);
  pack_bits(ids.size(), kUuid4Bits, out, [&](size_t row) { return UuidWords(ids[row]).ten_bits(); });
  return Encoding::kUuid4Ids;
}

}  // namespace

Encoding encode_ids(std::span<const IdSlot> ids, std::span<const IdKind> kinds, Bytes& out) {
  TALLY_CHECK(!ids.empty() && ids.size() == kinds.size());
  bool one_kind = std::all_of(kinds.begin(), kinds.end(), [&](IdKind kind) { return kind == kinds[0]; });
  if (!one_kind || kinds[0] == IdKind::kText) return encode_mixed(ids, kinds, out);
  bool version4 = kinds[0] == IdKind::kUuid &&
                  std::all_of(ids.begin(), ids.end(), [](const IdSlot& id) { return UuidWords(id).is_version4(); });
  if (version4) return encode_uuid4(ids, out);
  size_t at = out.size();
  out.resize(at + 1 + ids.size_bytes());
  out[at] = static_cast<uint8_t>(kinds[0]);
  std::memcpy(out.data() + at + 1, ids.data(), ids.size_bytes());
  return Encoding::kFixedIds;
}

Status decode_fixed_ids(ByteSpan bytes, std::span<IdSlot> ids, std::span<IdKind> kinds) {
  if (bytes.size() != 1 + ids.size_bytes()) {
    return fail(Code::kCorruption,
                "ids: " + std::to_string(bytes.size()) + " bytes for " + std::to_string(ids.size()) + " rows");
  }
  if (bytes[0] != static_cast<uint8_t>(IdKind::kUuid) && bytes[0] != static_cast<uint8_t>(IdKind::kDerived)) {
    return fail(Code::kCorruption, "ids of unknown kind " + std::to_string(bytes[0]));
  }
  std::memcpy(static_cast<void*>(ids.data()), bytes.data() + 1, ids.size_bytes());
  std::fill(kinds.begin(), kinds.end(), static_cast<IdKind>(bytes[0]));
  return {};
}

Status decode_uuid4_ids(ByteSpan bytes, std::span<IdSlot> ids, std::span<IdKind> kinds) {
  size_t rest_bytes = ids.size() * kUuid4Bytes;
  if (bytes.size() < rest_bytes) {
    return fail(Code::kCorruption,
                "UUIDs: " + std::to_string(bytes.size()) + " bytes for " + std::to_string(ids.size()) + " rows");
  }
  const uint8_t* rest = bytes.data();
  bytes = bytes.subspan(rest_bytes);
  TALLY_ASSIGN_OR_RETURN(PackedBits packed, take_bits(bytes, ids.size(), kUuid4Bits));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind UUIDs");
  constexpr size_t kPartRows = 1024;
  uint32_t ten_bits[kPartRows];
  for (size_t at = 0; at < ids.size(); at += kPartRows) {
    size_t rows = std::min(kPartRows, ids.size() - at);
    packed.part(at, rows).unpack(uint32_t{0}, std::span(ten_bits).first(rows));
    for (size_t i = 0; i < rows; ++i, rest += kUuid4Bytes) {
      UuidWords words(rest, ten_bits[i]);
      std::memcpy(ids[at + i].raw, &words, sizeof words);
    }
  }
  std::fill(kinds.begin(), kinds.end(), IdKind::kUuid);
  return {};
}

Status decode_mixed_ids(ByteSpan bytes, std::span<IdSlot> ids, std::span<IdKind> kinds) {
  size_t rows = ids.size();
  if (bytes.size() < 3 * rows) return fail(Code::kCorruption, "ids: kinds and lengths are cut off");
  const uint8_t* lengths = bytes.data() + rows;
  uint64_t total = 0;
  for (size_t row = 0; row < rows; ++row) {
    uint16_t size = load_le<uint16_t>(lengths + 2 * row);
    bool text = bytes[row] == static_cast<uint8_t>(IdKind::kText);
    if (bytes[row] > static_cast<uint8_t>(IdKind::kDerived) || (text ? size == 0 : size != kFixedBytes)) {
      return fail(Code::kCorruption, "id " + std::to_string(row) + " has kind " + std::to_string(bytes[row]) + " and " +
                                         std::to_string(size) + " bytes");
    }
    total += size;
  }
  if (total != bytes.size() - 3 * rows) return fail(Code::kCorruption, "ids: their lengths do not add up");
  const uint8_t* from = lengths + 2 * rows;
  for (size_t row = 0; row < rows; ++row) {
    uint16_t size = load_le<uint16_t>(lengths + 2 * row);
    kinds[row] = static_cast<IdKind>(bytes[row]);
    if (kinds[row] == IdKind::kText) {
      ids[row].text = StringRef(as_text({from, size}));
    } else {
      std::memcpy(ids[row].raw, from, kFixedBytes);
    }
    from += size;
  }
  return {};
}

namespace {

constexpr size_t kPrefixesMax = 64;

// The first six bytes of each id asked for, ascending; of texts none: they stand in mixed_ids.
std::vector<uint64_t> prefixes_of(const IdPredicate& predicate) {
  std::vector<uint64_t> prefixes;
  for (const IdPredicate::Id& id : predicate.ids()) {
    if (id.kind != IdKind::kText) prefixes.push_back(load_le<uint64_t>(id.slot.raw) & kSixBytes);
  }
  std::sort(prefixes.begin(), prefixes.end());
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
  return prefixes;
}

bool any_prefix(const uint8_t* ids, size_t stride, size_t rows, std::span<const uint64_t> prefixes) {
  if (prefixes.size() == 1) {
    bool found = false;
    for (size_t row = 0; row < rows; ++row) found |= (load_le<uint64_t>(ids + row * stride) & kSixBytes) == prefixes[0];
    return found;
  }
  for (size_t row = 0; row < rows; ++row) {
    if (std::binary_search(prefixes.begin(), prefixes.end(), load_le<uint64_t>(ids + row * stride) & kSixBytes)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<bool> ids_may_match(Encoding encoding, ByteSpan bytes, size_t rows, const IdPredicate& predicate) {
  if (encoding == Encoding::kMixedIds) return true;
  const bool uuid4 = encoding == Encoding::kUuid4Ids;
  const uint64_t expected =
      uuid4 ? rows * kUuid4Bytes + packed_bytes(rows, kUuid4Bits) : uint64_t{rows} * kFixedBytes + 1;
  if ((!uuid4 && encoding != Encoding::kFixedIds) || bytes.size() != expected) {
    return fail(Code::kCorruption, "ids: " + std::to_string(bytes.size()) + " bytes for " + std::to_string(rows) +
                                       " rows, or an encoding for something else");
  }
  if (predicate.ids().size() > kPrefixesMax) return true;  // of so many some prefix is nearly always there
  const std::vector<uint64_t> prefixes = prefixes_of(predicate);
  if (prefixes.empty()) return false;
  return any_prefix(uuid4 ? bytes.data() : bytes.data() + 1, uuid4 ? kUuid4Bytes : kFixedBytes, rows, prefixes);
}

}  // namespace tally
