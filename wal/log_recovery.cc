// Steps of recover_log(), in order. Nothing is written (keep_torn_file(), below, is no part of it).
//   1 survey   list files at or above first_file, sync them and the directory (W9), read headers and the clean mark
//   2 select   start at the newest file before which nothing is missing in the segments; refuse gaps
//   3 replay   file by file, group by group, along the chain; each file but the last must end as its successor says
//   4 judge    what stands behind the last good group: nothing, torn, or corruption (W10)
#include "wal/log_recovery.h"

#include <algorithm>
#include <string>

#include "base/file_names.h"
#include "wal/log_reader.h"

namespace tally {
namespace {

constexpr OpenMode kMode = OpenMode::kReadDirect;  // what is on disk, not what a failed sync left in memory (W21)

struct FoundFile {
  uint64_t number = 0;
  std::string path;
  LogFileHeader header;
};

std::unexpected<Error> corrupt(const std::string& place, const std::string& what) {
  return fail(Code::kCorruption, place + ": " + what);
}

std::string lsn_range(Lsn first, Lsn last) { return "LSN " + std::to_string(first) + " to " + std::to_string(last); }

class Recovery {
 public:
  Recovery(const LogOptions& options, const LogPosition& position, const RecordVisitor& visit)
      : options_(options), fs_(*options.fs), position_(position), visit_(visit) {
    result_.last_lsn = position.flushed_lsn;
    result_.highest_lsn_seen = position.flushed_lsn;
  }

  Result<LogRecovery> run() {
    TALLY_TRY(survey());
    TALLY_TRY(read_headers());
    if (files_.empty()) {
      TALLY_TRY(check_may_be_empty());
      return result_;
    }
    TALLY_TRY(select());
    for (size_t i = 0; i < files_.size(); ++i) TALLY_TRY(replay(i));
    return result_;
  }

 private:
  Status survey();
  Status sync_file(const std::string& path);
  Status read_clean_mark();
  Status read_headers();
  Status check_header(const FoundFile& file);
  Status check_may_be_empty();
  Status select();
  Status replay(size_t i);
  Status visit_group(const LogGroup& group, const std::string& path);
  Status check_successor(const LogFileReader& reader, size_t i);
  Status judge(LogFileReader& reader, size_t i, bool bad);
  Status check_clean_end(const LogFileReader& reader, const std::string& path);

