// An open segment file with its checked metadata, and the one way its blocks are read: what the reader, its verification and
// its description stand on. Constant after open(): shared freely between threads.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "engine/block_cache.h"
#include "engine/block_index.h"
#include "engine/id_filter.h"
#include "engine/record_times.h"
#include "engine/segment_format.h"

namespace tally {

// The bytes of one column block: as stored, and decompressed where they were compressed. Reuse it: its memory stays.
struct ColumnBytes {
  Bytes stored;
  Bytes decompressed;
  ByteSpan raw;  // into one of the two, or into `cached`
  segment_format::BlockHeader header;
  std::shared_ptr<const ColumnBytes> cached;  // keeps what the block cache has given
};

// Index parts, read and checked, with the bytes that they view.
struct LoadedBlockIndex {
  ColumnBytes bytes;
  BlockIndex index;
};
struct LoadedIdFilter {
  ColumnBytes bytes;
  IdFilter filter;
};

class SegmentFile {
 public:
  // As SegmentReader::open().
  static Result<std::shared_ptr<const SegmentFile>> open(FileSystem& fs, const std::string& path,
                                                         const SegmentInfo* expected,
                                                         std::shared_ptr<BlockCache> cache = nullptr);

  static Result<std::shared_ptr<const SegmentFile>> open(std::unique_ptr<File> file, const SegmentInfo* expected,
                                                         std::shared_ptr<BlockCache> cache = nullptr);

  const std::string& path() const { return path_; }
  const segment_format::Header& header() const { return header_; }
  const segment_format::Trailer& trailer() const { return trailer_; }
  const segment_format::Footer& footer() const { return footer_; }
  const SegmentInfo& info() const { return info_; }  // checksum 0 where nobody was expecting one
  bool expected() const { return expected_; }
  File& file() const { return *file_; }

  // `column` is the position in footer().columns. Checks sums, file, number, column, rows and form against the directory.
  // read_: from the file, always; cached_: through the block cache where there is one.
  Status read_column(uint32_t block, size_t column, ColumnBytes& out) const;
  Status cached_column(uint32_t block, size_t column, ColumnBytes& out) const;
  // Of an appendix part the codes, ascending, and what they stand for: room is made only once the part's sums were found right.
  // Long values point into `bytes`.
  Status read_appendix_part(size_t part, ColumnBytes& bytes, std::vector<uint32_t>& codes,
                            std::vector<StringRef>& values) const;
  Status read_index_part(size_t part, ColumnBytes& out) const;

  // Through the block cache where there is one. nullptr: the file has none.
  Result<std::shared_ptr<const LoadedBlockIndex>> block_index(uint32_t column_id) const;
  Result<std::shared_ptr<const LoadedIdFilter>> id_filter() const;
  Result<std::shared_ptr<const RecordTimeTable>> record_times() const;

 private:
  SegmentFile() = default;
  Status read_metadata();
  Status check_expected(const SegmentInfo& expected);
  Status check_days(const SegmentInfo& expected) const;
  struct Place {
    uint64_t offset = 0;
    uint32_t length = 0;
    uint32_t block = 0;
    uint32_t column_id = 0;
    uint32_t rows = 0;
    BlockForm form;
  };
  Status read_block(const Place& place, ColumnBytes& out) const;
  Place place_of_column(uint32_t block, size_t column) const;
  Place place_of_appendix(size_t part) const;
  template <class Loaded, class Read>
  Result<std::shared_ptr<const Loaded>> load_index(Encoding kind, uint32_t column_id, Read read) const;
  std::unexpected<Error> at(const Place& place, Error error) const;

  std::string path_;
  std::unique_ptr<File> file_;
  std::shared_ptr<BlockCache> cache_;
  segment_format::Header header_;
  segment_format::Trailer trailer_;
  segment_format::Footer footer_;
  SegmentInfo info_;
  uint64_t digest_ = 0;
  bool expected_ = false;
};

}  // namespace tally
