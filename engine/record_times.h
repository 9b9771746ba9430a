// When the log records arrived that the rows of a segment came in, and around which event time the rows of each lie: an
// index part of a segment, from which arrival times cost nothing and event times a few bits. A column block with the flag
// kBlockOfRecord stores each row's distance from the time of its record, modulo 2^64.
//
//   OFFSET SIZE TYPE FIELD
//   0      1    u8   encoding of the LSNs (engine/encoding/int_block.h)
//   1      1    u8   encoding of the arrivals
//   2      1    u8   encoding of the event times
//   3      1         zero
//   4      4    u32  length of the LSNs
//   8      4    u32  length of the arrivals
//   12               the LSNs, strictly ascending; the arrivals; the event times: the rest
//
// Example: record 7 that arrived at 1000 with rows around 900 is
//   01010100 08000000 08000000 0700000000000000 e803000000000000 8403000000000000.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "wal/log.h"

namespace tally {

struct RecordTime {
  Lsn lsn = 0;
  TimeUs arrival = 0;
  TimeUs event = 0;  // any; the closer to most rows, the smaller they get
};

// LSNs of one segment lie close together; where they are further apart than this for each record, a table by LSN would
// take too much memory, and times are stored whole.
inline constexpr uint64_t kRecordSpreadMax = 16;
bool record_times_fit(std::span<const RecordTime> records);  // in ascending order of LSN; not of none

void encode_record_times(std::span<const RecordTime> records, Bytes& out);

// A table by LSN. Constant: any thread.
class RecordTimeTable {
 public:
  RecordTimeTable() = default;
  explicit RecordTimeTable(std::span<const RecordTime> records);  // that fit
  // Exactly `records` of them, or kCorruption. Memory: up to 17 * kRecordSpreadMax bytes a record; the caller bounds them.
  static Result<RecordTimeTable> decode(ByteSpan bytes, uint32_t records);

  enum class Time : uint8_t { kEvent, kArrival };
  // values[row] += or -= the time of record lsns[row], modulo 2^64. False where an LSN is not in the table: the values
  // mean nothing then.
  bool add(Time time, std::span<const int64_t> lsns, std::span<int64_t> values) const;
  // The same in the rows selected alone (engine/encoding/selection.h).
  bool add_selected(Time time, std::span<const uint64_t> selected, std::span<const int64_t> lsns,
                    std::span<int64_t> values) const;
  bool subtract(Time time, std::span<const int64_t> lsns, std::span<int64_t> values) const;

  uint32_t records() const { return records_; }
  uint64_t memory_bytes() const { return arrivals_.capacity() * 2 * sizeof(TimeUs) + known_.capacity(); }
  std::vector<RecordTime> list() const;

 private:
  const std::vector<TimeUs>& times(Time time) const { return time == Time::kEvent ? events_ : arrivals_; }
  bool all_known(std::span<const int64_t> lsns) const;

  uint64_t first_ = 0;
  uint32_t records_ = 0;
  // By LSN - first_.
  std::vector<uint8_t> known_;
  std::vector<TimeUs> arrivals_, events_;
};

}  // namespace tally
