#include "engine/dead_letter_format.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/checksum.h"
#include "base/random.h"
#include "engine/dead_letter_file.h"
#include "tests/support/seed.h"
#include "tests/support/sim_disk.h"

using namespace tally;
using namespace tally::dead_letter_format;

namespace {

LetterBundle invalid_rows() {
  LetterBundle bundle;
  bundle.lsn = 7;
  bundle.arrival_us = 1'700'000'000'000'000;
  bundle.source = {.name = "a.csv", .format = RawFormat::kCsv, .header = "ts,id", .mapping = ""};
  bundle.letters = {{.row = 2, .verdict = Verdict::kRejected, .source_row = 4}};
  bundle.rejected = {{.source_row = 4, .code = "bad_row", .message = "no", .raw = "x,1"}};
  return bundle;
}

LetterBundle refused_rows(Lsn lsn, uint32_t rows, size_t payload_bytes, Random& random) {
  LetterBundle bundle;
  bundle.lsn = lsn;
  bundle.arrival_us = 1'700'000'000'000'000 + static_cast<TimeUs>(lsn);
  bundle.source.name = "b.ndjson";
  const Verdict verdicts[] = {Verdict::kTooLate, Verdict::kTooEarly, Verdict::kPastRetention};
  for (uint32_t row = 0; row < rows; ++row) bundle.letters.push_back({2 * row, verdicts[random.below(3)], row});
  bundle.payload.resize(payload_bytes);
  for (uint8_t& byte : bundle.payload) byte = static_cast<uint8_t>(random.below(4));
  bundle.payload_xxh3 = xxh3(bundle.payload);
  return bundle;
}

LetterFileWriter::Options options_for(SimDisk& disk, Lsn min_lsn, Lsn max_lsn) {
  return {.fs = &disk,
          .directory = "dead",
          .number = 3,
          .uuid = {0xab},
          .table_uuid = {0xcd},
          .min_lsn = min_lsn,
          .max_lsn = max_lsn,
          .min_arrival_us = 1'700'000'000'000'000,
          .max_arrival_us = 1'700'000'000'000'000 + static_cast<TimeUs>(max_lsn)};
}

Result<LetterFileInfo> write_file(SimDisk& disk, const std::vector<LetterMark>& marks,
                                  const std::vector<LetterBundle>& bundles) {
  TALLY_ASSIGN_OR_RETURN(auto writer, LetterFileWriter::create(options_for(disk, 1, 100), marks));
  for (const LetterBundle& bundle : bundles) TALLY_TRY(writer->add(bundle));
  return writer->finish();
}

struct Contents {
  std::vector<LetterMark> marks;
  std::vector<LetterBundle> bundles;
};
Result<Contents> read_file(SimDisk& disk, const LetterFileInfo* info) {
  TALLY_ASSIGN_OR_RETURN(auto file, LetterFile::open(disk, "dead/00000003.dead", info));
  Contents contents;
  TALLY_ASSIGN_OR_RETURN(contents.marks, file->marks());
  while (true) {
    TALLY_ASSIGN_OR_RETURN(auto bundles, file->next());
    if (bundles.empty()) return contents;
    for (LetterBundle& bundle : bundles) contents.bundles.push_back(std::move(bundle));
  }
}

void put_content(SimDisk& disk, const Bytes& bytes) {
  REQUIRE(disk.unlink("dead/00000003.dead").has_value());
  auto file = *disk.open("dead/00000003.dead", OpenMode::kCreate);
  REQUIRE(file->write_at(0, bytes).has_value());
}

}  // namespace

TEST_CASE("dead letter file: the worked example, byte by byte") {
  SimDisk disk(1);
  const std::vector<LetterMark> marks = {{{5, 1}, 8}};
  auto options = options_for(disk, 7, 8);
  options.uuid.fill(0xab);
  options.table_uuid.fill(0xcd);
  auto writer = *LetterFileWriter::create(options, marks);
  REQUIRE(writer->add(invalid_rows()).has_value());
  auto info = writer->finish();
  REQUIRE_MESSAGE(info, (info ? "" : info.error().to_string()));
  const std::string expected =
      "544c59444541444c0100010002000000"
      "abababababababababababababababab"
      "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
      "03000000000000001f0100000000000001000000000000000100000000000000"
      "07000000000000000800000000000000"
      "00401e18240a060008401e18240a0600"
      "6dec9f5bf9a86b901de7de3f99bbb63f"
      "01000000010000001800000018000000ae3f37ecc6704bc6"
      "050000000000000001000000000000000800000000000000"
      "0200000001000000570000005700000089d8294770ad0064"
      "070000000000000000401e18240a060002010000"
      "05000000612e6373760500000074732c696400000000"
      "0100000002000000060000000400000000000000"
      "00070000006261645f726f77020000006e6f03000000782c31";
  CHECK(hex(disk.content("dead/00000003.dead")) == expected);
}

TEST_CASE("dead letter file: what was written is read, block after block") {
  const uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 20; ++round) {
    SimDisk disk(1);
    std::vector<LetterMark> marks;
    const uint64_t wanted = random.chance(0.3) ? random.below(100'000) : random.below(3);
    for (uint32_t i = 0; i < wanted; ++i) marks.push_back({{1 + i / 3'000, i}, 100});
    std::vector<LetterBundle> bundles;
    for (Lsn lsn = 1; lsn < 1 + random.below(60); ++lsn) {
      if (random.chance(0.3)) {
        bundles.push_back(invalid_rows());
        bundles.back().lsn = lsn;
        bundles.back().rejected[0].cut = random.chance(0.5);
      } else {
        bundles.push_back(
            refused_rows(lsn, 1 + static_cast<uint32_t>(random.below(50)), 1 + random.below(200'000), random));
      }
    }
    if (marks.empty() && bundles.empty()) continue;
    auto info = write_file(disk, marks, bundles);
    REQUIRE_MESSAGE(info, (info ? "" : info.error().to_string()));
    CHECK(info->size == disk.content("dead/00000003.dead").size());
    auto contents = read_file(disk, &*info);
    REQUIRE_MESSAGE(contents, (contents ? "" : contents.error().to_string()));
    CHECK(contents->marks == marks);
    CHECK(contents->bundles == bundles);
  }
}

TEST_CASE("dead letter file: no bit flips and no cut goes unseen") {
  SimDisk disk(1);
  Random random(1);
  auto info = write_file(disk, {{{1, 0}, 2}, {{1, 3}, 50}},
                         {refused_rows(1, 3, 300, random), invalid_rows(), refused_rows(9, 1, 100, random)});
  REQUIRE(info);
  const Bytes good = disk.content("dead/00000003.dead");
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    put_content(disk, bad);
    auto contents = read_file(disk, bit % 2 == 0 ? &*info : nullptr);
    CAPTURE(bit);
    REQUIRE_FALSE(contents);
    const bool named = contents.error().message.find("dead/00000003.dead") != std::string::npos;
    REQUIRE(named);
    REQUIRE((contents.error().code == Code::kCorruption || contents.error().code == Code::kUnsupported));
  }
  for (size_t size = 0; size < good.size(); size += 3) {
    put_content(disk, Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(size)));
    REQUIRE_FALSE(read_file(disk, nullptr));
  }
}

TEST_CASE("dead letter file: an unfinished one leaves nothing behind") {
  SimDisk disk(1);
  Random random(1);
  {
    auto writer = *LetterFileWriter::create(options_for(disk, 1, 100), {});
    REQUIRE(writer->add(refused_rows(1, 1, 10, random)).has_value());
  }
  CHECK(disk.list("dead")->empty());
}

TEST_CASE("dead letter bundles: what breaks a rule is refused, behind sums that are right") {
  Random random(1);
  struct Case {
    const char* message;
    void (*spoil)(LetterBundle&);
  };
  const Case cases[] = {
      {"out of order", [](LetterBundle& b) { b.letters[1].row = b.letters[0].row; }},
      {"a verdict that is none of its kind", [](LetterBundle& b) { b.letters[0].verdict = Verdict::kRejected; }},
      {"a verdict that is none of its kind", [](LetterBundle& b) { b.letters[0].verdict = Verdict::kAccepted; }},
      {"the sum of a payload", [](LetterBundle& b) { ++b.payload_xxh3; }},
      {"unknown format", [](LetterBundle& b) { b.source.format = RawFormat::kCsv; }},
  };
  for (const Case& one : cases) {
    LetterBundle bundle = refused_rows(3, 2, 40, random);
    one.spoil(bundle);
    Bytes body;
    encode_bundle(bundle, body);
    auto decoded = decode_bundles(body, 2);
    REQUIRE_FALSE(decoded);
    CAPTURE(decoded.error().message);
    CHECK(decoded.error().message.find(one.message) != std::string::npos);
  }
  Bytes body;
  encode_bundle(refused_rows(3, 2, 40, random), body);
  encode_bundle(refused_rows(2, 2, 40, random), body);
  CHECK_FALSE(decode_bundles(body, 4));
  const LetterMark marks[] = {{{5, 2}, 9}, {{5, 1}, 9}};
  Bytes mark_bytes;
  encode_marks(marks, mark_bytes);
  CHECK_FALSE(decode_marks(mark_bytes, 2));
  CHECK(decode_marks(ByteSpan(mark_bytes).first(kMarkBytes), 1));
  CHECK_FALSE(decode_marks(mark_bytes, 1));
}

// What the fuzz target starts from, in each of its forms: TALLY_UPDATE_LETTER_CORPUS=fuzz/corpus/engine_dead_letters writes it.
TEST_CASE("dead letter file: what the fuzz target starts from is sound, in each of its forms") {
  SimDisk disk(1);
  Random random(1);
  const std::vector<LetterMark> marks = {{{1, 0}, 2}, {{1, 3}, 50}};
  const std::vector<LetterBundle> bundles = {refused_rows(1, 3, 60, random), invalid_rows(),
                                             refused_rows(9, 1, 40, random)};
  REQUIRE(write_file(disk, marks, bundles));
  const Bytes file = disk.content("dead/00000003.dead");
  auto with_form = [](uint8_t form, ByteSpan bytes) {
    Bytes out{form};
    out.insert(out.end(), bytes.begin(), bytes.end());
    return out;
  };
  Bytes body(4), mark_bytes;
  store_le(body.data(), uint32_t{5});
  for (const LetterBundle& bundle : bundles) encode_bundle(bundle, body);
  encode_marks(marks, mark_bytes);
  const std::pair<const char*, Bytes> seeds[] = {{"file", with_form(0, file)},
                                                 {"fixed", with_form(1, file)},
                                                 {"bundles", with_form(2, body)},
                                                 {"marks", with_form(3, mark_bytes)}};
  CHECK(read_file(disk, nullptr));
  CHECK(decode_bundles(ByteSpan(body).subspan(4), 5));
  CHECK(decode_marks(mark_bytes, 2));
  const char* folder = std::getenv("TALLY_UPDATE_LETTER_CORPUS");
  if (folder == nullptr) return;
  std::filesystem::create_directories(folder);
  for (const auto& [name, bytes] : seeds) {
    std::ofstream(std::filesystem::path(folder) / name, std::ios::binary) << as_text(bytes);
  }
}
