#include "engine/dead_letter_format.h"

#include <algorithm>

#include "base/checksum.h"

namespace tally::dead_letter_format {

namespace {

constexpr size_t kHeaderSumAt = 120;
constexpr size_t kBlockSumAt = 16;
constexpr uint8_t kCompressedFlag = 1;
constexpr uint32_t kTextMax = 64 * limits::kKiB;
enum class BundleKind : uint8_t { kRows = 1, kTexts = 2 };

std::unexpected<Error> corrupt(std::string what) { return fail(Code::kCorruption, std::move(what)); }

uint64_t body_sum(ByteSpan header, ByteSpan stored) { return xxh3(stored, xxh3(header.first(kBlockSumAt))); }

Status check_version(const uint8_t* at) {
  const auto version = load_le<uint16_t>(at + 8), reader = load_le<uint16_t>(at + 10);
  if (reader > kReaderVersion) {
    return fail(Code::kUnsupported, "it was written by a newer Tally (format version " + std::to_string(version) +
                                        ", readable from version " + std::to_string(reader) +
                                        " on); this one knows version " + std::to_string(kReaderVersion));
  }
  if (version < 1 || reader < 1) return corrupt("a version of 0");
  return {};
}

void encode_letters(const LetterBundle& bundle, ByteWriter& out) {
  out.u32(static_cast<uint32_t>(bundle.letters.size()));
  for (const DeadLetter& letter : bundle.letters) {
    out.u32(letter.row);
    out.u32(static_cast<uint32_t>(letter.verdict));
    out.u64(letter.source_row);
  }
}

bool is_refusal(Verdict verdict) {
  return verdict == Verdict::kTooLate || verdict == Verdict::kTooEarly || verdict == Verdict::kPastRetention;
}

Status decode_letters(ByteReader& in, BundleKind kind, std::vector<DeadLetter>& letters) {
  TALLY_ASSIGN_OR_RETURN(uint32_t count, in.u32("number of letters"));
  if (count == 0 || count > in.remaining() / kLetterBytes)
    return corrupt("a bundle has an impossible number of letters");
  letters.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    DeadLetter letter;
    TALLY_ASSIGN_OR_RETURN(letter.row, in.u32("a letter"));
    TALLY_ASSIGN_OR_RETURN(uint32_t verdict, in.u32("a letter"));
    TALLY_ASSIGN_OR_RETURN(letter.source_row, in.u64("a letter"));
    letter.verdict =
        verdict <= static_cast<uint32_t>(Verdict::kRejected) ? static_cast<Verdict>(verdict) : Verdict::kAccepted;
    const bool fits = kind == BundleKind::kRows ? is_refusal(letter.verdict) : letter.verdict == Verdict::kRejected;
    if (!fits) return corrupt("a letter has a verdict that is none of its kind");
    if (i > 0 && letter.row <= letters.back().row) return corrupt("letters are out of order");
    letters.push_back(letter);
  }
  return {};
}

Status decode_payload(ByteReader& in, LetterBundle& bundle) {
  TALLY_ASSIGN_OR_RETURN(bundle.payload_xxh3, in.u64("sum of a payload"));
  TALLY_ASSIGN_OR_RETURN(uint32_t length, in.u32("length of a payload"));
  TALLY_ASSIGN_OR_RETURN(ByteSpan payload, in.bytes(length, "a payload"));
  if (length == 0 || xxh3(payload) != bundle.payload_xxh3) return corrupt("the sum of a payload does not match");
  bundle.payload.assign(payload.begin(), payload.end());
  return {};
}

Status decode_texts(ByteReader& in, LetterBundle& bundle) {
  for (const DeadLetter& letter : bundle.letters) {
    RejectedRow row{.source_row = letter.source_row, .code = {}, .message = {}, .raw = {}};
    TALLY_ASSIGN_OR_RETURN(uint8_t cut, in.u8("flag of a letter"));
    if (cut > 1) return corrupt("a letter has unknown flags");
    row.cut = cut != 0;
    TALLY_ASSIGN_OR_RETURN(row.code, in.string(kTextMax, "code of a letter"));
    TALLY_ASSIGN_OR_RETURN(row.message, in.string(kTextMax, "message of a letter"));
    TALLY_ASSIGN_OR_RETURN(row.raw, in.string(limits::kRejectedRawBytesMax, "raw text of a letter"));
    bundle.rejected.push_back(std::move(row));
  }
  return {};
}

Result<LetterBundle> decode_bundle(ByteReader& in) {
  LetterBundle bundle;
  TALLY_ASSIGN_OR_RETURN(bundle.lsn, in.u64("LSN of a bundle"));
  TALLY_ASSIGN_OR_RETURN(bundle.arrival_us, in.i64("arrival of a bundle"));
  TALLY_ASSIGN_OR_RETURN(uint8_t kind, in.u8("kind of a bundle"));
  TALLY_ASSIGN_OR_RETURN(uint8_t format, in.u8("format of a bundle"));
  TALLY_TRY(in.expect_zero(2, "a bundle"));
  const bool rows = kind == static_cast<uint8_t>(BundleKind::kRows);
  if (!rows && kind != static_cast<uint8_t>(BundleKind::kTexts)) return corrupt("a bundle of unknown kind");
  if (format > (rows ? 0 : static_cast<uint8_t>(RawFormat::kNdjson))) return corrupt("a bundle of unknown format");
  bundle.source.format = static_cast<RawFormat>(format);
  TALLY_ASSIGN_OR_RETURN(bundle.source.name, in.string(kTextMax, "source name"));
  TALLY_ASSIGN_OR_RETURN(bundle.source.header, in.string(kTextMax, "source header"));
  TALLY_ASSIGN_OR_RETURN(bundle.source.mapping, in.string(kTextMax, "source mapping"));
  TALLY_TRY(decode_letters(in, static_cast<BundleKind>(kind), bundle.letters));
  TALLY_TRY(rows ? decode_payload(in, bundle) : decode_texts(in, bundle));
  return bundle;
}

}  // namespace

