#include "engine/encoding/delta.h"

#include <vector>

#include "engine/encoding/packed.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

constexpr size_t kFirstBytes = 8;

int64_t step_between(int64_t from, int64_t to) {
  return static_cast<int64_t>(static_cast<uint64_t>(to) - static_cast<uint64_t>(from));
}

// All rows as 64 bits, each checked to be a value of T.
template <class T>
Status sum_up(ByteSpan bytes, std::span<int64_t> values) {
  if (bytes.size() < kFirstBytes || values.empty()) return fail(Code::kCorruption, "steps without the first value");
  values[0] = load_le<int64_t>(bytes.data());
  bytes = bytes.subspan(kFirstBytes);
  TALLY_ASSIGN_OR_RETURN(PackedInts steps, PackedInts::take<int64_t>(bytes, values.size() - 1));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind steps");
  steps.decode(values.subspan(1));
  bool in_range = int_fits<T>(values[0]);
  auto sum = static_cast<uint64_t>(values[0]);
  for (size_t i = 1; i < values.size(); ++i) {
    sum += static_cast<uint64_t>(values[i]);
    values[i] = static_cast<int64_t>(sum);
    in_range &= int_fits<T>(values[i]);
  }
  if (!in_range) return fail(Code::kCorruption, "steps lead out of range");
  return {};
}

}  // namespace

uint64_t measure_delta(const IntStats& stats) {
  return kFirstBytes + measure_packed(stats.rows - 1, stats.min_step, stats.max_step);
}

template <class T>
void encode_delta(std::span<const T> values, const IntStats& stats, Bytes& out) {
  ByteWriter(out).i64(static_cast<int64_t>(values[0]));
  std::vector<int64_t> steps(values.size() - 1);
  for (size_t i = 0; i < steps.size(); ++i) {
    steps[i] = step_between(static_cast<int64_t>(values[i]), static_cast<int64_t>(values[i + 1]));
  }
  encode_packed(std::span<const int64_t>(steps), stats.min_step, stats.max_step, out);
}

template <class T>
Status decode_delta(ByteSpan bytes, std::span<T> out) {
  if constexpr (sizeof(T) == 8) {
    return sum_up<T>(bytes, out);
  } else {
    std::vector<int64_t> values(out.size());
    TALLY_TRY(sum_up<T>(bytes, std::span(values)));
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(values[i]);
    return {};
  }
}

template <class T>
Status select_delta(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words) {
  std::vector<int64_t> values(rows);
  TALLY_TRY(sum_up<T>(bytes, std::span(values)));
  select_none(words);
  if (predicate.first() > predicate.last()) return {};
  auto first = static_cast<uint64_t>(predicate.first());
  uint64_t span = static_cast<uint64_t>(predicate.last()) - first;
  for (size_t i = 0; i < rows; ++i) {
    bool inside = static_cast<uint64_t>(values[i]) - first <= span;
    words[i / 64] |= static_cast<uint64_t>(inside && (predicate.is_range() || predicate.matches(values[i]))) << i % 64;
  }
  return {};
}

template void encode_delta(std::span<const uint8_t>, const IntStats&, Bytes&);
template void encode_delta(std::span<const uint32_t>, const IntStats&, Bytes&);
template void encode_delta(std::span<const int64_t>, const IntStats&, Bytes&);
template Status decode_delta(ByteSpan, std::span<uint8_t>);
template Status decode_delta(ByteSpan, std::span<uint32_t>);
template Status decode_delta(ByteSpan, std::span<int64_t>);
template Status select_delta<uint8_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_delta<uint32_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_delta<int64_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);

}  // namespace tally
