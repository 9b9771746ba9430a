#include "engine/id_run_format.h"

#include <algorithm>

#include "base/checksum.h"
#include "engine/tagged_fields.h"

namespace tally::id_run_format {

namespace {

enum Tag : uint16_t {
  kStats = 1,   // u64 entries, i64 newest arrival, u64 max LSN
  kDays = 2,    // of each: i32 day, i64 newest event time
  kBlocks = 3,  // of each: u64 low word of the first key, u32 length
};

constexpr size_t kDayBytes = 12;
constexpr size_t kBlockEntryBytes = 12;
constexpr unsigned kDayBitsMax = 32;

std::unexpected<Error> corrupt(std::string message) { return fail(Code::kCorruption, std::move(message)); }

// Blocks of `entries` entries, all full but the last.
uint64_t blocks_for(uint64_t entries) {
  return entries / kIdRunBlockEntries + (entries % kIdRunBlockEntries == 0 ? 0 : 1);
}

Status read_stats(ByteReader& in, Footer& footer) {
  TALLY_ASSIGN_OR_RETURN(footer.entries, in.u64("the statistics"));
  TALLY_ASSIGN_OR_RETURN(footer.summary.newest_arrival_us, in.i64("the statistics"));
  TALLY_ASSIGN_OR_RETURN(footer.summary.max_lsn, in.u64("the statistics"));
  return skip_unknown_fields(in, "the statistics");
}

Status read_days(ByteReader& in, Footer& footer) {
  std::vector<NewestOfDay>& newest = footer.summary.newest;
  newest.reserve(in.remaining() / kDayBytes);
  while (!in.at_end()) {
    NewestOfDay day;
    TALLY_ASSIGN_OR_RETURN(day.day, in.read<int32_t>("a day"));
    TALLY_ASSIGN_OR_RETURN(day.event_us, in.i64("a day"));
    if (utc_day(day.event_us) != day.day || (!newest.empty() && newest.back().day >= day.day)) {
      return corrupt("footer: its days are out of order, or a newest event time is of another day");
    }
    newest.push_back(day);
  }
  return {};
}

Status read_blocks(ByteReader& in, Footer& footer) {
  footer.blocks.reserve(in.remaining() / kBlockEntryBytes);
  while (!in.at_end()) {
    BlockEntry block;
    TALLY_ASSIGN_OR_RETURN(block.first_lo, in.u64("a block"));
    TALLY_ASSIGN_OR_RETURN(block.length, in.u32("a block"));
    footer.blocks.push_back(block);
  }
  return {};
}

Status read_one(const Field& field, Footer& footer) {
  ByteReader in(field.bytes);
  switch (field.tag) {
    case kStats: return read_stats(in, footer);
    case kDays: return read_days(in, footer);
    case kBlocks: return read_blocks(in, footer);
    default: return skip_unknown_field(field, "the footer");
  }
}

// Lengths give offsets; each is bounded by what is left before the footer, so nothing overflows.
Status check_directory(const Footer& footer, uint64_t footer_offset) {
  if (footer.entries == 0 || footer.blocks.size() != blocks_for(footer.entries) || footer.summary.newest.empty()) {
    return corrupt("footer: entries, blocks and days do not agree");
  }
  uint64_t offset = kHeaderBytes;
  uint64_t last_lo = 0;
  for (const BlockEntry& block : footer.blocks) {
    if (block.length < kBlockBytesMin || block.length > kBlockBytesMax || block.length > footer_offset - offset) {
      return corrupt("footer: a block's length is out of range");
    }
    if (block.first_lo < last_lo) return corrupt("footer: its blocks are out of order");
    last_lo = block.first_lo;
    offset += block.length;
  }
  if (offset != footer_offset) return corrupt("footer: the blocks do not end where it begins");
  return {};
}

}  // namespace

void encode_header(const Header& header, ByteWriter& out) {
  Bytes bytes;
  ByteWriter fields(bytes);
  fields.bytes(as_bytes(kMagic));
  fields.u16(kFormatVersion);
  fields.u16(header.min_reader_version);
  fields.zeros(4);
  fields.bytes(header.uuid);
  fields.bytes(header.table_uuid);
  fields.u64(header.number);
  fields.u32(header.place.lateness_class);
  fields.u32(header.place.shard);
  fields.u32(header.place.shards);
  fields.u32(kIdRunBlockEntries);
  fields.i64(header.place.generation);
  fields.zeros(40);
  fields.u64(xxh3(bytes));
  TALLY_CHECK(bytes.size() == kHeaderBytes);
  out.bytes(bytes);
}

Result<Header> decode_header(ByteSpan bytes) {
  if (bytes.size() != kHeaderBytes || as_text(bytes.first(8)) != kMagic) return corrupt("this is no id run");
  if (load_le<uint64_t>(bytes.data() + 120) != xxh3(bytes.first(120))) {
    return corrupt("the sum of the header does not match");
  }
  Header header;
  header.min_reader_version = load_le<uint16_t>(bytes.data() + 10);
  if (header.min_reader_version > kReaderVersion) {
    return fail(Code::kUnsupported, "it asks for reader version " + std::to_string(header.min_reader_version) +
                                        ", and this is version " + std::to_string(kReaderVersion));
  }
  std::copy_n(bytes.begin() + 16, 16, header.uuid.begin());
  std::copy_n(bytes.begin() + 32, 16, header.table_uuid.begin());
  header.number = load_le<uint64_t>(bytes.data() + 48);
  header.place = {.lateness_class = load_le<uint32_t>(bytes.data() + 56),
                  .generation = load_le<int64_t>(bytes.data() + 72),
                  .shard = load_le<uint32_t>(bytes.data() + 60),
                  .shards = load_le<uint32_t>(bytes.data() + 64)};
  bool zero = load_le<uint32_t>(bytes.data() + 12) == 0 &&
              std::all_of(bytes.begin() + 80, bytes.begin() + 120, [](uint8_t byte) { return byte == 0; });
  if (!zero || load_le<uint32_t>(bytes.data() + 68) != kIdRunBlockEntries ||
      header.place.shard >= header.place.shards) {
    return corrupt("the header has a value that no run has");
  }
  return header;
}

uint64_t file_digest(const FileUuid& uuid) { return xxh3(uuid); }

void encode_block(uint64_t digest, uint32_t block, std::span<const SeenEntry> entries, Bytes& out) {
  const size_t n = entries.size();
  TALLY_CHECK(n >= 1 && n <= kIdRunBlockEntries);
  uint64_t steps = 0;
  int32_t base = entries[0].event_day;
  uint32_t days = 0;
  for (size_t i = 0; i < n; ++i) {
    if (i > 0) {
      TALLY_CHECK(entries[i - 1].key < entries[i].key);
      steps |= entries[i].key.lo - entries[i - 1].key.lo;
    }
    base = std::min(base, entries[i].event_day);
  }
  auto day_of = [&](size_t i) { return static_cast<uint32_t>(entries[i].event_day) - static_cast<uint32_t>(base); };
  for (size_t i = 0; i < n; ++i) days |= day_of(i);
  const unsigned step_width = packed_width(steps);
  const unsigned day_width = packed_width(days);
  const size_t start = out.size();
  ByteWriter fields(out);
  fields.u64(digest);
  fields.u32(block);
  fields.u16(static_cast<uint16_t>(n));
  fields.u8(static_cast<uint8_t>(step_width));
  fields.u8(static_cast<uint8_t>(day_width));
  fields.u64(entries[0].key.lo);
  fields.put(base);
  fields.u32(0);
  pack_bits(n - 1, step_width, out, [&](size_t i) { return entries[i + 1].key.lo - entries[i].key.lo; });
  pack_bits(n, day_width, out, [&](size_t i) { return uint64_t{day_of(i)}; });
  size_t at = out.size();
  out.resize(at + n * 12 + kBlockSumBytes);
  for (size_t i = 0; i < n; ++i) {
    store_le(out.data() + at + i * 8, entries[i].key.hi);
    store_le(out.data() + at + n * 8 + i * 4, entries[i].digest);
  }
  ByteSpan before = ByteSpan(out).subspan(start, out.size() - start - kBlockSumBytes);
  store_le(out.data() + out.size() - kBlockSumBytes, xxh3(before));
}

Result<BlockView> open_block(ByteSpan bytes, const BlockPlace& place) {
  if (bytes.size() < kBlockBytesMin) return corrupt("a block is cut off");
  ByteSpan before = bytes.first(bytes.size() - kBlockSumBytes);
  if (load_le<uint64_t>(bytes.data() + before.size()) != xxh3(before)) {
    return corrupt("the sum of the block does not match");
  }
  const uint8_t* at = bytes.data();
  const uint32_t entries = load_le<uint16_t>(at + 12);
  if (load_le<uint64_t>(at) != place.digest || load_le<uint32_t>(at + 8) != place.block) {
    return corrupt("a block of another file or place: block " + std::to_string(load_le<uint32_t>(at + 8)));
  }
  if (entries != place.entries || load_le<uint32_t>(at + 20) != place.first_top || load_le<uint32_t>(at + 28) != 0) {
    return corrupt("the block is not what the directory says");
  }
  if (at[15] > kDayBitsMax) return corrupt("days of " + std::to_string(at[15]) + " bits");
  BlockView view;
  view.entries = entries;
  view.first_lo = load_le<uint64_t>(at + 16);
  view.base_day = load_le<int32_t>(at + 24);
  ByteSpan rest = before.subspan(kBlockHeaderBytes);
  TALLY_ASSIGN_OR_RETURN(view.steps, take_bits(rest, entries - 1, at[14]));
  TALLY_ASSIGN_OR_RETURN(view.days, take_bits(rest, entries, at[15]));
  if (rest.size() != size_t{entries} * 12) return corrupt("the block's length is not that of its entries");
  view.highs = rest.data();
  view.digests = rest.data() + size_t{entries} * 8;
  return view;
}

Status decode_lows(const BlockView& view, std::span<uint64_t> lows) {
  TALLY_CHECK(lows.size() == view.entries);
  lows[0] = view.first_lo;
  view.steps.unpack(uint64_t{0}, lows.subspan(1));
  bool ascending = true;
  for (size_t i = 1; i < lows.size(); ++i) {
    ascending &= !__builtin_add_overflow(lows[i], lows[i - 1], &lows[i]);
    if (lows[i] == lows[i - 1]) [[unlikely]] {
      ascending &= load_le<uint64_t>(view.highs + (i - 1) * 8) < load_le<uint64_t>(view.highs + i * 8);
    }
  }
  return ascending ? Status{} : corrupt("the keys of the block do not ascend");
}

void decode_days(const BlockView& view, std::span<uint32_t> days) {
  TALLY_CHECK(days.size() == view.entries);
  view.days.unpack(static_cast<uint32_t>(view.base_day), days);
}

void encode_footer(const Footer& footer, ByteWriter& out) {
  put_field(out, kStats, [&](ByteWriter& field) {
    field.u64(footer.entries);
    field.i64(footer.summary.newest_arrival_us);
    field.u64(footer.summary.max_lsn);
  });
  put_field(out, kDays, [&](ByteWriter& field) {
    for (const NewestOfDay& day : footer.summary.newest) {
      field.put(day.day);
      field.i64(day.event_us);
    }
  });
  put_field(out, kBlocks, [&](ByteWriter& field) {
    for (const BlockEntry& block : footer.blocks) {
      field.u64(block.first_lo);
      field.u32(block.length);
    }
  });
}

Result<Footer> decode_footer(ByteSpan bytes, uint64_t footer_offset) {
  Footer footer;
  ByteReader in(bytes);
  uint16_t last_tag = 0;
  while (!in.at_end()) {
    TALLY_ASSIGN_OR_RETURN(Field field, read_field(in, "the footer"));
    uint16_t tag = field.tag & static_cast<uint16_t>(~kFieldMaySkip);
    if (tag <= last_tag) return corrupt("footer: its fields are not in order");
    last_tag = tag;
    TALLY_TRY(read_one(field, footer));
  }
  if (footer_offset < kHeaderBytes) return corrupt("footer: it begins inside the header");
  TALLY_TRY(check_directory(footer, footer_offset));
  return footer;
}

void encode_trailer(const Trailer& trailer, ByteWriter& out) {
  Bytes bytes;
  ByteWriter fields(bytes);
  for (uint64_t field : {trailer.footer_offset, trailer.footer_length, trailer.footer_sum, trailer.file_size,
                         trailer.digest, trailer.body_sum}) {
    fields.u64(field);
  }
  fields.u64(xxh3(bytes));
  fields.bytes(as_bytes(kEndMagic));
  TALLY_CHECK(bytes.size() == kTrailerBytes);
  out.bytes(bytes);
}

Result<Trailer> decode_trailer(ByteSpan bytes) {
  if (bytes.size() != kTrailerBytes || as_text(bytes.subspan(56)) != kEndMagic) {
    return corrupt("the trailer is missing: the file was cut off or never finished");
  }
  if (load_le<uint64_t>(bytes.data() + 48) != xxh3(bytes.first(48))) {
    return corrupt("the sum of the trailer does not match");
  }
  ByteReader in(bytes);
  Trailer trailer;
  for (uint64_t* field : {&trailer.footer_offset, &trailer.footer_length, &trailer.footer_sum, &trailer.file_size,
                          &trailer.digest, &trailer.body_sum}) {
    TALLY_ASSIGN_OR_RETURN(*field, in.u64("the trailer"));
  }
  return trailer;
}

}  // namespace tally::id_run_format
