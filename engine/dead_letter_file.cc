#include "engine/dead_letter_file.h"

#include <algorithm>
#include <utility>

#include "base/file_names.h"
#include "base/limits.h"
#include "engine/dead_letter_format.h"

namespace tally {

namespace {

using namespace dead_letter_format;

constexpr size_t kMarksABlock = limits::kLetterBlockBytes / kMarkBytes;

class LetterFileWriterImpl final : public LetterFileWriter {
 public:
  explicit LetterFileWriterImpl(Options options)
      : options_(std::move(options)), path_(join_path(options_.directory, letter_file_name(options_.number))) {}

  ~LetterFileWriterImpl() override {
    if (finished_ || file_ == nullptr) return;
    file_.reset();
    (void)options_.fs->unlink(named_ ? path_ : temporary_path(path_));  // the next start removes what stays
  }

  Status start(std::span<const LetterMark> marks) {
    TALLY_TRY(make_directory());
    const Status removed = options_.fs->unlink(temporary_path(path_));  // of an attempt before
    if (!removed && removed.error().code != Code::kNotFound) return removed;
    TALLY_ASSIGN_OR_RETURN(file_, options_.fs->open(temporary_path(path_), OpenMode::kCreate));
    header_.info.marks = marks.size();
    while (!marks.empty()) {
      const auto some = marks.first(std::min(marks.size(), kMarksABlock));
      encode_marks(some, body_);
      TALLY_TRY(write_block(BlockKind::kMarks, static_cast<uint32_t>(some.size())));
      marks = marks.subspan(some.size());
    }
    return {};
  }

  Status add(const LetterBundle& bundle) override {
    encode_bundle(bundle, body_);
    letters_ += static_cast<uint32_t>(bundle.letters.size());
    return body_.size() >= limits::kLetterBlockBytes ? write_letters() : Status{};
  }

  Result<LetterFileInfo> finish() override {
    TALLY_TRY(write_letters());
    LetterFileInfo& info = header_.info;
    info.number = options_.number;
    info.uuid = options_.uuid;
    info.size = offset_;
    info.min_lsn = options_.min_lsn;
    info.max_lsn = options_.max_lsn;
    info.min_arrival_us = options_.min_arrival_us;
    info.max_arrival_us = options_.max_arrival_us;
    header_.table_uuid = options_.table_uuid;
    TALLY_TRY(file_->write_at(0, encode_header(header_)));
    TALLY_TRY(file_->sync());
    TALLY_TRY(options_.fs->rename(temporary_path(path_), path_));
    named_ = true;
    TALLY_TRY(options_.fs->sync_directory(options_.directory));
    TALLY_TRY(read_back());
    finished_ = true;
    return info;
  }

 private:
  // Tables made before there were dead letters have none.
  Status make_directory() {
    auto info = options_.fs->info(options_.directory);
    if (info || info.error().code != Code::kNotFound) return info ? Status{} : std::unexpected(info.error());
    TALLY_TRY(options_.fs->make_directory(options_.directory));
    return options_.fs->sync_directory(parent_path(options_.directory));
  }

  Status write_letters() {
    if (letters_ == 0) return {};
    header_.info.letters += letters_;
    return write_block(BlockKind::kLetters, std::exchange(letters_, 0));
  }

  Status write_block(BlockKind kind, uint32_t count) {
    const Bytes block = encode_block(kind, count, body_, header_.blocks_sum);
    body_.clear();
    TALLY_TRY(file_->write_at(offset_, block));
    offset_ += block.size();
    ++header_.blocks;
    return {};
  }

  Status read_back() const {
    TALLY_ASSIGN_OR_RETURN(auto file, LetterFile::open(*options_.fs, path_, &header_.info));
    TALLY_TRY(file->marks());
    while (true) {
      TALLY_ASSIGN_OR_RETURN(auto bundles, file->next());
      if (bundles.empty()) return {};
    }
  }

  const Options options_;
  const std::string path_;
  std::unique_ptr<File> file_;
  bool named_ = false, finished_ = false;
  Header header_;
  uint64_t offset_ = kHeaderBytes;
  Bytes body_;            // of the block being filled
  uint32_t letters_ = 0;  // in it
};

class LetterFileImpl final : public LetterFile {
 public:
  LetterFileImpl(std::unique_ptr<File> file, Header header) : file_(std::move(file)), header_(std::move(header)) {}

  const LetterFileInfo& info() const override { return header_.info; }
  const std::array<uint8_t, 16>& table_uuid() const override { return header_.table_uuid; }

  Result<std::vector<LetterMark>> marks() override {
    TALLY_CHECK(!marks_read_);
    marks_read_ = true;
    std::vector<LetterMark> all;
    while (all.size() < header_.info.marks) {
      TALLY_ASSIGN_OR_RETURN(Block block, next_block(BlockKind::kMarks));
      auto some = decode_marks(block.body, block.count);
      if (!some) return std::unexpected(located(std::move(some).error()));
      if (!all.empty() && some->front().letter <= all.back().letter) return corrupt("marks are out of order");
      all.insert(all.end(), some->begin(), some->end());
    }
    if (all.size() != header_.info.marks) return corrupt("it has another number of marks than its header says");
    for (const LetterMark& mark : all) {
      if (!of_file(mark.replayed_lsn)) return corrupt("a mark is of an LSN that its header leaves out");
    }
    return all;
  }

