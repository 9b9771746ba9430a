#include "tests/support/engine/segment_surgery.h"

#include <algorithm>

#include "base/checksum.h"
#include "engine/encoding/lz4_block.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file is about nothing else

SegmentSurgery::SegmentSurgery(Bytes file) {
  const ByteSpan bytes = file;
  const Trailer trailer = decode_trailer(bytes.last(kTrailerBytes)).value();
  footer = decode_footer(bytes.subspan(trailer.footer_offset, trailer.footer_length), trailer.footer_offset).value();
  head_.assign(file.begin(), file.begin() + kHeaderBytes);
  body_.assign(file.begin() + kHeaderBytes, file.begin() + static_cast<ptrdiff_t>(trailer.footer_offset));
  digest_ = trailer.digest;
}

ByteSpan SegmentSurgery::index_part(size_t part) const {
  const IndexPart& entry = footer.indexes.at(part);
  return stored_bytes(ByteSpan(body_).subspan(entry.offset - kHeaderBytes, entry.length));
}

void SegmentSurgery::replace_index_part(size_t part, ByteSpan content, uint32_t values) {
  IndexPart& entry = footer.indexes.at(part);
  const Bytes copy(content.begin(), content.end());
  entry.values = values;
  replace(entry.offset, entry.length,
          {.digest = digest_,
           .block = kIndexBlock + static_cast<uint32_t>(part),
           .column_id = entry.column_id,
           .form = {entry.kind, 0},
           .rows = values},
          copy);
}

std::vector<SegmentSurgery::Entry> SegmentSurgery::appendix_part(size_t part) const {
  const AppendixPart& entry = footer.appendix.at(part);
  const ByteSpan block = ByteSpan(body_).subspan(entry.offset - kHeaderBytes, entry.length);
  const BlockHeader header = decode_block(block).value();
  Bytes raw(header.raw_length);
  if ((header.form.flags & kBlockLz4) != 0) {
    TALLY_CHECK(lz4_decompress(stored_bytes(block), raw).has_value());
  } else {
    std::copy_n(stored_bytes(block).begin(), raw.size(), raw.begin());
  }
  std::vector<uint32_t> codes(entry.values);
  std::vector<StringRef> values(entry.values);
  TALLY_CHECK(decode_appendix(header.form, raw, codes, values).has_value());
  std::vector<Entry> entries;
  for (size_t i = 0; i < codes.size(); ++i) entries.push_back({codes[i], std::string(values[i].view())});
  return entries;
}

void SegmentSurgery::replace_appendix_part(size_t part, const std::vector<Entry>& entries) {
  AppendixPart& entry = footer.appendix.at(part);
  Bytes raw;  // codes, then strings with lengths of two bytes (engine/encoding/string_list.h)
  ByteWriter out(raw);
  for (const Entry& value : entries) out.u32(value.code);
  out.u8(2);
  for (const Entry& value : entries) out.u16(static_cast<uint16_t>(value.value.size()));
  for (const Entry& value : entries) out.bytes(as_bytes(value.value));
  entry.values = static_cast<uint32_t>(entries.size());
  entry.first_code = entries.front().code;
  entry.last_code = entries.back().code;
  entry.form = {Encoding::kValues, 0};
  replace(entry.offset, entry.length,
          {.digest = digest_,
           .block = kAppendixBlock + static_cast<uint32_t>(part),
           .column_id = entry.dimension_id,
           .form = entry.form,
           .rows = entry.values},
          raw);
}

void SegmentSurgery::respell(size_t part, std::string_view from, std::string_view to) {
  AppendixPart& entry = footer.appendix.at(part);
  const ByteSpan block = ByteSpan(body_).subspan(entry.offset - kHeaderBytes, entry.length);
  const BlockHeader header = decode_block(block).value();
  TALLY_CHECK((header.form.flags & kBlockLz4) == 0 && from.size() == to.size());
  Bytes content(stored_bytes(block).begin(), stored_bytes(block).end());
  const size_t at = as_text(content).find(from);
  TALLY_CHECK(at != std::string_view::npos);
  std::copy(to.begin(), to.end(), content.begin() + static_cast<ptrdiff_t>(at));
  replace(entry.offset, entry.length, header, content);
}

void SegmentSurgery::insert_column(size_t place, const StoredColumn& column) {
  const BlockForm form{Encoding::kConstant, 0};
  const Bytes zero(sizeof(int64_t));
  uint64_t grown = 0;
  for (size_t block = 0; block < footer.blocks.size(); ++block) {
    BlockEntry& entry = footer.blocks[block];
    entry.offset += grown;
    uint64_t at = entry.offset - kHeaderBytes;
    for (size_t before = 0; before < place; ++before) at += entry.columns[before].length;
    Bytes bytes;
    ByteWriter out(bytes);
    encode_block({.digest = digest_,
                  .block = static_cast<uint32_t>(block),
                  .column_id = column.id,
                  .form = form,
                  .rows = entry.info.rows,
                  .raw_length = static_cast<uint32_t>(zero.size())},
                 zero, out);
    body_.insert(body_.begin() + static_cast<ptrdiff_t>(at), bytes.begin(), bytes.end());
    entry.columns.insert(entry.columns.begin() + static_cast<ptrdiff_t>(place),
                         {.length = static_cast<uint32_t>(bytes.size()), .form = form});
    grown += bytes.size();
  }
  for (AppendixPart& part : footer.appendix) part.offset += grown;
  for (IndexPart& part : footer.indexes) part.offset += grown;
  footer.columns.insert(footer.columns.begin() + static_cast<ptrdiff_t>(place), column);
}

void SegmentSurgery::replace(uint64_t offset, uint32_t& length, const BlockHeader& header, ByteSpan content) {
  BlockHeader of_content = header;
  of_content.raw_length = static_cast<uint32_t>(content.size());
  Bytes block;
  ByteWriter out(block);
  encode_block(of_content, content, out);
  const auto at = body_.begin() + static_cast<ptrdiff_t>(offset - kHeaderBytes);
  const auto behind = body_.erase(at, at + length);
  body_.insert(behind, block.begin(), block.end());
  const uint64_t grown = block.size() - length;  // modulo 2^64
  length = static_cast<uint32_t>(block.size());
  for (AppendixPart& other : footer.appendix) other.offset += other.offset > offset ? grown : 0;
  for (IndexPart& other : footer.indexes) other.offset += other.offset > offset ? grown : 0;
}

Bytes SegmentSurgery::file() const {
  Bytes file = head_;
  file.insert(file.end(), body_.begin(), body_.end());
  Trailer trailer{.footer_offset = file.size(), .digest = digest_};
  Bytes tail;
  ByteWriter writer(tail);
  encode_footer(footer, writer);
  file.insert(file.end(), tail.begin(), tail.end());
  trailer.footer_length = tail.size();
  trailer.footer_sum = xxh3(tail);
  trailer.file_size = file.size() + kTrailerBytes;
  trailer.body_sum = xxh3(file);
  ByteWriter end(file);
  encode_trailer(trailer, end);
  return file;
}

}  // namespace tally
