#include "base/file_names.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

TEST_CASE("file names: the tree of a database") {
  DatabasePaths database("/data/db");
  CHECK(database.marker() == "/data/db/TALLY");
  CHECK(database.lock() == "/data/db/LOCK");
  TablePaths table = database.table("ad_events");
  CHECK(table.directory() == "/data/db/tables/ad_events");
  CHECK(table.current() == "/data/db/tables/ad_events/CURRENT");
  CHECK(table.manifest(7) == "/data/db/tables/ad_events/MANIFEST-000007");
  CHECK(table.log_file(12) == "/data/db/tables/ad_events/log/00000012.log");
  CHECK(table.clean_mark() == "/data/db/tables/ad_events/log/CLEAN");
  CHECK(table.segment(1) == "/data/db/tables/ad_events/segments/00000001.seg");
  CHECK(table.dictionary(2) == "/data/db/tables/ad_events/dict/00000002.dict");
  CHECK(table.id_run(3) == "/data/db/tables/ad_events/ids/00000003.run");
  CHECK(table.retraction(3) == "/data/db/tables/ad_events/retractions/00000003.retr");
  CHECK(table.reserve() == "/data/db/tables/ad_events/RESERVE");
  CHECK(table.orphan("00000001.seg") == "/data/db/tables/ad_events/orphan/00000001.seg");
  CHECK(database.temporary_table("t").directory() == "/data/db/tables/t.tmp");
}

TEST_CASE("file names: table names are encoded one to one") {
  CHECK(encode_table_name("ad_events2") == "ad_events2");
  CHECK(encode_table_name("Ad Events") == "%41d%20%45vents");
  CHECK(encode_table_name("../x") == "%2E%2E%2Fx");
  CHECK(encode_table_name("t.tmp") == "t%2Etmp");
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  for (int i = 0; i < 500; ++i) {
    Bytes bytes(random.between(1, 20));
    random.fill(bytes);
    CHECK(decode_table_name(encode_table_name(as_text(bytes))).value() == as_text(bytes));
  }
}

TEST_CASE("file names: a folder that encode() did not make is no table") {
  for (const char* folder : {"", "A", "a.tmp", "%", "%4", "%4g", "%61", "%2e", "a b", "%zz"}) {
    CAPTURE(folder);
    CHECK(!decode_table_name(folder));
  }
}

TEST_CASE("file names: table names that do not fit are refused with a reason") {
  CHECK(check_table_name("").error().code == Code::kInvalidArgument);
  CHECK(check_table_name(std::string(129, 'a')).error().code == Code::kLimitExceeded);
  CHECK(check_table_name(std::string(83, 'A')));
  CHECK(!check_table_name(std::string(84, 'A')));
}

TEST_CASE("file names: what is built is parsed") {
  for (uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{99999999}, uint64_t{100000000}, UINT64_MAX}) {
    CAPTURE(number);
    CHECK(parse_file_name(manifest_name(number)) == ParsedName{FileKind::kManifest, number, false});
    CHECK(parse_file_name(log_file_name(number)) == ParsedName{FileKind::kLogFile, number, false});
    CHECK(parse_file_name(segment_name(number)) == ParsedName{FileKind::kSegment, number, false});
    CHECK(parse_file_name(dictionary_name(number)) == ParsedName{FileKind::kDictionary, number, false});
    CHECK(parse_file_name(id_run_name(number)) == ParsedName{FileKind::kIdRun, number, false});
    CHECK(parse_file_name(retraction_name(number)) == ParsedName{FileKind::kRetraction, number, false});
    CHECK(parse_file_name(letter_file_name(number)) == ParsedName{FileKind::kLetterFile, number, false});
    CHECK(parse_file_name(temporary_path(segment_name(number))) == ParsedName{FileKind::kSegment, number, true});
  }
  CHECK(parse_file_name("CURRENT") == ParsedName{FileKind::kCurrent, 0, false});
  CHECK(parse_file_name("CURRENT.tmp") == ParsedName{FileKind::kCurrent, 0, true});
  CHECK(parse_file_name("TALLY").kind == FileKind::kMarker);
  CHECK(parse_file_name("CLEAN").kind == FileKind::kCleanMark);
}

TEST_CASE("file names: anything else is not ours") {
  for (const char* name : {"", ".tmp", "1.log", "000000001.log", "0000000a.log", "+0000001.log", "00000001.log.tmp.tmp",
                           "MANIFEST-", "MANIFEST-1", "MANIFEST-0000001", "manifest-000001", "00000001.segx",
                           "99999999999999999999999.log", ".log", "notes.txt", "current"}) {
    CAPTURE(name);
    CHECK(parse_file_name(name) == ParsedName{});
  }
}

TEST_CASE("file names: joining and splitting paths") {
  CHECK(join_path("a", "b") == "a/b");
  CHECK(join_path("a/", "b") == "a/b");
  CHECK(parent_path("/a/b") == "/a");
  CHECK(parent_path("/a") == "/");
  CHECK(parent_path("a") == ".");
  CHECK(parent_path("/a/b/") == "/a");
  CHECK(base_name("/a/b") == "b");
  CHECK(base_name("b/") == "b");
}

}  // namespace
}  // namespace tally
