// What the write side counts of itself: times of batches by stage, ages of events, bytes by kind of file.
#include "engine/write_figures.h"

#include <doctest/doctest.h>

#include "engine/logged_batch.h"
#include "engine/manifest.h"

namespace tally {
namespace {

TEST_CASE("duration histogram: every duration is in the first bucket whose bound is not below it") {
  using Small = BasicDurationHistogram<100, 2, 3>;  // 100, 400, 1,600 us
  const std::pair<TimeUs, size_t> cases[] = {{-5, 0}, {0, 0}, {100, 0}, {101, 1}, {400, 1}, {1'600, 2}, {1'601, 3}};
  Small histogram;
  Small::Reading at_once;
  for (const auto& [us, bucket] : cases) {
    CHECK(Small::bucket_of(us) == bucket);
    histogram.observe(us);
    at_once.observe(us);
  }
  const Small::Reading read = histogram.read();
  CHECK(read.counts == std::array<uint64_t, 4>{3, 2, 1, 1});
  CHECK(read.count == 7);
  CHECK(read.sum_us == 100 + 101 + 400 + 1'600 + 1'601);
  CHECK(at_once.counts == read.counts);
  CHECK(at_once.sum_us == read.sum_us);
  histogram.add(at_once);
  CHECK(histogram.read().count == 14);
  CHECK(AgeHistogram::bound_us(AgeHistogram::kBuckets - 1) > 3 * kMicrosPerDay);
}

TEST_CASE("write figures: rows that were not accepted, and history, have no age") {
  WriteFigures figures;
  LoggedBatch logged;
  logged.batch = std::make_unique<PreparedBatch>();
  logged.batch->times = {1'000, 2'000, 3'000, 900'000};
  logged.submitted_us = 10;
  logged.appended_us = 40;
  logged.durable_us = 1'040;
  const std::vector<RowVerdict> not_accepted = {{0, Verdict::kDuplicate}, {2, Verdict::kTooLate}};
  figures.visible(logged, not_accepted, 1'100, 1'002'000);
  WriteReading reading = figures.read();
  CHECK(reading.event_age.count == 2);
  CHECK(reading.event_age.sum_us == 1'000'000 + 102'000);
  CHECK(reading.stages[static_cast<size_t>(WriteStage::kOrder)].sum_us == 30);
  CHECK(reading.stages[static_cast<size_t>(WriteStage::kLog)].sum_us == 1'000);
  CHECK(reading.stages[static_cast<size_t>(WriteStage::kDecide)].sum_us == 60);
  logged.times.replay = true;
  figures.visible(logged, {}, 1'100, 1'002'000);
  reading = figures.read();
  CHECK(reading.event_age.count == 2);
  CHECK(reading.stages[static_cast<size_t>(WriteStage::kLog)].count == 2);
}

TEST_CASE("write figures: bytes of an edit, by kind of file") {
  const auto sized = [](auto info, uint64_t size) {
    info.size = size;
    return info;
  };
  const auto segment = [](uint64_t size, Tier tier) {
    SegmentInfo info;
    info.size = size;
    info.tier = tier;
    return info;
  };
  ManifestEdit flush;
  flush.add_segments = {segment(100, Tier::kRaw), segment(20, Tier::kRaw)};
  flush.add_id_runs = {sized(IdRunInfo(), 7)};
  flush.add_letter_files = {sized(LetterFileInfo(), 3)};
  flush.add_dictionary_files = {sized(DictionaryFileInfo(), 11)};
  flush.add_retraction_files = {sized(RetractionFileInfo(), 13)};
  ManifestEdit join;
  join.remove_segments = {1, 2};
  join.add_segments = {segment(110, Tier::kRaw)};
  ManifestEdit fold;
  fold.add_segments = {segment(40, Tier::kMinute), segment(5, Tier::kDay)};
  WrittenBytes written{};
  add_written(flush, written);
  add_written(join, written);
  add_written(fold, written);
  const auto of = [&](WrittenKind kind) { return written[static_cast<size_t>(kind)]; };
  CHECK(of(WrittenKind::kRaw) == 120);
  CHECK(of(WrittenKind::kRawJoin) == 110);
  CHECK(of(WrittenKind::kMinute) == 40);
  CHECK(of(WrittenKind::kHour) == 0);
  CHECK(of(WrittenKind::kDay) == 5);
  CHECK(of(WrittenKind::kIdRuns) == 7);
  CHECK(of(WrittenKind::kDeadLetters) == 3);
  CHECK(of(WrittenKind::kDictionaries) == 11);
  CHECK(of(WrittenKind::kRetractions) == 13);
}

}  // namespace
}  // namespace tally
