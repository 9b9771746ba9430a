// `tally inspect` on the files of a real database: descriptions, rows, and what it says of files that it cannot show.
#include <algorithm>

#include "base/file_names.h"
#include "tests/end_to_end/program.h"

namespace tally {
namespace {

bool says(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

struct Shop : Workshop {
  std::string data = path("shop");
  Shop() {
    REQUIRE(tally({"init", data}).code == 0);
    REQUIRE(tally({"sql", "--data", data, "-c",
                   "CREATE TABLE clicks (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '72 hours', country STRING "
                   "DIMENSION, cost DECIMAL(9,2) FIELD, clicks MEASURE COUNT)"})
                .code == 0);
    std::string csv = "ts,id,country,cost\n";
    for (int i = 0; i < 50; ++i) {
      csv += "2019-11-24 00:00:" + std::to_string(10 + i) + ",e" + std::to_string(i) + "," +
             (i % 2 == 0 ? "DE" : "FR") + ",0.25\n";
    }
    REQUIRE(tally({"load", "--data", data, "--table", "clicks", "--replay", put("a.csv", csv)}).code == 0);
  }
  std::vector<std::string> files(FileKind kind, const std::string& folder) const {
    std::vector<std::string> paths;
    const std::string directory = join_path(data, folder);
    const std::vector<FileInfo> listed = fs().list(directory).value();
    for (const FileInfo& file : listed) {
      if (parse_file_name(file.name).kind == kind) paths.push_back(join_path(directory, file.name));
    }
    REQUIRE_FALSE(paths.empty());
    return paths;
  }
};

TEST_CASE("inspect: segments of a database describe themselves, and their rows are those that were loaded") {
  Shop shop;
  std::string rows;
  for (const std::string& segment : shop.files(FileKind::kSegment, "tables/clicks/segments")) {
    Ran ran = shop.tally({"inspect", segment});
    CHECK(ran.code == 0);
    CHECK(ran.err == "");
    for (const char* part : {"of table \"clicks\"", "sections: 1 days", "2019-11-24: ", "country",
                             "zones:", "appendix:", "checksums: all good"}) {
      says(ran.out, part);
    }
    if (ran.out.find("raw tier") == std::string::npos) {
      // All 50 lie in one minute, 25 of each country.
      const std::string buckets = shop.tally({"inspect", segment, "--rows"}).out;
      says(buckets, "ts\tcountry\tevents\tduplicates\tconflicts\tlate\tretracted\tclicks\n");
      says(buckets, ":00Z\tFR\t25\t0\t0\t25\t0\t25\n");
      continue;
    }
    says(ran.out, "id_filter");
    says(shop.tally({"inspect", segment, "--blocks"}).out, "blocks:\n  0: ");
    rows += shop.tally({"inspect", segment, "--rows"}).out;
    Ran one = shop.tally({"inspect", segment, "--rows", "1"});
    CHECK(std::count(one.out.begin(), one.out.end(), '\n') == 2);
  }
  for (int i = 0; i < 50; ++i) {
    says(rows, "2019-11-24T00:00:" + std::to_string(10 + i) + "Z\te" + std::to_string(i) + "\t" +
                   (i % 2 == 0 ? "DE" : "FR") + "\t0.25\tevent\t");
  }
}

TEST_CASE("inspect: manifest, marker and log") {
  Shop shop;
  Ran manifest = shop.tally({"inspect", shop.files(FileKind::kManifest, "tables/clicks").back()});
  CHECK(manifest.code == 0);
  says(manifest.out, "manifest ");
  says(manifest.out, "accepted 50");
  says(shop.tally({"inspect", join_path(shop.data, "TALLY")}).out, "the marker of the Tally database ");
  Ran log = shop.tally({"inspect", shop.files(FileKind::kLogFile, "tables/clicks/log").back()});
  CHECK(log.code == 0);
  says(log.out, "log file ");
}

TEST_CASE("inspect: what is wrong with a file is said, with the exit code of a failure") {
  Shop shop;
  const std::string segment = shop.files(FileKind::kSegment, "tables/clicks/segments").front();
  std::string bytes = shop.get(segment.substr(shop.path("").size()));
  REQUIRE(bytes.size() > 1'000);
  bytes[200] = static_cast<char>(bytes[200] ^ 4);
  Ran damaged = shop.tally({"inspect", shop.put("00000001.seg", bytes)});
  CHECK(damaged.code == 1);
  says(damaged.out, "problem: ");
  says(damaged.out, "block 0");
  says(damaged.err, "is damaged");
  Ran cut = shop.tally({"inspect", shop.put("00000002.seg", bytes.substr(0, 700))});
  CHECK(cut.code == 1);
  says(cut.err, "cut off");
  Ran other = shop.tally({"inspect", shop.put("letter.txt", "a letter to somebody")});
  CHECK(other.code != 0);
  says(other.err, "none of our files");
  CHECK(shop.tally({"inspect", shop.path("nothing.seg")}).code == 1);
  Ran no_number = shop.tally({"inspect", segment, "--rows", "ten"});
  CHECK(no_number.code == 2);
  says(no_number.err, "--rows takes a number of rows, not \"ten\"");
}

}  // namespace
}  // namespace tally
