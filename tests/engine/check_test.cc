// `tally check` names each fault with its file and place, and a sound database is called sound.
#include "engine/check.h"

#include <doctest/doctest.h>

#include "base/file_names.h"
#include "engine/id_filter.h"
#include "tests/support/engine/segment_surgery.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

constexpr const char* kDirectory = "/db/tables/events";

// A closed database of two flushes, whose files can be harmed.
struct Closed {
  Closed() : world(1) {
    for (int flush = 0; flush < 2; ++flush) {
      std::vector<TestRow> rows;
      for (int row = 0; row < 40; ++row) {
        static const char* kCampaigns[] = {"alpha of many", "bravo, a longer one", "charlie"};
        rows.push_back({.id = std::to_string(flush) + "-" + std::to_string(row), .campaign = kCampaigns[row % 3]});
      }
      world.send(rows);
      world.flush();
    }
    world.close();
  }

  std::vector<std::string> files(const std::string& folder, FileKind kind) {
    std::vector<std::string> paths;
    const std::string directory = join_path(kDirectory, folder);
    const std::vector<FileInfo> listed = world.disk.list(directory).value();
    for (const FileInfo& file : listed) {
      const ParsedName name = parse_file_name(file.name);
      if (name.kind == kind && !name.temporary) paths.push_back(join_path(directory, file.name));
    }
    return paths;
  }
  std::string segment() { return files("segments", FileKind::kSegment).front(); }

  void operate(const std::string& path, const std::function<void(SegmentSurgery&)>& change) {
    SegmentSurgery surgery(world.disk.content(path));
    change(surgery);
    REQUIRE(world.disk.overwrite(path, 0, surgery.file()));
  }
  std::string problems() {
    std::string text;
    for (const std::string& problem : check_table(world.disk, world.clock, "events", kDirectory).problems) {
      text += problem + "\n";
    }
    return text;
  }

  TableWorld world;
};

bool says(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

}  // namespace

TEST_CASE("check: a sound database is sound, and its counts are told") {
  Closed closed;
  const TableCheck report = check_table(closed.world.disk, closed.world.clock, "events", kDirectory);
  CHECK(report.problems.empty());
  CHECK(report.rows == 80);
  CHECK(report.segments == 4);
  CHECK(report.dictionary_values == 3);
  CHECK(report.ledger.accepted == 80);
  closed.operate(closed.segment(), [](SegmentSurgery&) {});  // put together again: the same bytes
  CHECK(closed.problems() == "");
}

TEST_CASE("check: a string of a segment that is not the dictionary's is named with file, dimension and code") {
  Closed closed;
  closed.operate(closed.segment(), [](SegmentSurgery& s) { s.respell(0, "charlie", "charlyX"); });
  const std::string problems = closed.problems();
  says(problems, closed.segment() + ": appendix: dimension \"campaign\", code ");
  says(problems, " stands for \"charlyX\", and in the dictionary files for \"charlie\"");
  says(problems, closed.segment() + ": the sum of the whole file does not match the manifest");
}

TEST_CASE("check: a whole segment with other content than the manifest's sum says is named") {
  Closed closed;
  closed.operate(closed.segment(), [](SegmentSurgery& s) { --s.footer.zones.front().min.front(); });
  const std::string problems = closed.problems();
  says(problems, closed.segment() + ": the sum of the whole file does not match the manifest");
  says(problems, closed.segment() + ": block 0, column \"campaign\": its zone is not that of its rows");
}

TEST_CASE("check: a segment with other counts than the manifest lists is named") {
  Closed closed;
  closed.operate(closed.segment(), [](SegmentSurgery& s) { --s.footer.events; });
  says(closed.problems(), closed.segment() + ": it is not what the manifest lists");
}

TEST_CASE("check: an id filter that does not know an id is named") {
  Closed closed;
  closed.operate(closed.segment(), [](SegmentSurgery& s) {
    const auto& parts = s.footer.indexes;
    size_t part = 0;
    while (parts.at(part).kind != Encoding::kIdFilter) ++part;
    std::vector<Hash128> none;
    IdFilterBuilder builder(parts[part].values);
    builder.add(none);
    Bytes empty;
    builder.finish(empty);
    s.replace_index_part(part, empty, parts[part].values);
  });
  says(closed.problems(), closed.segment() + ": block 0: the id filter does not know an id of its rows");
}

TEST_CASE("check: damage of a dictionary file does not hide that of a segment") {
  Closed closed;
  const std::string dictionary = closed.files("dict", FileKind::kDictionary).front();
  REQUIRE(closed.world.disk.flip_bit(dictionary, 100, 1));
  REQUIRE(closed.world.disk.flip_bit(closed.segment(), 200, 1));
  const std::string problems = closed.problems();
  says(problems, dictionary);
  says(problems, closed.segment() + ": ");
}

TEST_CASE("check: a missing segment is named") {
  Closed closed;
  const std::string path = closed.segment();
  REQUIRE(closed.world.disk.unlink(path));
  says(closed.problems(), path);
}
