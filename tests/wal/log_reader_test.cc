#include "wal/log_reader.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/seed.h"
#include "tests/wal/log_fixture.h"

namespace tally {
namespace {

using Step = LogFileReader::Step;

struct Outcome {
  unsigned groups = 0;
  Step last = Step::kGroup;
  std::string problem;
  TailScan tail;
};

Outcome read_all(HandMadeFile& made) {
  SimDisk disk(1);
  made.store(disk);
  auto reader = LogFileReader::open(disk, "/log/00000001.log", OpenMode::kReadDirect);
  REQUIRE_OK(reader);
  Outcome outcome;
  LogGroup group;
  while (outcome.last == Step::kGroup) {
    auto step = reader->next(group);
    REQUIRE_OK(step);
    outcome.last = *step;
    outcome.groups += *step == Step::kGroup ? 1 : 0;
  }
  outcome.problem = reader->problem();
  auto tail = reader->scan_tail();
  REQUIRE_OK(tail);
  outcome.tail = *tail;
  return outcome;
}

}  // namespace

TEST_CASE("reader: groups in order, then the end") {
  HandMadeFile made;
  for (const char* text : {"a", "b", "c"}) made.add(text, 0);
  Outcome outcome = read_all(made);
  CHECK_EQ(outcome.groups, 3);
  CHECK(outcome.last == Step::kEnd);
  CHECK_EQ(outcome.tail.groups_spanned, 0);
}

TEST_CASE("reader: a file that is full to the last byte ends too") {
  HandMadeFile made(1, LogFileHeader::kRunStart, 1, kLogFileHeaderBytes + LogFixture::kGroup);
  made.add("a", 0);
  Outcome outcome = read_all(made);
  CHECK_EQ(outcome.groups, 1);
  CHECK(outcome.last == Step::kEnd);
}

TEST_CASE("reader: a file of another size than its header says is refused, by name and with both sizes") {
  constexpr uint64_t kSize = kLogFileHeaderBytes + 3 * LogFixture::kGroup;
  for (uint64_t size : {uint64_t{0}, uint64_t{1}, kLogFileHeaderBytes - 1, uint64_t{kLogFileHeaderBytes},
                        kLogFileHeaderBytes + LogFixture::kGroup, kSize - 1, kSize + 1, 2 * kSize}) {
    CAPTURE(size);
    SimDisk disk(1);
    HandMadeFile made(1, LogFileHeader::kRunStart, 1, kSize);
    made.add("a", 0);
    made.store(disk);
    if (size <= kSize) {
      REQUIRE(disk.cut("/log/00000001.log", size));
    } else {
      auto file = disk.open("/log/00000001.log", OpenMode::kReadWrite);
      REQUIRE_OK(file);
      REQUIRE_OK((*file)->write_at(size - 1, Bytes(1)));
      REQUIRE_OK((*file)->sync());
    }
    auto reader = LogFileReader::open(disk, "/log/00000001.log", OpenMode::kReadDirect);
    REQUIRE_FALSE(reader.has_value());
    CHECK(reader.error().code == Code::kCorruption);
    const uint64_t expected = size < kLogFileHeaderBytes ? kLogFileHeaderBytes : kSize;
    for (const std::string& part :
         {std::string("00000001.log"), " has " + std::to_string(size) + " bytes", std::to_string(expected)}) {
      CAPTURE(part);
      CHECK_NE(reader.error().message.find(part), std::string::npos);
    }
  }
}

TEST_CASE("reader: what is out of place is bad, though its sums are right") {
  struct Case {
    const char* problem;
    void (*twist)(LogGroupHeader&);
  };
  const Case cases[] = {
      {"another epoch", [](LogGroupHeader& group) { group.epoch[3] ^= 1; }},
      {"in place of group 1", [](LogGroupHeader& group) { group.group_number += 1; }},
      {"in place of LSN 2", [](LogGroupHeader& group) { group.first_lsn += 1; }},
      {"not chained", [](LogGroupHeader& group) { group.chain ^= 1; }},
  };
  for (const Case& one : cases) {
    CAPTURE(one.problem);
    HandMadeFile made;
    made.add("a", 0);
    made.add("b", 0, one.twist);
    Outcome outcome = read_all(made);
    CHECK_EQ(outcome.groups, 1);
    CHECK(outcome.last == Step::kBad);
    CHECK_NE(outcome.problem.find(one.problem), std::string::npos);
  }
}

TEST_CASE("reader: a group that would reach beyond the file is bad") {
  HandMadeFile made(1, LogFileHeader::kRunStart, 1, kLogFileHeaderBytes + 5 * LogFixture::kGroup);
  made.add("a", 0);
  std::string big(20'000, 'x');
  made.add(big, 0);
  REQUIRE_EQ(made.bytes.size(), made.header.file_bytes + LogFixture::kGroup);
  made.bytes.resize(made.header.file_bytes);
  Outcome outcome = read_all(made);
  CHECK_EQ(outcome.groups, 1);
  CHECK(outcome.last == Step::kBad);
}

TEST_CASE("reader: stale groups of a reused file are its end, even where they would fit") {
  HandMadeFile made(1, LogFileHeader::kRunStart | LogFileHeader::kReused);
  made.add("a", 0);
  auto stale = [](LogGroupHeader& group) {
    group.epoch.fill(0x11);
    group.chain = 7;
    group.first_lsn += 100;
  };
  made.add("stale", 0, stale);
  made.add("stale", 0, stale);
  Outcome outcome = read_all(made);
  CHECK_EQ(outcome.groups, 1);
  CHECK(outcome.last == Step::kEnd);
  CHECK_FALSE(outcome.tail.later_groups);
}

TEST_CASE("reader: in a file that was not reused, stray bytes are no end") {
  HandMadeFile made;
  made.add("a", 0);
  made.bytes.resize(made.bytes.size() + 1, 1);
  CHECK(read_all(made).last == Step::kBad);
}

TEST_CASE("reader: the scan of a tail finds what later groups know") {
  HandMadeFile made;
  made.add("a", 0);
  made.add("b", 1);
  made.add("c", 1);
  made.add("d", 2);
  made.bytes[4096 + 4096 + 200] ^= 1;  // "b"
  Outcome outcome = read_all(made);
  CHECK(outcome.last == Step::kBad);
  CHECK(outcome.tail.later_groups);
  CHECK_EQ(outcome.tail.durable_lsn, 2);
  CHECK_EQ(outcome.tail.highest_lsn, 4);
  CHECK_EQ(outcome.tail.groups_spanned, 3);
  CHECK_EQ(outcome.tail.end, 4096 + 4 * 4096);
}

TEST_CASE("reader: random damage anywhere never hands out a wrong record") {
  for (uint64_t seed = test_seed(1), last = seed + 300; seed < last; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    HandMadeFile made;
    for (int i = 0; i < 6; ++i) made.add("text", 0);
    for (uint64_t i = 0, n = 1 + random.below(4); i < n; ++i) {
      made.bytes[4096 + random.below(made.bytes.size() - 4096)] ^= static_cast<uint8_t>(1 + random.below(255));
    }
    SimDisk disk(1);
    made.store(disk);
    auto reader = LogFileReader::open(disk, "/log/00000001.log", OpenMode::kReadDirect);
    REQUIRE_OK(reader);
    LogGroup group;
    for (;;) {
      auto step = reader->next(group);
      REQUIRE_OK(step);
      if (*step != Step::kGroup) break;
      for (const RecordView& record : group.records) CHECK_EQ(as_text(record.payload), "text");
    }
    REQUIRE_OK(reader->scan_tail());
  }
}

}  // namespace tally
