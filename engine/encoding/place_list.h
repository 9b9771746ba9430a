// The places of a block's rows in a dictionary of that block: bit-packed at the width that its size needs, each checked to
// be a place that there is. Shared by int_dictionary.h and string_dictionary.h.
#pragma once

#include "engine/encoding/bit_pack.h"
#include "engine/encoding/selection.h"

namespace tally {

inline unsigned place_width(size_t distinct) { return packed_width(distinct - 1); }

// Cuts them off the front of `bytes`. 1 <= distinct <= UINT32_MAX.
Result<PackedBits> take_places(ByteSpan& bytes, size_t rows, size_t distinct);

// Selects the rows whose place is on in `chosen`, a bitmap over the distinct values. Replaces `words`.
void select_places(const PackedBits& places, size_t distinct, std::span<const uint64_t> chosen,
                   std::span<uint64_t> words);

// Calls visit(row, place) for all rows.
template <class Visit>
void visit_places(const PackedBits& places, Visit visit) {
  constexpr size_t kPartRows = 1024;
  uint32_t part[kPartRows];
  for (size_t at = 0; at < places.count(); at += kPartRows) {
    size_t rows = std::min(kPartRows, places.count() - at);
    places.part(at, rows).unpack(uint32_t{0}, std::span(part).first(rows));
    for (size_t i = 0; i < rows; ++i) visit(at + i, part[i]);
  }
}

}  // namespace tally
