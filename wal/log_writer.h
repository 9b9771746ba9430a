// The embedded Log: a directory of preallocated, reused files, written through an IoQueue. start_log() makes one.
//
// Invariants
//   1 LSNs follow each other without gaps from the first file of this run on; arrival never goes back (T1),
//     but at a kClockBack.
//   2 A group is encoded, chained and submitted in one go: end_ is where the log will end when all in flight is written.
//   3 The file changes only while nothing is in flight (W17), so only the last file of a log can be torn (W10).
//   4 kNoSpace is returned only before anything of the call was logged. Any other failure of the disk is remembered in
//     poison_ and every later call fails (W20).
// Threads: one, apart from durable_lsn().
#pragma once

#include <memory>
#include <string>

#include "wal/group_pipeline.h"
#include "wal/log_files.h"

namespace tally {

class LogWriter final : public Log {
 public:
  static Result<std::unique_ptr<Log>> start(const LogOptions& options, Lsn first_lsn, const LogRecovery& recovery);

  Result<Lsn> append(std::span<const AppendRecord> records) override;
  Status reserve(uint64_t bytes) override;
  bool can_append() const override { return !pipeline_->full(); }
  size_t groups_in_flight() const override { return pipeline_->in_flight(); }
  Status poll(bool wait) override;
  Lsn durable_lsn() const override { return pipeline_->durable_lsn(); }
  Lsn next_lsn() const override { return end_.last_lsn + 1; }
  Status idle(TimeUs now_us) override;
  Status read(Lsn from, const RecordVisitor& visit) override;
  Status truncate(Lsn through) override;
  uint64_t first_file_needed(Lsn from) const override;
  Status close() override;
  LogStats stats() const override { return stats_; }
  std::string_view io_method() const override { return pipeline_->io_method(); }

 private:
  LogWriter(const LogOptions& options) : options_(options), files_(options_, stats_) {}

  Status open_first_file(Lsn first_lsn, const LogRecovery& recovery);
  Status check_open() const;
  Status check_records(std::span<const AppendRecord> records) const;
  Status make_room(uint64_t bytes);
  Status roll(uint64_t bytes);
  Status write_group(std::span<const AppendRecord> records, uint64_t bytes);
  void prepare_next_file();
  void adopt(NewLogFile made);
  Status read_file(uint64_t number, Lsn from, Lsn last, const RecordVisitor& visit);
  Status poison(const Error& error);  // returns what every call returns from now on
  Status poison_unless_no_space(Status status);

  const LogOptions options_;
  LogStats stats_;
  LogFiles files_;
  std::unique_ptr<File> file_;  // the active one; outlives pipeline_
  std::unique_ptr<GroupPipeline> pipeline_;
  LogFileHeader header_;     // of file_
  uint64_t file_bytes_ = 0;  // of file_
  LogEnd end_;
  uint64_t group_number_ = 0;  // of the next group in file_
  TimeUs last_arrival_us_ = INT64_MIN;
  TimeUs last_reference_us_ = 0;
  bool sealed_ = true;  // the last group is a seal, or there is none
  bool next_file_tried_ = false;
  TimeUs idle_since_us_ = -1;
  bool closed_ = false;
  std::string poison_;
};

}  // namespace tally
