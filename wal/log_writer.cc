#include "wal/log_writer.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/file_names.h"
#include "wal/log_reader.h"

namespace tally {

Result<std::unique_ptr<Log>> start_log(const LogOptions& options, Lsn first_lsn, const LogRecovery& recovery) {
  return LogWriter::start(options, first_lsn, recovery);
}

Result<std::unique_ptr<Log>> LogWriter::start(const LogOptions& options, Lsn first_lsn, const LogRecovery& recovery) {
  TALLY_CHECK(options.fs != nullptr && options.clock != nullptr);
  if (first_lsn <= recovery.highest_lsn_seen || first_lsn <= recovery.last_lsn) {
    return fail(Code::kInvalidArgument, options.directory + ": a new log cannot start at LSN " +
                                            std::to_string(first_lsn) + ", LSN " +
                                            std::to_string(recovery.highest_lsn_seen) + " was seen");
  }
  std::unique_ptr<LogWriter> log(new LogWriter(options));
  // First of all, since it may fail for want of something that comes back, and leaves nothing behind.
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<IoQueue> queue, options.fs->make_io_queue(GroupPipeline::kQueueDepth));
  TALLY_TRY(log->open_first_file(first_lsn, recovery));
  log->pipeline_ = std::make_unique<GroupPipeline>(std::move(queue), *options.clock, log->stats_, first_lsn - 1);
  return log;
}

// The new file is durable before anything of the former run goes: a crash in between finds one or the other. From its
// name on there is no way back and no second try: LogFiles answers kNoSpace before it only.
Status LogWriter::open_first_file(Lsn first_lsn, const LogRecovery& recovery) {
  TALLY_TRY(files_.adopt(recovery.highest_file));
  TALLY_TRY(files_.reserve());
  TALLY_TRY(files_.remove_clean_mark());
  LogEnd former{.file_number = recovery.highest_file, .last_lsn = recovery.last_lsn, .chain_sum = 0, .bytes = 0};
  TALLY_ASSIGN_OR_RETURN(NewLogFile made, files_.make(first_lsn, LogFileHeader::kRunStart, former, 0));
  adopt(std::move(made));
  if (recovery.last_arrival_us != 0) last_arrival_us_ = recovery.last_arrival_us;
  std::optional<uint64_t> torn;
  if (recovery.torn) torn = recovery.torn->file_number;
  return files_.retire_former(torn);
}

void LogWriter::adopt(NewLogFile made) {
  file_ = std::move(made.file);
  header_ = made.header;
  file_bytes_ = made.bytes;
  end_ = {header_.file_number, header_.first_lsn - 1, header_.sum, kLogFileHeaderBytes};
  group_number_ = 0;
  next_file_tried_ = false;
}

Status LogWriter::poison(const Error& error) {
  if (poison_.empty()) poison_ = error.to_string();
  return check_open();
}

Status LogWriter::poison_unless_no_space(Status status) {
  return status || status.error().code == Code::kNoSpace ? status : poison(status.error());
}

Status LogWriter::check_open() const {
  if (!poison_.empty()) {
    return fail(Code::kIndeterminate, options_.directory + ": the log stopped after: " + poison_ +
                                          "; what was not acknowledged may or may not survive; restart to recover");
  }
  if (closed_) return fail(Code::kInvalidArgument, options_.directory + ": the log is closed");
  return {};
}

Status LogWriter::check_records(std::span<const AppendRecord> records) const {
  if (records.empty()) return fail(Code::kInvalidArgument, "an append needs a record");
  TimeUs arrival_us = last_arrival_us_;
  for (const AppendRecord& record : records) {
    if (record_type_use(record.type) == RecordTypeUse::kUnknown)
      return fail(Code::kInvalidArgument, "record of no known type");
    if (record.arrival_us < arrival_us && record.type != RecordType::kClockBack) {
      return fail(Code::kInvalidArgument, "arrival time of a record goes back");
    }
    arrival_us = record.arrival_us;
  }
  return {};
}

Result<Lsn> LogWriter::append(std::span<const AppendRecord> records) {
  TALLY_TRY(check_open());
  TALLY_TRY(check_records(records));
  uint64_t bytes = group_bytes(records);
  if (bytes == 0) return fail(Code::kLimitExceeded, "an append exceeds the bytes of a record or a group");
  TALLY_TRY(make_room(bytes));
  Lsn first = next_lsn();
  TALLY_TRY(write_group(records, bytes));
  sealed_ = false;
  idle_since_us_ = -1;
  prepare_next_file();
  return first;
}

Status LogWriter::reserve(uint64_t bytes) {
  TALLY_TRY(check_open());
  return make_room(bytes + limits::kLogAlignment);
}

// After it the next group fits the file and the pipeline.
Status LogWriter::make_room(uint64_t bytes) {
  while (pipeline_->full()) TALLY_TRY(poll(true));
  if (end_.bytes + bytes > file_bytes_) return roll(bytes);
  return {};
}

