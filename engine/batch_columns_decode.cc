#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "engine/batch_columns.h"

namespace tally {
namespace {

std::unexpected<Error> invalid(std::string message) { return fail(Code::kInvalidArgument, std::move(message)); }

// The reader's errors speak of stored bytes; here the bytes are somebody's input.
template <class T>
Result<T> as_input(Result<T> result) {
  if (!result) return invalid(std::move(result.error().message));
  return result;
}

// Fixed-width cells behind each other. The bytes were checked to be there.
template <class T, class Out>
void widen(const uint8_t* from, std::span<Out> out) {
  for (size_t i = 0; i < out.size(); ++i) out[i] = load_le<T>(from + i * sizeof(T));
}

template <class Out>
void widen_by(unsigned width, const uint8_t* from, std::span<Out> out) {
  switch (width) {
    case 1: return widen<uint8_t>(from, out);
    case 2: return widen<uint16_t>(from, out);
    default: return widen<uint32_t>(from, out);
  }
}

template <class T>
void add_base(const uint8_t* from, uint64_t base, std::span<int64_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<int64_t>(base + load_le<T>(from + i * sizeof(T)));
  }
}

void spread_ints(unsigned width, const uint8_t* from, uint64_t base, std::span<int64_t> out) {
  switch (width) {
    case 0: return static_cast<void>(std::ranges::fill(out, static_cast<int64_t>(base)));
    case 1: return add_base<uint8_t>(from, base, out);
    case 2: return add_base<uint16_t>(from, base, out);
    case 4: return add_base<uint32_t>(from, base, out);
    default: return add_base<uint64_t>(from, base, out);
  }
}

Status read_nulls(ByteReader& in, uint32_t rows, bool has_nulls, std::vector<uint8_t>& nulls) {
  nulls.clear();
  if (!has_nulls) return {};
  TALLY_ASSIGN_OR_RETURN(ByteSpan bits, as_input(in.bytes((rows + 7) / 8, "null bitmap")));
  if (rows % 8 != 0 && (bits.back() >> (rows % 8)) != 0) {
    return invalid("null bitmap: a bit beyond the last row is set");
  }
  nulls.resize(rows);
  for (uint32_t i = 0; i < rows; ++i) {
    nulls[i] = static_cast<uint8_t>((bits[i / 8] >> (i % 8)) & 1);
  }
  return {};
}

Result<ByteSpan> exact_rest(ByteReader& in, uint64_t wanted, std::string_view what) {
  if (in.remaining() == wanted) return as_input(in.bytes(wanted, what));
  return invalid(std::string(what) + ": " + std::to_string(wanted) + " bytes expected, " +
                 std::to_string(in.remaining()) + " are there");
}

Result<unsigned> read_width(ByteReader& in, std::initializer_list<unsigned> allowed) {
  TALLY_ASSIGN_OR_RETURN(uint8_t width, as_input(in.u8("width")));
  if (std::ranges::find(allowed, width) != allowed.end()) return width;
  return invalid("width " + std::to_string(width) + " is not possible here");
}

// Values of a heap, one behind the other, whose lengths are known to add up to it.
Status check_heap(std::span<const uint16_t> lengths, uint64_t heap_bytes) {
  uint64_t total = 0;
  for (uint16_t length : lengths) total += length;
  if (total == heap_bytes) return {};
  return invalid("lengths add up to " + std::to_string(total) + " bytes, the heap has " + std::to_string(heap_bytes));
}

Status read_codes(ByteReader& in, unsigned width, uint32_t values, std::span<uint32_t> codes) {
  TALLY_ASSIGN_OR_RETURN(ByteSpan cells, exact_rest(in, uint64_t{codes.size()} * width, "codes"));
  widen_by(width, cells.data(), codes);
  uint32_t highest = 0;
  for (uint32_t code : codes) highest = std::max(highest, code);
  if (highest <= values) return {};
  auto bad = std::ranges::find_if(codes, [&](uint32_t code) { return code > values; });
  return invalid("row " + std::to_string(bad - codes.begin()) + ": code " + std::to_string(*bad) + " is above the " +
                 std::to_string(values) + " values of its dictionary");
}

Result<uint32_t> read_value_count(ByteReader& in, uint32_t rows) {
  TALLY_ASSIGN_OR_RETURN(uint32_t values, as_input(in.u32("number of values")));
  if (values <= rows) return values;
  return invalid("a dictionary of " + std::to_string(values) + " values for " + std::to_string(rows) + " rows");
}

void clear_nulls(std::span<const uint8_t> nulls, std::span<int64_t> values) {
  for (size_t i = 0; i < nulls.size(); ++i) values[i] = nulls[i] != 0 ? 0 : values[i];
}

}  // namespace

Status decode_ints(ByteSpan bytes, uint32_t rows, bool has_nulls, DecodedInts& out) {
  ByteReader in(bytes);
  TALLY_TRY(read_nulls(in, rows, has_nulls, out.nulls));
  TALLY_ASSIGN_OR_RETURN(unsigned width, read_width(in, {0, 1, 2, 4, 8}));
  TALLY_ASSIGN_OR_RETURN(uint64_t base, as_input(in.u64("base")));
  TALLY_ASSIGN_OR_RETURN(ByteSpan cells, exact_rest(in, uint64_t{rows} * width, "values"));
  out.values.resize(rows);
  spread_ints(width, cells.data(), base, out.values);
  clear_nulls(out.nulls, out.values);
  return {};
}

