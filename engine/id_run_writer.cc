// Invariants
//   1 Everything before offset_ has gone into sum_, and lies in the file or in pending_; block_ holds what comes behind it.
//   2 Every block written is full; only finish() writes one that is not.
//   3 The final name appears only after the content is synced; after an error it never does.
#include "engine/id_run_writer.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/checksum.h"
#include "base/file_names.h"
#include "engine/id_run_format.h"

namespace tally {

using namespace id_run_format;  // NOLINT: this file is the format's other half

namespace {

constexpr size_t kWriteBytes = size_t{1} << 20;

class IdRunWriterImpl final : public IdRunWriter {
 public:
  explicit IdRunWriterImpl(Options options)
      : options_(std::move(options)),
        path_(join_path(options_.directory, id_run_name(options_.number))),
        digest_(file_digest(options_.uuid)) {
    block_.reserve(kIdRunBlockEntries);
    pending_.reserve(kWriteBytes + kBlockBytesMax);
  }

  ~IdRunWriterImpl() override {
    if (file_ && !renamed_) (void)options_.fs->unlink(temporary_path(path_));
  }

  Status start() {
    Status removed = options_.fs->unlink(temporary_path(path_));  // of an attempt before
    if (!removed && removed.error().code != Code::kNotFound) return removed;
    TALLY_ASSIGN_OR_RETURN(file_, options_.fs->open(temporary_path(path_), OpenMode::kCreate));
    ByteWriter out(pending_);
    encode_header(
        {.uuid = options_.uuid, .table_uuid = options_.table_uuid, .number = options_.number, .place = options_.place},
        out);
    return written(kHeaderBytes);
  }

  Status add(std::span<const SeenEntry> entries) override {
    TALLY_CHECK(!done_);
    Status added = add_entries(entries);
    done_ = !added;
    return added;
  }

  Result<IdRunInfo> finish(const IdRunSummary& summary) override {
    TALLY_CHECK(!done_);
    done_ = true;
    if (!block_.empty()) TALLY_TRY(write_block());
    if (footer_.entries == 0) return fail(Code::kInternal, path_ + ": an id run without entries");
    footer_.summary = summary;
    TALLY_TRY(check_days());
    TALLY_TRY(write_end());
    TALLY_TRY(flush());
    TALLY_TRY(file_->sync());
    TALLY_TRY(options_.fs->rename(temporary_path(path_), path_));
    renamed_ = true;
    TALLY_TRY(options_.fs->sync_directory(options_.directory));
    IdRunInfo info{.number = options_.number,
                   .uuid = options_.uuid,
                   .size = offset_,
                   .checksum = sum_.digest(),
                   .entries = footer_.entries,
                   .place = options_.place,
                   .summary = summary};
    TALLY_TRY(read_back(info));
    return info;
  }

 private:
  Status add_entries(std::span<const SeenEntry> entries) {
    for (const SeenEntry& entry : entries) {
      if (last_ && entry.key <= *last_) return fail(Code::kInternal, path_ + ": its keys do not ascend");
      last_ = entry.key;
      note_day(entry.event_day);
      block_.push_back(entry);
      if (block_.size() == kIdRunBlockEntries) TALLY_TRY(write_block());
    }
    return {};
  }

  void note_day(int32_t day) {
    if (!days_.empty() && day == last_day_) return;
    last_day_ = day;
    days_.insert(day);
  }

  Status check_days() const {
    std::set<int32_t> named;
    for (const NewestOfDay& newest : footer_.summary.newest) named.insert(newest.day);
    if (std::includes(named.begin(), named.end(), days_.begin(), days_.end())) return {};
    return fail(Code::kInternal, path_ + ": the summary leaves out a day that its entries have");
  }

  Status write_block() {
    const size_t before = pending_.size();
    encode_block(digest_, static_cast<uint32_t>(footer_.blocks.size()), block_, pending_);
    const size_t length = pending_.size() - before;
    footer_.blocks.push_back({.first_lo = block_[0].key.lo, .length = static_cast<uint32_t>(length)});
    footer_.entries += block_.size();
    block_.clear();
    return written(length);
  }

  Status write_end() {
    Bytes bytes;
    ByteWriter footer(bytes);
    encode_footer(footer_, footer);
    if (bytes.size() > kFooterBytesMax) return fail(Code::kLimitExceeded, path_ + ": its footer is above the limit");
    Trailer trailer{.footer_offset = offset_,
                    .footer_length = bytes.size(),
                    .footer_sum = xxh3(bytes),
                    .file_size = offset_ + bytes.size() + kTrailerBytes,
                    .digest = digest_};
    ByteWriter out(pending_);
    out.bytes(bytes);
    TALLY_TRY(written(bytes.size()));
    trailer.body_sum = sum_.digest();
    encode_trailer(trailer, out);
    return written(kTrailerBytes);
  }

  // The last `count` bytes of pending_ are new.
  Status written(uint64_t count) {
    sum_.update(ByteSpan(pending_).last(count));
    offset_ += count;
    return pending_.size() >= kWriteBytes ? flush() : Status{};
  }

  Status flush() {
    TALLY_TRY(file_->write_at(offset_ - pending_.size(), pending_));
    pending_.clear();
    return {};
  }

  Status read_back(const IdRunInfo& info) const {
    TALLY_ASSIGN_OR_RETURN(auto run, IdRun::open(*options_.fs, path_, &info));
    TALLY_ASSIGN_OR_RETURN(auto problems, run->verify());
    if (problems.empty()) return {};
    return fail(Code::kCorruption, "read back after writing: " + problems.front());
  }

  const Options options_;
  const std::string path_;
  const uint64_t digest_;
  std::unique_ptr<File> file_;
  bool renamed_ = false;
  bool done_ = false;

  Footer footer_;
  std::vector<SeenEntry> block_;
  std::optional<Hash128> last_;
  std::set<int32_t> days_;  // of all entries
  int32_t last_day_ = 0;
  uint64_t offset_ = 0;  // of the next byte
  Xxh3Stream sum_;
  Bytes pending_;
};

}  // namespace

Result<std::unique_ptr<IdRunWriter>> IdRunWriter::create(Options options) {
  TALLY_CHECK(options.fs != nullptr);
  auto writer = std::make_unique<IdRunWriterImpl>(std::move(options));
  TALLY_TRY(writer->start());
  return writer;
}

}  // namespace tally
