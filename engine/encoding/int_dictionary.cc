#include "engine/encoding/int_dictionary.h"

#include <algorithm>
#include <numeric>

#include "engine/encoding/packed.h"
#include "engine/encoding/place_list.h"

namespace tally {

namespace {

constexpr size_t kCountBytes = 4;
constexpr unsigned kFirstSlotsLog = 8;
constexpr size_t kSampleRows = 1024;
constexpr size_t kSampleDistinctMax = 960;

struct IntDictionary {
  PackedInts values;
  PackedBits places;
};

template <class T>
Result<IntDictionary> open_dictionary(ByteSpan bytes, size_t rows) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(uint32_t distinct, in.u32("the number of distinct integers"));
  if (distinct < 1 || distinct > rows) {
    return fail(Code::kCorruption,
                std::to_string(distinct) + " distinct integers in " + std::to_string(rows) + " rows");
  }
  bytes = bytes.subspan(in.offset());
  IntDictionary dictionary;
  TALLY_ASSIGN_OR_RETURN(dictionary.values, PackedInts::take<T>(bytes, distinct));
  TALLY_ASSIGN_OR_RETURN(dictionary.places, take_places(bytes, rows, distinct));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind a dictionary of integers");
  return dictionary;
}

template <class T>
Result<std::vector<T>> ascending_values(const IntDictionary& dictionary) {
  std::vector<T> values(dictionary.values.count());
  dictionary.values.decode(std::span(values));
  for (size_t i = 1; i < values.size(); ++i) {
    if (values[i] <= values[i - 1]) return fail(Code::kCorruption, "the integers of a dictionary do not ascend");
  }
  return values;
}

}  // namespace

void IntDictionaryBuilder::start(size_t rows) {
  distinct_.clear();
  places_.resize(rows);
  slots_.assign(size_t{1} << kFirstSlotsLog, 0);
  slots_shift_ = 64 - kFirstSlotsLog;
}

void IntDictionaryBuilder::grow() {
  slots_.assign(slots_.size() * 2, 0);
  --slots_shift_;
  for (size_t place = 0; place < distinct_.size(); ++place) {
    size_t slot = static_cast<uint64_t>(distinct_[place]) * 0x9E3779B97F4A7C15u >> slots_shift_;
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = static_cast<uint32_t>(place + 1);
  }
}

uint32_t IntDictionaryBuilder::place_of(int64_t value) {
  size_t slot = static_cast<uint64_t>(value) * 0x9E3779B97F4A7C15u >> slots_shift_;
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    if (distinct_[slots_[slot] - 1] == value) return slots_[slot] - 1;
  }
  distinct_.push_back(value);
  slots_[slot] = static_cast<uint32_t>(distinct_.size());
  if (distinct_.size() * 2 > slots_.size()) grow();
  return static_cast<uint32_t>(distinct_.size() - 1);
}

uint64_t IntDictionaryBuilder::bytes_for(size_t distinct, const IntStats& stats) const {
  return kCountBytes + measure_packed(distinct, stats.min, stats.max) + packed_bytes(stats.rows, place_width(distinct));
}

template <class T>
uint64_t IntDictionaryBuilder::measure(std::span<const T> values, const IntStats& stats, uint64_t give_up) {
  start(values.size());
  size_t checked = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    places_[i] = i > 0 && values[i] == values[i - 1] ? places_[i - 1] : place_of(static_cast<int64_t>(values[i]));
    if (distinct_.size() < checked + 64) continue;
    if (i < kSampleRows && distinct_.size() >= kSampleDistinctMax && give_up != UINT64_MAX) return UINT64_MAX;
    checked = distinct_.size();
    if (bytes_for(checked, stats) >= give_up) return UINT64_MAX;
  }
  uint64_t bytes = bytes_for(distinct_.size(), stats);
  return bytes >= give_up ? UINT64_MAX : bytes;
}

template <class T>
void IntDictionaryBuilder::encode(Bytes& out) {
  std::vector<uint32_t> order(distinct_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return distinct_[a] < distinct_[b]; });
  std::vector<T> sorted(order.size());
  std::vector<uint32_t> sorted_place(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    sorted[i] = static_cast<T>(distinct_[order[i]]);
    sorted_place[order[i]] = static_cast<uint32_t>(i);
  }
  ByteWriter(out).u32(static_cast<uint32_t>(sorted.size()));
  encode_packed(std::span<const T>(sorted), static_cast<int64_t>(sorted.front()), static_cast<int64_t>(sorted.back()),
                out);
  pack_bits(places_.size(), place_width(sorted.size()), out, [&](size_t i) { return sorted_place[places_[i]]; });
}

template <class T>
Status decode_int_dictionary(ByteSpan bytes, std::span<T> out) {
  TALLY_ASSIGN_OR_RETURN(IntDictionary dictionary, open_dictionary<T>(bytes, out.size()));
  TALLY_ASSIGN_OR_RETURN(std::vector<T> values, ascending_values<T>(dictionary));
  visit_places(dictionary.places, [&](size_t row, uint32_t place) { out[row] = values[place]; });
  return {};
}

template <class T>
Status select_int_dictionary(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words) {
  TALLY_ASSIGN_OR_RETURN(IntDictionary dictionary, open_dictionary<T>(bytes, rows));
  TALLY_TRY(ascending_values<T>(dictionary));
  std::vector<uint64_t> chosen(selection_words(dictionary.values.count()));
  dictionary.values.select(predicate, chosen);
  select_places(dictionary.places, dictionary.values.count(), chosen, words);
  return {};
}

template uint64_t IntDictionaryBuilder::measure(std::span<const uint8_t>, const IntStats&, uint64_t);
template uint64_t IntDictionaryBuilder::measure(std::span<const uint32_t>, const IntStats&, uint64_t);
template uint64_t IntDictionaryBuilder::measure(std::span<const int64_t>, const IntStats&, uint64_t);
template void IntDictionaryBuilder::encode<uint8_t>(Bytes&);
template void IntDictionaryBuilder::encode<uint32_t>(Bytes&);
template void IntDictionaryBuilder::encode<int64_t>(Bytes&);
template Status decode_int_dictionary(ByteSpan, std::span<uint8_t>);
template Status decode_int_dictionary(ByteSpan, std::span<uint32_t>);
template Status decode_int_dictionary(ByteSpan, std::span<int64_t>);
template Status select_int_dictionary<uint8_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_int_dictionary<uint32_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_int_dictionary<int64_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);

}  // namespace tally