Status decode_uuids(ByteSpan bytes, uint32_t rows, std::vector<IdSlot>& ids, std::vector<IdKind>& kinds) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(ByteSpan cells, exact_rest(in, uint64_t{rows} * sizeof(IdSlot), "ids"));
  ids.resize(rows);
  kinds.assign(rows, IdKind::kUuid);
  if (rows > 0) std::memcpy(static_cast<void*>(ids.data()), cells.data(), cells.size());
  return {};
}

Status decode_ids(ByteSpan bytes, uint32_t rows, std::vector<IdSlot>& ids, std::vector<IdKind>& kinds) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(uint32_t heap_bytes, as_input(in.u32("heap bytes")));
  TALLY_ASSIGN_OR_RETURN(ByteSpan cells, as_input(in.bytes(size_t{rows} * 2, "id lengths")));
  std::vector<uint16_t> lengths(rows);
  widen<uint16_t>(cells.data(), std::span(lengths));
  std::vector<uint16_t> sizes = lengths;
  for (uint16_t& size : sizes) size = size == 0 ? sizeof(IdSlot) : size;
  TALLY_ASSIGN_OR_RETURN(ByteSpan heap, exact_rest(in, heap_bytes, "ids"));
  TALLY_TRY(check_heap(sizes, heap_bytes));
  ids.resize(rows);
  kinds.resize(rows);
  const uint8_t* at = heap.data();
  for (uint32_t i = 0; i < rows; ++i) {
    if (lengths[i] == 0) {
      std::memcpy(ids[i].raw, at, sizeof ids[i].raw);
      kinds[i] = IdKind::kUuid;
    } else {
      kinds[i] = canonical_id(as_text({at, sizes[i]}), ids[i]);
    }
    at += sizes[i];
  }
  return {};
}

Status decode_strings(ByteSpan bytes, uint32_t rows, bool has_nulls, std::vector<StringRef>& out) {
  ByteReader in(bytes);
  std::vector<uint8_t> nulls;
  TALLY_TRY(read_nulls(in, rows, has_nulls, nulls));
  TALLY_ASSIGN_OR_RETURN(unsigned width, read_width(in, {1, 2}));
  TALLY_ASSIGN_OR_RETURN(uint32_t heap_bytes, as_input(in.u32("heap bytes")));
  TALLY_ASSIGN_OR_RETURN(ByteSpan cells, as_input(in.bytes(size_t{rows} * width, "lengths")));
  std::vector<uint16_t> lengths(rows);
  widen_by(std::min(width, 2u), cells.data(), std::span(lengths));
  TALLY_ASSIGN_OR_RETURN(ByteSpan heap, exact_rest(in, heap_bytes, "strings"));
  TALLY_TRY(check_heap(lengths, heap_bytes));
  out.resize(rows);
  const uint8_t* at = heap.data();
  for (uint32_t i = 0; i < rows; ++i) {
    out[i] = StringRef(as_text({at, lengths[i]}));
    at += lengths[i];
  }
  for (uint32_t i = 0; i < nulls.size(); ++i) {
    if (nulls[i] == 0) continue;
    if (lengths[i] != 0) return invalid("row " + std::to_string(i) + ": a NULL with bytes");
    out[i] = StringRef::null();
  }
  return {};
}

Status decode_string_dictionary(ByteSpan bytes, uint32_t rows, DecodedDictionary& out) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(uint32_t values, read_value_count(in, rows));
  TALLY_ASSIGN_OR_RETURN(unsigned width, read_width(in, {1, 2, 4}));
  TALLY_ASSIGN_OR_RETURN(uint32_t heap_bytes, as_input(in.u32("heap bytes")));
  TALLY_ASSIGN_OR_RETURN(ByteSpan cells, as_input(in.bytes(size_t{values} * 2, "value lengths")));
  std::vector<uint16_t> lengths(values);
  widen<uint16_t>(cells.data(), std::span(lengths));
  TALLY_ASSIGN_OR_RETURN(ByteSpan heap, as_input(in.bytes(heap_bytes, "values")));
  TALLY_TRY(check_heap(lengths, heap_bytes));
  out.codes.resize(rows);
  TALLY_TRY(read_codes(in, width, values, out.codes));
  out.values.resize(values);
  const uint8_t* at = heap.data();
  for (uint32_t i = 0; i < values; ++i) {
    out.values[i] = as_text({at, lengths[i]});
    at += lengths[i];
  }
  return {};
}

Status decode_int_dictionary(ByteSpan bytes, uint32_t rows, DecodedDictionary& out) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(uint32_t values, read_value_count(in, rows));
  TALLY_ASSIGN_OR_RETURN(unsigned width, read_width(in, {1, 2, 4}));
  TALLY_ASSIGN_OR_RETURN(ByteSpan heap, as_input(in.bytes(size_t{values} * 8, "values")));
  out.codes.resize(rows);
  TALLY_TRY(read_codes(in, width, values, out.codes));
  out.values.resize(values);
  for (uint32_t i = 0; i < values; ++i) out.values[i] = as_text(heap.subspan(size_t{i} * 8, 8));
  return {};
}

}  // namespace tally
