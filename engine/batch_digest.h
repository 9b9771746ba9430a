// The digest of a row: 32 bits over what its producer sent, event time and id left out, that tell a retry from a conflict
// (architecture.md, Apply 2). It depends on values and column ids alone: not on the encoding, the order of columns, the
// schema's version, or whether a NULL was sent or left out. Stored in raw rows and seen ids, so it never changes within
// format version 1 (docs/formats/batch.md has the definition):
//   digest = top 32 bits of mix(sum over columns that are not NULL of cell), modulo 2^64
//   cell   = XXH3-64(bytes, seed) of a string, mix(value XOR seed) of an integer
//   seed   = mix(column id + 0x9E3779B97F4A7C15),  mix = the finalizer of splitmix64
// Sums are commutative, so columns can be added one at a time, in any order, each in a tight loop.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/string_ref.h"

namespace tally {

class RowDigests {
 public:
  explicit RowDigests(uint32_t rows) : sums_(rows) {}

  void add_ints(uint32_t column_id, std::span<const int64_t> values, std::span<const uint8_t> nulls);
  void add_strings(uint32_t column_id, std::span<const StringRef> values);
  // Each value is hashed once, whatever the number of rows. `ints`: values are 8 bytes little-endian.
  void add_dictionary(uint32_t column_id, std::span<const std::string_view> values, bool ints,
                      std::span<const uint32_t> codes);
  void finish(std::vector<uint32_t>& digests) const;

 private:
  std::vector<uint64_t> sums_;
};

}  // namespace tally