Bytes encode_header(Header& header) {
  Bytes bytes;
  ByteWriter out(bytes);
  const LetterFileInfo& info = header.info;
  out.bytes(as_bytes(kMagic));
  out.u16(kFormatVersion);
  out.u16(kReaderVersion);
  out.u32(header.blocks);
  out.bytes(info.uuid);
  out.bytes(header.table_uuid);
  for (uint64_t value : {info.number, info.size, info.letters, info.marks, info.min_lsn, info.max_lsn}) out.u64(value);
  out.i64(info.min_arrival_us);
  out.i64(info.max_arrival_us);
  out.u64(header.blocks_sum);
  TALLY_CHECK(bytes.size() == kHeaderSumAt);
  header.info.checksum = xxh3(bytes);
  out.u64(header.info.checksum);
  return bytes;
}

Result<Header> decode_header(ByteSpan bytes) {
  if (bytes.size() < kHeaderBytes) return corrupt("the header is cut off");
  const uint8_t* at = bytes.data();
  if (as_text(bytes.first(kMagic.size())) != kMagic) return corrupt("this is no file of dead letters (no magic)");
  Header header;
  LetterFileInfo& info = header.info;
  info.checksum = load_le<uint64_t>(at + kHeaderSumAt);
  if (info.checksum != xxh3(bytes.first(kHeaderSumAt))) return corrupt("the sum of the header does not match");
  TALLY_TRY(check_version(at));
  header.blocks = load_le<uint32_t>(at + 12);
  std::copy_n(at + 16, 16, info.uuid.begin());
  std::copy_n(at + 32, 16, header.table_uuid.begin());
  uint64_t* numbers[] = {&info.number, &info.size, &info.letters, &info.marks, &info.min_lsn, &info.max_lsn};
  for (size_t i = 0; i < std::size(numbers); ++i) *numbers[i] = load_le<uint64_t>(at + 48 + 8 * i);
  info.min_arrival_us = load_le<int64_t>(at + 96);
  info.max_arrival_us = load_le<int64_t>(at + 104);
  header.blocks_sum = load_le<uint64_t>(at + 112);
  if (info.min_lsn > info.max_lsn || info.min_arrival_us > info.max_arrival_us || info.letters + info.marks == 0) {
    return corrupt("it has no letters, or a range that ends before it begins");
  }
  return header;
}

Result<BlockHeader> decode_block_header(ByteSpan bytes) {
  if (bytes.size() < kBlockHeaderBytes) return corrupt("the header of a block is cut off");
  const uint8_t* at = bytes.data();
  BlockHeader header;
  if (at[0] < 1 || at[0] > 2 || (at[1] & ~kCompressedFlag) != 0 || load_le<uint16_t>(at + 2) != 0) {
    return corrupt("a block of unknown kind or flags");
  }
  header.kind = static_cast<BlockKind>(at[0]);
  header.compressed = at[1] != 0;
  header.count = load_le<uint32_t>(at + 4);
  header.body_bytes = load_le<uint32_t>(at + 8);
  header.stored_bytes = load_le<uint32_t>(at + 12);
  header.sum = load_le<uint64_t>(at + kBlockSumAt);
  const bool sizes =
      header.compressed ? header.stored_bytes < header.body_bytes : header.stored_bytes == header.body_bytes;
  // No LZ4 block inflates by more than 255: a claim above it is false.
  const bool possible = header.body_bytes / 255 <= header.stored_bytes;
  if (!sizes || !possible || header.body_bytes > kBodyBytesMax || header.count == 0)
    return corrupt("a block of impossible size");
  return header;
}

