// The id of an event: its canonical form, which the raw tier keeps, and the keyed hash that drives shard, seen-id set and
// filter. Canonical: any spelling of a UUID (with or without hyphens or braces, any case) is its 16 bytes; anything else
// is the bytes as sent, 1 to limits::kStringBytesMax of them; a derived id is the 16-byte hash of the named columns.
// The hash is SipHash-2-4 with 128 bits of output (Aumasson, Bernstein 2012; libsodium crypto_shorthash_siphashx24), keyed
// by the table's own secret, so that nobody can craft a collision or a hot shard. Ids of different kinds never collide by
// construction: each kind has its own subkey.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/string_ref.h"

namespace tally {

enum class IdKind : uint8_t { kUuid = 0, kText = 1, kDerived = 2 };

// 16 bytes of a UUID or derived id, or a StringRef of a text id; which, says the IdKind beside it.
union IdSlot {
  uint8_t raw[16];
  StringRef text;
  IdSlot() : raw{} {}
};
static_assert(sizeof(IdSlot) == 16);

struct Hash128 {
  uint64_t lo = 0;
  uint64_t hi = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

using HashKey = std::array<uint8_t, 16>;

// If `text` spells a UUID, writes its 16 bytes and returns true.
bool parse_uuid(std::string_view text, uint8_t out[16]);
// Canonical form of an id as sent. `text` must outlive the slot if it is no UUID.
IdKind canonical_id(std::string_view text, IdSlot& out);
std::string format_id(IdKind kind, const IdSlot& slot);  // UUIDs and derived ids as 8-4-4-4-12 lower case hex
bool same_id(IdKind a_kind, const IdSlot& a, IdKind b_kind, const IdSlot& b);

class IdHasher {
 public:
  explicit IdHasher(const HashKey& key);
  Hash128 hash(IdKind kind, const IdSlot& slot) const;
  // The same for many; the three spans have one length.
  void hash_all(std::span<const IdKind> kinds, std::span<const IdSlot> slots, std::span<Hash128> out) const;

 private:
  std::array<HashKey, 3> subkeys_;  // by IdKind
};

// Ids hash evenly, so a hot campaign is never a hot shard.
inline uint32_t shard_of(const Hash128& hash, uint32_t shards) {
  return static_cast<uint32_t>((static_cast<unsigned __int128>(hash.hi) * shards) >> 64);
}

}  // namespace tally