  Result<std::vector<LetterBundle>> next() override {
    if (!marks_read_) TALLY_TRY(marks());
    if (blocks_ == header_.blocks) {
      TALLY_TRY(check_end());
      return std::vector<LetterBundle>{};
    }
    TALLY_ASSIGN_OR_RETURN(Block block, next_block(BlockKind::kLetters));
    auto bundles = decode_bundles(block.body, block.count);
    if (!bundles) return std::unexpected(located(std::move(bundles).error()));
    for (const LetterBundle& bundle : *bundles) TALLY_TRY(check_bundle(bundle));
    letters_ += block.count;
    return bundles;
  }

 private:
  struct Block {
    Bytes body;
    uint32_t count = 0;
  };

  Error located(Error error) const { return std::move(error).with_context(file_->path()); }
  std::unexpected<Error> corrupt(std::string what) const {
    return fail(Code::kCorruption, file_->path() + ": " + std::move(what));
  }
  bool of_file(Lsn lsn) const { return lsn >= header_.info.min_lsn && lsn <= header_.info.max_lsn; }

  Result<Block> next_block(BlockKind kind) {
    const std::string where = "block at " + std::to_string(offset_);
    if (blocks_ == header_.blocks || offset_ + kBlockHeaderBytes > header_.info.size) {
      return corrupt("it ends before what its header says");
    }
    uint8_t raw[kBlockHeaderBytes];
    TALLY_TRY(read_exactly(*file_, offset_, raw));
    auto header = decode_block_header(raw);
    if (!header) return std::unexpected(located(std::move(header).error().with_context(where)));
    if (header->kind != kind) return corrupt(where + ": it is of another kind");
    if (header->stored_bytes > header_.info.size - offset_ - kBlockHeaderBytes) {
      return corrupt(where + ": it is longer than the file");
    }
    Bytes stored(header->stored_bytes);
    TALLY_TRY(read_exactly(*file_, offset_ + kBlockHeaderBytes, stored));
    auto body = decode_block(*header, raw, stored);
    if (!body) return std::unexpected(located(std::move(body).error().with_context(where)));
    sum_ = chain_sum(sum_, header->sum);
    offset_ += kBlockHeaderBytes + stored.size();
    ++blocks_;
    return Block{*std::move(body), header->count};
  }

  Status check_bundle(const LetterBundle& bundle) {
    const LetterFileInfo& info = header_.info;
    if (bundle.lsn < last_lsn_) return corrupt("bundles are out of order");
    last_lsn_ = bundle.lsn;
    if (of_file(bundle.lsn) && bundle.arrival_us >= info.min_arrival_us && bundle.arrival_us <= info.max_arrival_us) {
      return {};
    }
    return corrupt("a letter is of a record that its header leaves out");
  }

  Status check_end() const {
    if (offset_ != header_.info.size || letters_ != header_.info.letters || sum_ != header_.blocks_sum) {
      return corrupt("its blocks are not those that its header speaks of");
    }
    return {};
  }

  const std::unique_ptr<File> file_;
  const Header header_;
  bool marks_read_ = false;
  uint64_t offset_ = kHeaderBytes;
  uint32_t blocks_ = 0;  // read so far, as are the next
  uint64_t letters_ = 0;
  uint64_t sum_ = 0;
  Lsn last_lsn_ = 0;
};

}  // namespace

Result<std::unique_ptr<LetterFileWriter>> LetterFileWriter::create(Options options, std::span<const LetterMark> marks) {
  TALLY_CHECK(options.fs != nullptr);
  auto writer = std::make_unique<LetterFileWriterImpl>(std::move(options));
  TALLY_TRY(writer->start(marks));
  return writer;
}

Result<std::unique_ptr<LetterFile>> LetterFile::open(FileSystem& fs, const std::string& path,
                                                     const LetterFileInfo* expected) {
  TALLY_ASSIGN_OR_RETURN(auto file, fs.open(path, OpenMode::kRead));
  return read(std::move(file), expected);
}

Result<std::unique_ptr<LetterFile>> LetterFile::read(std::unique_ptr<File> file, const LetterFileInfo* expected) {
  const std::string& path = file->path();
  TALLY_ASSIGN_OR_RETURN(uint64_t size, file->size());
  uint8_t raw[kHeaderBytes];
  TALLY_TRY(read_exactly(*file, 0, raw));
  auto header = decode_header(raw);
  if (!header) return std::unexpected(std::move(header).error().with_context(path));
  if (header->info.size != size) {
    return fail(Code::kCorruption, path + ": the file has " + std::to_string(size) + " bytes and was written with " +
                                       std::to_string(header->info.size));
  }
  if (expected != nullptr && header->info != *expected) {
    return fail(Code::kCorruption, path + ": another file stands in its place");
  }
  return std::make_unique<LetterFileImpl>(std::move(file), *std::move(header));
}

}  // namespace tally
