// Bytes of an input file or of standard input, decompressed: gzip, zstd and LZ4 frames are known by their first bytes,
// whatever the name says, and several of them in a row read as one.
//
//   TALLY_ASSIGN_OR_RETURN(auto source, open_byte_source("events.csv.gz"));
//   TALLY_ASSIGN_OR_RETURN(size_t count, source->read(buffer));   // 0: the end
//
// Errors name the path: kNotFound, kIoError, kCorruption for compressed data that is damaged or ends early.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace tally {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills at least one byte of `out` unless the source is at its end. Waits for a pipe.
  virtual Result<size_t> read(MutableByteSpan out) = 0;
  // For progress: how far into the stored (compressed) bytes it is, and how many there are if that is known.
  virtual uint64_t stored_bytes_read() const = 0;
  virtual std::optional<uint64_t> stored_bytes() const = 0;
};

inline constexpr std::string_view kStandardInput = "-";
std::string source_name(const std::string& path);  // for messages: "stdin" for kStandardInput

// `path` may be kStandardInput.
Result<std::unique_ptr<ByteSource>> open_byte_source(const std::string& path);

// Wraps `stored` by what its first bytes say.
Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> stored, const std::string& name);

// Bytes in memory, given out `step` at a time; for tests and fuzzing.
std::unique_ptr<ByteSource> memory_source(Bytes bytes, size_t step = SIZE_MAX);

}  // namespace tally
