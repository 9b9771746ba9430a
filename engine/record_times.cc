#include "engine/record_times.h"

#include "engine/encoding/int_block.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

constexpr size_t kHeadBytes = 12;

bool close_together(uint64_t first, uint64_t last, uint64_t records) {
  return last - first < records * kRecordSpreadMax;
}

}  // namespace

bool record_times_fit(std::span<const RecordTime> records) {
  return !records.empty() && records.size() <= UINT32_MAX &&
         close_together(records.front().lsn, records.back().lsn, records.size());
}

void encode_record_times(std::span<const RecordTime> records, Bytes& out) {
  IntBlockEncoder encoder;
  std::vector<int64_t> values(records.size());
  size_t head = out.size();
  out.resize(head + kHeadBytes);
  size_t begin = out.size();
  auto put = [&](size_t part, auto value_of) {
    for (size_t i = 0; i < records.size(); ++i) values[i] = static_cast<int64_t>(value_of(records[i]));
    out[head + part] = static_cast<uint8_t>(encoder.encode(std::span<const int64_t>(values), out));
    if (part < 2) store_le(out.data() + head + 4 + part * 4, static_cast<uint32_t>(out.size() - begin));
    begin = out.size();
  };
  put(0, [](const RecordTime& record) { return record.lsn; });
  put(1, [](const RecordTime& record) { return record.arrival; });
  put(2, [](const RecordTime& record) { return record.event; });
}

RecordTimeTable::RecordTimeTable(std::span<const RecordTime> records)
    : records_(static_cast<uint32_t>(records.size())) {
  TALLY_CHECK(record_times_fit(records));
  first_ = records.front().lsn;
  size_t size = records.back().lsn - first_ + 1;
  known_.resize(size);
  arrivals_.resize(size);
  events_.resize(size);
  for (const RecordTime& record : records) {
    size_t at = record.lsn - first_;
    known_[at] = 1;
    arrivals_[at] = record.arrival;
    events_[at] = record.event;
  }
}

Result<RecordTimeTable> RecordTimeTable::decode(ByteSpan bytes, uint32_t records) {
  auto corrupt = [](std::string what) { return fail(Code::kCorruption, "record times: " + std::move(what)); };
  if (records == 0 || bytes.size() < kHeadBytes || bytes[3] != 0) return corrupt("a head that cannot be");
  uint64_t lsns = load_le<uint32_t>(bytes.data() + 4), arrivals = load_le<uint32_t>(bytes.data() + 8);
  ByteSpan body = bytes.subspan(kHeadBytes);
  if (lsns > body.size() || arrivals > body.size() - lsns) return corrupt("its parts are cut off");
  std::vector<int64_t> columns[3];
  const ByteSpan parts[] = {body.first(lsns), body.subspan(lsns, arrivals), body.subspan(lsns + arrivals)};
  for (size_t part = 0; part < 3; ++part) {
    columns[part].resize(records);
    TALLY_TRY(decode_int_block(static_cast<Encoding>(bytes[part]), parts[part], std::span<int64_t>(columns[part])));
  }
  std::vector<RecordTime> list(records);
  for (uint32_t i = 0; i < records; ++i) {
    list[i] = {static_cast<Lsn>(columns[0][i]), columns[1][i], columns[2][i]};
    if (i > 0 && list[i].lsn <= list[i - 1].lsn) return corrupt("LSNs are not ascending");
  }
  if (!record_times_fit(list)) return corrupt("LSNs are too far apart");
  return RecordTimeTable(list);
}

bool RecordTimeTable::all_known(std::span<const int64_t> lsns) const {
  bool known = true;
  for (int64_t lsn : lsns) {
    uint64_t at = static_cast<uint64_t>(lsn) - first_;
    known = known && at < known_.size() && known_[at] != 0;
  }
  return known;
}

bool RecordTimeTable::add(Time time, std::span<const int64_t> lsns, std::span<int64_t> values) const {
  if (!all_known(lsns)) return false;
  const TimeUs* of_lsn = times(time).data();
  for (size_t row = 0; row < lsns.size(); ++row) {
    auto base = static_cast<uint64_t>(of_lsn[static_cast<uint64_t>(lsns[row]) - first_]);
    values[row] = static_cast<int64_t>(static_cast<uint64_t>(values[row]) + base);
  }
  return true;
}

bool RecordTimeTable::add_selected(Time time, std::span<const uint64_t> selected, std::span<const int64_t> lsns,
                                   std::span<int64_t> values) const {
  const TimeUs* of_lsn = times(time).data();
  bool known = true;
  for_each_selected(selected, [&](size_t row) {
    const uint64_t at = static_cast<uint64_t>(lsns[row]) - first_;
    const bool there = at < known_.size() && known_[at] != 0;
    known = known && there;
    const auto base = static_cast<uint64_t>(of_lsn[there ? at : 0]);
    values[row] = static_cast<int64_t>(static_cast<uint64_t>(values[row]) + base);
  });
  return known;
}

bool RecordTimeTable::subtract(Time time, std::span<const int64_t> lsns, std::span<int64_t> values) const {
  if (!all_known(lsns)) return false;
  const TimeUs* of_lsn = times(time).data();
  for (size_t row = 0; row < lsns.size(); ++row) {
    auto base = static_cast<uint64_t>(of_lsn[static_cast<uint64_t>(lsns[row]) - first_]);
    values[row] = static_cast<int64_t>(static_cast<uint64_t>(values[row]) - base);
  }
  return true;
}

std::vector<RecordTime> RecordTimeTable::list() const {
  std::vector<RecordTime> list;
  for (size_t at = 0; at < known_.size(); ++at) {
    if (known_[at] != 0) list.push_back({first_ + at, arrivals_[at], events_[at]});
  }
  return list;
}

}  // namespace tally
