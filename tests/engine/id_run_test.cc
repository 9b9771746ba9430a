#include "engine/id_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "base/checksum.h"
#include "base/random.h"
#include "engine/id_run_format.h"
#include "engine/id_run_writer.h"
#include "tests/support/engine/seed.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr int32_t kDay = 20'000;

TimeUs time_of(int32_t day) { return day * kMicrosPerDay + 5; }

IdRunSummary summary_of(std::span<const SeenEntry> entries) {
  std::map<int32_t, TimeUs> newest;
  for (const SeenEntry& entry : entries) newest[entry.event_day] = time_of(entry.event_day);
  IdRunSummary summary{.newest_arrival_us = time_of(kDay) + 77, .max_lsn = 9, .newest = {}};
  for (auto [day, time] : newest) summary.newest.push_back({day, time});
  return summary;
}

std::vector<SeenEntry> random_entries(Random& random, size_t count, int32_t days) {
  std::vector<SeenEntry> entries(count);
  for (SeenEntry& entry : entries) {
    entry = {.key = {.lo = random.next(), .hi = random.next()},
             .digest = static_cast<uint32_t>(random.next()),
             .event_day = kDay + static_cast<int32_t>(random.below(static_cast<uint64_t>(days)))};
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return entries;
}

IdRunWriter::Options options_for(FileSystem& fs, uint64_t number = 1) {
  FileUuid uuid{};
  uuid.fill(static_cast<uint8_t>(number));
  return {.fs = &fs,
          .directory = "ids",
          .number = number,
          .uuid = uuid,
          .table_uuid = {7},
          .place = {.lateness_class = 1, .generation = -3, .shard = 1, .shards = 2}};
}

Result<IdRunInfo> write_run(FileSystem& fs, std::span<const SeenEntry> entries, uint64_t number = 1) {
  TALLY_ASSIGN_OR_RETURN(auto writer, IdRunWriter::create(options_for(fs, number)));
  TALLY_TRY(writer->add(entries));
  return writer->finish(summary_of(entries));
}

bool same(const SeenEntry& a, const SeenEntry& b) {
  return a.key == b.key && a.digest == b.digest && a.event_day == b.event_day;
}

// What a file answers: every entry by cursor, every key by look-up, strangers, and its verification. An error is an answer.
struct Answers {
  std::vector<SeenEntry> entries;
  std::vector<bool> found;
  friend bool operator==(const Answers& a, const Answers& b) {
    return a.found == b.found &&
           std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(), same);
  }
};
Result<Answers> ask(FileSystem& fs, const IdRunInfo& info, std::span<const SeenEntry> known, uint64_t seed) {
  TALLY_ASSIGN_OR_RETURN(auto run, IdRun::open(fs, "ids/00000001.run", &info));
  Answers answers;
  IdRunCursor cursor(run);
  for (;;) {
    TALLY_ASSIGN_OR_RETURN(auto entries, cursor.next());
    if (entries.empty()) break;
    answers.entries.insert(answers.entries.end(), entries.begin(), entries.end());
  }
  std::vector<Hash128> keys;
  for (const SeenEntry& entry : known) keys.push_back(entry.key);
  Random random(~seed);
  for (int i = 0; i < 50; ++i) keys.push_back({.lo = random.next(), .hi = random.next()});
  std::sort(keys.begin(), keys.end());
  std::vector<IdRunMatch> matches(keys.size());
  TALLY_TRY(IdRunFinder(nullptr).find(*run, keys, matches));
  for (const IdRunMatch& match : matches) answers.found.push_back(match.found);
  TALLY_ASSIGN_OR_RETURN(auto problems, run->verify());
  if (!problems.empty()) return fail(Code::kCorruption, problems.front());
  return answers;
}

}  // namespace

