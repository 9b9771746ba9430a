#include "engine/roaring_validator.h"

#include <bit>

namespace tally {

namespace {

constexpr uint32_t kCookie = 12346;
constexpr uint32_t kCookieRuns = 12347;
constexpr size_t kOffsetsFrom = 4;  // containers, from which on runs have offsets too
constexpr uint32_t kArrayMax = 4096;
constexpr size_t kBitmapBytes = 8192;
constexpr size_t kHeaderEntryBytes = 4;

std::unexpected<Error> corrupt(size_t offset, std::string_view what) {
  return fail(Code::kCorruption, "Roaring bitmap, offset " + std::to_string(offset) + ": " + std::string(what));
}

struct Layout {
  size_t containers = 0;
  ByteSpan run_bits;  // empty: none holds runs
  ByteSpan header;
  ByteSpan offsets;  // empty: left out

  bool has_runs(size_t i) const { return !run_bits.empty() && (run_bits[i / 8] >> i % 8 & 1u) != 0; }
  uint16_t key(size_t i) const { return load_le<uint16_t>(header.data() + i * kHeaderEntryBytes); }
  uint32_t cardinality(size_t i) const {
    return uint32_t{load_le<uint16_t>(header.data() + i * kHeaderEntryBytes + 2)} + 1;
  }
};

Status read_run_bits(ByteReader& in, Layout& layout) {
  TALLY_ASSIGN_OR_RETURN(layout.run_bits, in.bytes((layout.containers + 7) / 8, "which containers hold runs"));
  int with_runs = 0;
  for (uint8_t byte : layout.run_bits) with_runs += std::popcount(byte);
  if (with_runs == 0) return corrupt(in.offset(), "the cookie of runs, and no container holds any");
  if (layout.containers % 8 != 0 && layout.run_bits.back() >> layout.containers % 8 != 0) {
    return corrupt(in.offset(), "bits beyond the last container");
  }
  return {};
}

Result<Layout> read_layout(ByteReader& in) {
  Layout layout;
  TALLY_ASSIGN_OR_RETURN(uint32_t cookie, in.u32("the cookie"));
  if ((cookie & 0xFFFF) == kCookieRuns) {
    layout.containers = (cookie >> 16) + 1;
    TALLY_TRY(read_run_bits(in, layout));
  } else if (cookie == kCookie) {
    TALLY_ASSIGN_OR_RETURN(layout.containers, in.u32("the number of containers"));
    if (layout.containers > 65'536) return corrupt(4, "more containers than keys");
  } else {
    return corrupt(0, "no cookie that is known");
  }
  TALLY_ASSIGN_OR_RETURN(layout.header, in.bytes(layout.containers * kHeaderEntryBytes, "keys and cardinalities"));
  for (size_t i = 1; i < layout.containers; ++i) {
    if (layout.key(i) <= layout.key(i - 1)) return corrupt(in.offset(), "keys do not ascend");
  }
  if (layout.run_bits.empty() || layout.containers >= kOffsetsFrom) {
    TALLY_ASSIGN_OR_RETURN(layout.offsets, in.bytes(layout.containers * sizeof(uint32_t), "offsets"));
  }
  return layout;
}

// Each of these returns the largest of the 16-bit values.
Result<uint32_t> check_runs(ByteReader& in, uint32_t cardinality) {
  TALLY_ASSIGN_OR_RETURN(uint16_t runs, in.u16("the number of runs"));
  TALLY_ASSIGN_OR_RETURN(ByteSpan bytes, in.bytes(size_t{runs} * 4, "runs"));
  uint32_t free_from = 0;  // the lowest value at which the next run may begin
  uint32_t values = 0;
  for (size_t i = 0; i < runs; ++i) {
    uint32_t first = load_le<uint16_t>(bytes.data() + i * 4);
    uint32_t length = uint32_t{load_le<uint16_t>(bytes.data() + i * 4 + 2)} + 1;
    if (first < free_from) return corrupt(in.offset(), "runs overlap or touch");
    if (first + length > 65'536) return corrupt(in.offset(), "a run reaches beyond its container");
    values += length;
    free_from = first + length + 1;
  }
  if (values != cardinality) return corrupt(in.offset(), "runs of another cardinality than told");
  return free_from - 2;
}

Result<uint32_t> check_array(ByteReader& in, uint32_t cardinality) {
  TALLY_ASSIGN_OR_RETURN(ByteSpan bytes, in.bytes(size_t{cardinality} * 2, "values"));
  uint32_t last = load_le<uint16_t>(bytes.data());
  for (size_t i = 1; i < cardinality; ++i) {
    uint32_t value = load_le<uint16_t>(bytes.data() + i * 2);
    if (value <= last) return corrupt(in.offset(), "values do not ascend");
    last = value;
  }
  return last;
}

Result<uint32_t> check_bitmap(ByteReader& in, uint32_t cardinality) {
  TALLY_ASSIGN_OR_RETURN(ByteSpan bytes, in.bytes(kBitmapBytes, "a bitmap"));
  uint32_t values = 0;
  uint32_t last = 0;
  for (uint32_t word = 0; word < kBitmapBytes / 8; ++word) {
    auto bits = load_le<uint64_t>(bytes.data() + size_t{word} * 8);
    if (bits == 0) continue;
    values += static_cast<uint32_t>(std::popcount(bits));
    last = word * 64 + 63 - static_cast<uint32_t>(std::countl_zero(bits));
  }
  if (values != cardinality) return corrupt(in.offset(), "a bitmap of another cardinality than told");
  return last;
}

Result<uint32_t> check_container(const Layout& layout, size_t i, ByteReader& in) {
  uint32_t cardinality = layout.cardinality(i);
  if (layout.has_runs(i)) return check_runs(in, cardinality);
  return cardinality <= kArrayMax ? check_array(in, cardinality) : check_bitmap(in, cardinality);
}

}  // namespace

Status validate_roaring(ByteSpan bytes, uint64_t values_end) {
  ByteReader in(bytes);
  TALLY_ASSIGN_OR_RETURN(Layout layout, read_layout(in));
  for (size_t i = 0; i < layout.containers; ++i) {
    if (!layout.offsets.empty() && load_le<uint32_t>(layout.offsets.data() + i * 4) != in.offset()) {
      return corrupt(in.offset(), "a container does not begin where its offset says");
    }
    TALLY_ASSIGN_OR_RETURN(uint32_t last, check_container(layout, i, in));
    if ((uint64_t{layout.key(i)} << 16 | last) >= values_end) return corrupt(in.offset(), "a value out of range");
  }
  return in.expect_end("a Roaring bitmap");
}

}  // namespace tally
