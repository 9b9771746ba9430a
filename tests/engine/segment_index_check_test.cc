// What verify() finds in a file whose sums are all right: faults planted in zones, indexes, id filter, record times and
// appendix, each named with its place.
#include "engine/segment_index_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/checksum.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/segment_rows.h"
#include "tests/support/engine/segment_surgery.h"
#include "tests/support/sim_disk.h"

using namespace tally;
using namespace tally::segment_format;

namespace {

constexpr const char* kPath = "s/00000007.seg";

// A segment with everything that a flush writes, times counted from records included.
class Patient {
 public:
  Patient() : rows_(rich_rows()), disk_(1), surgery_(written(rows_, disk_, info_)) {}

  SegmentSurgery& surgery() { return surgery_; }
  SimDisk& disk() { return disk_; }
  const SegmentRows& rows() const { return rows_; }
  size_t part(Encoding kind, uint32_t column_id) const {
    auto part = surgery_.footer.find_index(kind, column_id);
    REQUIRE(part);
    return *part;
  }
  uint32_t dimension(size_t d) const { return rows_.schema->columns[rows_.schema->dimensions()[d]].id; }
  uint32_t field(std::string_view name) const { return rows_.schema->find_column(name)->id; }
  ColumnZones& zones(uint32_t column_id) {
    auto found = std::find_if(surgery_.footer.zones.begin(), surgery_.footer.zones.end(),
                              [&](const ColumnZones& zones) { return zones.column_id == column_id; });
    return *found;
  }

  // What verify() says of the file as it is now: one line, or "", or several joined.
  std::string verified(bool with_manifest = false) {
    const Bytes file = surgery_.file();
    REQUIRE(disk_.unlink(kPath));
    auto created = disk_.open(kPath, OpenMode::kCreate);
    REQUIRE((*created)->write_at(0, file));
    SegmentInfo info = info_;
    info.size = file.size();
    auto reader = SegmentReader::open(disk_, kPath, with_manifest ? &info : nullptr);
    if (!reader) return reader.error().message;
    auto problems = (*reader)->verify();
    REQUIRE(problems);
    std::string text;
    for (const std::string& problem : *problems) text += (text.empty() ? "" : "\n") + problem;
    return text;
  }

 private:
  static SegmentRows rich_rows() {
    for (uint64_t seed = 1;; ++seed) {
      SegmentRows rows(small_schema(), seed, {.rows = 200, .days = 1, .values = 40, .nulls = 0.1, .told = true});
      // Seeds with one arrival a record, so that arrivals are stored by their distance from it, which is none.
      std::map<Lsn, TimeUs> arrivals;
      for (size_t row = 0; row < rows.times.size(); ++row) arrivals.emplace(rows.lsns[row], rows.arrivals[row]);
      bool one_arrival = true;
      for (size_t row = 0; row < rows.times.size(); ++row) {
        one_arrival = one_arrival && arrivals[rows.lsns[row]] == rows.arrivals[row];
      }
      if (one_arrival) return rows;
    }
  }
  static Bytes written(const SegmentRows& rows, SimDisk& disk, SegmentInfo& info) {
    REQUIRE(disk.make_directory("s"));
    info = *rows.write(disk, "s", 20);
    return disk.content(kPath);
  }

  SegmentRows rows_;
  SimDisk disk_;
  SegmentInfo info_;
  SegmentSurgery surgery_;
};

// Rebuilds the index of the second dimension from the pairs that `keep` lets through, and those of `more`.
struct IndexPair {
  uint32_t code = 0;
  uint32_t block = 0;
};
std::vector<IndexPair> pairs_of(const SegmentSurgery& surgery, size_t part) {
  std::vector<IndexPair> pairs;
  auto index = BlockIndex::open(surgery.index_part(part), static_cast<uint32_t>(surgery.footer.blocks.size()));
  REQUIRE(index);
  REQUIRE(index->visit_all([&](uint32_t code, std::span<const uint32_t> blocks) -> Status {
    for (uint32_t block : blocks) pairs.push_back({code, block});
    return {};
  }));
  return pairs;
}

void put_pairs(SegmentSurgery& surgery, size_t part, const std::vector<IndexPair>& pairs) {
  BlockIndexBuilder builder;
  std::set<uint32_t> codes;
  for (const IndexPair& pair : pairs) {
    builder.add(pair.code, pair.block);
    codes.insert(pair.code);
  }
  Bytes bytes;
  builder.finish(static_cast<uint32_t>(surgery.footer.blocks.size()), bytes);
  surgery.replace_index_part(part, bytes, static_cast<uint32_t>(codes.size()));
}

std::string place(uint32_t block, uint32_t column) {
  return "block " + std::to_string(block) + ", column \"" + column_name(small_schema(), column) + "\"";
}

}  // namespace

