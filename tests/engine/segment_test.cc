#include <doctest/doctest.h>

#include <algorithm>

#include "base/checksum.h"
#include "base/file_names.h"
#include "engine/segment_format.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/segment_rows.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr const char* kPath = "s/00000007.seg";

struct Written {
  explicit Written(const SegmentRows& rows, uint32_t block_rows = 16) : disk(1) {
    REQUIRE(disk.make_directory("s"));
    auto result = rows.write(disk, "s", block_rows);
    if (!result) FAIL(result.error().to_string());
    info = *result;
  }
  std::shared_ptr<SegmentReader> open() {
    auto reader = SegmentReader::open(disk, kPath, &info);
    if (!reader) FAIL(reader.error().to_string());
    return *reader;
  }
  // Opens and reads everything, with and without the manifest's knowledge; "" or the first error.
  std::string harm_seen(const SegmentRows& rows, const SegmentInfo* expected) {
    auto reader = SegmentReader::open(disk, kPath, expected);
    if (!reader) return reader.error().to_string();
    if (std::string differs = rows.compare(**reader); !differs.empty()) return differs;
    auto problems = (*reader)->verify();
    if (!problems) return problems.error().to_string();
    return problems->empty() ? "" : problems->front();
  }

  SimDisk disk;
  SegmentInfo info;
};

}  // namespace

TEST_CASE("segment: random rows come back cell by cell") {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    SegmentRowsOptions options{.rows = static_cast<uint32_t>(1 + random.below(300)),
                               .days = static_cast<uint32_t>(1 + random.below(5)),
                               .values = static_cast<uint32_t>(1 + random.below(60)),
                               .nulls = random.chance(0.3)   ? 0
                                        : random.chance(0.1) ? 1
                                                             : 0.2,
                               .text_ids = random.chance(0.1) ? 1 : 0.2,
                               .one_id_kind = random.chance(0.3)};
    SegmentRows rows(seed % 2 == 0 ? small_schema() : ad_events_schema(), seed, options);
    Written written(rows, static_cast<uint32_t>(1 + random.below(80)));
    auto reader = written.open();
    CHECK(rows.compare(*reader) == "");
    CHECK(reader->verify()->empty());
    CHECK(reader->info() == written.info);
    CHECK(reader->schema() == *rows.schema);
    CHECK(reader->sections().size() == rows.days.size());
  }
}

TEST_CASE("segment: long strings end a block early, and the largest one fits") {
  SegmentRows rows(small_schema(), 3, {.rows = 400, .days = 1, .long_text = limits::kStringBytesMax});
  std::string largest(limits::kStringBytesMax, 'z');
  for (auto& field : rows.fields) {
    for (size_t i = 0; i < field.strings.size(); ++i) {
      if (i % 2 == 0) field.strings[i] = StringRef(largest);
    }
  }
  Written written(rows, 8192);
  CHECK(written.open()->blocks().size() > 1);
  CHECK(rows.compare(*written.open()) == "");
}

TEST_CASE("segment: what the manifest is told of it") {
  SegmentRows rows(small_schema(), 4, {.rows = 50});
  Written written(rows);
  const SegmentInfo& info = written.info;
  CHECK(info.number == 7);
  CHECK(info.rows == 50);
  CHECK(info.events == static_cast<uint64_t>(std::count(rows.kinds.begin(), rows.kinds.end(), RowKind::kEvent)));
  CHECK(info.min_time == *std::min_element(rows.times.begin(), rows.times.end()));
  CHECK(info.max_lsn == *std::max_element(rows.lsns.begin(), rows.lsns.end()));
  CHECK(info.size == written.disk.content(kPath).size());
  CHECK(info.checksum == xxh3(written.disk.content(kPath)));
}

TEST_CASE("segment: a column that it does not have reads as NULL, and what is not selected is not there") {
  SegmentRows rows(small_schema(), 5, {.rows = 20});
  Written written(rows);
  auto cursor = written.open()->cursor({.column_ids = {9999}, .times = false});
  const BlockColumns* block = *cursor->read(0);
  CHECK(block->rows.times == nullptr);
  CHECK(block->rows.ids == nullptr);
  CHECK(block->rows.kinds != nullptr);
  CHECK(block->by_column[0].codes[3] == kNullCode);
  CHECK(block->by_column[0].nulls[3] == 1);
  CHECK(block->by_column[0].strings[3].is_null());
}

TEST_CASE("segment: the appendix has the strings of its codes, in order") {
  SegmentRows rows(small_schema(), 6, {.rows = 200, .days = 1, .values = 30});
  Written written(rows);
  auto reader = written.open();
  uint32_t id = rows.schema->columns[rows.schema->dimensions()[0]].id;
  auto entries = *reader->appendix(id);
  CHECK(entries.size() > 5);
  for (auto& [code, text] : entries) CHECK(text == rows.dictionaries[0]->value(code));
  CHECK(reader->max_codes().at(id) == entries.back().first);
}

