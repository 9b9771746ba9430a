#include "tools/load/loader.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/checksum.h"
#include "base/file_names.h"
#include "tests/support/engine/fake_table.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"
#include "tools/generate/byte_sink.h"
#include "tools/load/batch_window.h"
#include "tools/load/row_converter.h"

namespace tally {
namespace {

constexpr const char* kHeader = "ts,id,country,slot,kind,amount,cost\n";

std::string rows_of(uint64_t first, uint64_t last) {
  std::string text;
  for (uint64_t i = first; i <= last; ++i) text += "2019-11-24T00:01:03Z,e" + std::to_string(i) + ",DE,1,x,2,0.50\n";
  return text;
}

struct Fixture {
  TempDir directory;
  std::unique_ptr<FileSystem> fs = make_posix_file_system();
  ManualClock clock;
  Console console;
  FakeTable table{small_schema()};
  LoadOptions options;
  LoadSummary summary;

  Fixture() { options.batch_rows = 10; }
  std::string put(const std::string& name, const std::string& text) {
    std::string path = directory.file(name);
    REQUIRE(write_file_atomic(*fs, path, as_bytes(text)).has_value());
    return path;
  }
  std::string get(const std::string& path) {
    auto bytes = read_whole_file(*fs, path, 1 << 24);
    return bytes ? std::string(as_text(*bytes)) : "";
  }
  Status load() {
    Loader loader(table, *fs, clock, console, options);
    Status status = loader.run();
    summary = loader.summary();
    CHECK(summary.counts.balanced());
    return status;
  }
  // The last line of the ack file, up to the path.
  std::string acknowledged() {
    std::string text = get(options.ack_file);
    size_t start = text.rfind("rows ");
    return start == std::string::npos ? "" : text.substr(start, text.find(" bytes", start) - start);
  }
};

TEST_CASE("loader: files of several formats end up in the table, in batches") {
  Fixture f;
  f.options.files = {f.put("a.csv", kHeader + rows_of(1, 25)),
                     f.put("b.ndjson", "{\"ts\":1574553663,\"id\":\"e26\",\"amount\":3}\n")};
  f.options.replay = true;
  REQUIRE(f.load().has_value());
  CHECK(f.table.rows == 26);
  CHECK(f.table.batches == 4);
  CHECK(f.table.replays == std::vector<bool>(4, true));
  CHECK(f.summary.counts.accepted == 26);
  CHECK(f.summary.complete);
}

TEST_CASE("loader: a bad file anywhere fails before the first row") {
  Fixture f;
  std::string good = f.put("a.csv", kHeader + rows_of(1, 25));
  const std::vector<std::string> bad = {f.directory.file("missing.csv"), f.put("empty.csv", ""),
                                        f.put("no_time.csv", "id,country\n1,DE\n"), f.put("what.dat", "x"),
                                        f.put("cut.csv.gz", "\x1F\x8B\x08")};
  for (const std::string& path : bad) {
    CAPTURE(path);
    f.options.files = {good, path};
    Status status = f.load();
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().message.find(base_name(path)) != std::string::npos);
    CHECK(f.table.batches == 0);
  }
}

TEST_CASE("loader: a source whose first record names no columns is told by what is wrong with that") {
  Fixture f;
  struct Case {
    std::string name, text, says;
  };
  const std::string wide = "ts,id," + std::string(70'000, 'x') + "\n";
  const Case cases[] = {
      {"empty.ndjson", "", "empty.ndjson is empty: there is no record in it"},
      {"blank.ndjson", "\n \n", "blank.ndjson is empty: there is no record in it"},
      {"array.ndjson", "\n[1]\n", "array.ndjson:2: this row is JSON but not an object"},
      {"broken.ndjson", "{\"ts\":1\n", "broken.ndjson:1: this row is not JSON"},
      {"utf16.ndjson", "\xFF\xFE{", "utf16.ndjson is UTF-16"},
      {"nothing.ndjson", "{}\n", "(it has none)"},
      {"wide.csv", wide, "wide.csv:1: the header has 70012 bytes, and 65536 is the most that is taken"},
  };
  for (const Case& one : cases) {
    f.options.files = {f.put(one.name, one.text)};
    const Status status = f.load();
    REQUIRE_FALSE(status.has_value());
    CHECK_MESSAGE(status.error().message.find(one.says) != std::string::npos, status.error().message);
    CHECK(f.table.batches == 0);
  }
}

TEST_CASE("loader: names that are ignored are told, and of very many or long ones the first") {
  std::vector<std::string> names{"ts", "id"};
  for (int i = 0; i < 5'000; ++i) names.push_back("n" + std::to_string(i) + std::string(i == 0 ? 1'000 : 0, 'x'));
  auto converter = RowConverter::make(std::make_shared<const Schema>(small_schema()), names, false, {});
  REQUIRE(converter.has_value());
  const std::string note = converter->notes().front();
  CHECK(note.find("n0xxx") != std::string::npos);
  CHECK(note.ends_with(" and 4,960 more"));
  CHECK(note.size() < 1'000);
}

TEST_CASE("loader: a file given twice loads twice, but not with an ack file, and standard input not at all") {
  Fixture f;
  const std::string file = f.put("a.csv", kHeader + rows_of(1, 25));
  f.options.files = {file, file};
  REQUIRE(f.load().has_value());
  CHECK(f.table.rows == 50);
  f.options.ack_file = f.directory.file("acks");
  Status status = f.load();
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().message == file + " is given twice: an ack file keeps one position for it");
  f.options.ack_file.clear();
  f.options.format = SourceFormat::kNdjson;
  f.options.files = std::vector<std::string>(2, std::string(kStandardInput));
  status = f.load();
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().message == "standard input can be read once, and - is given twice");
  CHECK(f.table.rows == 50);
}