uint64_t chain_sum(uint64_t blocks_sum, uint64_t block_sum) {
  uint8_t bytes[sizeof block_sum];
  store_le(bytes, block_sum);
  return xxh3(bytes, blocks_sum);
}

Bytes encode_block(BlockKind kind, uint32_t count, ByteSpan body, uint64_t& blocks_sum) {
  TALLY_CHECK(body.size() <= kBodyBytesMax);
  const Bytes packed = body.size() < kCompressBytesMin ? Bytes() : deflate_body(body);
  const ByteSpan stored = packed.empty() ? body : ByteSpan(packed);
  Bytes bytes;
  bytes.reserve(kBlockHeaderBytes + stored.size());
  ByteWriter out(bytes);
  out.u8(static_cast<uint8_t>(kind));
  out.u8(packed.empty() ? 0 : kCompressedFlag);
  out.u16(0);
  out.u32(count);
  out.u32(static_cast<uint32_t>(body.size()));
  out.u32(static_cast<uint32_t>(stored.size()));
  const uint64_t sum = body_sum(bytes, stored);
  out.u64(sum);
  out.bytes(stored);
  blocks_sum = chain_sum(blocks_sum, sum);
  return bytes;
}

Result<Bytes> decode_block(const BlockHeader& header, ByteSpan header_bytes, ByteSpan stored) {
  if (body_sum(header_bytes, stored) != header.sum) return corrupt("the sum of a block does not match");
  if (!header.compressed) return Bytes(stored.begin(), stored.end());
  auto body = inflate_body(stored, header.body_bytes);
  if (!body) return corrupt("a block cannot be inflated");
  return body;
}

void encode_marks(std::span<const LetterMark> marks, Bytes& body) {
  ByteWriter out(body);
  for (const LetterMark& mark : marks) {
    out.u64(mark.letter.lsn);
    out.u32(mark.letter.row);
    out.u32(0);
    out.u64(mark.replayed_lsn);
  }
}

Result<std::vector<LetterMark>> decode_marks(ByteSpan body, uint32_t count) {
  if (body.size() != uint64_t{count} * kMarkBytes) return corrupt("a block of marks has another size than its marks");
  std::vector<LetterMark> marks;
  marks.reserve(count);
  for (const uint8_t* at = body.data(); at != body.data() + body.size(); at += kMarkBytes) {
    const LetterMark mark{{load_le<uint64_t>(at), load_le<uint32_t>(at + 8)}, load_le<uint64_t>(at + 16)};
    if (load_le<uint32_t>(at + 12) != 0 || mark.replayed_lsn <= mark.letter.lsn) return corrupt("an impossible mark");
    if (!marks.empty() && mark.letter <= marks.back().letter) return corrupt("marks are out of order");
    marks.push_back(mark);
  }
  return marks;
}

void encode_bundle(const LetterBundle& bundle, Bytes& body) {
  TALLY_CHECK(!bundle.letters.empty() && (bundle.has_rows() || bundle.rejected.size() == bundle.letters.size()));
  ByteWriter out(body);
  out.u64(bundle.lsn);
  out.i64(bundle.arrival_us);
  out.u8(static_cast<uint8_t>(bundle.has_rows() ? BundleKind::kRows : BundleKind::kTexts));
  out.u8(static_cast<uint8_t>(bundle.source.format));
  out.u16(0);
  out.string(bundle.source.name);
  out.string(bundle.source.header);
  out.string(bundle.source.mapping);
  encode_letters(bundle, out);
  if (bundle.has_rows()) {
    out.u64(bundle.payload_xxh3);
    out.u32(static_cast<uint32_t>(bundle.payload.size()));
    out.bytes(bundle.payload);
  }
  for (const RejectedRow& row : bundle.rejected) {
    out.u8(row.cut);
    out.string(row.code);
    out.string(row.message);
    out.string(row.raw);
  }
}

Result<std::vector<LetterBundle>> decode_bundles(ByteSpan body, uint32_t letters) {
  std::vector<LetterBundle> bundles;
  ByteReader in(body);
  uint64_t count = 0;
  while (!in.at_end()) {
    const size_t at = in.offset();
    auto bundle = decode_bundle(in);
    if (!bundle) {
      return std::unexpected(std::move(bundle).error().with_context("bundle at byte " + std::to_string(at)));
    }
    if (!bundles.empty() && bundle->lsn < bundles.back().lsn) return corrupt("bundles are out of order");
    count += bundle->letters.size();
    bundles.push_back(*std::move(bundle));
  }
  if (count != letters) return corrupt("a block has another number of letters than it says");
  return bundles;
}

}  // namespace tally::dead_letter_format
