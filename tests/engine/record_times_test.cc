#include "engine/record_times.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/random.h"
#include "engine/encoding/int_block.h"
#include "engine/encoding/selection.h"
#include "tests/support/seed.h"

using namespace tally;

namespace {

using Time = RecordTimeTable::Time;

std::vector<RecordTime> random_records(Random& random) {
  std::vector<RecordTime> records;
  Lsn lsn = random.chance(0.1) ? 0 : random.next() >> random.below(60);
  lsn = std::min<Lsn>(lsn, UINT64_MAX / 2);
  TimeUs arrival = static_cast<TimeUs>(random.next()) >> 8;
  const uint64_t step = 1 + random.below(kRecordSpreadMax);
  for (uint64_t count = 1 + random.below(300); records.size() < count;) {
    arrival += static_cast<TimeUs>(random.below(1'000'000));
    const TimeUs event = random.chance(0.05) ? static_cast<TimeUs>(random.next())
                                             : arrival - static_cast<TimeUs>(random.below(9'000'000'000));
    records.push_back({lsn, arrival, event});
    lsn += 1 + random.below(step);
  }
  return records;
}

bool same(const std::vector<RecordTime>& a, const std::vector<RecordTime>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const RecordTime& x, const RecordTime& y) {
    return x.lsn == y.lsn && x.arrival == y.arrival && x.event == y.event;
  });
}

Bytes encoded(const std::vector<RecordTime>& records) {
  Bytes bytes;
  encode_record_times(records, bytes);
  return bytes;
}

// A part with these LSNs, put together by hand: encode_record_times() is only ever given ascending ones.
Bytes with_lsns(const std::vector<int64_t>& lsns) {
  const std::vector<int64_t> times(lsns.size(), 5);
  IntBlockEncoder encoder;
  Bytes bytes(12);
  size_t begin = bytes.size();
  for (size_t part = 0; part < 3; ++part) {
    bytes[part] = static_cast<uint8_t>(encoder.encode(std::span<const int64_t>(part == 0 ? lsns : times), bytes));
    if (part < 2) store_le(bytes.data() + 4 + part * 4, static_cast<uint32_t>(bytes.size() - begin));
    begin = bytes.size();
  }
  return bytes;
}

std::string refused(ByteSpan bytes, uint32_t records) {
  auto table = RecordTimeTable::decode(bytes, records);
  if (table) return "";
  CHECK(table.error().code == Code::kCorruption);
  return table.error().message;
}

}  // namespace

TEST_CASE("record times: the example of the header, byte by byte") {
  const Bytes bytes = encoded({{.lsn = 7, .arrival = 1000, .event = 900}});
  CHECK(hex(bytes) ==
        "010101000800000008000000"
        "0700000000000000"
        "e803000000000000"
        "8403000000000000");
  auto table = RecordTimeTable::decode(bytes, 1);
  REQUIRE(table);
  CHECK(table->records() == 1);
  std::vector<int64_t> lsns = {7, 7}, values = {-3, 40};
  REQUIRE(table->add(Time::kEvent, lsns, values));
  CHECK(values == std::vector<int64_t>{897, 940});
  REQUIRE(table->subtract(Time::kArrival, lsns, values));
  CHECK(values == std::vector<int64_t>{-103, -60});
}

TEST_CASE("record times: what is written comes back, and distances give the times again, modulo 2^64") {
  const uint64_t base = test_seed(1);
  for (uint64_t seed = base; seed < base + 100; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::vector<RecordTime> records = random_records(random);
    REQUIRE(record_times_fit(records));
    auto table = RecordTimeTable::decode(encoded(records), static_cast<uint32_t>(records.size()));
    REQUIRE(table);
    CHECK(same(table->list(), records));
    CHECK(same(RecordTimeTable(records).list(), records));
    std::vector<int64_t> lsns, times;
    for (int row = 0; row < 200; ++row) {
      lsns.push_back(static_cast<int64_t>(records[random.below(records.size())].lsn));
      times.push_back(random.chance(0.1) ? INT64_MIN : static_cast<int64_t>(random.next()));
    }
    for (Time time : {Time::kEvent, Time::kArrival}) {
      std::vector<int64_t> values = times;
      REQUIRE(table->subtract(time, lsns, values));
      for (size_t row = 0; row < lsns.size(); ++row) {
        auto record = std::find_if(records.begin(), records.end(),
                                   [&](const RecordTime& r) { return r.lsn == static_cast<Lsn>(lsns[row]); });
        const TimeUs from = time == Time::kEvent ? record->event : record->arrival;
        if (static_cast<uint64_t>(values[row]) + static_cast<uint64_t>(from) != static_cast<uint64_t>(times[row])) {
          FAIL_CHECK("row " << row);
        }
      }
      std::vector<int64_t> some = values;
      const std::vector<uint64_t> selected = {random.next(), random.next(), 0, random.next() & 0xFF};
      REQUIRE(table->add_selected(time, selected, lsns, some));
      for (size_t row = 0; row < some.size(); ++row) {
        if (some[row] != (is_selected(selected, row) ? times[row] : values[row])) FAIL_CHECK("row " << row);
      }
      REQUIRE(table->add(time, lsns, values));
      CHECK(values == times);
    }
  }
}

