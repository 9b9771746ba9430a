// What a table's write side counts of itself: where batches spend their time, how old events are when queries see them, and what is
// written to which files. Threads: any.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/duration_histogram.h"

namespace tally {

struct LoggedBatch;
struct ManifestEdit;
struct RowVerdict;
class Table;

// A batch's way, in its order. kDecide ends when every query from then on shows the batch, and its answer leaves right behind.
enum class WriteStage : uint8_t {
  kPrepare,  // decoded and checked, room among the batches on their way
  kOrder,    // its turn, room in memory
  kLog,      // from its place in the log to being durable
  kDecide    // from being durable to being visible
};
inline constexpr size_t kWriteStages = 4;
constexpr std::string_view write_stage_name(WriteStage stage) {
  constexpr std::string_view kNames[kWriteStages] = {"prepare", "order", "log", "decide"};
  return kNames[static_cast<size_t>(stage)];
}

// Bytes of files that came into force, since the table was opened; what a failed job left is not among them.
enum class WrittenKind : uint8_t {
  kRaw,      // by flushes
  kRawJoin,  // raw segments joined into one
  kMinute,   // rollup tiers: folds, and joins of them
  kHour,
  kDay,
  kIdRuns,  // by flushes, and joins of them
  kDeadLetters,
  kRetractions,
  kDictionaries,
  kManifest  // its edits; now and then it begins anew with a snapshot, which is not counted
};
inline constexpr size_t kWrittenKinds = 10;
constexpr std::string_view written_kind_name(WrittenKind kind) {
  constexpr std::string_view kNames[kWrittenKinds] = {
      "raw", "raw_join", "minute", "hour", "day", "id_runs", "dead_letters", "retractions", "dictionaries", "manifest"};
  return kNames[static_cast<size_t>(kind)];
}
using WrittenBytes = std::array<uint64_t, kWrittenKinds>;  // by kind
void add_written(const ManifestEdit& edit, WrittenBytes& written);

struct WriteReading {
  std::array<DurationHistogram::Reading, kWriteStages> stages{};
  AgeHistogram::Reading event_age{};  // accepted rows of live batches: from event time to being visible
  WrittenBytes written{};
};
// Of a table as Database makes it: zeros before its first write.
WriteReading write_reading(const Table& table);

class WriteFigures {
 public:
  void spent(WriteStage stage, TimeUs us) { stages_[static_cast<size_t>(stage)].observe(us); }
  // Every shard has applied it. `not_accepted` ascends by row.
  void visible(const LoggedBatch& logged, std::span<const RowVerdict> not_accepted, TimeUs boottime_us, TimeUs wall_us);
  WriteReading read() const;  // but for the bytes

 private:
  std::array<DurationHistogram, kWriteStages> stages_;
  AgeHistogram event_age_;
};

}  // namespace tally
