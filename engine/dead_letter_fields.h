// What the manifest says of dead letters: the contents of its fields 19 (file added), 20 (file removed) and 21 (counts).
#pragma once

#include "base/bytes.h"
#include "engine/manifest.h"

namespace tally::manifest_format {

enum DeadLetterTag : uint16_t {
  kAddLetterFile = 19,     // see put_letter_file()
  kRemoveLetterFile = 20,  // u64 number
  kLetterCounts = 21,      // u64 kept, u64 dropped, u64 replayed, u64 before, u64 dropped through
};

void put_letter_file_fields(ByteWriter& out, const LetterFileInfo& file);
void put_letter_counts(ByteWriter& out, const LetterCounts& counts);
Result<LetterFileInfo> read_letter_file(ByteReader& in);
Result<LetterCounts> read_letter_counts(ByteReader& in);

}  // namespace tally::manifest_format

namespace tally {

// Rules 9 and 10 of manifest_state.cc for them, and their own: files are in the order of their numbers and of their LSNs, hold
// something, and nothing above the flushed LSN.
Status change_letters(ManifestState& state, const ManifestEdit& edit);
Status check_letter_files(const ManifestState& state);

}  // namespace tally