TEST_CASE("record times: an LSN that is not among the records is told") {
  const RecordTimeTable table(std::vector<RecordTime>{{10, 1, 1}, {12, 2, 2}});
  for (int64_t unknown : {int64_t{9}, int64_t{11}, int64_t{13}, int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
    CAPTURE(unknown);
    std::vector<int64_t> lsns = {10, unknown, 12}, values = {0, 0, 0};
    CHECK_FALSE(table.add(Time::kEvent, lsns, values));
    CHECK_FALSE(table.subtract(Time::kArrival, lsns, values));
    CHECK_FALSE(table.add_selected(Time::kEvent, std::vector<uint64_t>{0b011}, lsns, values));
    CHECK(table.add_selected(Time::kEvent, std::vector<uint64_t>{0b101}, lsns, values));
  }
  std::vector<int64_t> none, values;
  CHECK(table.add(Time::kEvent, none, values));
}

TEST_CASE("record times: a table by LSN fits as long as records are close together") {
  CHECK_FALSE(record_times_fit({}));
  auto fits = [](std::vector<Lsn> lsns) {
    std::vector<RecordTime> records;
    for (Lsn lsn : lsns) records.push_back({lsn, 0, 0});
    return record_times_fit(records);
  };
  CHECK(fits({0}));
  CHECK(fits({UINT64_MAX}));
  CHECK(fits({100, 100 + 2 * kRecordSpreadMax - 1}));
  CHECK_FALSE(fits({100, 100 + 2 * kRecordSpreadMax}));
  CHECK_FALSE(fits({0, UINT64_MAX}));
}

TEST_CASE("record times: parts that cannot be are refused by name") {
  CHECK(refused(with_lsns({7, 9}), 2).empty());
  CHECK(refused(with_lsns({9, 7}), 2).find("not ascending") != std::string::npos);
  CHECK(refused(with_lsns({7, 7}), 2).find("not ascending") != std::string::npos);
  CHECK(refused(with_lsns({7, 1'000'000'000}), 2).find("too far apart") != std::string::npos);
  CHECK(refused(with_lsns({0, -1}), 2).find("too far apart") != std::string::npos);  // LSN 2^64 - 1
  CHECK_FALSE(refused(with_lsns({7, 8}), 0).empty());
  CHECK_FALSE(refused(with_lsns({7, 8, 10}), 4).empty());
  const Bytes whole = with_lsns({7, 8, 10});
  for (size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(refused(ByteSpan(whole).first(length), 3).empty());
  }
}

TEST_CASE("record times: every flipped bit is an error or other values, and reads nothing outside") {
  const uint64_t seed = test_seed(3);
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 8; ++round) {
    std::vector<RecordTime> records = random_records(random);
    records.resize(std::min<size_t>(records.size(), 1 + random.below(12)));
    Bytes bytes = encoded(records);
    size_t refused_bits = 0;
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      auto table = RecordTimeTable::decode(bytes, static_cast<uint32_t>(records.size()));
      if (table) {
        const std::vector<RecordTime> list = table->list();
        REQUIRE(list.size() == records.size());
        std::vector<int64_t> lsns, values(list.size());
        for (const RecordTime& record : list) lsns.push_back(static_cast<int64_t>(record.lsn));
        REQUIRE(table->add(Time::kEvent, lsns, values));
        for (size_t i = 0; i < list.size(); ++i) REQUIRE(values[i] == list[i].event);
        for (const RecordTime& record : records) lsns.push_back(static_cast<int64_t>(record.lsn));
        values.resize(lsns.size());
        (void)table->subtract(Time::kArrival, lsns, values);
      }
      refused_bits += table ? 0 : 1;
      bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    }
    CHECK(refused_bits > 0);
  }
}
