#include "tools/load/byte_source.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/temp_dir.h"
#include "tools/generate/byte_sink.h"

namespace tally {
namespace {

Result<std::string> read_all(ByteSource& source, size_t step) {
  std::string out;
  Bytes buffer(step);
  while (true) {
    TALLY_ASSIGN_OR_RETURN(size_t count, source.read(buffer));
    if (count == 0) return out;
    out.append(as_text(ByteSpan(buffer).first(count)));
  }
}

Bytes file_bytes(const std::string& path) {
  auto fs = make_posix_file_system();
  auto bytes = read_whole_file(*fs, path, 1 << 30);
  REQUIRE(bytes.has_value());
  return *bytes;
}

std::string sample_text() {
  Random random(1);
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += "line " + std::to_string(random.below(1000)) + "\n";
  return text;
}

// `text` as a file of the format that `suffix` says.
Bytes compressed(const TempDir& directory, const std::string& suffix, const std::string& text) {
  auto fs = make_posix_file_system();
  std::string path = directory.file("x" + suffix);
  auto sink = open_byte_sink(*fs, path);
  REQUIRE(sink.has_value());
  for (size_t at = 0; at < text.size(); at += 10'000) {
    REQUIRE((*sink)->write(std::string_view(text).substr(at, 10'000)).has_value());
  }
  REQUIRE((*sink)->close().has_value());
  return file_bytes(path);
}

const char* const kSuffixes[] = {"", ".gz", ".zst", ".lz4"};

TEST_CASE("sources: what a sink wrote comes back, whatever the compression and the size of the reads") {
  TempDir directory;
  std::string text = sample_text();
  for (const char* suffix : kSuffixes) {
    CAPTURE(suffix);
    Bytes bytes = compressed(directory, suffix, text);
    if (*suffix != '\0') CHECK(bytes.size() < text.size() / 2);
    for (size_t step : {size_t{1} << 20, size_t{4096}, size_t{100}}) {
      auto source = open_byte_source(directory.file(std::string("x") + suffix));
      REQUIRE(source.has_value());
      CHECK((*source)->stored_bytes() == bytes.size());
      CHECK(read_all(**source, step) == text);
      CHECK((*source)->stored_bytes_read() == bytes.size());
    }
    auto trickle = decompress(memory_source(bytes, 3), "x");
    REQUIRE(trickle.has_value());
    CHECK(read_all(**trickle, 7'000) == text);
  }
}

TEST_CASE("sources: compressed pieces in a row read as one") {
  TempDir directory;
  for (const char* suffix : {".gz", ".zst", ".lz4"}) {
    CAPTURE(suffix);
    Bytes bytes = compressed(directory, suffix, "one\n");
    Bytes empty = compressed(directory, suffix, "");
    Bytes second = compressed(directory, suffix, "two\n");
    bytes.insert(bytes.end(), empty.begin(), empty.end());
    bytes.insert(bytes.end(), second.begin(), second.end());
    auto source = decompress(memory_source(bytes), "x");
    REQUIRE(source.has_value());
    CHECK(read_all(**source, 100) == "one\ntwo\n");
  }
}

TEST_CASE("sources: compressed data that is cut or damaged is an error, never a shorter file") {
  TempDir directory;
  std::string text = sample_text();
  for (const char* suffix : {".gz", ".zst", ".lz4"}) {
    CAPTURE(suffix);
    Bytes bytes = compressed(directory, suffix, text);
    for (size_t keep : {bytes.size() - 1, bytes.size() / 2, size_t{12}}) {
      CAPTURE(keep);
      auto source = decompress(memory_source(Bytes(bytes.begin(), bytes.begin() + static_cast<long>(keep))), "x.csv");
      REQUIRE(source.has_value());
      auto read = read_all(**source, 1000);
      REQUIRE_FALSE(read.has_value());
      CHECK(read.error().code == Code::kCorruption);
      CHECK(read.error().message.find("x.csv: the ") == 0);
    }
    bytes[bytes.size() / 2] ^= 0x55;
    auto source = decompress(memory_source(bytes), "x");
    REQUIRE(source.has_value());
    CHECK_FALSE(read_all(**source, 1000).has_value());
  }
}

TEST_CASE("sources: short and empty ones") {
  for (const char* text : {"", "a", "\x1F", "abc"}) {
    ByteSpan bytes = as_bytes(text);
    auto source = decompress(memory_source(Bytes(bytes.begin(), bytes.end())), "x");
    REQUIRE(source.has_value());
    CHECK(read_all(**source, 10) == text);
  }
}

TEST_CASE("sources: what cannot be opened says why") {
  TempDir directory;
  auto missing = open_byte_source(directory.file("nothing.csv"));
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == Code::kNotFound);
  CHECK(missing.error().message == "there is no file " + directory.file("nothing.csv"));
  auto folder = open_byte_source(directory.path());
  REQUIRE_FALSE(folder.has_value());
  CHECK(folder.error().message == directory.path() + " is a directory, not a file");
}

}  // namespace
}  // namespace tally
