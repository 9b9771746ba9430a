#include "engine/encoding/run_length.h"

#include <vector>

#include "engine/encoding/packed.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

constexpr unsigned kLengthWidthMax = 32;

struct Runs {
  PackedInts values;
  std::vector<uint32_t> ends;  // of each run: the row behind it
};

// Cut off `bytes`.
Result<uint32_t> take_count(ByteSpan& bytes, size_t rows) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(uint32_t count, in.u32("the number of runs"));
  if (count < 1 || count > rows) {
    return fail(Code::kCorruption, std::to_string(count) + " runs in " + std::to_string(rows) + " rows");
  }
  bytes = bytes.subspan(in.offset());
  return count;
}

template <class T>
Result<Runs> open_runs(ByteSpan bytes, size_t rows) {
  TALLY_ASSIGN_OR_RETURN(const uint32_t count, take_count(bytes, rows));
  Runs runs;
  TALLY_ASSIGN_OR_RETURN(runs.values, PackedInts::take<T>(bytes, count));
  if (bytes.empty()) return fail(Code::kCorruption, "runs without their lengths");
  unsigned width = bytes[0];
  if (width > kLengthWidthMax) return fail(Code::kCorruption, "lengths of runs of " + std::to_string(width) + " bits");
  bytes = bytes.subspan(1);
  TALLY_ASSIGN_OR_RETURN(PackedBits lengths, take_bits(bytes, count, width));
  if (!bytes.empty()) return fail(Code::kCorruption, "bytes behind runs");
  runs.ends.resize(count);
  lengths.unpack(uint32_t{0}, runs.ends);
  uint64_t end = 0;
  for (uint32_t& run : runs.ends) {
    end += uint64_t{run} + 1;
    if (end > rows) break;
    run = static_cast<uint32_t>(end);
  }
  if (end != rows) return fail(Code::kCorruption, "the lengths of runs do not add up to the rows");
  return runs;
}

// Calls with the value and length of each run.
template <class T, class Visit>
void visit_runs(std::span<const T> values, Visit visit) {
  size_t begin = 0;
  for (size_t i = 1; i <= values.size(); ++i) {
    if (i < values.size() && values[i] == values[begin]) continue;
    visit(values[begin], i - begin);
    begin = i;
  }
}

}  // namespace

uint64_t measure_runs(const IntStats& stats) {
  return 4 + measure_packed(stats.runs, stats.min, stats.max) + 1 +
         packed_bytes(stats.runs, packed_width(stats.longest_run - 1));
}

template <class T>
void encode_runs(std::span<const T> values, const IntStats& stats, Bytes& out) {
  std::vector<T> run_values;
  std::vector<uint32_t> lengths;
  run_values.reserve(stats.runs);
  lengths.reserve(stats.runs);
  visit_runs(values, [&](T value, size_t length) {
    run_values.push_back(value);
    lengths.push_back(static_cast<uint32_t>(length - 1));
  });
  TALLY_CHECK(run_values.size() == stats.runs);
  ByteWriter writer(out);
  writer.u32(static_cast<uint32_t>(stats.runs));
  encode_packed(std::span<const T>(run_values), stats.min, stats.max, out);
  unsigned width = packed_width(stats.longest_run - 1);
  writer.u8(static_cast<uint8_t>(width));
  pack_bits(lengths.size(), width, out, [&](size_t i) { return lengths[i]; });
}

template <class T>
Status decode_runs(ByteSpan bytes, std::span<T> out) {
  TALLY_ASSIGN_OR_RETURN(Runs runs, open_runs<T>(bytes, out.size()));
  std::vector<T> values(runs.ends.size());
  runs.values.decode(std::span(values));
  // Most runs are short: of each so many cells are written at once, and what is too many is written over by the next run.
  constexpr ptrdiff_t kAtOnce = 32 / sizeof(T);
  T* to = out.data();
  T* const behind = out.data() + out.size();
  for (size_t i = 0; i < values.size(); ++i) {
    T* end = out.data() + runs.ends[i];
    const T value = values[i];
    if (behind - to >= kAtOnce) {
      for (ptrdiff_t cell = 0; cell < kAtOnce; ++cell) to[cell] = value;
      if (end - to > kAtOnce) std::fill(to + kAtOnce, end, value);
    } else {
      std::fill(to, end, value);
    }
    to = end;
  }
  return {};
}

template <class T>
Result<bool> read_runs(ByteSpan bytes, size_t rows, size_t runs_max, std::vector<T>& values,
                       std::vector<uint32_t>& ends) {
  ByteSpan start = bytes;
  TALLY_ASSIGN_OR_RETURN(const uint32_t count, take_count(start, rows));
  if (count > runs_max) return false;
  TALLY_ASSIGN_OR_RETURN(Runs runs, open_runs<T>(bytes, rows));
  values.resize(count);
  runs.values.decode(std::span(values));
  ends = std::move(runs.ends);
  return true;
}

template <class T>
Status select_runs(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words) {
  TALLY_ASSIGN_OR_RETURN(Runs runs, open_runs<T>(bytes, rows));
  std::vector<uint64_t> chosen(selection_words(runs.ends.size()));
  runs.values.select(predicate, chosen);
  select_none(words);
  for (size_t word = 0; word < chosen.size(); ++word) {
    for (uint64_t left = chosen[word]; left != 0; left &= left - 1) {
      size_t run = word * 64 + static_cast<size_t>(std::countr_zero(left));
      select_rows(run == 0 ? 0 : runs.ends[run - 1], runs.ends[run], words);
    }
  }
  return {};
}

template void encode_runs(std::span<const uint8_t>, const IntStats&, Bytes&);
template void encode_runs(std::span<const uint32_t>, const IntStats&, Bytes&);
template void encode_runs(std::span<const int64_t>, const IntStats&, Bytes&);
template Status decode_runs(ByteSpan, std::span<uint8_t>);
template Status decode_runs(ByteSpan, std::span<uint32_t>);
template Status decode_runs(ByteSpan, std::span<int64_t>);
template Result<bool> read_runs(ByteSpan, size_t, size_t, std::vector<uint32_t>&, std::vector<uint32_t>&);
template Status select_runs<uint8_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_runs<uint32_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);
template Status select_runs<int64_t>(ByteSpan, size_t, const IntPredicate&, std::span<uint64_t>);

}  // namespace tally