  const LogOptions& options_;
  FileSystem& fs_;
  const LogPosition position_;
  const RecordVisitor& visit_;
  std::vector<FoundFile> files_;
  bool predecessor_there_ = false;  // file first_file - 1 exists, be it as evidence of a torn tail
  std::optional<CleanMark> mark_;
  LogRecovery result_;
};

Status Recovery::survey() {
  auto listed = fs_.list(options_.directory);
  if (!listed && listed.error().code == Code::kNotFound) return {};
  TALLY_TRY(listed);
  for (const FileInfo& info : *listed) {
    ParsedName name = parse_file_name(info.name);
    if (name.temporary) continue;
    if (name.kind == FileKind::kLogFile || name.kind == FileKind::kLogTorn) {
      result_.highest_file = std::max(result_.highest_file, name.number);
      predecessor_there_ |= name.number + 1 == position_.first_file;
    }
    if (name.kind != FileKind::kLogFile) continue;
    if (name.number < position_.first_file) continue;
    files_.push_back({name.number, log_file_path(options_.directory, name.number), {}});
  }
  std::sort(files_.begin(), files_.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  for (const FoundFile& file : files_) TALLY_TRY(sync_file(file.path));
  TALLY_TRY(fs_.sync_directory(options_.directory));
  return read_clean_mark();
}

Status Recovery::sync_file(const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<File> file, fs_.open(path, OpenMode::kReadWrite));
  return file->sync_data();
}

Status Recovery::read_clean_mark() {
  std::string path = clean_mark_path(options_.directory);
  auto bytes = read_whole_file(fs_, path, limits::kLogAlignment);
  if (!bytes && bytes.error().code == Code::kNotFound) return {};
  TALLY_TRY(bytes);
  auto mark = decode_clean_mark(*bytes);
  if (!mark) return std::unexpected(std::move(mark).error().with_context(path));
  if (mark->table_uuid != options_.table_uuid) return corrupt(path, "the mark belongs to another table");
  mark_ = *mark;
  return {};
}

// W16 lets a newest file with an incomplete header be dropped, as one that a crash left half created. That cannot come about
// here: LogFiles::make() gives a file its name only when its header and its full size are synced, and gives up when that sync
// fails. So such a file was whole once and may have held acknowledged records: it is refused, the newest like any other.
Status Recovery::read_headers() {
  for (FoundFile& file : files_) {
    TALLY_ASSIGN_OR_RETURN(LogFileReader reader, LogFileReader::open(fs_, file.path, kMode));
    file.header = reader.header();
    TALLY_TRY(check_header(file));
  }
  return {};
}

Status Recovery::check_header(const FoundFile& file) {
  if (file.header.table_uuid != options_.table_uuid) return corrupt(file.path, "the file belongs to another table");
  if (file.header.file_number != file.number) {
    return corrupt(file.path, "the header is that of file " + std::to_string(file.header.file_number));
  }
  return {};
}

// No file of interest: right for a new table, and between the manifest edit that ends a recovery and start_log(), which
// keeps the files of before until the new one is durable. Else the log is missing.
Status Recovery::check_may_be_empty() {
  bool nothing_ever = position_.flushed_lsn == 0 && position_.synced_lsn == 0 && position_.first_file <= 1;
  bool between = predecessor_there_ && position_.synced_lsn <= position_.flushed_lsn;
  if (mark_) {
    bool agrees = mark_->end.file_number < position_.first_file && mark_->end.last_lsn <= position_.flushed_lsn;
    if (!agrees) {
      return corrupt(
          log_file_path(options_.directory, mark_->end.file_number),
          "the log was closed at LSN " + std::to_string(mark_->end.last_lsn) + " in this file, and it is missing");
    }
    result_.clean = true;
  }
  if (nothing_ever || between) return {};
  return corrupt(
      log_file_path(options_.directory, std::max<uint64_t>(position_.first_file, 1)),
      "it and all log files after it are missing; the segments end at LSN " + std::to_string(position_.flushed_lsn));
}

// Everything up to header.predecessor.last_lsn was in files or segments before; when the segments have it, no older file
// is needed, be it there (a crash brought its name back), be it from an earlier run.
Status Recovery::select() {
  size_t start = files_.size();
  while (start > 0 && files_[start - 1].header.predecessor.last_lsn > position_.flushed_lsn) --start;
  if (start == 0) {
    return corrupt(files_[0].path, lsn_range(position_.flushed_lsn + 1, files_[0].header.predecessor.last_lsn) +
                                       " are missing: they are neither in segments nor in a log file");
  }
  files_.erase(files_.begin(), files_.begin() + static_cast<ptrdiff_t>(start - 1));
  for (size_t i = 1; i < files_.size(); ++i) {
    if (files_[i].header.run_start()) {
      return corrupt(files_[i].path,
                     "the log was started anew behind LSN " + std::to_string(files_[i].header.predecessor.last_lsn) +
                         ", but the manifest knows LSN " + std::to_string(position_.flushed_lsn) + " only");
    }
    if (files_[i].number != files_[i - 1].number + 1) {
      return corrupt(log_file_path(options_.directory, files_[i - 1].number + 1), "the log file is missing");
    }
  }
  return {};
}

Status Recovery::visit_group(const LogGroup& group, const std::string& path) {
  for (const RecordView& record : group.records) {
    result_.last_arrival_us = record.arrival_us;
    RecordTypeUse use = record_type_use(record.type);
    if (use == RecordTypeUse::kUnknown) {
      return fail(Code::kUnsupported, path + ": offset " + std::to_string(group.offset) + ": LSN " +
                                          std::to_string(record.lsn) + " is a record of type " +
                                          std::to_string(static_cast<unsigned>(record.type)) +
                                          ", which this build does not know");
    }
    if (use == RecordTypeUse::kSkip || record.lsn <= position_.flushed_lsn) continue;
    result_.records += 1;
    TALLY_TRY(visit_(record));
  }
  result_.bytes += group.header.bytes;
  return {};
}

Status Recovery::replay(size_t i) {
  TALLY_ASSIGN_OR_RETURN(LogFileReader reader, LogFileReader::open(fs_, files_[i].path, kMode));
  if (reader.header() != files_[i].header) return corrupt(files_[i].path, "the header changed while it was read");
  LogGroup group;
  for (;;) {
    TALLY_ASSIGN_OR_RETURN(LogFileReader::Step step, reader.next(group));
    if (step != LogFileReader::Step::kGroup) {
      if (i + 1 < files_.size()) TALLY_TRY(check_successor(reader, i));
      return i + 1 < files_.size() ? Status{} : judge(reader, i, step == LogFileReader::Step::kBad);
    }
    TALLY_TRY(visit_group(group, files_[i].path));
  }
}

// The chain goes on in the next file, or this one lost its end.
Status Recovery::check_successor(const LogFileReader& reader, size_t i) {
  const LogFileHeader& next = files_[i + 1].header;
  if (next.predecessor == reader.end() && next.first_lsn == reader.next_lsn()) return {};
  std::string what = "offset " + std::to_string(reader.offset()) + ": ";
  if (!reader.problem().empty()) what += reader.problem() + ": ";
  what += lsn_range(reader.next_lsn(), next.predecessor.last_lsn) + " are damaged: ";
  return corrupt(files_[i].path, what + std::string(describe(TailVerdict::kNotInLastFile)));
}

Status Recovery::judge(LogFileReader& reader, size_t i, bool bad) {
  const std::string& path = files_[i].path;
  TALLY_ASSIGN_OR_RETURN(TailScan scan, reader.scan_tail());
  const Lsn x = reader.next_lsn();
  TailEvidence evidence;
  evidence.last_file = true;  // check_successor() judged the others
  evidence.clean_mark = mark_.has_value();
  evidence.later_group_durable = scan.durable_lsn >= x;
  evidence.manifest_synced = std::max(position_.synced_lsn, position_.flushed_lsn) >= x;
  evidence.within_pipeline = scan.groups_spanned <= limits::kLogGroupsInFlightMax;
  TailVerdict verdict = judge_tail(evidence);
  bool damage = bad || scan.groups_spanned > 0 || scan.end > reader.offset();
  bool missing = evidence.later_group_durable || evidence.manifest_synced;
  if ((damage || missing) && verdict != TailVerdict::kTorn) {
    Lsn last = std::max(
        {x, scan.highest_lsn, evidence.manifest_synced ? position_.synced_lsn : 0, mark_ ? mark_->end.last_lsn : 0});
    return corrupt(path, "offset " + std::to_string(reader.offset()) + ": " + lsn_range(x, last) + " are damaged: " +
                             (bad ? reader.problem() : "nothing is there") + ": " + std::string(describe(verdict)));
  }
  TALLY_TRY(check_clean_end(reader, path));
  result_.last_lsn = std::max(x - 1, position_.flushed_lsn);
  result_.highest_lsn_seen = std::max(result_.last_lsn, scan.highest_lsn);
  if (!damage) return {};
  result_.torn = TornTail{.file_number = files_[i].number,
                          .offset = reader.offset(),
                          .bytes = std::max(scan.end, reader.offset()) - reader.offset(),
                          .first_lost_lsn = x,
                          .highest_lsn_seen = result_.highest_lsn_seen};
  return {};
}

Status Recovery::check_clean_end(const LogFileReader& reader, const std::string& path) {
  if (!mark_) return {};
  result_.clean = true;
  if (mark_->end == reader.end() && mark_->epoch == reader.header().epoch) return {};
  return corrupt(path, "the log was closed at LSN " + std::to_string(mark_->end.last_lsn) + " in file " +
                           std::to_string(mark_->end.file_number) + ", but it ends at LSN " +
                           std::to_string(reader.next_lsn() - 1) + " in this one");
}

}  // namespace

TailVerdict judge_tail(const TailEvidence& evidence) {
  if (!evidence.last_file) return TailVerdict::kNotInLastFile;
  if (evidence.clean_mark) return TailVerdict::kClosedCleanly;
  if (evidence.later_group_durable) return TailVerdict::kLaterGroupDurable;
  if (evidence.manifest_synced) return TailVerdict::kManifestSynced;
  return evidence.within_pipeline ? TailVerdict::kTorn : TailVerdict::kTooManyGroups;
}

std::string_view describe(TailVerdict verdict) {
  switch (verdict) {
    case TailVerdict::kTorn: return "a tail torn by a crash";
    case TailVerdict::kNotInLastFile: return "the log goes on in the next file, so this was synced";
    case TailVerdict::kClosedCleanly: return "the log had been closed, so this was synced";
    case TailVerdict::kLaterGroupDurable: return "a later group says that this was synced";
    case TailVerdict::kManifestSynced: return "the manifest says that this was synced";
    case TailVerdict::kTooManyGroups: return "more groups are damaged than can have been in flight";
  }
  return "";
}

Result<LogRecovery> recover_log(const LogOptions& options, const LogPosition& position, const RecordVisitor& visit) {
  TALLY_CHECK(options.fs != nullptr);
  return Recovery(options, position, visit).run();
}

Status keep_torn_file(const LogOptions& options, const LogRecovery& recovery) {
  if (!recovery.torn) return {};
  const uint64_t number = recovery.torn->file_number;
  const std::string kept = join_path(options.directory, log_torn_name(number));
  Status renamed = options.fs->rename(log_file_path(options.directory, number), kept);
  if (!renamed && !(renamed.error().code == Code::kNotFound && options.fs->info(kept))) return renamed;
  return options.fs->sync_directory(options.directory);
}

}  // namespace tally