TEST_CASE("index check: a file put together again as it was is sound") {
  Patient patient;
  CHECK(patient.verified() == "");
  CHECK(patient.verified(true) == "");  // byte for byte
}

TEST_CASE("index check: a zone off by one is named with block and column") {
  using Change = void (*)(ColumnZones&);
  const Change changes[] = {[](ColumnZones& zones) { --zones.min[3]; }, [](ColumnZones& zones) { ++zones.min[3]; },
                            [](ColumnZones& zones) { --zones.max[3]; }, [](ColumnZones& zones) { ++zones.max[3]; }};
  for (bool of_codes : {true, false}) {
    for (Change change : changes) {
      Patient patient;
      const uint32_t column = of_codes ? patient.dimension(1) : patient.field("amount");
      if (of_codes && change == changes[0] && patient.zones(column).min[3] == kNullCode) continue;  // nothing is below
      change(patient.zones(column));
      const std::string problems = patient.verified();
      CAPTURE(problems);
      CHECK(problems == std::string(kPath) + ": " + place(3, column) + ": its zone is not that of its rows");
    }
  }
  Patient patient;
  ++patient.zones(patient.field("amount")).nulls[4];
  CHECK(patient.verified().find(place(4, patient.field("amount"))) != std::string::npos);
}

TEST_CASE("index check: zones of the first dimension and of LSNs are compared as well") {
  Patient patient;
  ++patient.zones(patient.dimension(0)).max[2];
  --patient.zones(kLsnColumn).min[5];
  const std::string problems = patient.verified();
  CHECK(problems.find(place(2, patient.dimension(0))) != std::string::npos);
  CHECK(problems.find(place(5, kLsnColumn)) != std::string::npos);
}

TEST_CASE("index check: a block missing in an index is named, and so is one too many") {
  Patient patient;
  const size_t part = patient.part(Encoding::kBlockIndex, patient.dimension(1));
  const std::vector<IndexPair> pairs = pairs_of(patient.surgery(), part);
  REQUIRE(pairs.size() > 50);
  const std::string name =
      "the block index of column \"" + column_name(small_schema(), patient.dimension(1)) + "\": code ";
  for (size_t missing : {size_t{0}, size_t{17}, pairs.size() - 1}) {
    CAPTURE(missing);
    std::vector<IndexPair> fewer = pairs;
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(missing));
    put_pairs(patient.surgery(), part, fewer);
    CHECK(patient.verified() == std::string(kPath) + ": " + name + std::to_string(pairs[missing].code) +
                                    " is missing for block " + std::to_string(pairs[missing].block));
  }
  std::vector<IndexPair> more = pairs;
  more.push_back({.code = 41, .block = 0});
  for (uint32_t block = 0;; ++block) {
    auto same = [&](const IndexPair& pair) { return pair.code == 41 && pair.block == block; };
    more.back().block = block;
    if (std::none_of(pairs.begin(), pairs.end(), same)) break;
  }
  put_pairs(patient.surgery(), part, more);
  CHECK(patient.verified() ==
        std::string(kPath) + ": " + name + "41 is not in block " + std::to_string(more.back().block));
}

TEST_CASE("index check: an index that cannot be read is named by its part, and rows are compared all the same") {
  Patient patient;
  const size_t part = patient.part(Encoding::kBlockIndex, patient.dimension(1));
  ByteSpan content = patient.surgery().index_part(part);
  Bytes cut(content.begin(), content.end() - 1);
  patient.surgery().replace_index_part(part, cut, patient.surgery().footer.indexes[part].values);
  ++patient.zones(patient.field("amount")).nulls[4];
  const std::string problems = patient.verified();
  CAPTURE(problems);
  CHECK(problems.find("index part " + std::to_string(part) + ": block index: ") != std::string::npos);
  CHECK(problems.find(place(4, patient.field("amount"))) != std::string::npos);
}