TEST_CASE("segment: a file that is not the one listed is refused by name") {
  SegmentRows rows(small_schema(), 7, {.rows = 20});
  Written written(rows);
  SegmentInfo other = written.info;
  other.uuid.fill(1);
  CHECK(written.harm_seen(rows, &other).find("another file stands in its place") != std::string::npos);
  other = written.info;
  ++other.rows;
  CHECK(written.harm_seen(rows, &other).find("not what the manifest lists") != std::string::npos);
  other = written.info;
  ++other.checksum;
  CHECK(written.harm_seen(rows, &other).find("does not match the manifest") != std::string::npos);
  REQUIRE(written.disk.unlink(kPath));
  CHECK(SegmentReader::open(written.disk, kPath, &written.info).error().code == Code::kCorruption);
  CHECK(SegmentReader::open(written.disk, kPath, nullptr).error().code == Code::kNotFound);
}

TEST_CASE("segment: wrong use is refused and leaves nothing") {
  SegmentRows rows(small_schema(), 8, {.rows = 40, .days = 2});
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  {
    auto writer = *SegmentWriter::create(rows.writer_options(disk, "s"));
    CHECK(writer->finish().error().code == Code::kInternal);  // no rows
  }
  {
    auto writer = *SegmentWriter::create(rows.writer_options(disk, "s"));
    REQUIRE(writer->add(rows.days[1].day, rows.columns(rows.days[1].first, 1)));
    CHECK_FALSE(writer->add(rows.days[0].day, rows.columns(0, 1)));
  }
  rows.codes[0][0] = 12'345;  // no such code
  {
    auto writer = *SegmentWriter::create(rows.writer_options(disk, "s"));
    CHECK_FALSE(writer->add(rows.days[0].day, rows.columns(0, 1)));
  }
  CHECK(disk.list("s")->empty());
}

TEST_CASE("segment: rows out of order are found when it is read back") {
  SegmentRows rows(small_schema(), 9, {.rows = 40, .days = 1});
  std::swap(rows.codes[0].front(), rows.codes[0].back());
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  auto info = rows.write(disk, "s", 16);
  REQUIRE_FALSE(info);
  CHECK(info.error().message.find("out of order") != std::string::npos);
}

TEST_CASE("segment: every flipped bit is the same content or a named error, and verify() misses none") {
  SegmentRows rows(small_schema(), 10, {.rows = 12, .days = 2, .values = 3});
  Written written(rows, 5);
  Bytes file = written.disk.content(kPath);
  size_t seen_reading = 0;
  for (size_t byte = 0; byte < file.size(); ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (byte > 400 && byte + 400 < file.size() && (byte + bit) % 3 != 0) continue;
      REQUIRE(written.disk.flip_bit(kPath, byte, bit));
      std::string seen = written.harm_seen(rows, &written.info);
      if (seen.empty()) FAIL_CHECK("byte " << byte << ", bit " << bit << " goes unseen");
      if (seen.find("differs") != std::string::npos) FAIL_CHECK("byte " << byte << ": " << seen);
      seen_reading += seen.find("whole file") == std::string::npos;
      REQUIRE(written.disk.flip_bit(kPath, byte, bit));
    }
  }
  CHECK(seen_reading > 0);
  CHECK(written.harm_seen(rows, &written.info) == "");
}

TEST_CASE("segment: every truncation is a named error") {
  SegmentRows rows(small_schema(), 11, {.rows = 12, .days = 2, .values = 3});
  Written written(rows, 5);
  uint64_t size = written.info.size;
  for (uint64_t length = size; length-- > 0;) {
    REQUIRE(written.disk.cut(kPath, length));
    auto reader = SegmentReader::open(written.disk, kPath, nullptr);
    REQUIRE_FALSE(reader);
    CHECK(reader.error().code == Code::kCorruption);
    CHECK(reader.error().message.find(kPath) != std::string::npos);
  }
}

TEST_CASE("segment: swapped column blocks are seen though their sums are right") {
  SegmentRows rows(small_schema(), 12, {.rows = 64, .days = 1, .values = 3});
  Written written(rows, 32);
  Bytes file = written.disk.content(kPath);
  REQUIRE((*SegmentReader::open(written.disk, kPath, nullptr))->blocks().size() == 2);
  SegmentRows other_rows(small_schema(), 12, {.rows = 64, .days = 1, .values = 3});
  // A block of another file in its place: same content, other uuid.
  SimDisk other_disk(1);
  REQUIRE(other_disk.make_directory("s"));
  auto options = other_rows.writer_options(other_disk, "s");
  options.block_rows = 32;
  options.uuid.fill(0x33);
  auto writer = *SegmentWriter::create(std::move(options));
  REQUIRE(writer->add(other_rows.days[0].day, other_rows.columns(0, 64)));
  REQUIRE(writer->finish());
  Bytes other = other_disk.content(kPath);
  REQUIRE(other.size() == file.size());
  REQUIRE(written.disk.overwrite(kPath, 128, ByteSpan(other).subspan(128, 200)));
  CHECK(written.harm_seen(rows, &written.info).find("a block of another file or place") != std::string::npos);
}

TEST_CASE("segment: a newer version is refused by name") {
  SegmentRows rows(small_schema(), 13, {.rows = 3});
  Written written(rows);
  Bytes file = written.disk.content(kPath);
  auto decoded = *segment_format::decode_header(file);
  decoded.min_reader_version = segment_format::kReaderVersion + 1;
  Bytes newer;
  ByteWriter out(newer);
  segment_format::encode_header(decoded, out);
  REQUIRE(written.disk.overwrite(kPath, 0, newer));
  auto reader = SegmentReader::open(written.disk, kPath, nullptr);
  CHECK(reader.error().code == Code::kUnsupported);
}
