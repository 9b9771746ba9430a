#include "engine/segment_file.h"

#include <algorithm>

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
                                                             const SegmentInfo* expected,
                                                             std::shared_ptr<BlockCache> cache) {
  Result<std::unique_ptr<File>> file = fs.open(path, OpenMode::kRead);
  if (!file) {
    Error error = std::move(file).error();
    if (expected != nullptr && error.code == Code::kNotFound) error.code = Code::kCorruption;  // the manifest lists it
    return std::unexpected(std::move(error));
  }
  return open(*std::move(file), expected, std::move(cache));
}

Result<std::shared_ptr<const SegmentFile>> SegmentFile::open(std::unique_ptr<File> file, const SegmentInfo* expected,
                                                             std::shared_ptr<BlockCache> cache) {
  std::shared_ptr<SegmentFile> segment(new SegmentFile);
  segment->file_ = std::move(file);
  segment->cache_ = std::move(cache);
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
  if (footer_.schema->version != header_.schema_version || header_.tier != footer_.tier ||
      header_.rollup_id != footer_.rollup_id) {
    return fail(Code::kCorruption, "header and footer disagree");
  }
  info_ = info_of(header_, trailer_, footer_);
  return {};
}

Status SegmentFile::check_expected(const SegmentInfo& expected) {
  expected_ = true;
  info_.checksum = expected.checksum;  // of the whole file: verify() compares it
  info_.newest_arrival_us = expected.newest_arrival_us;
  info_.days = expected.days;  // the sections, whose rows are compared below
  if (info_ == expected) return check_days(expected);
  if (info_.uuid != expected.uuid || info_.number != expected.number) {
    return fail(Code::kCorruption, "another file stands in its place: it is number " + std::to_string(info_.number) +
                                       " with id " + hex(info_.uuid) + ", and the manifest lists number " +
                                       std::to_string(expected.number) + " with id " + hex(expected.uuid));
  }
  return fail(Code::kCorruption, "it is not what the manifest lists: " + std::to_string(info_.size) + " bytes and " +
                                     std::to_string(info_.rows) + " rows, listed with " +
                                     std::to_string(expected.size) + " and " + std::to_string(expected.rows));
}

Status SegmentFile::check_days(const SegmentInfo& expected) const {
  auto same = [](const SegmentReader::Section& section, const SegmentDay& day) {
    return section.day == day.day && section.rows == day.rows;
  };
  if (expected.days.empty() || std::ranges::equal(footer_.sections, expected.days, same)) return {};
  return fail(Code::kCorruption, "its days are not those that the manifest lists");
}

std::unexpected<Error> SegmentFile::at(const Place& place, Error error) const {
  std::string where = "block " + std::to_string(place.block);
  if (place.block >= kAppendixBlock) where = "appendix part " + std::to_string(place.block - kAppendixBlock);
  if (place.block >= kIndexBlock) where = "index part " + std::to_string(place.block - kIndexBlock);
  return std::unexpected(std::move(error).with_context(path_ + ": " + where + ", column \"" +
                                                       column_name(*footer_.schema, place.column_id) + "\", offset " +
                                                       std::to_string(place.offset)));
}

Status SegmentFile::read_block(const Place& place, ColumnBytes& out) const {
  out.cached.reset();
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
  if (header->form != place.form) {
    return at(place, {Code::kCorruption, "it is encoded as " + std::string(encoding_name(header->form.encoding)) +
                                             ", the directory says " + std::string(encoding_name(place.form.encoding)) +
                                             " or other flags"});
  }
  out.header = *header;
  out.raw = stored_bytes(out.stored);
  if ((header->form.flags & kBlockLz4) == 0) return {};
  out.decompressed.resize(header->raw_length);
  if (Status done = lz4_decompress(out.raw, out.decompressed); !done) return at(place, std::move(done).error());
  out.raw = out.decompressed;
  return {};
}

SegmentFile::Place SegmentFile::place_of_column(uint32_t block, size_t column) const {
  const BlockEntry& entry = footer_.blocks[block];
  Place place{.offset = entry.offset,
              .length = entry.columns[column].length,
              .block = block,
              .column_id = footer_.columns[column].id,
              .rows = entry.info.rows,
              .form = entry.columns[column].form};
  for (size_t i = 0; i < column; ++i) place.offset += entry.columns[i].length;
  return place;
}

Status SegmentFile::read_column(uint32_t block, size_t column, ColumnBytes& out) const {
  return read_block(place_of_column(block, column), out);
}