TEST_CASE("loader: a list of rejected rows is written over nothing but its like, least of all over the source") {
  Fixture f;
  const std::string text = kHeader + rows_of(1, 5) + "never,e6,DE,1,x,2,0.50\n";
  const std::string file = f.put("a.csv", text);
  f.options.files = {file};
  for (const std::string& other : {file, f.put("letter.txt", "dear file"), f.put("short.csv", "file,line")}) {
    const std::string before = f.get(other);
    f.options.rejected_file = other;
    const Status status = f.load();
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().message.find(other + " is there, and no list of rejected rows") == 0);
    CHECK(f.get(other) == before);
    CHECK(f.table.batches == 0);
  }
  f.options.rejected_file = f.directory.file("rejected.csv");
  for (int i = 0; i < 2; ++i) {
    REQUIRE(f.load().has_value());
    const std::string list = f.get(f.options.rejected_file);
    CHECK(std::count(list.begin(), list.end(), '\n') == 2);
  }
}

TEST_CASE("loader: bad rows are reported to the table and to a file, the others go in") {
  Fixture f;
  f.options.rejected_file = f.directory.file("rejected.csv");
  f.options.files = {f.put(
      "a.csv",
      kHeader + rows_of(1, 3) + "never,e4,DE,1,x,2,0.50\n1574553663,e5,\"D,E\",1,x,two,0.50\n1\n" + rows_of(7, 9))};
  REQUIRE(f.load().has_value());
  CHECK(f.summary.counts.accepted == 6);
  CHECK(f.summary.counts.rejected == 3);
  CHECK(f.summary.bad_rows() == 3);
  REQUIRE(f.table.rejected.size() == 3);
  CHECK(f.table.rejected[0].source_row == 5);
  CHECK(f.table.rejected[0].code == "bad_timestamp");
  CHECK(f.table.rejected[0].raw == "never,e4,DE,1,x,2,0.50");
  CHECK(f.table.rejected[0].message.find("column \"ts\": ") == 0);
  std::string text = f.get(f.options.rejected_file);
  CHECK(text.find("file,line,column,code,reason,raw\n") == 0);
  CHECK(text.find("a.csv,6,amount,bad_integer,") != std::string::npos);
  CHECK(text.find(",\"1574553663,e5,\"\"D,E\"\",1,x,two,0.50\"\n") != std::string::npos);
  CHECK(text.find("a.csv,7,,wrong_field_count,has 1 fields where the header has 7,1\n") != std::string::npos);
}

