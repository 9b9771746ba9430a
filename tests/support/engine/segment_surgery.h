// Plants faults in a segment so that every checksum stays right: what only comparing a file with itself, or with others,
// can find. The parts are changed as the format's own structures, then the file is put together again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/segment_format.h"

namespace tally {

class SegmentSurgery {
 public:
  explicit SegmentSurgery(Bytes file);  // of a sound segment

  segment_format::Footer footer;  // change it; lengths and offsets are kept right by the replace_ functions

  ByteSpan index_part(size_t part) const;  // its content
  void replace_index_part(size_t part, ByteSpan content, uint32_t values);
  // Codes with their strings, of one appendix part.
  struct Entry {
    uint32_t code = 0;
    std::string value;
  };
  std::vector<Entry> appendix_part(size_t part) const;
  void replace_appendix_part(size_t part, const std::vector<Entry>& entries);

  // Of the texts of an appendix part that is stored uncompressed: the first `from` becomes `to`, which is as long.
  void respell(size_t part, std::string_view from, std::string_view to);

  // One more column, of integers or codes that are all 0, at this place among the columns.
  void insert_column(size_t place, const segment_format::StoredColumn& column);

  Bytes file() const;  // with every sum right

 private:
  void replace(uint64_t offset, uint32_t& length, const segment_format::BlockHeader& header, ByteSpan content);

  Bytes head_;
  Bytes body_;  // from the end of the header to the footer
  uint64_t digest_ = 0;
};

}  // namespace tally
