#include "engine/encoding/place_list.h"

#include <vector>

namespace tally {

Result<PackedBits> take_places(ByteSpan& bytes, size_t rows, size_t distinct) {
  unsigned width = place_width(distinct);
  TALLY_ASSIGN_OR_RETURN(PackedBits places, take_bits(bytes, rows, width));
  if (distinct - 1 == packed_largest(width)) return places;  // every pattern of bits is a place
  std::vector<uint64_t> beyond(selection_words(rows));
  places.select_range(distinct, packed_largest(width), beyond);
  if (count_selected(beyond) != 0) return fail(Code::kCorruption, "a place beyond its dictionary");
  return places;
}

void select_places(const PackedBits& places, size_t distinct, std::span<const uint64_t> chosen,
                   std::span<uint64_t> words) {
  size_t count = count_selected(chosen);
  if (count == 0) return select_none(words);
  if (count == distinct) return select_all(places.count(), words);
  size_t first = 0;
  while (!is_selected(chosen, first)) ++first;
  size_t last = distinct - 1;
  while (!is_selected(chosen, last)) --last;
  if (last - first + 1 == count) return places.select_range(first, last, words);
  std::vector<uint32_t> set(chosen.size() * 2);
  std::memcpy(set.data(), chosen.data(), chosen.size_bytes());
  places.select_in(set, static_cast<uint32_t>(distinct), words);
}

}  // namespace tally