Status LogWriter::roll(uint64_t bytes) {
  while (pipeline_->in_flight() > 0) TALLY_TRY(poll(true));
  auto made = files_.make(next_lsn(), 0, end_, kLogFileHeaderBytes + bytes);
  if (!made) return poison_unless_no_space(std::unexpected(std::move(made).error()));
  adopt(*std::move(made));
  return {};
}

Status LogWriter::write_group(std::span<const AppendRecord> records, uint64_t bytes) {
  LogGroupHeader header;
  header.epoch = header_.epoch;
  header.first_lsn = next_lsn();
  header.group_number = group_number_;
  header.durable_lsn = durable_lsn();
  header.chain = end_.chain_sum;
  TALLY_TRY(encode_group(header, records, pipeline_->buffer(bytes)));
  uint64_t offset = end_.bytes;
  end_ = {end_.file_number, header.last_lsn(), header.sum, offset + bytes};
  group_number_ += 1;
  stats_.records += records.size();
  last_arrival_us_ = records.back().arrival_us;
  last_reference_us_ = records.back().reference_us;
  Status submitted = pipeline_->submit(*file_, offset, header.last_lsn());
  return submitted ? submitted : poison(submitted.error());
}

// While the disk is busy with the group just submitted. Should it fail, roll() tries again and reports.
void LogWriter::prepare_next_file() {
  if (next_file_tried_ || options_.spare_files_max == 0 || end_.bytes < file_bytes_ / 2) return;
  next_file_tried_ = true;
  (void)files_.reserve();
}

Status LogWriter::poll(bool wait) {
  TALLY_TRY(check_open());
  Status status = pipeline_->poll(wait);
  // Lack of space here means that a group half written is in doubt: poison, whatever the code.
  return status ? status : poison(status.error());
}

Status LogWriter::idle(TimeUs now_us) {
  TALLY_TRY(poll(false));
  if (sealed_ || pipeline_->in_flight() > 0) return {};
  if (idle_since_us_ < 0 || now_us < idle_since_us_) idle_since_us_ = now_us;
  if (now_us - idle_since_us_ < limits::kLogSealIdleUs) return {};
  AppendRecord seal;
  seal.type = RecordType::kSeal;
  seal.arrival_us = last_arrival_us_;
  seal.reference_us = last_reference_us_;
  seal.payload_xxh3 = xxh3({});
  auto appended = append({&seal, 1});
  if (!appended && appended.error().code == Code::kNoSpace) return {};  // a seal is not worth an error
  TALLY_TRY(appended);
  sealed_ = true;
  while (pipeline_->in_flight() > 0) TALLY_TRY(poll(true));
  return {};
}

Status LogWriter::read(Lsn from, const RecordVisitor& visit) {
  TALLY_TRY(check_open());
  const Lsn durable = durable_lsn();
  const auto& live = files_.live();
  for (size_t i = 0; i < live.size() && live[i].first_lsn <= durable; ++i) {
    Lsn last = i + 1 < live.size() ? std::min(durable, live[i + 1].first_lsn - 1) : durable;
    if (last >= from) TALLY_TRY(read_file(live[i].number, from, last, visit));
  }
  return {};
}

Status LogWriter::read_file(uint64_t number, Lsn from, Lsn last, const RecordVisitor& visit) {
  std::string path = files_.path(number);
  TALLY_ASSIGN_OR_RETURN(LogFileReader reader, LogFileReader::open(*options_.fs, path, OpenMode::kRead));
  LogGroup group;
  while (reader.next_lsn() <= last) {
    TALLY_ASSIGN_OR_RETURN(LogFileReader::Step step, reader.next(group));
    if (step != LogFileReader::Step::kGroup) {
      return fail(Code::kCorruption, path + ": offset " + std::to_string(reader.offset()) + ": LSN " +
                                         std::to_string(reader.next_lsn()) + " is gone: " + reader.problem());
    }
    for (const RecordView& record : group.records) {
      if (record.lsn < from || record_type_use(record.type) == RecordTypeUse::kSkip) continue;
      TALLY_TRY(visit(record));
    }
  }
  return {};
}

Status LogWriter::truncate(Lsn through) {
  TALLY_TRY(check_open());
  if (through > durable_lsn()) {
    return fail(Code::kInvalidArgument,
                "truncation through LSN " + std::to_string(through) + ", durable is " + std::to_string(durable_lsn()));
  }
  return poison_unless_no_space(files_.retire_through(through));
}

uint64_t LogWriter::first_file_needed(Lsn from) const {
  const auto& live = files_.live();
  size_t needed = 0;
  while (needed + 1 < live.size() && live[needed + 1].first_lsn <= from) ++needed;
  return live[needed].number;
}

Status LogWriter::close() {
  TALLY_TRY(check_open());
  while (pipeline_->in_flight() > 0) TALLY_TRY(poll(true));
  CleanMark mark{.table_uuid = options_.table_uuid, .epoch = header_.epoch, .end = end_};
  Bytes bytes(kCleanMarkBytes);
  encode_clean_mark(mark, bytes);
  // Everything is durable by now; without the mark the next start is only less strict. But a failure is a failure.
  Status written = write_file_atomic(*options_.fs, clean_mark_path(options_.directory), bytes);
  closed_ = true;
  return written;
}

}  // namespace tally
