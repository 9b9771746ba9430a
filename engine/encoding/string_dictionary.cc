#include "engine/encoding/string_dictionary.h"

#include <algorithm>
#include <numeric>

#include "base/checksum.h"
#include "base/limits.h"
#include "engine/encoding/place_list.h"

namespace tally {

namespace {

constexpr size_t kHeaderBytes = 5;
constexpr unsigned kLengthWidthMax = 16;
constexpr unsigned kFirstSlotsLog = 8;
constexpr size_t kSampleRows = 1024;
constexpr size_t kSampleDistinctMax = 960;
static_assert(limits::kStringBytesMax < 1u << kLengthWidthMax);

uint64_t hash_of(const StringRef& value) {
  if (!value.is_inline()) return xxh3(as_bytes(value.view()));
  uint64_t words[2];
  std::memcpy(words, &value, sizeof words);
  uint64_t mixed = (words[0] ^ 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u ^ words[1];
  mixed = (mixed ^ mixed >> 32) * 0x94D049BB133111EBu;
  return mixed ^ mixed >> 29;
}

struct StringDictionary {
  std::vector<StringRef> values;
  PackedBits places;
};

Result<std::vector<StringRef>> take_values(ByteSpan text, const std::vector<uint32_t>& lengths) {
  std::vector<StringRef> values(lengths.size());
  std::string_view before;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] > text.size()) return fail(Code::kCorruption, "the strings of a dictionary are cut off");
    std::string_view value = as_text(text.first(lengths[i]));
    if (i > 0 && value <= before) return fail(Code::kCorruption, "the strings of a dictionary do not ascend");
    values[i] = StringRef(value);
    before = value;
    text = text.subspan(lengths[i]);
  }
  if (!text.empty()) return fail(Code::kCorruption, "bytes behind a dictionary of strings");
  return values;
}

Result<StringDictionary> open_dictionary(ByteSpan bytes, size_t rows) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(uint32_t distinct, in.u32("the number of distinct strings"));
  TALLY_ASSIGN_OR_RETURN(uint8_t width, in.u8("the width of their lengths"));
  if (distinct < 1 || distinct > rows) {
    return fail(Code::kCorruption, std::to_string(distinct) + " distinct strings in " + std::to_string(rows) + " rows");
  }
  if (width > kLengthWidthMax) {
    return fail(Code::kCorruption, "lengths of strings of " + std::to_string(width) + " bits");
  }
  bytes = bytes.subspan(kHeaderBytes);
  TALLY_ASSIGN_OR_RETURN(PackedBits packed_lengths, take_bits(bytes, distinct, width));
  StringDictionary dictionary;
  TALLY_ASSIGN_OR_RETURN(dictionary.places, take_places(bytes, rows, distinct));
  std::vector<uint32_t> lengths(distinct);
  packed_lengths.unpack(uint32_t{0}, lengths);
  TALLY_ASSIGN_OR_RETURN(dictionary.values, take_values(bytes, lengths));
  return dictionary;
}

}  // namespace

void StringDictionaryBuilder::start(size_t rows) {
  distinct_.clear();
  hashes_.clear();
  places_.resize(rows);
  slots_.assign(size_t{1} << kFirstSlotsLog, 0);
  slots_shift_ = 64 - kFirstSlotsLog;
  text_bytes_ = 0;
  longest_ = 0;
}

size_t StringDictionaryBuilder::free_slot_from(size_t slot) const {
  while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void StringDictionaryBuilder::grow() {
  slots_.assign(slots_.size() * 2, 0);
  --slots_shift_;
  for (size_t place = 0; place < distinct_.size(); ++place) {
    slots_[free_slot_from(hashes_[place] >> slots_shift_)] = static_cast<uint32_t>(place + 1);
  }
}

uint32_t StringDictionaryBuilder::place_of(const StringRef& value) {
  uint64_t hash = hash_of(value);
  size_t slot = hash >> slots_shift_;
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    uint32_t place = slots_[slot] - 1;
    if (hashes_[place] == hash && distinct_[place] == value) return place;
  }
  TALLY_CHECK(value.size() <= limits::kStringBytesMax);
  distinct_.push_back(value);
  hashes_.push_back(hash);
  text_bytes_ += value.size();
  longest_ = std::max(longest_, value.size());
  slots_[slot] = static_cast<uint32_t>(distinct_.size());
  if (distinct_.size() * 2 > slots_.size()) grow();
  return static_cast<uint32_t>(distinct_.size() - 1);
}

uint64_t StringDictionaryBuilder::bytes_so_far() const {
  return kHeaderBytes + packed_bytes(distinct_.size(), packed_width(longest_)) +
         packed_bytes(places_.size(), place_width(distinct_.size())) + text_bytes_;
}

uint64_t StringDictionaryBuilder::measure(std::span<const StringRef> values, uint64_t give_up) {
  start(values.size());
  size_t checked = 0;
  for (size_t row = 0; row < values.size(); ++row) {
    bool as_before = row > 0 && (values[row].is_null() || values[row] == values[row - 1]);
    if (as_before || values[row].is_null()) {
      places_[row] = row > 0 ? places_[row - 1] : 0;
      continue;
    }
    places_[row] = place_of(values[row]);
    if (distinct_.size() < checked + 64) continue;
    if (row < kSampleRows && distinct_.size() >= kSampleDistinctMax && give_up != UINT64_MAX) return UINT64_MAX;
    checked = distinct_.size();
    if (bytes_so_far() >= give_up) return UINT64_MAX;
  }
  if (distinct_.empty()) return UINT64_MAX;
  uint64_t bytes = bytes_so_far();
  return bytes >= give_up ? UINT64_MAX : bytes;
}

void StringDictionaryBuilder::encode(Bytes& out) {
  size_t count = distinct_.size();
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return distinct_[a].view() < distinct_[b].view(); });
  std::vector<uint32_t> sorted_place(count);
  for (size_t i = 0; i < count; ++i) sorted_place[order[i]] = static_cast<uint32_t>(i);
  unsigned width = packed_width(longest_);
  ByteWriter writer(out);
  writer.u32(static_cast<uint32_t>(count));
  writer.u8(static_cast<uint8_t>(width));
  pack_bits(count, width, out, [&](size_t i) { return distinct_[order[i]].size(); });
  pack_bits(places_.size(), place_width(count), out, [&](size_t row) { return sorted_place[places_[row]]; });
  for (uint32_t place : order) writer.bytes(as_bytes(distinct_[place].view()));
}

Status decode_string_dictionary(ByteSpan bytes, std::span<StringRef> out) {
  TALLY_ASSIGN_OR_RETURN(StringDictionary dictionary, open_dictionary(bytes, out.size()));
  const std::vector<StringRef>& values = dictionary.values;
  visit_places(dictionary.places, [&](size_t row, uint32_t place) { out[row] = values[place]; });
  return {};
}

Status select_string_dictionary(ByteSpan bytes, size_t rows, const StringPredicate& predicate,
                                std::span<uint64_t> words) {
  TALLY_ASSIGN_OR_RETURN(StringDictionary dictionary, open_dictionary(bytes, rows));
  size_t distinct = dictionary.values.size();
  std::vector<uint64_t> chosen(selection_words(distinct));
  for (size_t i = 0; i < distinct; ++i) {
    chosen[i / 64] |= static_cast<uint64_t>(predicate.matches(dictionary.values[i])) << i % 64;
  }
  select_places(dictionary.places, distinct, chosen, words);
  return {};
}

}  // namespace tally
