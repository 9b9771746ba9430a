#include "wal/log_reader.h"

#include <algorithm>
#include <cstring>

namespace tally {
namespace {

constexpr uint64_t kWindowBytes = limits::kMiB;
constexpr uint64_t kBlock = limits::kLogAlignment;

// Offset behind the last byte that is not zero; 0 if there is none.
size_t nonzero_end(ByteSpan bytes) {
  size_t end = bytes.size();
  while (end >= 8 && load_le<uint64_t>(bytes.data() + end - 8) == 0) end -= 8;
  while (end > 0 && bytes[end - 1] == 0) --end;
  return end;
}

}  // namespace

Result<LogFileReader> LogFileReader::open(FileSystem& fs, const std::string& path, OpenMode mode) {
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<File> file, fs.open(path, mode));
  TALLY_ASSIGN_OR_RETURN(uint64_t file_bytes, file->size());
  LogFileReader reader(std::move(file), file_bytes);
  if (Status read = reader.read_header(); !read) return std::unexpected(std::move(read).error().with_context(path));
  return reader;
}

// A log file has its full size before it has its name, and keeps it: without this, what a cut took away would look like groups
// that were never written.
Status LogFileReader::read_header() {
  if (file_bytes_ < kLogFileHeaderBytes) {
    return fail(Code::kCorruption, "file header is cut short: the file has " + std::to_string(file_bytes_) +
                                       " bytes, its header alone should have " + std::to_string(kLogFileHeaderBytes));
  }
  TALLY_ASSIGN_OR_RETURN(ByteSpan head, view(0, kLogFileHeaderBytes));
  TALLY_ASSIGN_OR_RETURN(header_, decode_file_header(head));
  if (header_.file_bytes != file_bytes_) {
    return fail(Code::kCorruption, "the file has " + std::to_string(file_bytes_) + " bytes, and its header says " +
                                       std::to_string(header_.file_bytes));
  }
  next_lsn_ = header_.first_lsn;
  chain_ = header_.sum;
  return {};
}

// The bytes [offset, offset + bytes), which must lie within the file; reads ahead.
Result<ByteSpan> LogFileReader::view(uint64_t offset, uint64_t bytes) {
  if (offset >= window_at_ && offset + bytes <= window_at_ + window_bytes_) {
    return ByteSpan(window_).subspan(offset - window_at_, bytes);
  }
  uint64_t wanted = std::min(std::max(bytes, kWindowBytes), file_bytes_ - offset);
  if (window_.size() < wanted) window_.resize(wanted);
  window_bytes_ = 0;
  TALLY_ASSIGN_OR_RETURN(size_t got, file_->read_at(offset, MutableByteSpan(window_).first(wanted)));
  window_at_ = offset;
  window_bytes_ = got;
  if (got < bytes) {
    return fail(Code::kIoError, file_->path() + ": offset " + std::to_string(offset) + ": " + std::to_string(got) +
                                    " bytes where there should be " + std::to_string(bytes));
  }
  return ByteSpan(window_).first(bytes);
}

LogFileReader::Step LogFileReader::bad(std::string problem) {
  problem_ = std::move(problem);
  return Step::kBad;
}

// Damage may have hit any field, so one of them is enough to know a group of ours; stale groups share none of them.
bool LogFileReader::resembles_ours(ByteSpan block) const {
  uint64_t first_lsn = load_le<uint64_t>(block.data() + 24);
  uint64_t group_number = load_le<uint64_t>(block.data() + 32);
  uint64_t chain = load_le<uint64_t>(block.data() + 72);
  return std::memcmp(block.data() + 8, header_.epoch.data(), header_.epoch.size()) == 0 || chain == chain_ ||
         (first_lsn == next_lsn_ && group_number == next_group_);
}

Status LogFileReader::check_place(const LogGroupHeader& header) const {
  std::string what;
  if (header.epoch != header_.epoch) {
    what = "group of another epoch";
  } else if (header.group_number != next_group_) {
    what = "group " + std::to_string(header.group_number) + " in place of group " + std::to_string(next_group_);
  } else if (header.first_lsn != next_lsn_) {
    what = "group of LSN " + std::to_string(header.first_lsn) + " in place of LSN " + std::to_string(next_lsn_);
  } else if (header.chain != chain_) {
    what = "group is not chained to the one before it";
  } else if (header.bytes > file_bytes_ - offset_) {
    what = "group reaches beyond the end of the file";
  } else {
    return {};
  }
  return fail(Code::kCorruption, what);
}

Result<LogFileReader::Step> LogFileReader::next(LogGroup& group) {
  if (file_bytes_ - std::min(offset_, file_bytes_) < kBlock) return Step::kEnd;
  TALLY_ASSIGN_OR_RETURN(ByteSpan block, view(offset_, kBlock));
  auto header = decode_group_header(block);
  if (!header) {
    // In a file that was written from zeros any byte is a sign; in a reused one stale bytes mean nothing.
    bool ours = resembles_ours(block) || (!header_.reused() && nonzero_end(block) > 0);
    return ours ? bad(header.error().message) : Step::kEnd;
  }
  if (auto placed = check_place(*header); !placed) {
    bool stale = header->epoch != header_.epoch && header_.reused();
    return stale ? Step::kEnd : bad(placed.error().message);
  }
  TALLY_ASSIGN_OR_RETURN(ByteSpan bytes, view(offset_, header->bytes));
  if (auto decoded = decode_group(*header, bytes, group.records); !decoded) return bad(decoded.error().message);
  group.offset = offset_;
  group.header = *header;
  offset_ += header->bytes;
  next_lsn_ += header->records;
  next_group_ += 1;
  chain_ = header->sum;
  return Step::kGroup;
}

void LogFileReader::look_at(ByteSpan block, uint64_t offset, TailScan& scan) const {
  if (std::memcmp(block.data() + 8, header_.epoch.data(), header_.epoch.size()) != 0) return;
  auto header = decode_group_header(block);
  if (!header) return;
  scan.later_groups |= offset != offset_;
  scan.durable_lsn = std::max(scan.durable_lsn, header->durable_lsn);
  scan.highest_lsn = std::max(scan.highest_lsn, header->last_lsn());
  if (header->group_number >= next_group_) {
    scan.groups_spanned = std::max(scan.groups_spanned, header->group_number - next_group_ + 1);
  }
  scan.end = std::max(scan.end, std::min(offset + header->bytes, file_bytes_));
}

Result<TailScan> LogFileReader::scan_tail() {
  TailScan scan{.end = offset_};
  uint64_t at = offset_;
  while (at < file_bytes_) {
    TALLY_ASSIGN_OR_RETURN(ByteSpan bytes, view(at, std::min(kWindowBytes, file_bytes_ - at)));
    size_t used = nonzero_end(bytes);
    if (used > 0 && !header_.reused()) scan.end = std::max(scan.end, at + used);
    for (size_t i = 0; i < used && bytes.size() - i >= kLogGroupHeaderBytes; i += kBlock) {
      look_at(bytes.subspan(i), at + i, scan);
    }
    at += bytes.size();
  }
  return scan;
}

}  // namespace tally
