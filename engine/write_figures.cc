#include "engine/write_figures.h"

#include "engine/logged_batch.h"
#include "engine/manifest.h"

namespace tally {
namespace {

WrittenKind kind_of(const SegmentInfo& segment, bool joined) {
  switch (segment.tier) {
    case Tier::kMinute: return WrittenKind::kMinute;
    case Tier::kHour: return WrittenKind::kHour;
    case Tier::kDay: return WrittenKind::kDay;
    case Tier::kRaw: break;
  }
  return joined ? WrittenKind::kRawJoin : WrittenKind::kRaw;
}

}  // namespace

void add_written(const ManifestEdit& edit, WrittenBytes& written) {
  const auto add = [&written](WrittenKind kind, uint64_t bytes) { written[static_cast<size_t>(kind)] += bytes; };
  const bool joined = !edit.remove_segments.empty();  // a flush removes none
  for (const SegmentInfo& segment : edit.add_segments) add(kind_of(segment, joined), segment.size);
  for (const IdRunInfo& run : edit.add_id_runs) add(WrittenKind::kIdRuns, run.size);
  for (const LetterFileInfo& file : edit.add_letter_files) add(WrittenKind::kDeadLetters, file.size);
  for (const RetractionFileInfo& file : edit.add_retraction_files) add(WrittenKind::kRetractions, file.size);
  for (const DictionaryFileInfo& file : edit.add_dictionary_files) add(WrittenKind::kDictionaries, file.size);
}

void WriteFigures::visible(const LoggedBatch& logged, std::span<const RowVerdict> not_accepted, TimeUs boottime_us,
                           TimeUs wall_us) {
  if (logged.batch == nullptr) return;
  spent(WriteStage::kOrder, logged.appended_us - logged.submitted_us);
  spent(WriteStage::kLog, logged.durable_us - logged.appended_us);
  spent(WriteStage::kDecide, boottime_us - logged.durable_us);
  if (logged.times.replay) return;
  AgeHistogram::Reading ages;
  auto skipped = not_accepted.begin();
  const std::vector<TimeUs>& times = logged.batch->times;
  for (uint32_t row = 0; row < times.size(); ++row) {
    if (skipped != not_accepted.end() && skipped->row == row) {
      ++skipped;
    } else {
      ages.observe(wall_us - times[row]);
    }
  }
  event_age_.add(ages);
}

WriteReading WriteFigures::read() const {
  WriteReading reading;
  for (size_t i = 0; i < kWriteStages; ++i) reading.stages[i] = stages_[i].read();
  reading.event_age = event_age_.read();
  return reading;
}

}  // namespace tally
