#include "engine/dead_letter_flush.h"

#include <algorithm>

#include "base/limits.h"
#include "base/random.h"
#include "engine/dead_letter_file.h"

namespace tally {

namespace {

using Held = DeadLetters::Held;

// 0 up to kLetterSmallBytes, then one more for each factor of 8.
unsigned size_class(uint64_t bytes) {
  unsigned size_class = 0;
  for (uint64_t limit = limits::kLetterSmallBytes; bytes > limit; limit *= 8) ++size_class;
  return size_class;
}

constexpr unsigned kSizeClassMax = 4;  // of kLetterFileBytesMax
static_assert(limits::kLetterSmallBytes << (3 * kSizeClassMax) >= limits::kLetterFileBytesMax);

// Files go from the front: neither LSN nor arrival ever goes back.
void drop_old(const FlushContext& context, const FlushJob& job, std::vector<LetterFileInfo>& files,
              LetterCounts& counts, ManifestEdit& edit) {
  if (!job.may_drop_letters) return;
  const TimeUs oldest_kept = job.newest_arrival_us - context.letter_retention_us;
  auto kept = std::ranges::find_if(files, [&](const auto& file) { return file.max_arrival_us >= oldest_kept; });
  for (auto file = files.begin(); file != kept; ++file) {
    edit.remove_letter_files.push_back(file->number);
    counts.dropped += file->letters;
    counts.dropped_through = file->max_lsn;
  }
  files.erase(files.begin(), kept);
}

// The files before it, opened, with their marks.
struct Inputs {
  std::vector<LetterFileInfo> infos;
  std::vector<std::unique_ptr<LetterFile>> files;
  std::vector<LetterMark> marks;
};

Result<Inputs> open_inputs(const FlushContext& context, std::vector<LetterFileInfo> infos) {
  Inputs inputs;
  for (const LetterFileInfo& info : infos) {
    TALLY_ASSIGN_OR_RETURN(auto file, LetterFile::open(*context.fs, context.paths.letter_file(info.number), &info));
    TALLY_ASSIGN_OR_RETURN(auto marks, file->marks());
    inputs.marks.insert(inputs.marks.end(), marks.begin(), marks.end());
    inputs.files.push_back(std::move(file));
  }
  inputs.infos = std::move(infos);
  return inputs;
}

// `unreadable`: an input could not be read; nothing is left of what was begun.
Result<LetterFileInfo> write_file(const FlushContext& context, const ManifestState& state, const Held& held,
                                  Lsn dropped_through, Inputs& inputs, bool& unreadable) {
  std::vector<LetterMark> marks = std::move(inputs.marks);
  marks.insert(marks.end(), held.marks.begin(), held.marks.end());
  std::erase_if(marks, [&](const LetterMark& mark) { return mark.letter.lsn <= dropped_through; });
  std::ranges::sort(marks, {}, &LetterMark::letter);
  LetterFileWriter::Options options{.fs = context.fs,
                                    .directory = context.paths.letter_directory(),
                                    .number = context.manifest->take_number(),
                                    .uuid = random_uuid(),
                                    .table_uuid = state.table_uuid,
                                    .min_lsn = held.min_lsn,
                                    .max_lsn = held.max_lsn,
                                    .min_arrival_us = held.min_arrival_us,
                                    .max_arrival_us = held.max_arrival_us};
  if (!inputs.infos.empty()) {
    options.min_lsn = inputs.infos.front().min_lsn;
    // Where `tally clock back` was typed between them, arrival does not ascend.
    for (const LetterFileInfo& info : inputs.infos) {
      options.min_arrival_us = std::min(options.min_arrival_us, info.min_arrival_us);
      options.max_arrival_us = std::max(options.max_arrival_us, info.max_arrival_us);
    }
  }
  TALLY_ASSIGN_OR_RETURN(auto writer, LetterFileWriter::create(std::move(options), marks));
  for (const auto& file : inputs.files) {
    while (true) {
      auto bundles = file->next();
      unreadable = !bundles;
      TALLY_TRY(bundles);
      if (bundles->empty()) break;
      for (const LetterBundle& bundle : *bundles) TALLY_TRY(writer->add(bundle));
    }
  }
  for (const auto& bundle : held.bundles) TALLY_TRY(writer->add(*bundle));
  return writer->finish();
}

// With the files before it where they can be read.
Status write_held(const FlushContext& context, const ManifestState& state, const Held& held,
                  std::vector<LetterFileInfo> join, Lsn dropped_through, ManifestEdit& edit) {
  auto inputs = open_inputs(context, std::move(join));
  bool unreadable = !inputs;
  if (inputs) {
    auto written = write_file(context, state, held, dropped_through, *inputs, unreadable);
    if (written) {
      edit.add_letter_files.push_back(*written);
      for (const LetterFileInfo& info : inputs->infos) edit.remove_letter_files.push_back(info.number);
      return {};
    }
    if (!unreadable) return std::unexpected(written.error());
  }
  Inputs none;
  TALLY_ASSIGN_OR_RETURN(LetterFileInfo alone, write_file(context, state, held, dropped_through, none, unreadable));
  edit.add_letter_files.push_back(alone);
  return {};
}

}  // namespace

std::vector<LetterFileInfo> letter_files_to_join(std::span<const LetterFileInfo> files, TimeUs newest_arrival_us,
                                                 TimeUs retention_us) {
  const TimeUs span_us = retention_us / limits::kLetterSpanParts;
  for (unsigned size = 0; size <= kSizeClassMax; ++size) {
    size_t count = 0;
    uint64_t bytes = 0;
    for (; count < files.size(); ++count) {
      const LetterFileInfo& file = files[files.size() - 1 - count];
      if (size_class(file.size) > size || newest_arrival_us - file.min_arrival_us > span_us) break;
      bytes += file.size;
      if (bytes > limits::kLetterFileBytesMax) break;
    }
    // The new one is of their company.
    if (count + 1 >= limits::kLetterFanIn) return {files.end() - static_cast<ptrdiff_t>(count), files.end()};
  }
  return {};
}

Status write_letters(const FlushContext& context, const FlushJob& job, const ManifestState& state, ManifestEdit& edit) {
  if (context.letters == nullptr) return {};
  LetterCounts counts = state.letters;
  std::vector<LetterFileInfo> files;
  for (const auto& [number, file] : state.letter_files) files.push_back(file);
  drop_old(context, job, files, counts, edit);
  const Held held = context.letters->held(state.log.flushed_lsn, job.log.flushed_lsn);
  if (!held.empty()) {
    TALLY_TRY(write_held(context, state, held,
                         letter_files_to_join(files, held.max_arrival_us, context.letter_retention_us),
                         counts.dropped_through, edit));
    counts.kept += held.letters();
    counts.replayed += held.marks.size();
  }
  if (counts != state.letters) edit.letters = counts;
  return {};
}

void letters_committed(const FlushContext& context, const ManifestEdit& edit) {
  if (edit.letters) context.letters->dropped(edit.letters->dropped_through);
}

void remove_written_letters(const FlushContext& context, const ManifestEdit& edit) {
  for (const LetterFileInfo& file : edit.add_letter_files) {
    (void)context.fs->unlink(context.paths.letter_file(file.number));
  }
}

}  // namespace tally
