#include "wal/log_verify.h"

#include <algorithm>
#include <iterator>

#include "base/file_names.h"

namespace tally {
namespace {

Status walk_file(FileSystem& fs, LogFileReport& report, const LogGroupVisitor& visit) {
  TALLY_ASSIGN_OR_RETURN(LogFileReader reader, LogFileReader::open(fs, report.path, OpenMode::kReadDirect));
  report.header = reader.header();
  LogGroup group;
  LogFileReader::Step step = LogFileReader::Step::kGroup;
  while (step == LogFileReader::Step::kGroup) {
    report.last_lsn = reader.next_lsn() - 1;
    report.used_bytes = reader.offset();
    TALLY_ASSIGN_OR_RETURN(step, reader.next(group));
    if (step != LogFileReader::Step::kGroup) break;
    report.groups += 1;
    report.records += group.records.size();
    if (visit) visit(report, group);
  }
  if (step == LogFileReader::Step::kBad) {
    report.problem = "offset " + std::to_string(reader.offset()) + ": " + reader.problem();
  }
  return {};
}

}  // namespace

Result<LogReport> verify_log(const LogOptions& options, const LogPosition& position, const LogGroupVisitor& visit) {
  LogReport report;
  std::vector<LogFileReport> torn;
  auto listed = options.fs->list(options.directory);
  if (!listed && listed.error().code != Code::kNotFound) return std::unexpected(std::move(listed).error());
  for (const FileInfo& info : listed ? *listed : std::vector<FileInfo>{}) {
    ParsedName name = parse_file_name(info.name);
    if (name.temporary) continue;
    if (name.kind == FileKind::kLogSpare) report.spare_files += 1;
    if (name.kind != FileKind::kLogFile && name.kind != FileKind::kLogTorn) continue;
    LogFileReport file;
    file.path = join_path(options.directory, info.name);
    file.file_bytes = info.size;
    if (Status walked = walk_file(*options.fs, file, visit); !walked) file.problem = walked.error().message;
    (name.kind == FileKind::kLogTorn ? torn : report.files).push_back(std::move(file));
  }
  std::ranges::move(torn, std::back_inserter(report.files));
  auto recovery = recover_log(options, position, [](const RecordView&) { return Status{}; });
  if (recovery) {
    report.recovery = *std::move(recovery);
  } else {
    report.problem = recovery.error().message;
  }
  return report;
}

}  // namespace tally