Status SegmentFile::cached_column(uint32_t block, size_t column, ColumnBytes& out) const {
  if (!cache_) return read_column(block, column, out);
  const BlockCache::Key key{digest_, block, footer_.columns[column].id};
  auto found = std::static_pointer_cast<const ColumnBytes>(cache_->find(key));
  if (!found) {
    auto read = std::make_shared<ColumnBytes>();
    TALLY_TRY(read_column(block, column, *read));
    if (!read->decompressed.empty()) Bytes().swap(read->stored);
    found = std::move(read);
    cache_->insert(key, found, sizeof(ColumnBytes) + found->stored.capacity() + found->decompressed.capacity());
  }
  out.header = found->header;
  out.raw = found->raw;
  out.cached = std::move(found);
  return {};
}

SegmentFile::Place SegmentFile::place_of_appendix(size_t part) const {
  const AppendixPart& entry = footer_.appendix[part];
  return {.offset = entry.offset,
          .length = entry.length,
          .block = kAppendixBlock + static_cast<uint32_t>(part),
          .column_id = entry.dimension_id,
          .rows = entry.values,
          .form = entry.form};
}

Status SegmentFile::read_appendix_part(size_t part, ColumnBytes& bytes, std::vector<uint32_t>& codes,
                                       std::vector<StringRef>& values) const {
  const Place place = place_of_appendix(part);
  TALLY_TRY(read_block(place, bytes));
  codes.resize(place.rows);
  values.resize(place.rows);
  Status decoded = decode_appendix(place.form, bytes.raw, codes, values);
  return decoded ? decoded : at(place, std::move(decoded).error());
}

Status SegmentFile::read_index_part(size_t part, ColumnBytes& out) const {
  const IndexPart& entry = footer_.indexes[part];
  return read_block({.offset = entry.offset,
                     .length = entry.length,
                     .block = kIndexBlock + static_cast<uint32_t>(part),
                     .column_id = entry.column_id,
                     .rows = entry.values,
                     .form = {entry.kind, 0}},
                    out);
}

// `read` makes a Loaded of a part's bytes and says how much memory it takes.
template <class Loaded, class Read>
Result<std::shared_ptr<const Loaded>> SegmentFile::load_index(Encoding kind, uint32_t column_id, Read read) const {
  std::optional<size_t> part = footer_.find_index(kind, column_id);
  if (!part) return nullptr;
  const BlockCache::Key key{digest_, kIndexBlock + static_cast<uint32_t>(*part), column_id};
  if (cache_) {
    if (auto found = std::static_pointer_cast<const Loaded>(cache_->find(key))) return found;
  }
  ColumnBytes bytes;
  TALLY_TRY(read_index_part(*part, bytes));
  auto loaded = std::make_shared<Loaded>();
  Result<uint64_t> memory = read(std::move(bytes), *loaded);
  if (!memory) {
    return std::unexpected(std::move(memory).error().with_context(path_ + ": index part " + std::to_string(*part)));
  }
  if (cache_) cache_->insert(key, loaded, *memory);
  return loaded;
}

Result<std::shared_ptr<const LoadedBlockIndex>> SegmentFile::block_index(uint32_t column_id) const {
  auto read = [this](ColumnBytes bytes, LoadedBlockIndex& loaded) -> Result<uint64_t> {
    loaded.bytes = std::move(bytes);
    TALLY_ASSIGN_OR_RETURN(loaded.index,
                           BlockIndex::open(loaded.bytes.raw, static_cast<uint32_t>(footer_.blocks.size())));
    return loaded.bytes.stored.size();
  };
  return load_index<LoadedBlockIndex>(Encoding::kBlockIndex, column_id, read);
}

Result<std::shared_ptr<const LoadedIdFilter>> SegmentFile::id_filter() const {
  auto read = [](ColumnBytes bytes, LoadedIdFilter& loaded) -> Result<uint64_t> {
    loaded.bytes = std::move(bytes);
    TALLY_ASSIGN_OR_RETURN(loaded.filter, IdFilter::open(loaded.bytes.raw));
    return loaded.bytes.stored.size();
  };
  const Schema& schema = *footer_.schema;
  return load_index<LoadedIdFilter>(Encoding::kIdFilter, schema.columns[schema.id_column()].id, read);
}

Result<std::shared_ptr<const RecordTimeTable>> SegmentFile::record_times() const {
  auto read = [](const ColumnBytes& bytes, RecordTimeTable& loaded) -> Result<uint64_t> {
    TALLY_ASSIGN_OR_RETURN(loaded, RecordTimeTable::decode(bytes.raw, bytes.header.rows));
    return loaded.memory_bytes();
  };
  return load_index<RecordTimeTable>(Encoding::kRecordTimes, kLsnColumn, read);
}

}  // namespace tally
