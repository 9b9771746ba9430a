// Group keys as integers. A KeyColumn turns the values of one key into 64-bit words (dictionary codes, microseconds,
// numbers of strings it has seen); a GroupTable numbers the combinations from 0 in the order in which they first appear.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/vector.h"

namespace tally {

class KeyColumn {
 public:
  // words[i * stride] for every row; a NULL is word 0 and sets `null_bit` in nulls[i * stride].
  void encode(const Vector& values, uint64_t* words, uint64_t* nulls, uint64_t null_bit, size_t stride);
  Datum decode(uint64_t word) const;
  Vector decode_all(std::span<const uint64_t> words) const;     // of none NULL; codes stay codes
  const Dictionary* dictionary() const { return dictionary_; }  // not nullptr: words are its codes
  uint64_t memory_bytes() const { return bytes_; }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  uint64_t intern(std::string_view key, const Vector& values, uint32_t i);
  uint64_t number_word(const Vector& values, uint32_t i);

  SqlType type_ = SqlType::kNull;
  const Dictionary* dictionary_ = nullptr;
  uint8_t scale_ = 0;  // of the first number: how all are shown
  bool scale_known_ = false;
  std::unordered_map<std::string, uint64_t, TextHash, std::equal_to<>> numbers_;
  std::vector<Datum> values_;
  uint64_t bytes_ = 0;
};

class GroupTable {
 public:
  explicit GroupTable(size_t words_per_key);
  // Numbers `count` keys, row by row in `keys`.
  void find_or_add(const uint64_t* keys, uint32_t count, uint32_t* groups);
  uint32_t size() const { return size_; }
  const uint64_t* key(uint32_t group) const { return keys_.data() + group * words_; }
  uint64_t memory_bytes() const { return keys_.capacity() * 8 + slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t group = UINT32_MAX;
    uint32_t tag = 0;  // other bits of the hash, so that most mismatches need no look at the key
  };
  uint64_t hash(const uint64_t* key) const;
  void grow();

  size_t words_;
  uint32_t size_ = 0;
  std::vector<uint64_t> keys_;
  std::vector<Slot> slots_;
};

}  // namespace tally