TEST_CASE("index check: a bit cleared in the id filter is an id that it does not know") {
  Patient patient;
  const uint32_t id_column = patient.rows().schema->columns[patient.rows().schema->id_column()].id;
  const size_t part = patient.part(Encoding::kIdFilter, id_column);
  const ByteSpan content = patient.surgery().index_part(part);
  const Bytes sound(content.begin(), content.end());
  size_t cleared = 0;
  for (size_t at = 16; at + 8 < sound.size() && cleared < 30; at += 7) {
    if (sound[at] == 0) continue;
    Bytes harmed = sound;
    harmed[at] = static_cast<uint8_t>(harmed[at] & (harmed[at] - 1));  // its lowest bit
    store_le(harmed.data() + harmed.size() - 8, xxh3(ByteSpan(harmed).first(harmed.size() - 8)));
    patient.surgery().replace_index_part(part, harmed, 200);
    CAPTURE(at);
    const std::string problems = patient.verified();
    CHECK(problems.find("the id filter does not know an id of its rows") != std::string::npos);
    CHECK(problems.find(std::string(kPath) + ": block ") != std::string::npos);
    ++cleared;
  }
  CHECK(cleared > 10);
}

TEST_CASE("index check: of the records' times, what rows depend on is found") {
  Patient patient;
  const size_t part = patient.part(Encoding::kRecordTimes, kLsnColumn);
  const IndexPart entry = patient.surgery().footer.indexes[part];
  const auto table = *RecordTimeTable::decode(patient.surgery().index_part(part), entry.values);
  const std::vector<RecordTime> records = table.list();
  auto put = [&](const std::vector<RecordTime>& changed) {
    Bytes bytes;
    encode_record_times(changed, bytes);
    patient.surgery().replace_index_part(part, bytes, static_cast<uint32_t>(changed.size()));
  };
  // A record is missing whose rows are there.
  std::vector<RecordTime> fewer = records;
  fewer.erase(fewer.begin() + 5);
  put(fewer);
  CHECK(patient.verified().find("an LSN that is not among the log records of the file") != std::string::npos);
  // Another event time moves its rows: out of the range of their block, or out of order. Only where event times are counted
  // from records.
  const Footer& footer = patient.surgery().footer;
  const bool events_of_record = std::any_of(footer.blocks.begin(), footer.blocks.end(), [](const BlockEntry& block) {
    return (block.columns[0].form.flags & kBlockOfRecord) != 0;
  });
  std::vector<RecordTime> moved = records;
  for (RecordTime& record : moved) record.event -= kMicrosPerDay;
  put(moved);
  CHECK((patient.verified() != "") == events_of_record);
  // Another arrival is an arrival like any other: no range of it stands in the file. What finds it is the sum of the whole
  // file in the manifest.
  std::vector<RecordTime> later = records;
  later[5].arrival += 1;
  put(later);
  CHECK(patient.verified() == "");
  CHECK(patient.verified(true).find("does not match the manifest") != std::string::npos);
}

TEST_CASE("index check: a code missing in the appendix is named with block and column") {
  Patient patient;
  const auto& appendix = patient.surgery().footer.appendix;
  size_t part = 0;
  while (appendix[part].dimension_id != patient.dimension(1)) ++part;
  std::vector<SegmentSurgery::Entry> entries = patient.surgery().appendix_part(part);
  REQUIRE(entries.size() > 20);
  const uint32_t missing = entries[10].code;
  entries.erase(entries.begin() + 10);
  patient.surgery().replace_appendix_part(part, entries);
  const std::string problems = patient.verified();
  CAPTURE(problems);
  CHECK(problems.find("column \"" + column_name(small_schema(), patient.dimension(1)) + "\": code " +
                      std::to_string(missing) + " is not in the appendix") != std::string::npos);
}

TEST_CASE("index check: an appendix part whose codes contradict each other is named with its place, whoever reads it") {
  Patient patient;
  std::vector<SegmentSurgery::Entry> entries = patient.surgery().appendix_part(0);
  std::swap(entries[3], entries[4]);
  patient.surgery().replace_appendix_part(0, entries);
  const AppendixPart& entry = patient.surgery().footer.appendix[0];
  const std::string place = std::string(kPath) + ": appendix part 0, column \"" +
                            column_name(small_schema(), entry.dimension_id) + "\", offset " +
                            std::to_string(entry.offset) + ": the codes of an appendix part are not ascending";
  const std::string problems = patient.verified();
  CAPTURE(problems);
  CHECK(problems.starts_with(place));
  auto reader = SegmentReader::open(patient.disk(), kPath, nullptr);
  REQUIRE(reader);
  CHECK((*reader)->appendix(entry.dimension_id).error().message == place);
}
