#include "engine/encoding/int_block.h"

#include <vector>

#include "engine/encoding/delta.h"
#include "engine/encoding/integers.h"
#include "engine/encoding/packed.h"
#include "engine/encoding/run_length.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

constexpr uint64_t kDictionarySpread = 16;
constexpr uint64_t kPatchedShare = 32;

struct Choice {
  Encoding encoding;
  uint64_t bytes;

  void consider(Encoding other, uint64_t other_bytes) {
    if (other_bytes < bytes) *this = {other, other_bytes};
  }
};

constexpr uint64_t kConstantBytes = 8;

template <class T>
std::optional<Encoding> encode_constant(std::span<const T> values, uint64_t limit, Bytes& out) {
  if (kConstantBytes >= limit) return std::nullopt;
  return encode_integers(values, out);
}

// What an encoding that cannot search says to a predicate.
template <class T>
Status select_decoded(Encoding encoding, ByteSpan bytes, size_t rows, const IntPredicate& predicate,
                      std::span<uint64_t> words) {
  std::vector<T> values(rows);
  TALLY_TRY(decode_int_block(encoding, bytes, std::span<T>(values)));
  select_none(words);
  for (size_t row = 0; row < rows; ++row) {
    words[row / 64] |= static_cast<uint64_t>(predicate.matches(static_cast<int64_t>(values[row]))) << row % 64;
  }
  return {};
}

template <class T>
Status select_constant(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words) {
  T value;
  TALLY_TRY(decode_constant(bytes, std::span<T>(&value, 1)));
  predicate.matches(static_cast<int64_t>(value)) ? select_all(rows, words) : select_none(words);
  return {};
}

}  // namespace

template <class T>
Encoding IntBlockEncoder::encode(std::span<const T> values, Bytes& out) {
  return *encode_below(values, UINT64_MAX, out);
}

template <class T>
std::optional<Encoding> IntBlockEncoder::encode_below(std::span<const T> values, uint64_t limit, Bytes& out) {
  IntStats stats = int_stats(values);
  if (stats.min == stats.max) return encode_constant(values, limit, out);
  Choice best{Encoding::kPacked, measure_packed(stats.rows, stats.min, stats.max)};
  best.consider(Encoding::kRuns, measure_runs(stats));
  best.consider(Encoding::kDelta, measure_delta(stats));
  // Exceptions take time: a hair's breadth is not worth it.
  uint64_t below = std::min(limit, best.bytes - best.bytes / kPatchedShare);
  best.consider(Encoding::kPatched, patched_.measure(values, stats, below));
  // Places in a dictionary of two values and more take a bit a row at least; of few values there is little to gain.
  uint64_t spread = static_cast<uint64_t>(stats.max) - static_cast<uint64_t>(stats.min);
  if (best.bytes > stats.rows / 8 && spread >= kDictionarySpread) {
    best.consider(Encoding::kIntDictionary, dictionary_.measure(values, stats, std::min(limit, best.bytes)));
  }
  if (best.bytes >= limit) return std::nullopt;
  size_t at = out.size();
  if (best.encoding == Encoding::kPacked) encode_packed(values, stats.min, stats.max, out);
  if (best.encoding == Encoding::kRuns) encode_runs(values, stats, out);
  if (best.encoding == Encoding::kDelta) encode_delta(values, stats, out);
  if (best.encoding == Encoding::kPatched) patched_.encode(values, out);
  if (best.encoding == Encoding::kIntDictionary) dictionary_.encode<T>(out);
  TALLY_CHECK(out.size() - at == best.bytes);
  return best.encoding;
}

template <class T>
Status decode_int_block(Encoding encoding, ByteSpan bytes, std::span<T> out) {
  switch (encoding) {
    case Encoding::kConstant: return decode_constant(bytes, out);
    case Encoding::kNarrow: return decode_narrow(bytes, out);
    case Encoding::kPacked: return decode_packed(bytes, out);
    case Encoding::kRuns: return decode_runs(bytes, out);
    case Encoding::kDelta: return decode_delta(bytes, out);
    case Encoding::kIntDictionary: return decode_int_dictionary(bytes, out);
    case Encoding::kPatched: return decode_patched(bytes, out);
    default: return fail(Code::kCorruption, "a column of integers in an encoding for something else");
  }
}

template <class T>
Status decode_int_block_rows(Encoding encoding, ByteSpan bytes, std::span<const uint64_t> selected, std::span<T> out) {
  switch (encoding) {
    case Encoding::kPacked: return decode_packed_rows(bytes, selected, out);
    case Encoding::kPatched: return decode_patched_rows(bytes, selected, out);
    default: return decode_int_block(encoding, bytes, out);
  }
}

template <class T>
Status select_int_block(Encoding encoding, ByteSpan bytes, size_t rows, const IntPredicate& predicate,
                        std::span<uint64_t> words) {
  switch (encoding) {
    case Encoding::kConstant: return select_constant<T>(bytes, rows, predicate, words);
    case Encoding::kPacked: return select_packed<T>(bytes, rows, predicate, words);
    case Encoding::kRuns: return select_runs<T>(bytes, rows, predicate, words);
    case Encoding::kDelta: return select_delta<T>(bytes, rows, predicate, words);
    case Encoding::kIntDictionary: return select_int_dictionary<T>(bytes, rows, predicate, words);
    case Encoding::kPatched: return select_patched<T>(bytes, rows, predicate, words);
    default: return select_decoded<T>(encoding, bytes, rows, predicate, words);
  }
}

template Encoding IntBlockEncoder::encode(std::span<const uint8_t>, Bytes&);
template Encoding IntBlockEncoder::encode(std::span<const uint32_t>, Bytes&);
template Encoding IntBlockEncoder::encode(std::span<const int64_t>, Bytes&);
template std::optional<Encoding> IntBlockEncoder::encode_below(std::span<const uint8_t>, uint64_t, Bytes&);
template std::optional<Encoding> IntBlockEncoder::encode_below(std::span<const uint32_t>, uint64_t, Bytes&);
template std::optional<Encoding> IntBlockEncoder::encode_below(std::span<const int64_t>, uint64_t, Bytes&);
template Status decode_int_block(Encoding, ByteSpan, std::span<uint8_t>);
template Status decode_int_block(Encoding, ByteSpan, std::span<uint32_t>);
template Status decode_int_block(Encoding, ByteSpan, std::span<int64_t>);
template Status decode_int_block_rows(Encoding, ByteSpan, std::span<const uint64_t>, std::span<uint32_t>);
template Status decode_int_block_rows(Encoding, ByteSpan, std::span<const uint64_t>, std::span<int64_t>);
template Status select_int_block<uint8_t>(Encoding, ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_int_block<uint32_t>(Encoding, ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_int_block<int64_t>(Encoding, ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);

}  // namespace tally
