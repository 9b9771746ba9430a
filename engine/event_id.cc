#include "engine/event_id.h"

#include <sodium.h>

#include <cstring>

namespace tally {
namespace {

constexpr std::array<uint8_t, 256> make_nibbles() {
  std::array<uint8_t, 256> nibbles{};
  nibbles.fill(0xFF);
  for (uint8_t i = 0; i < 10; ++i) nibbles['0' + i] = i;
  for (uint8_t i = 0; i < 6; ++i) {
    nibbles['a' + i] = static_cast<uint8_t>(10 + i);
    nibbles['A' + i] = static_cast<uint8_t>(10 + i);
  }
  return nibbles;
}
constexpr auto kNibbles = make_nibbles();

// Where the two digits of each of the 16 bytes stand.
constexpr uint8_t kPlainAt[16] = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
constexpr uint8_t kHyphenAt[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

// Every digit is looked at before the one branch: ids are UUIDs nearly always.
bool parse_digits(const char* text, const uint8_t (&at)[16], uint8_t out[16]) {
  unsigned bad = 0;
  uint8_t bytes[16];
  for (size_t i = 0; i < 16; ++i) {
    unsigned high = kNibbles[static_cast<uint8_t>(text[at[i]])];
    unsigned low = kNibbles[static_cast<uint8_t>(text[at[i] + 1])];
    bad |= high | low;
    bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if ((bad & 0x80) != 0) return false;
  std::memcpy(out, bytes, sizeof bytes);
  return true;
}

void init_sodium() {
  static const int status = sodium_init();
  TALLY_CHECK(status >= 0);
}

void siphash128(ByteSpan bytes, const HashKey& key, uint8_t out[16]) {
  static_assert(crypto_shorthash_siphashx24_BYTES == 16);
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == sizeof(HashKey));
  crypto_shorthash_siphashx24(out, bytes.data(), bytes.size(), key.data());
}

}  // namespace

bool parse_uuid(std::string_view text, uint8_t out[16]) {
  size_t size = text.size();
  if (size == 38 || size == 34) {
    if (text.front() != '{' || text.back() != '}') return false;
    text = text.substr(1, size - 2);
    size -= 2;
  }
  const char* at = text.data();
  if (size == 36) {
    if (at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-') return false;
    return parse_digits(at, kHyphenAt, out);
  }
  return size == 32 && parse_digits(at, kPlainAt, out);
}

IdKind canonical_id(std::string_view text, IdSlot& out) {
  uint8_t uuid[16];
  if (parse_uuid(text, uuid)) {
    std::memcpy(out.raw, uuid, sizeof uuid);
    return IdKind::kUuid;
  }
  out.text = StringRef(text);
  return IdKind::kText;
}

std::string format_id(IdKind kind, const IdSlot& slot) {
  if (kind == IdKind::kText) return std::string(slot.text.view());
  std::string digits = hex(ByteSpan(slot.raw, sizeof slot.raw));
  for (size_t at : {20, 16, 12, 8}) digits.insert(at, 1, '-');
  return digits;
}

bool same_id(IdKind a_kind, const IdSlot& a, IdKind b_kind, const IdSlot& b) {
  if (a_kind != b_kind) return false;
  if (a_kind == IdKind::kText) return a.text == b.text;
  return std::memcmp(a.raw, b.raw, sizeof a.raw) == 0;
}

IdHasher::IdHasher(const HashKey& key) {
  init_sodium();
  for (uint8_t kind = 0; kind < subkeys_.size(); ++kind) {
    const uint8_t label[] = {'i', 'd', kind};
    siphash128(label, key, subkeys_[kind].data());
  }
}

Hash128 IdHasher::hash(IdKind kind, const IdSlot& slot) const {
  ByteSpan bytes(slot.raw, sizeof slot.raw);
  if (kind == IdKind::kText) bytes = as_bytes(slot.text.view());
  uint8_t out[16];
  siphash128(bytes, subkeys_[static_cast<size_t>(kind)], out);
  return {.lo = load_le<uint64_t>(out), .hi = load_le<uint64_t>(out + 8)};
}

void IdHasher::hash_all(std::span<const IdKind> kinds, std::span<const IdSlot> slots, std::span<Hash128> out) const {
  TALLY_CHECK(kinds.size() == slots.size() && slots.size() == out.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = hash(kinds[i], slots[i]);
}

}  // namespace tally
