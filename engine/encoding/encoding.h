// The encodings of one column block: which there are, and what each can hold. The number of an encoding is stored and never
// reused. Each has a file of its own with a pair of pure functions over bytes; column_block.h chooses among them and undoes
// the choice. A decoder trusts nothing: it fails with kCorruption, it never reads or writes out of bounds.
//
//   NUMBER NAME        HOLDS
//   1      constant    integers, codes, bytes: one value for all rows
//   2      narrow      integers, codes, bytes: a base, and each row's distance from it in 1, 2, 4 or 8 bytes; read, no
//                      longer written
//   3      strings     strings: a length for each row, then the bytes
//   4      one_string  strings: one value for all rows
//   5      fixed_ids   ids all of one kind, UUID or derived: 16 bytes for each row
//   6      mixed_ids   ids of any kinds: kinds, lengths, bytes
//   7      values      of the appendix: codes and the strings they stand for
//   8      packed      integers, codes, bytes: a base, and each row's distance from it in as many bits as the largest needs
//   9      runs        integers, codes, bytes: values and how often each is repeated
//   10     delta       integers, codes, bytes: the first value, then steps from row to row
//   11     int_dictionary     integers, codes, bytes: the distinct values, and each row's place among them
//   12     string_dictionary  strings: the distinct values, and each row's place among them
//   13     numbered_strings   strings: a prefix, and each row's number behind it
//   14     patched     integers, codes, bytes: packed at the width that is best for most, with exceptions
//   15     uuid4_ids   ids all UUIDs of version 4: 15.25 bytes for each row
//   16     value_list  of the appendix: codes and the strings they stand for, each in the encoding made for them
//   17     by_parent   codes: those that occur with each code of another column, and each row's place among them
//   18     block_index        an index part: in which blocks each code occurs (block_index.h)
//   19     id_filter          an index part: which ids cannot be there (id_filter.h)
//   20     record_times       an index part: when the log records of the rows arrived (record_times.h)
#pragma once

#include <cstdint>
#include <string_view>

namespace tally {

enum class Encoding : uint8_t {
  kConstant = 1,
  kNarrow = 2,
  kStrings = 3,
  kOneString = 4,
  kFixedIds = 5,
  kMixedIds = 6,
  kValues = 7,
  kPacked = 8,
  kRuns = 9,
  kDelta = 10,
  kIntDictionary = 11,
  kStringDictionary = 12,
  kNumberedStrings = 13,
  kPatched = 14,
  kUuid4Ids = 15,
  kValueList = 16,
  kByParent = 17,
  kBlockIndex = 18,
  kIdFilter = 19,
  kRecordTimes = 20,
};
inline constexpr uint8_t kEncodingLast = 20;
std::string_view encoding_name(Encoding encoding);

// Nothing is to be gained by compressing what it holds.
constexpr bool encoding_is_random_bytes(Encoding encoding) {
  return encoding == Encoding::kFixedIds || encoding == Encoding::kUuid4Ids;
}

inline constexpr uint8_t kBlockLz4 = 1;       // flag: the stored bytes are one LZ4 block
inline constexpr uint8_t kBlockNulls = 2;     // flag: a null bitmap stands before the encoded bytes
inline constexpr uint8_t kBlockOfRecord = 4;  // flag: values are counted from a time of the row's log record
inline constexpr uint8_t kBlockFlagsKnown = kBlockLz4 | kBlockNulls | kBlockOfRecord;

}  // namespace tally