TEST_CASE("id run: the example of the header") {
  const SeenEntry entries[] = {{{5, 1}, 10, 20'000}, {{9, 2}, 11, 20'001}, {{9, 7}, 12, 20'000}};
  FileUuid uuid{};
  uuid.fill(1);
  const uint64_t digest = id_run_format::file_digest(uuid);
  Bytes bytes;
  id_run_format::encode_block(digest, 0, entries, bytes);
  CHECK(hex(ByteSpan(bytes).subspan(8, bytes.size() - 16)) ==
        "00000000030003010500000000000000204e00000000000004"
        "02"
        "0100000000000000020000000000000007000000000000000a0000000b0000000c000000");
  CHECK(load_le<uint64_t>(bytes.data()) == digest);
  CHECK(load_le<uint64_t>(bytes.data() + bytes.size() - 8) == xxh3(ByteSpan(bytes).first(bytes.size() - 8)));
}

TEST_CASE("id run: what was written is read, found and verified, whatever its size") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (size_t count : {1, 2, 63, 64, 65, 128, 2048, 2049, 5000, 40'000}) {
    CAPTURE(count);
    SimDisk disk(seed);
    REQUIRE(disk.make_directory("ids"));
    std::vector<SeenEntry> entries = random_entries(random, count, 3);
    IdRunInfo info = write_run(disk, entries).value();
    CHECK(info.entries == count);
    CHECK(info.checksum == xxh3(disk.content("ids/00000001.run")));
    CHECK(info.size == disk.content("ids/00000001.run").size());
    Answers answers = ask(disk, info, entries, seed).value();
    CHECK(std::equal(entries.begin(), entries.end(), answers.entries.begin(), answers.entries.end(), same));
    CHECK(std::count(answers.found.begin(), answers.found.end(), true) == static_cast<ptrdiff_t>(count));
    IdRunInfo alone = IdRun::open(disk, "ids/00000001.run", nullptr).value()->info();
    alone.checksum = info.checksum;
    CHECK(alone == info);
  }
}

TEST_CASE("id run: an entry takes less than 20 bytes from 100,000 entries on") {
  Random random(1);
  for (auto [count, bytes_max] : {std::pair{100'000, 19.4}, std::pair{1'000'000, 19.0}}) {
    SimDisk disk(1);
    REQUIRE(disk.make_directory("ids"));
    IdRunInfo info = write_run(disk, random_entries(random, static_cast<size_t>(count), 4)).value();
    double bytes = static_cast<double>(info.size) / count;
    MESSAGE(count, " entries: ", bytes, " bytes each");
    CHECK(bytes < bytes_max);
    auto run = IdRun::open(disk, "ids/00000001.run", &info).value();
    CHECK(static_cast<double>(run->memory_bytes()) / count < 0.105);
  }
}

TEST_CASE("id run: a find gives digest and day, reads a block once for its keys, and the cache keeps it") {
  Random random(2);
  SimDisk disk(2);
  REQUIRE(disk.make_directory("ids"));
  std::vector<SeenEntry> entries = random_entries(random, 2560, 5);
  IdRunInfo info = write_run(disk, entries).value();
  auto run = IdRun::open(disk, "ids/00000001.run", &info).value();
  std::vector<Hash128> keys;
  for (const SeenEntry& entry : entries) keys.insert(keys.end(), {entry.key, entry.key});
  std::vector<IdRunMatch> matches(keys.size());
  IdRunCache cache;
  IdRunFinder finder(&cache);
  REQUIRE(finder.find(*run, keys, matches));
  for (size_t i = 0; i < keys.size(); ++i) {
    REQUIRE(matches[i].found);
    REQUIRE(matches[i].digest == entries[i / 2].digest);
    REQUIRE(matches[i].event_day == entries[i / 2].event_day);
  }
  CHECK(finder.blocks_read() == 40);
  REQUIRE(finder.find(*run, keys, matches));
  CHECK(finder.blocks_read() + finder.cache_hits() == 80);
  CHECK(finder.cache_hits() >= 20);
  CHECK(cache.memory_bytes() <= limits::kIdRunCacheBytesMax);
}

TEST_CASE("id run: crowded keys, equal low words across a border of blocks, and the ends of the range") {
  std::vector<SeenEntry> entries;
  for (uint64_t i = 0; i < 700; ++i) entries.push_back({.key = {42, i * 3}, .digest = 1, .event_day = INT32_MIN});
  for (uint64_t i = 0; i < 700; ++i) entries.push_back({.key = {43 + i, 0}, .digest = 2, .event_day = INT32_MAX});
  entries.push_back({.key = {UINT64_MAX, 0}, .digest = 3, .event_day = 0});
  entries.push_back({.key = {UINT64_MAX, UINT64_MAX}, .digest = 3, .event_day = 0});
  // No time falls on such days: the block alone has to bear them.
  Bytes bytes;
  id_run_format::encode_block(1, 0, std::span(entries).subspan(668, 64), bytes);
  auto view = id_run_format::open_block(bytes, {.digest = 1, .block = 0, .entries = 64, .first_top = 0});
  REQUIRE(view);
  std::vector<uint32_t> days(64);
  id_run_format::decode_days(*view, days);
  CHECK(static_cast<int32_t>(days[0]) == INT32_MIN);
  CHECK(static_cast<int32_t>(days[63]) == INT32_MAX);

  for (SeenEntry& entry : entries) entry.event_day = kDay;
  SimDisk disk(1);
  REQUIRE(disk.make_directory("ids"));
  IdRunInfo info = write_run(disk, entries).value();
  auto run = IdRun::open(disk, "ids/00000001.run", &info).value();
  IdRunFinder finder(nullptr);
  for (const SeenEntry& entry : entries) {
    IdRunMatch match;
    REQUIRE(finder.find(*run, std::span(&entry.key, 1), std::span(&match, 1)));
    REQUIRE(match.found);
    REQUIRE(match.digest == entry.digest);
  }
  for (Hash128 stranger : {Hash128{0, 0}, Hash128{42, 1}, Hash128{42, 2100}, Hash128{UINT64_MAX, 1}, Hash128{41, 0}}) {
    IdRunMatch match;
    REQUIRE(finder.find(*run, std::span(&stranger, 1), std::span(&match, 1)));
    CHECK_FALSE(match.found);
  }
}

TEST_CASE("id run: the writer refuses what no run is") {
  SimDisk disk(1);
  REQUIRE(disk.make_directory("ids"));
  const SeenEntry entries[] = {{{5, 1}, 1, kDay}, {{5, 1}, 1, kDay}};
  auto writer = IdRunWriter::create(options_for(disk)).value();
  Status added = writer->add(entries);
  REQUIRE_FALSE(added);
  CHECK(added.error().code == Code::kInternal);
  writer = IdRunWriter::create(options_for(disk)).value();
  CHECK(writer->finish({}).error().code == Code::kInternal);  // nothing in it
  writer = IdRunWriter::create(options_for(disk)).value();
  REQUIRE(writer->add(std::span(entries, 1)));
  CHECK(writer->finish({}).error().code == Code::kInternal);  // no day
  writer.reset();
  CHECK(disk.tree() == std::vector<std::string>{"/ids/"});
}

TEST_CASE("id run: one flipped bit anywhere is a named error, or every answer is the same") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  SimDisk disk(seed);
  REQUIRE(disk.make_directory("ids"));
  std::vector<SeenEntry> entries = random_entries(random, 300, 3);
  IdRunInfo info = write_run(disk, entries).value();
  const Answers sound = ask(disk, info, entries, seed).value();
  size_t refused = 0;
  for (uint64_t at = 0; at < info.size; ++at) {
    const auto bit = static_cast<unsigned>(random.below(8));
    REQUIRE(disk.flip_bit("ids/00000001.run", at, bit));
    auto answers = ask(disk, info, entries, seed);
    CAPTURE(at);
    if (answers) {
      REQUIRE(*answers == sound);
    } else {
      REQUIRE((answers.error().code == Code::kCorruption || answers.error().code == Code::kUnsupported));
      REQUIRE(answers.error().message.find("00000001.run") != std::string::npos);
      ++refused;
    }
    REQUIRE(disk.flip_bit("ids/00000001.run", at, bit));
  }
  CHECK(refused == info.size);  // the whole-file sum of the manifest leaves nothing unseen
}

TEST_CASE("id run: a look-up alone sees damage in the block it reads, a stale or foreign block, and a cut file") {
  Random random(3);
  SimDisk disk(3);
  REQUIRE(disk.make_directory("ids"));
  std::vector<SeenEntry> entries = random_entries(random, 1000, 1);
  IdRunInfo info = write_run(disk, entries).value();
  IdRunInfo other = write_run(disk, entries, 2).value();
  auto run = IdRun::open(disk, "ids/00000001.run", &info).value();
  auto find = [&](const SeenEntry& entry) {
    IdRunMatch match;
    Status found = IdRunFinder(nullptr).find(*run, std::span(&entry.key, 1), std::span(&match, 1));
    if (found) CHECK(match.found);
    return found;
  };
  const Bytes sound = disk.content("ids/00000001.run");
  const Bytes foreign = disk.content("ids/00000002.run");
  auto block = [&](const Bytes& file, size_t i) {
    return ByteSpan(file).subspan(run->offset_of(i), run->length_of(i));
  };
  SUBCASE("damage in one block") {
    REQUIRE(disk.flip_bit("ids/00000001.run", run->offset_of(1) + 100, 3));
    CHECK(find(entries[0]));
    Status damaged = find(entries[100]);
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code == Code::kCorruption);
    CHECK(damaged.error().message.find("block 1, offset") != std::string::npos);
  }
  SUBCASE("the same block of another file") {
    REQUIRE(disk.overwrite("ids/00000001.run", run->offset_of(0), block(foreign, 0)));
    CHECK(find(entries[0]).error().message.find("of another file or place") != std::string::npos);
  }
  SUBCASE("another block of the same file") {
    REQUIRE(run->length_of(0) == run->length_of(1));
    REQUIRE(disk.overwrite("ids/00000001.run", run->offset_of(0), block(sound, 1)));
    CHECK(find(entries[0]).error().message.find("of another file or place") != std::string::npos);
  }
  SUBCASE("another run under its name, a cut one, none") {
    REQUIRE(disk.rename("ids/00000002.run", "ids/00000001.run"));
    CHECK(IdRun::open(disk, "ids/00000001.run", &info).error().message.find("another file stands") !=
          std::string::npos);
    REQUIRE(disk.cut("ids/00000001.run", other.size - 1));
    CHECK(IdRun::open(disk, "ids/00000001.run", nullptr).error().code == Code::kCorruption);
    REQUIRE(disk.unlink("ids/00000001.run"));
    CHECK(IdRun::open(disk, "ids/00000001.run", &info).error().code == Code::kCorruption);
    CHECK(IdRun::open(disk, "ids/00000001.run", nullptr).error().code == Code::kNotFound);
  }
}

TEST_CASE("id run: a disk that fails while it is read is that error, not corruption") {
  Random random(4);
  SimDisk disk(4);
  REQUIRE(disk.make_directory("ids"));
  std::vector<SeenEntry> entries = random_entries(random, 600, 1);
  IdRunInfo info = write_run(disk, entries).value();
  for (uint64_t n = 1;; ++n) {
    CAPTURE(n);
    const uint64_t before = disk.faults_fired();
    disk.inject({.effect = FaultEffect::kIoError, .ops = {DiskOp::kRead}, .nth = n});
    auto answers = ask(disk, info, entries, 1);
    const bool fired = disk.faults_fired() > before;
    disk.clear_faults();
    if (!fired) break;
    REQUIRE_FALSE(answers);
    CHECK(answers.error().code == Code::kIoError);
  }
}
