#include "engine/encoding/packed.h"

#include "engine/encoding/selection.h"

namespace tally {

namespace {

constexpr size_t kFewValues = 4;       // searched for one by one
constexpr unsigned kBitmapWidth = 20;  // a bitmap of the values asked for is at most 128 KiB
constexpr size_t kPartRows = 1024;

uint64_t distance(int64_t value, int64_t base) { return static_cast<uint64_t>(value) - static_cast<uint64_t>(base); }

template <class T>
bool base_allowed(int64_t base, unsigned width) {
  constexpr auto kMax = static_cast<int64_t>(std::numeric_limits<T>::max());
  return int_fits<T>(base) && packed_largest(width) <= distance(kMax, base);
}

}  // namespace

uint64_t measure_packed(size_t count, int64_t min, int64_t max) {
  return kPackedHeaderBytes + packed_bytes(count, packed_width(distance(max, min)));
}

template <class T>
int64_t packed_base(int64_t lowest, unsigned width) {
  constexpr auto kMax = static_cast<int64_t>(std::numeric_limits<T>::max());
  auto highest = static_cast<int64_t>(static_cast<uint64_t>(kMax) - packed_largest(width));
  return std::min(lowest, highest);
}

template <class T>
void encode_packed_low(std::span<const T> values, int64_t base, unsigned width, Bytes& out) {
  ByteWriter writer(out);
  writer.i64(base);
  writer.u8(static_cast<uint8_t>(width));
  uint64_t mask = packed_largest(width);
  pack_bits(values.size(), width, out,
            [&](size_t i) { return distance(static_cast<int64_t>(values[i]), base) & mask; });
}

template <class T>
void encode_packed(std::span<const T> values, int64_t min, int64_t max, Bytes& out) {
  unsigned width = packed_width(distance(max, min));
  encode_packed_low(values, packed_base<T>(min, width), width, out);
}

template <class T>
Status decode_packed(ByteSpan bytes, std::span<T> out) {
  TALLY_ASSIGN_OR_RETURN(PackedInts ints, PackedInts::take<T>(bytes, out.size()));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind packed integers");
  ints.decode(out);
  return {};
}

template <class T>
Status decode_packed_rows(ByteSpan bytes, std::span<const uint64_t> selected, std::span<T> out) {
  TALLY_ASSIGN_OR_RETURN(PackedInts ints, PackedInts::take<T>(bytes, out.size()));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind packed integers");
  ints.decode_rows(selected, out);
  return {};
}

template <class T>
Status select_packed(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words) {
  TALLY_ASSIGN_OR_RETURN(PackedInts ints, PackedInts::take<T>(bytes, rows));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind packed integers");
  ints.select(predicate, words);
  return {};
}

template <class T>
Result<PackedInts> PackedInts::take(ByteSpan& bytes, size_t count) {
  if (bytes.size() < kPackedHeaderBytes) return fail(Code::kCorruption, "packed integers without their base");
  PackedInts ints;
  ints.base_ = load_le<int64_t>(bytes.data());
  unsigned width = bytes[8];
  bytes = bytes.subspan(kPackedHeaderBytes);
  TALLY_ASSIGN_OR_RETURN(ints.bits_, take_bits(bytes, count, width));
  if (!base_allowed<T>(ints.base_, width)) {
    return fail(Code::kCorruption, "packed integers of base " + std::to_string(ints.base_) + " and " +
                                       std::to_string(width) + " bits are out of range");
  }
  return ints;
}

template <>
void PackedInts::decode(std::span<int64_t> out) const {
  bits_.unpack(static_cast<uint64_t>(base_), {reinterpret_cast<uint64_t*>(out.data()), out.size()});
}

template <>
void PackedInts::decode(std::span<uint32_t> out) const {
  bits_.unpack(static_cast<uint32_t>(base_), out);
}

template <>
void PackedInts::decode(std::span<uint8_t> out) const {
  uint32_t part[kPartRows];
  for (size_t at = 0; at < out.size(); at += kPartRows) {
    size_t rows = std::min(kPartRows, out.size() - at);
    bits_.part(at, rows).unpack(static_cast<uint32_t>(base_), std::span(part).first(rows));
    for (size_t i = 0; i < rows; ++i) out[at + i] = static_cast<uint8_t>(part[i]);
  }
}

void PackedInts::select(const IntPredicate& predicate, std::span<uint64_t> words) const {
  if (predicate.last() < base_ || predicate.first() > predicate.last()) return select_none(words);
  if (!predicate.is_range()) return select_any(predicate.values(), words);
  uint64_t first = predicate.first() <= base_ ? 0 : distance(predicate.first(), base_);
  bits_.select_range(first, distance(predicate.last(), base_), words);
}

void PackedInts::select_any(std::span<const int64_t> values, std::span<uint64_t> words) const {
  auto highest = static_cast<int64_t>(static_cast<uint64_t>(base_) + packed_largest(bits_.width()));
  auto begin = std::lower_bound(values.begin(), values.end(), base_);
  auto end = std::upper_bound(begin, values.end(), highest);
  values = {begin, end};  // the others cannot be here
  select_none(words);
  if (values.empty()) return;
  if (values.size() > kFewValues && bits_.width() <= kBitmapWidth) return select_bitmap(values, words);
  if (values.size() > kFewValues) return select_decoded(values, words);
  std::vector<uint64_t> one(values.size() > 1 ? words.size() : 0);
  bits_.select_range(distance(values[0], base_), distance(values[0], base_), words);
  for (int64_t value : values.subspan(1)) {
    bits_.select_range(distance(value, base_), distance(value, base_), one);
    for (size_t i = 0; i < words.size(); ++i) words[i] |= one[i];
  }
}

void PackedInts::select_bitmap(std::span<const int64_t> values, std::span<uint64_t> words) const {
  auto set_bits = static_cast<uint32_t>(distance(values.back(), base_) + 1);
  std::vector<uint32_t> set((set_bits + 31) / 32);
  for (int64_t value : values) {
    uint64_t bit = distance(value, base_);
    set[bit / 32] |= uint32_t{1} << bit % 32;
  }
  bits_.select_in(set, set_bits, words);
}

// Wide integers and many of them asked for: there is no way around looking at each.
void PackedInts::select_decoded(std::span<const int64_t> values, std::span<uint64_t> words) const {
  uint64_t part[kPartRows];
  for (size_t at = 0; at < count(); at += kPartRows) {
    size_t rows = std::min(kPartRows, count() - at);
    bits_.part(at, rows).unpack(static_cast<uint64_t>(base_), std::span(part).first(rows));
    for (size_t i = 0; i < rows; ++i) {
      bool found = std::binary_search(values.begin(), values.end(), static_cast<int64_t>(part[i]));
      words[(at + i) / 64] |= static_cast<uint64_t>(found) << (at + i) % 64;
    }
  }
}

template void encode_packed(std::span<const uint8_t>, int64_t, int64_t, Bytes&);
template void encode_packed(std::span<const uint32_t>, int64_t, int64_t, Bytes&);
template void encode_packed(std::span<const int64_t>, int64_t, int64_t, Bytes&);
template void encode_packed_low(std::span<const uint8_t>, int64_t, unsigned, Bytes&);
template void encode_packed_low(std::span<const uint32_t>, int64_t, unsigned, Bytes&);
template void encode_packed_low(std::span<const int64_t>, int64_t, unsigned, Bytes&);
template int64_t packed_base<uint8_t>(int64_t, unsigned);
template int64_t packed_base<uint32_t>(int64_t, unsigned);
template int64_t packed_base<int64_t>(int64_t, unsigned);
template Status decode_packed(ByteSpan, std::span<uint8_t>);
template Status decode_packed(ByteSpan, std::span<uint32_t>);
template Status decode_packed(ByteSpan, std::span<int64_t>);
template Status decode_packed_rows(ByteSpan, std::span<const uint64_t>, std::span<uint8_t>);
template Status decode_packed_rows(ByteSpan, std::span<const uint64_t>, std::span<uint32_t>);
template Status decode_packed_rows(ByteSpan, std::span<const uint64_t>, std::span<int64_t>);
template Status select_packed<uint8_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_packed<uint32_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_packed<int64_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Result<PackedInts> PackedInts::take<uint8_t>(ByteSpan&, size_t);
template Result<PackedInts> PackedInts::take<uint32_t>(ByteSpan&, size_t);
template Result<PackedInts> PackedInts::take<int64_t>(ByteSpan&, size_t);

}  // namespace tally