TEST_CASE("loader: a file of bad rows only still reaches the table, in several batches") {
  Fixture f;
  std::string text = kHeader;
  for (int i = 0; i < 35; ++i) text += "x\n";
  f.options.files = {f.put("a.csv", text)};
  REQUIRE(f.load().has_value());
  CHECK(f.table.rejected.size() == 35);
  CHECK(f.table.batches == 4);
  CHECK(f.summary.counts.rejected == 35);
}

TEST_CASE("loader: rows that the table refuses are named with their line and go to the rejected file") {
  Fixture f;
  f.options.rejected_file = f.directory.file("rejected.csv");
  f.options.files = {f.put("a.csv", kHeader + rows_of(1, 12))};
  f.table.answer = [](const IngestBatch& batch, uint32_t rows) -> Result<BatchResult> {
    BatchResult result = FakeTable::accepted(batch, rows);
    result.counts.accepted -= 2;
    result.counts.too_late = 1;
    result.counts.duplicates = 1;
    result.not_accepted = {{0, Verdict::kDuplicate}, {1, Verdict::kTooLate}};
    return result;
  };
  REQUIRE(f.load().has_value());
  CHECK(f.summary.counts.too_late == 2);
  CHECK(f.summary.bad_rows() == 2);
  std::string text = f.get(f.options.rejected_file);
  CHECK(text.find("a.csv,3,,too_late,") != std::string::npos);
  CHECK(text.find("--replay") != std::string::npos);
  CHECK(text.find(",e2,DE,1") != std::string::npos);
  CHECK(text.find("a.csv,13,,too_late,") != std::string::npos);
  CHECK(text.find(",e1,DE") == std::string::npos);
}

TEST_CASE("loader: what stops it in the middle names the row to go on from, and the ack file goes on from there") {
  Fixture f;
  f.options.ack_file = f.directory.file("acks");
  f.options.files = {f.put("a.csv", kHeader + rows_of(1, 10)), f.put("b.csv", kHeader + rows_of(11, 60))};
  uint64_t room = 3;
  f.table.answer = [&](const IngestBatch& batch, uint32_t rows) -> Result<BatchResult> {
    if (room == 0) return fail(Code::kNoSpace, "the disk is full");
    --room;
    return FakeTable::accepted(batch, rows);
  };
  Status status = f.load();
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().code == Code::kNoSpace);
  CHECK_FALSE(f.summary.complete);
  CHECK(f.summary.next_file == f.options.files[1]);
  CHECK(f.summary.next_row == 21);
  CHECK(f.acknowledged() == "rows 20");
  CHECK(f.table.rows == 30);

  room = 100;
  REQUIRE(f.load().has_value());
  CHECK(f.table.rows == 60);
  CHECK(f.summary.skipped == 30);
  CHECK(f.summary.counts.received == 30);
  CHECK(f.acknowledged() == "rows 50");

  REQUIRE(f.load().has_value());
  CHECK(f.table.rows == 60);
  CHECK(f.summary.skipped == 60);
}

TEST_CASE("loader: an ack file of a file that shrank is refused") {
  Fixture f;
  f.options.ack_file = f.directory.file("acks");
  f.options.files = {f.put("a.csv", kHeader + rows_of(1, 30))};
  REQUIRE(f.load().has_value());
  f.put("a.csv", kHeader + rows_of(1, 20));
  Status status = f.load();
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().message.find("this is another file") != std::string::npos);
  f.put("a.csv", kHeader + rows_of(1, 40));
  REQUIRE(f.load().has_value());
  CHECK(f.table.rows == 40);
}

