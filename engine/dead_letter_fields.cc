#include "engine/dead_letter_fields.h"

#include <algorithm>

#include "engine/tagged_fields.h"

namespace tally::manifest_format {

// OFFSET SIZE TYPE FIELD
// 0      8    u64  number      40  8  u64  letters    64  8  u64  highest LSN
// 8      16        uuid        48  8  u64  marks      72  8  i64  lowest arrival
// 24     8    u64  size        56  8  u64  lowest LSN 80  8  i64  highest arrival
// 32     8    u64  checksum                           then tagged fields that a later version adds
void put_letter_file_fields(ByteWriter& out, const LetterFileInfo& file) {
  put_field(out, kAddLetterFile, [&](ByteWriter& field) {
    field.u64(file.number);
    field.bytes(file.uuid);
    for (uint64_t value : {file.size, file.checksum, file.letters, file.marks, file.min_lsn, file.max_lsn}) {
      field.u64(value);
    }
    field.i64(file.min_arrival_us);
    field.i64(file.max_arrival_us);
  });
}

Result<LetterFileInfo> read_letter_file(ByteReader& in) {
  constexpr std::string_view kWhat = "a dead letter file's entry";
  LetterFileInfo file;
  TALLY_ASSIGN_OR_RETURN(file.number, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(ByteSpan uuid, in.bytes(file.uuid.size(), kWhat));
  std::ranges::copy(uuid, file.uuid.begin());
  for (uint64_t* value : {&file.size, &file.checksum, &file.letters, &file.marks, &file.min_lsn, &file.max_lsn}) {
    TALLY_ASSIGN_OR_RETURN(*value, in.u64(kWhat));
  }
  TALLY_ASSIGN_OR_RETURN(file.min_arrival_us, in.i64(kWhat));
  TALLY_ASSIGN_OR_RETURN(file.max_arrival_us, in.i64(kWhat));
  TALLY_TRY(skip_unknown_fields(in, kWhat));
  return file;
}

void put_letter_counts(ByteWriter& out, const LetterCounts& counts) {
  put_field(out, kLetterCounts, [&](ByteWriter& field) {
    for (uint64_t value : {counts.kept, counts.dropped, counts.replayed, counts.before, counts.dropped_through}) {
      field.u64(value);
    }
  });
}

Result<LetterCounts> read_letter_counts(ByteReader& in) {
  LetterCounts counts;
  for (uint64_t* value : {&counts.kept, &counts.dropped, &counts.replayed, &counts.before, &counts.dropped_through}) {
    TALLY_ASSIGN_OR_RETURN(*value, in.u64("the counts of dead letters"));
  }
  TALLY_TRY(skip_unknown_fields(in, "the counts of dead letters"));
  return counts;
}

}  // namespace tally::manifest_format

namespace tally {

namespace {

std::unexpected<Error> broken(std::string what) { return fail(Code::kInternal, "manifest: " + std::move(what)); }

std::string name_of(uint64_t number) { return "dead letter file " + std::to_string(number); }

}  // namespace

Status change_letters(ManifestState& state, const ManifestEdit& edit) {
  for (uint64_t number : edit.remove_letter_files) {
    if (state.letter_files.erase(number) == 0) return broken(name_of(number) + " is removed and was not live");
    state.removed_files.insert(number);
  }
  for (const LetterFileInfo& file : edit.add_letter_files) {
    const bool removed = std::ranges::find(edit.remove_letter_files, file.number) != edit.remove_letter_files.end();
    if (removed || !state.letter_files.emplace(file.number, file).second) {
      return broken(name_of(file.number) + " is added and was live");
    }
  }
  if (!edit.letters) return {};
  const LetterCounts& now = state.letters;
  const LetterCounts& next = *edit.letters;
  if (next.kept < now.kept || next.dropped < now.dropped || next.replayed < now.replayed || next.before != now.before ||
      next.dropped_through < now.dropped_through) {
    return broken("a count of dead letters goes back");
  }
  state.letters = next;
  return {};
}

Status check_letter_files(const ManifestState& state) {
  const LetterFileInfo* previous = nullptr;
  for (const auto& [number, file] : state.letter_files) {
    const bool own =
        number == file.number && number > 0 && number < state.next_file_number && !state.segments.contains(number) &&
        !state.id_runs.contains(number) &&
        std::ranges::find(state.dictionary_files, number, &DictionaryFileInfo::number) == state.dictionary_files.end();
    if (!own) return broken(name_of(number) + " has a number that is not its own");
    if (file.letters + file.marks == 0 || file.min_lsn > file.max_lsn || file.min_arrival_us > file.max_arrival_us) {
      return broken(name_of(number) + " has no letters, or a range that ends before it begins");
    }
    if (file.max_lsn > state.log.flushed_lsn) {
      return broken(name_of(number) + " reaches LSN " + std::to_string(file.max_lsn) + ", above the flushed " +
                    std::to_string(state.log.flushed_lsn));
    }
    if (previous != nullptr && file.min_lsn <= previous->max_lsn) {
      return broken(name_of(number) + " begins before the one before it ends");
    }
    previous = &file;
  }
  return {};
}

}  // namespace tally
