#include "engine/segment_file.h"

#include "base/checksum.h"
#include "engine/encoding/lz4_block.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file is the format's other half

namespace {

SegmentInfo info_of(const Header& header, const Trailer& trailer, const Footer& footer) {
  SegmentInfo info;
  info.number = header.number;
  info.uuid = header.uuid;
  info.size = trailer.file_size;
  info.rows = footer.rows;
  info.events = footer.events;
  info.min_time = footer.min_time;
  info.max_time = footer.max_time;
  info.min_lsn = footer.min_lsn;
  info.max_lsn = footer.max_lsn;
  info.tier = header.tier;
  info.rollup_id = header.rollup_id;
  info.schema_version = header.schema_version;
  info.min_reader_version = header.min_reader_version;
  return info;
}

}  // namespace

Result<std::shared_ptr<const SegmentFile>> SegmentFile::open(FileSystem& fs, const std::string& path,
                                                             const SegmentInfo* expected) {
  Result<std::unique_ptr<File>> file = fs.open(path, OpenMode::kRead);
  if (!file) {
    Error error = std::move(file).error();
    if (expected != nullptr && error.code == Code::kNotFound) error.code = Code::kCorruption;  // the manifest lists it
    return std::unexpected(std::move(error));
  }
  return open(*std::move(file), expected);
}

Result<std::shared_ptr<const SegmentFile>> SegmentFile::open(std::unique_ptr<File> file, const SegmentInfo* expected) {
  std::shared_ptr<SegmentFile> segment(new SegmentFile);
  segment->file_ = std::move(file);
  const std::string& path = segment->path_ = segment->file_->path();
  Status read = segment->read_metadata();
  if (read && expected != nullptr) read = segment->check_expected(*expected);
  if (!read) {
    // Messages of the disk name the path themselves.
    Error error = std::move(read).error();
    bool named = error.message.find(path) != std::string::npos;
    return std::unexpected(named ? std::move(error) : std::move(error).with_context(path));
  }
  return segment;
}

Status SegmentFile::read_metadata() {
  TALLY_ASSIGN_OR_RETURN(uint64_t size, file_->size());
  if (size < kHeaderBytes + kTrailerBytes) {
    return fail(Code::kCorruption, "the file has " + std::to_string(size) + " bytes: it was cut off or never finished");
  }
  Bytes bytes(kHeaderBytes);
  TALLY_TRY(read_exactly(*file_, 0, bytes));
  TALLY_ASSIGN_OR_RETURN(header_, decode_header(bytes));
  digest_ = file_digest(header_.uuid);
  bytes.resize(kTrailerBytes);
  TALLY_TRY(read_exactly(*file_, size - kTrailerBytes, bytes));
  TALLY_ASSIGN_OR_RETURN(trailer_, decode_trailer(bytes));
  if (trailer_.file_size != size || trailer_.digest != digest_) {
    return fail(Code::kCorruption, "the trailer speaks of another file or of another size");
  }
  uint64_t before_trailer = size - kTrailerBytes;
  if (trailer_.footer_offset > before_trailer || trailer_.footer_length != before_trailer - trailer_.footer_offset ||
      trailer_.footer_length > kFooterBytesMax) {
    return fail(Code::kCorruption, "the trailer places the footer outside the file");
  }
  bytes.resize(trailer_.footer_length);
  TALLY_TRY(read_exactly(*file_, trailer_.footer_offset, bytes));
  if (xxh3(bytes) != trailer_.footer_sum) return fail(Code::kCorruption, "the sum of the footer does not match");
  TALLY_ASSIGN_OR_RETURN(footer_, decode_footer(bytes, trailer_.footer_offset));
  if (footer_.schema->version != header_.schema_version || header_.tier != Tier::kRaw) {
    return fail(Code::kCorruption, "header and footer disagree, or this is no raw segment");
  }
  info_ = info_of(header_, trailer_, footer_);
  return {};
}

Status SegmentFile::check_expected(const SegmentInfo& expected) {
  expected_ = true;
  info_.checksum = expected.checksum;  // of the whole file: verify() compares it
  if (info_ == expected) return {};
  if (info_.uuid != expected.uuid || info_.number != expected.number) {
    return fail(Code::kCorruption, "another file stands in its place: it is number " + std::to_string(info_.number) +
                                       " with id " + hex(info_.uuid) + ", and the manifest lists number " +
                                       std::to_string(expected.number) + " with id " + hex(expected.uuid));
  }
  return fail(Code::kCorruption, "it is not what the manifest lists: " + std::to_string(info_.size) + " bytes and " +
                                     std::to_string(info_.rows) + " rows, listed with " +
                                     std::to_string(expected.size) + " and " + std::to_string(expected.rows));
}

std::unexpected<Error> SegmentFile::at(const Place& place, Error error) const {
  std::string where = place.block < kAppendixBlock ? "block " + std::to_string(place.block)
                                                   : "appendix part " + std::to_string(place.block - kAppendixBlock);
  return std::unexpected(std::move(error).with_context(path_ + ": " + where + ", column " +
                                                       std::to_string(place.column_id) + ", offset " +
                                                       std::to_string(place.offset)));
}

Status SegmentFile::read_block(const Place& place, ColumnBytes& out) const {
  out.stored.resize(place.length);
  TALLY_TRY(read_exactly(*file_, place.offset, out.stored));
  Result<BlockHeader> header = decode_block(out.stored);
  if (!header) return at(place, std::move(header).error());
  if (header->digest != digest_ || header->block != place.block || header->column_id != place.column_id) {
    return at(place, {Code::kCorruption, "a block of another file or place: block " + std::to_string(header->block) +
                                             ", column " + std::to_string(header->column_id)});
  }
  if (header->rows != place.rows) {
    return at(place, {Code::kCorruption,
                      std::to_string(header->rows) + " rows, the directory says " + std::to_string(place.rows)});
  }
  out.header = *header;
  out.raw = stored_bytes(out.stored);
  if ((header->form.flags & kBlockLz4) == 0) return {};
  out.decompressed.resize(header->raw_length);
  if (Status done = lz4_decompress(out.raw, out.decompressed); !done) return at(place, std::move(done).error());
  out.raw = out.decompressed;
  return {};
}

Status SegmentFile::read_column(uint32_t block, size_t column, ColumnBytes& out) const {
  const BlockEntry& entry = footer_.blocks[block];
  Place place{.offset = entry.offset,
              .length = entry.column_lengths[column],
              .block = block,
              .column_id = footer_.columns[column].id,
              .rows = entry.info.rows};
  for (size_t i = 0; i < column; ++i) place.offset += entry.column_lengths[i];
  return read_block(place, out);
}

Status SegmentFile::read_appendix_part(size_t part, ColumnBytes& out) const {
  const AppendixPart& entry = footer_.appendix[part];
  Place place{.offset = entry.offset,
              .length = entry.length,
              .block = kAppendixBlock + static_cast<uint32_t>(part),
              .column_id = entry.dimension_id,
              .rows = entry.values};
  TALLY_TRY(read_block(place, out));
  if (out.header.form.encoding != Encoding::kValues) {
    return at(place, {Code::kCorruption, "an appendix part in an encoding for something else"});
  }
  return {};
}

}  // namespace tally