TEST_CASE("loader: an ack file of a file that was replaced is refused, though the new one is as large or larger") {
  Fixture f;
  f.options.ack_file = f.directory.file("acks");
  f.options.files = {f.put("a.csv", kHeader + rows_of(101, 130))};
  REQUIRE(f.load().has_value());
  for (const std::string& other : {rows_of(201, 230), rows_of(201, 290), rows_of(101, 101) + rows_of(203, 290)}) {
    f.put("a.csv", kHeader + other);
    const Status status = f.load();
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code == Code::kInvalidArgument);
    CHECK(status.error().message.find("a.csv does not begin as it did when 30 rows of it were acknowledged") !=
          std::string::npos);
    CHECK(f.table.rows == 30);
  }
  f.put("a.csv", kHeader + rows_of(101, 140));  // the first has grown
  REQUIRE(f.load().has_value());
  CHECK(f.table.rows == 40);
  // A line of the version before knows of no beginning.
  const std::string text = f.get(f.options.ack_file);
  const size_t table = text.find("table "), end = text.find('\n', table);
  f.put("acks", "tally ack file, version 1\n" + text.substr(table, end - table) + "\nrows 40 bytes 7 " +
                    f.options.files[0] + "\n");
  f.put("a.csv", kHeader + rows_of(201, 250));
  REQUIRE(f.load().has_value());
  CHECK(f.table.rows == 50);
}

TEST_CASE("loader: a busy table is asked again, with pauses, and not for ever") {
  Fixture f;
  f.options.files = {f.put("a.csv", kHeader + rows_of(1, 30))};
  int busy = 5;
  f.table.answer = [&](const IngestBatch& batch, uint32_t rows) -> Result<BatchResult> {
    if (busy-- > 0) return fail(Code::kRetryLater, "busy");
    return FakeTable::accepted(batch, rows);
  };
  REQUIRE(f.load().has_value());
  CHECK(f.table.rows == 30);
  CHECK(f.summary.retries == 5);

  busy = 1'000'000;
  TimeUs begun = f.clock.boottime_us();
  Status status = f.load();
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().code == Code::kRetryLater);
  CHECK(f.clock.boottime_us() - begun < 10 * kMicrosPerMinute);
}

TEST_CASE("loader: a source that breaks off keeps what was read before") {
  Fixture f;
  f.options.batch_rows = 1'000;
  f.options.files = {f.directory.file("a.csv.gz")};
  auto sink = open_byte_sink(*f.fs, f.options.files[0]);
  REQUIRE((*sink)->write(kHeader + rows_of(1, 20'000)).has_value());
  REQUIRE((*sink)->close().has_value());
  std::string bytes = f.get(f.options.files[0]);
  f.put("a.csv.gz", bytes.substr(0, bytes.size() / 2));
  Status status = f.load();
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().code == Code::kCorruption);
  CHECK(f.table.rows > 5'000);
  CHECK(f.summary.next_row == f.table.rows + 1);
}

TEST_CASE("loader: the rate is kept") {
  Fixture f;
  f.options.rows_per_second = 100;
  f.options.batch_rows = 0;
  f.options.files = {f.put("a.csv", kHeader + rows_of(1, 500))};
  TimeUs begun = f.clock.boottime_us();
  REQUIRE(f.load().has_value());
  CHECK(static_cast<double>(f.clock.boottime_us() - begun) / 1e6 == doctest::Approx(5.0).epsilon(0.1));
  CHECK(f.table.batches == 20);
}

TEST_CASE("batch window: answers out of order come out in order") {
  FakeTable table(small_schema());
  ManualClock clock;
  table.hold = true;
  BatchWindow window(table, clock);
  BatchBuilder builder(*table.schema());
  for (uint64_t i = 1; i <= 3; ++i) {
    LoadBatch batch;
    batch.last_row = i;
    batch.ingest.payload = builder.finish();
    batch.ingest.payload_xxh3 = xxh3(batch.ingest.payload);
    window.send(std::move(batch));
  }
  CHECK_FALSE(window.take(false).has_value());
  table.release(2);
  CHECK_FALSE(window.take(false).has_value());
  table.release(0);
  auto first = window.take(false);
  REQUIRE(first.has_value());
  CHECK(first->batch.last_row == 1);
  CHECK_FALSE(window.take(false).has_value());
  table.release(0);
  CHECK(window.take(true)->batch.last_row == 2);
  CHECK(window.take(true)->batch.last_row == 3);
  CHECK_FALSE(window.take(true).has_value());
}

}  // namespace
}  // namespace tally
