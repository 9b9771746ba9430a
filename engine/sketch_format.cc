#include "engine/sketch_format.h"

#include <algorithm>

namespace tally {
namespace {

constexpr uint8_t kSparse = 1;
constexpr uint8_t kDense = 2;
constexpr size_t kPrefixBytes = 2;
constexpr size_t kSparseHeaderBytes = 6;  // behind the prefix
constexpr unsigned kRankBits = 6;

static_assert(hyperloglog_rank_max(kHyperLogLogPrecisionMin) < 1u << kRankBits);

uint64_t dense_bytes(uint8_t precision) { return packed_bytes(uint64_t{1} << precision, kRankBits); }

// What decides about the form, gathered register by register, ascending.
struct Shape {
  uint64_t count = 0;
  uint32_t next = 0;  // index that would be a gap of 0
  uint32_t widest_gap = 0;
  uint32_t widest_rank = 0;  // minus 1

  void add(uint32_t index, uint8_t rank) {
    widest_gap = std::max(widest_gap, index - next);
    widest_rank = std::max(widest_rank, uint32_t{rank} - 1);
    next = index + 1;
    ++count;
  }
  unsigned gap_width() const { return packed_width(widest_gap); }
  unsigned rank_width() const { return packed_width(widest_rank); }
  uint64_t sparse_bytes() const {
    return kSparseHeaderBytes + packed_bytes(count, gap_width()) + packed_bytes(count, rank_width());
  }
};

std::unexpected<Error> corrupt(std::string what) { return fail(Code::kCorruption, "sketch: " + std::move(what)); }

void encode_sparse(const Shape& shape, std::span<const uint32_t> gaps, std::span<const uint8_t> ranks_less_one,
                   Bytes& out) {
  ByteWriter writer(out);
  writer.u32(static_cast<uint32_t>(shape.count));
  writer.u8(static_cast<uint8_t>(shape.gap_width()));
  writer.u8(static_cast<uint8_t>(shape.rank_width()));
  pack_bits(gaps.size(), shape.gap_width(), out, [&](size_t i) { return gaps[i]; });
  pack_bits(gaps.size(), shape.rank_width(), out, [&](size_t i) { return ranks_less_one[i]; });
}

void encode_dense(uint8_t precision, std::span<const uint32_t> gaps, std::span<const uint8_t> ranks_less_one,
                  Bytes& out) {
  std::vector<uint8_t> registers(size_t{1} << precision);
  uint32_t next = 0;
  for (size_t i = 0; i < gaps.size(); ++i) {
    registers[next + gaps[i]] = static_cast<uint8_t>(ranks_less_one[i] + 1);
    next += gaps[i] + 1;
  }
  pack_bits(registers.size(), kRankBits, out, [&](size_t i) { return registers[i]; });
}

}  // namespace

void encode_sketch(uint8_t precision, std::span<const uint32_t> gaps, std::span<const uint8_t> ranks_less_one,
                   Bytes& out) {
  Shape shape{.count = gaps.size()};
  for (uint32_t gap : gaps) shape.widest_gap = std::max(shape.widest_gap, gap);
  for (uint8_t rank : ranks_less_one) shape.widest_rank = std::max(shape.widest_rank, uint32_t{rank});
  const bool sparse = shape.sparse_bytes() <= dense_bytes(precision);
  out.push_back(static_cast<uint8_t>(kSketchVersion << 4 | (sparse ? kSparse : kDense)));
  out.push_back(precision);
  if (sparse) {
    encode_sparse(shape, gaps, ranks_less_one, out);
  } else {
    encode_dense(precision, gaps, ranks_less_one, out);
  }
}

void encode_sketch(const HyperLogLog& sketch, Bytes& out) {
  std::vector<uint32_t> gaps;
  std::vector<uint8_t> ranks_less_one;
  uint32_t next = 0;
  sketch.for_each_register([&](uint32_t index, uint8_t rank) {
    gaps.push_back(index - next);
    ranks_less_one.push_back(static_cast<uint8_t>(rank - 1));
    next = index + 1;
  });
  encode_sketch(sketch.precision(), gaps, ranks_less_one, out);
}

Result<StoredSketch> StoredSketch::open(ByteSpan bytes) {
  if (bytes.size() < kPrefixBytes) return corrupt(std::to_string(bytes.size()) + " bytes");
  if (bytes[0] >> 4 != kSketchVersion) return corrupt("version " + std::to_string(bytes[0] >> 4) + " is not known");
  StoredSketch sketch;
  sketch.precision_ = bytes[1];
  if (sketch.precision_ < kHyperLogLogPrecisionMin || sketch.precision_ > kHyperLogLogPrecisionMax) {
    return corrupt("precision " + std::to_string(sketch.precision_));
  }
  const ByteSpan rest = bytes.subspan(kPrefixBytes);
  switch (bytes[0] & 15) {
    case kSparse: TALLY_TRY(sketch.open_sparse(rest)); break;
    case kDense: TALLY_TRY(sketch.open_dense(rest)); break;
    default: return corrupt("form " + std::to_string(bytes[0] & 15) + " is not known");
  }
  return sketch;
}

Status StoredSketch::open_sparse(ByteSpan rest) {
  ByteReader in(rest);
  TALLY_ASSIGN_OR_RETURN(const uint32_t count, in.u32("the registers of a sketch"));
  TALLY_ASSIGN_OR_RETURN(const unsigned gap_width, in.u8("the width of the gaps of a sketch"));
  TALLY_ASSIGN_OR_RETURN(const unsigned rank_width, in.u8("the width of the ranks of a sketch"));
  const uint64_t registers = uint64_t{1} << precision_;
  if (count > registers) return corrupt(std::to_string(count) + " registers of " + std::to_string(registers));
  if (gap_width > precision_ || rank_width > kRankBits) return corrupt("a gap or rank is too wide");
  if (rest.size() > dense_bytes(precision_)) return corrupt("a sparse form larger than the dense one");
  ByteSpan lists = rest.subspan(kSparseHeaderBytes);
  TALLY_ASSIGN_OR_RETURN(gaps_, take_bits(lists, count, gap_width));
  TALLY_ASSIGN_OR_RETURN(ranks_, take_bits(lists, count, rank_width));
  if (!lists.empty()) return corrupt(std::to_string(lists.size()) + " bytes behind its end");
  uint64_t next = 0;
  uint32_t widest_gap = 0, widest_rank = 0;
  for_each_entry([&](uint32_t gap, uint32_t rank) {
    next += uint64_t{gap} + 1;
    widest_gap = std::max(widest_gap, gap);
    widest_rank = std::max(widest_rank, rank);
  });
  if (next > registers) return corrupt("register " + std::to_string(next - 1) + " of " + std::to_string(registers));
  if (widest_rank > hyperloglog_rank_max(precision_)) return corrupt("rank " + std::to_string(widest_rank));
  const bool minimal =
      packed_width(widest_gap) == gap_width && packed_width(count == 0 ? 0 : widest_rank - 1) == rank_width;
  if (!minimal) return corrupt("gaps or ranks are stored wider than they need");
  return {};
}

Status StoredSketch::open_dense(ByteSpan rest) {
  if (rest.size() != dense_bytes(precision_)) {
    return corrupt(std::to_string(rest.size()) + " bytes of registers at precision " + std::to_string(precision_));
  }
  const uint8_t rank_max = hyperloglog_rank_max(precision_);
  Shape shape;
  uint32_t index = 0;
  uint32_t largest = 0;
  for (size_t at = 0; at < rest.size(); at += 3) {
    const uint32_t word = rest[at] | uint32_t{rest[at + 1]} << 8 | uint32_t{rest[at + 2]} << 16;
    for (unsigned shift = 0; shift < 24; shift += kRankBits, ++index) {
      const uint32_t rank = word >> shift & 0x3F;
      largest = std::max(largest, rank);
      if (rank != 0) shape.add(index, static_cast<uint8_t>(rank));
    }
  }
  if (largest > rank_max) return corrupt("rank " + std::to_string(largest));
  if (shape.sparse_bytes() <= rest.size()) return corrupt("a dense form that is no smaller than the sparse one");
  dense_ = rest;
  return {};
}

void StoredSketch::merge_into(HyperLogLog& into) const {
  TALLY_CHECK(into.precision() == precision_);
  if (!is_sparse()) return into.raise_all(dense_);
  for_each_register([&](uint32_t index, uint8_t rank) { into.raise(index, rank); });
}

Status StoredSketch::check_precision(uint8_t precision) const {
  if (precision_ == precision) return {};
  return corrupt("precision " + std::to_string(precision_) + " among sketches of precision " +
                 std::to_string(precision));
}

Status merge_stored_sketch(ByteSpan bytes, HyperLogLog& into) {
  TALLY_ASSIGN_OR_RETURN(const StoredSketch stored, StoredSketch::open(bytes));
  TALLY_TRY(stored.check_precision(into.precision()));
  stored.merge_into(into);
  return {};
}

}  // namespace tally
