#include "engine/manifest_format.h"

#include <doctest/doctest.h>

#include "engine/clock_fields.h"
#include "engine/tagged_fields.h"
#include "tests/support/engine/disk_samples.h"

using namespace tally;
using namespace tally::manifest_format;

TEST_CASE("manifest format: CURRENT is one line that a person can read") {
  Current current{.number = 2};
  for (uint8_t i = 0; i < 16; ++i) current.epoch[i] = static_cast<uint8_t>(i * 0x11);
  std::string text = encode_current(current);
  // The worked example of docs/formats/manifest.md.
  CHECK(text == "MANIFEST-000002 epoch 00112233445566778899aabbccddeeff sum 28b8808f08ca95e6\n");
  CHECK(*decode_current(text) == current);
}

TEST_CASE("manifest format: no flipped bit and no cut lets CURRENT name another file") {
  std::string text = encode_current({.number = 3, .epoch = {1, 2, 3}});
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string harmed = text;
    harmed[bit / 8] = static_cast<char>(harmed[bit / 8] ^ (1 << bit % 8));
    CHECK_FALSE(decode_current(harmed));
  }
  for (size_t length = 0; length < text.size(); ++length) CHECK_FALSE(decode_current(text.substr(0, length)));
  CHECK_FALSE(decode_current(text + "\n"));
}

TEST_CASE("manifest format: the file header, byte by byte") {
  FileHeader header{.number = 2};
  for (uint8_t i = 0; i < 16; ++i) header.epoch[i] = i;
  header.table_uuid.fill(0xAA);
  Bytes bytes;
  ByteWriter out(bytes);
  encode_file_header(header, out);
  CHECK(hex(bytes) ==
        "544c594d414e4946"
        "0100"
        "0100"
        "00000000"
        "000102030405060708090a0b0c0d0e0f"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "0200000000000000"
        "c42b2e6a2c2b76a9");
  CHECK(decode_file_header(bytes)->number == 2);
}

TEST_CASE("manifest format: a frame, byte by byte") {
  Epoch epoch{};
  const uint8_t payload[] = {1, 2, 3};
  Frame frame{.edit_number = 5, .file_bytes = 65536, .previous_link = 7, .payload = payload};
  Bytes bytes;
  ByteWriter out(bytes);
  encode_frame(epoch, frame, out);
  CHECK(bytes.size() == 4096);
  CHECK(hex(ByteSpan(bytes).first(68)) ==
        "544c5945"
        "02"
        "00"
        "0000"
        "0500000000000000"
        "0300000000000000"
        "0000010000000000"
        "0700000000000000"
        "c1e3aa7367983b41"
        "688952c7656aa6d0"
        "9899fc09291a7044"
        "01020300");
  CHECK(decode_frame(epoch, bytes, 0)->link == frame.link);
}

TEST_CASE("manifest format: a file of a newer Tally is refused by name") {
  Bytes bytes;
  ByteWriter out(bytes);
  encode_file_header({.number = 1, .min_reader_version = kReaderVersion + 1}, out);
  auto header = decode_file_header(bytes);
  REQUIRE_FALSE(header);
  CHECK(header.error().code == Code::kUnsupported);
  CHECK(header.error().message.find("newer Tally") != std::string::npos);
}

TEST_CASE("manifest format: fields of a later version are skipped or refused") {
  ManifestEdit edit = sample_flush(sample_state(), 10);
  Bytes bytes;
  ByteWriter out(bytes);
  encode_edit(edit, out);
  size_t size = bytes.size();
  put_field(out, 999 | kFieldMaySkip, [](ByteWriter& field) { field.u64(1); });
  CHECK(decode_edit(bytes));
  bytes.resize(size);
  put_field(out, 999, [](ByteWriter& field) { field.u64(1); });
  auto decoded = decode_edit(bytes);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == Code::kUnsupported);
}

TEST_CASE("manifest format: a state comes back as it was") {
  ManifestState state = sample_state();
  for (Lsn lsn : {10, 20, 30}) state = *apply_edit(state, sample_flush(state, lsn));
  state.dictionary_files.push_back({.number = 4, .uuid = {9}, .size = 5, .checksum = 6});
  state.id_runs[5] = sample_id_run(5, 20);
  state.horizons = {{{0, -1}, -3}, {{1, 0}, 7}};
  state.next_file_number = 6;
  state.boot_id = "boot";
  state.anchor = ClockAnchor{.boot_id = "boot", .boottime_us = 5, .wall_us = 6, .confirmed = true};
  state.newest_forget_us = 1;
  state.removed_files = {1, 3};
  Bytes bytes;
  ByteWriter out(bytes);
  encode_state(state, out);
  auto decoded = decode_state(bytes);
  REQUIRE(decoded);
  CHECK(same_state(*decoded, state));
  CHECK(decoded->boot_id == "boot");
  CHECK(decoded->anchor == state.anchor);
  CHECK(decoded->newest_forget_us == 1);
  CHECK(decoded->removed_files == state.removed_files);
  CHECK(decoded->segments == state.segments);
  CHECK(decoded->dictionary_files == state.dictionary_files);
  CHECK(decoded->id_runs == state.id_runs);
  CHECK(decoded->horizons == state.horizons);
  CHECK(*decoded->schemas[0] == *state.schemas[0]);
  for (size_t length = 0; length < bytes.size(); ++length) {
    CHECK_FALSE(decode_state(ByteSpan(bytes).first(length)));
  }
}

TEST_CASE("manifest format: the clock's anchor, byte by byte") {
  const ClockAnchor anchor{.boot_id = "b1", .boottime_us = 1000, .wall_us = 2000, .confirmed = true};
  Bytes bytes;
  ByteWriter out(bytes);
  put_clock_anchor(out, anchor);
  // The worked example of docs/formats/manifest.md.
  CHECK(hex(bytes) ==
        "1f00"
        "0000"
        "17000000"
        "e803000000000000"
        "d007000000000000"
        "01"
        "02000000"
        "6231");
  ByteReader in(ByteSpan(bytes).subspan(8));
  CHECK(*read_clock_anchor(in) == anchor);
  bytes[8 + 16] = 2;
  ByteReader harmed(ByteSpan(bytes).subspan(8));
  CHECK(read_clock_anchor(harmed).error().code == Code::kCorruption);
  bytes.clear();
  put_clock_anchor(out, std::nullopt);
  CHECK(bytes.empty());
}
