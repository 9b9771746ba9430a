#include "engine/encoding/integers.h"

#include <algorithm>
#include <limits>

namespace tally {

namespace {

constexpr size_t kNarrowHeaderBytes = 9;

template <class T>
bool fits(uint64_t bits) {
  if constexpr (sizeof(T) == 8) return true;
  return bits <= std::numeric_limits<T>::max();
}

template <class T>
uint64_t widen(T value) {
  return static_cast<uint64_t>(static_cast<int64_t>(value));
}

template <class Narrow, class T>
void put_distances(std::span<const T> values, uint64_t base, uint8_t* to) {
  for (size_t i = 0; i < values.size(); ++i) {
    store_le(to + i * sizeof(Narrow), static_cast<Narrow>(widen(values[i]) - base));
  }
}

template <class Narrow, class T>
void take_distances(const uint8_t* from, uint64_t base, std::span<T> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<T>(base + load_le<Narrow>(from + i * sizeof(Narrow)));
  }
}

// The largest distance: base and distances decide together whether every value fits T.
template <class Narrow>
uint64_t largest_distance(const uint8_t* from, size_t count) {
  Narrow largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, load_le<Narrow>(from + i * sizeof(Narrow)));
  return largest;
}

template <class Narrow, class T>
Status decode_width(ByteSpan bytes, uint64_t base, std::span<T> out) {
  const uint8_t* from = bytes.data() + kNarrowHeaderBytes;
  if (bytes.size() - kNarrowHeaderBytes != out.size() * sizeof(Narrow)) {
    return fail(Code::kCorruption, "narrow integers: " + std::to_string(bytes.size()) + " bytes for " +
                                       std::to_string(out.size()) + " rows");
  }
  if constexpr (sizeof(T) < 8) {
    constexpr uint64_t kMax = std::numeric_limits<T>::max();
    if (base > kMax || largest_distance<Narrow>(from, out.size()) > kMax - base) {
      return fail(Code::kCorruption, "narrow integers: a value is out of range");
    }
  }
  take_distances<Narrow>(from, base, out);
  return {};
}

}  // namespace

template <class T>
Encoding encode_integers(std::span<const T> values, Bytes& out) {
  TALLY_CHECK(!values.empty());
  T smallest = values[0], largest = values[0];
  for (T value : values) {
    smallest = std::min(smallest, value);
    largest = std::max(largest, value);
  }
  ByteWriter writer(out);
  uint64_t base = widen(smallest);
  writer.u64(base);
  if (smallest == largest) return Encoding::kConstant;
  uint64_t range = widen(largest) - base;
  uint8_t width = range <= UINT8_MAX ? 1 : range <= UINT16_MAX ? 2 : range <= UINT32_MAX ? 4 : 8;
  writer.u8(width);
  size_t at = out.size();
  out.resize(at + values.size() * width);
  switch (width) {
    case 1: put_distances<uint8_t>(values, base, out.data() + at); break;
    case 2: put_distances<uint16_t>(values, base, out.data() + at); break;
    case 4: put_distances<uint32_t>(values, base, out.data() + at); break;
    default: put_distances<uint64_t>(values, base, out.data() + at); break;
  }
  return Encoding::kNarrow;
}

template <class T>
Status decode_constant(ByteSpan bytes, std::span<T> out) {
  if (bytes.size() != 8) {
    return fail(Code::kCorruption, "a constant integer has " + std::to_string(bytes.size()) + " bytes");
  }
  uint64_t value = load_le<uint64_t>(bytes.data());
  if (!fits<T>(value)) return fail(Code::kCorruption, "a constant integer is out of range");
  std::fill(out.begin(), out.end(), static_cast<T>(value));
  return {};
}

template <class T>
Status decode_narrow(ByteSpan bytes, std::span<T> out) {
  if (bytes.size() < kNarrowHeaderBytes) return fail(Code::kCorruption, "narrow integers without their base");
  uint64_t base = load_le<uint64_t>(bytes.data());
  switch (bytes[8]) {
    case 1: return decode_width<uint8_t>(bytes, base, out);
    case 2: return decode_width<uint16_t>(bytes, base, out);
    case 4: return decode_width<uint32_t>(bytes, base, out);
    case 8: return decode_width<uint64_t>(bytes, base, out);
    default: return fail(Code::kCorruption, "narrow integers of width " + std::to_string(bytes[8]));
  }
}

template Encoding encode_integers(std::span<const uint8_t>, Bytes&);
template Encoding encode_integers(std::span<const uint32_t>, Bytes&);
template Encoding encode_integers(std::span<const int64_t>, Bytes&);
template Status decode_constant(ByteSpan, std::span<uint8_t>);
template Status decode_constant(ByteSpan, std::span<uint32_t>);
template Status decode_constant(ByteSpan, std::span<int64_t>);
template Status decode_narrow(ByteSpan, std::span<uint8_t>);
template Status decode_narrow(ByteSpan, std::span<uint32_t>);
template Status decode_narrow(ByteSpan, std::span<int64_t>);

}  // namespace tally
