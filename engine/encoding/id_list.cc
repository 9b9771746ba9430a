#include "engine/encoding/id_list.h"

#include <algorithm>

#include "base/limits.h"

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

}  // namespace

Encoding encode_ids(std::span<const IdSlot> ids, std::span<const IdKind> kinds, Bytes& out) {
  TALLY_CHECK(!ids.empty() && ids.size() == kinds.size());
  bool one_kind = std::all_of(kinds.begin(), kinds.end(), [&](IdKind kind) { return kind == kinds[0]; });
  if (!one_kind || kinds[0] == IdKind::kText) return encode_mixed(ids, kinds, out);
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

}  // namespace tally
