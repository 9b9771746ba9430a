// The bytes of a manifest: CURRENT, the file header, frames, and the fields of an edit. Pure functions over bytes; the file
// work stands in manifest.cc. docs/formats/manifest.md says the same at more length.
//
// CURRENT is one line of text, so that a person can read it, with a sum, so that one flipped bit cannot name another file:
//   MANIFEST-000002 epoch 00112233445566778899aabbccddeeff sum 0123456789abcdef
//
// File header, at offset 0
//   OFFSET SIZE TYPE FIELD
//   0      8         magic "TLYMANIF"
//   8      2    u16  format version, 1
//   10     2    u16  lowest reader version that may read this file, 1
//   12     4    u32  zero
//   16     16        epoch: random, different in every file
//   32     16        table uuid
//   48     8    u64  number of this manifest
//   56     8    u64  XXH3 of bytes 0 to 55
//
// Frame, at offset 64 (the snapshot) and then at multiples of 4,096 (edits), so that writing one never touches a sector of
// another. An edit stands in the file twice, copy 0 and right behind it copy 1, written together.
//   0      4    u32  magic "TLYE"
//   4      1    u8   kind: 1 snapshot, 2 edit
//   5      1    u8   copy: 0 or 1
//   6      2    u16  zero
//   8      8    u64  edit number: one more than the frame before, over all files of the table
//   16     8    u64  payload length
//   24     8    u64  size that the file has been given; a shorter file has lost its end
//   32     8    u64  link of the frame before; of the first: the first 8 bytes of the epoch
//   40     8    u64  link: XXH3 of the payload, seeded with (link before) xor (edit number)
//   48     8    u64  XXH3 of the epoch
//   56     8    u64  XXH3 of bytes 0 to 55
//   64     n         payload: tagged fields (engine/tagged_fields.h); then zeros up to the next multiple of 4,096
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "engine/manifest.h"

namespace tally::manifest_format {

inline constexpr std::string_view kMagic = "TLYMANIF";
inline constexpr uint32_t kFrameMagic = 0x45594C54;  // "TLYE"
inline constexpr uint16_t kFormatVersion = 1;
inline constexpr uint16_t kReaderVersion = 1;  // this build reads files that ask for at most this
inline constexpr size_t kFileHeaderBytes = 64;
inline constexpr size_t kFrameHeaderBytes = 64;
inline constexpr uint64_t kFrameAlignment = 4096;
inline constexpr uint64_t kGrowBytes = 64 * 1024;  // the file is given space in such steps

using Epoch = std::array<uint8_t, 16>;

struct Current {
  uint64_t number = 0;
  Epoch epoch{};
  friend bool operator==(const Current&, const Current&) = default;
};
std::string encode_current(const Current& current);
Result<Current> decode_current(std::string_view text);

struct FileHeader {
  Epoch epoch{};
  std::array<uint8_t, 16> table_uuid{};
  uint64_t number = 0;
  uint16_t min_reader_version = 1;
};
void encode_file_header(const FileHeader& header, ByteWriter& out);
Result<FileHeader> decode_file_header(ByteSpan bytes);

enum class FrameKind : uint8_t { kSnapshot = 1, kEdit = 2 };

struct Frame {
  FrameKind kind = FrameKind::kEdit;
  uint8_t copy = 0;
  uint64_t edit_number = 0;
  uint64_t file_bytes = 0;
  uint64_t previous_link = 0;
  uint64_t link = 0;
  ByteSpan payload;
  uint64_t end = 0;  // offset behind the padding
};

uint64_t align_frame(uint64_t bytes);
uint64_t epoch_root(const Epoch& epoch);  // link before the first frame
// Appends a frame, which starts at out.size(), with its padding; fills in link and end.
void encode_frame(const Epoch& epoch, Frame& frame, ByteWriter& out);
// The frame at `offset` of a whole file. kCorruption says what is wrong with it; the chain is the caller's to check.
Result<Frame> decode_frame(const Epoch& epoch, ByteSpan file, uint64_t offset);

void encode_state(const ManifestState& state, ByteWriter& out);
Result<ManifestState> decode_state(ByteSpan payload);  // passes check_state()
void encode_edit(const ManifestEdit& edit, ByteWriter& out);
Result<ManifestEdit> decode_edit(ByteSpan payload);

}  // namespace tally::manifest_format

namespace tally {

// Rules that every state obeys by itself, as numbered in manifest_state.cc.
Status check_state(const ManifestState& state);
// apply_edit() without the copy; a failure leaves `state` unusable.
Status apply_edit_in_place(ManifestState& state, const ManifestEdit& edit);

}  // namespace tally
