// Invariants
//   1 Everything before offset_ has gone into sum_, and lies in the file or in pending_.
//   2 Sections are in ascending order of day, and the last one is the only one that grows.
//   3 used_ has a bit for every code stored, and none beyond the dictionaries' sizes.
//   4 The final name appears only after the content is synced; after an error nothing stays under it that can be removed.
#include "engine/segment_writer.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/file_names.h"
#include "base/limits.h"
#include "engine/encoding/lz4_block.h"
#include "engine/encoding/value_list.h"
#include "engine/segment_format.h"
#include "engine/segment_indexes.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file is the format's other half

namespace {

constexpr size_t kWriteBytes = 1 * limits::kMiB;
constexpr uint32_t kParentTrialRowsMin = 64;
constexpr uint8_t kLz4Pause = 7;  // blocks for which a column is not tried again after LZ4 did not pay

// Codes of one dimension that the file uses.
struct UsedCodes {
  std::vector<uint64_t> bits;
  uint32_t largest = 0;

  void mark(uint32_t code) { bits[code / 64] |= uint64_t{1} << code % 64; }
  bool contains(uint32_t code) const { return (bits[code / 64] >> code % 64 & 1) != 0; }
};

class SegmentWriterImpl final : public SegmentWriter {
 public:
  explicit SegmentWriterImpl(Options options)
      : options_(std::move(options)),
        path_(join_path(options_.directory, segment_name(options_.number))),
        block_rows_(options_.block_rows == 0 ? limits::kSegmentBlockRows : options_.block_rows),
        indexes_(*options_.schema, options_.rollup_id, options_.rows_max) {
    TALLY_CHECK(block_rows_ <= kBlockRowsMax);
    footer_.schema = options_.schema;
    footer_.tier = options_.tier;
    footer_.rollup_id = options_.rollup_id;
    footer_.columns = stored_columns(*options_.schema, options_.rollup_id);
    footer_.min_time = INT64_MAX;
    footer_.max_time = INT64_MIN;
    footer_.min_lsn = UINT64_MAX;
    dimension_ids_ = stored_dimensions(*options_.schema, options_.rollup_id);
    TALLY_CHECK(options_.dictionaries.size() == dimension_ids_.size());
    TALLY_CHECK((options_.tier == Tier::kRaw) == raw());
    used_.resize(dimension_ids_.size());
    lz4_pause_.resize(footer_.columns.size());
    digest_ = file_digest(options_.uuid);
    if (record_times_fit(options_.records)) record_times_.emplace(options_.records);
  }

  ~SegmentWriterImpl() override {
    if (file_ && !finished_) (void)options_.fs->unlink(renamed_ ? path_ : temporary_path(path_));
  }

  Status start() {
    Status removed = options_.fs->unlink(temporary_path(path_));  // of an attempt before
    if (!removed && removed.error().code != Code::kNotFound) return removed;
    TALLY_ASSIGN_OR_RETURN(file_, options_.fs->open(temporary_path(path_), OpenMode::kCreate));
    ByteWriter out(pending_);
    encode_header({.uuid = options_.uuid,
                   .table_uuid = options_.table_uuid,
                   .number = options_.number,
                   .tier = options_.tier,
                   .rollup_id = options_.rollup_id,
                   .schema_version = options_.schema->version,
                   .block_rows = block_rows_},
                  out);
    return written(kHeaderBytes);
  }

  Status add(int32_t day, const RawColumns& rows, Lsn above, Lsn through) override {
    TALLY_CHECK(!done_ && rows.codes.size() == dimension_ids_.size());
    if (rows.rows == 0) return {};
    Status added = add_rows(day, rows, above, through);
    done_ = !added;  // half a block may have been written
    return added;
  }

  Result<SegmentInfo> finish() override {
    TALLY_CHECK(!done_);
    done_ = true;
    if (footer_.rows == 0) return fail(Code::kInternal, path_ + ": a segment without rows");
    TALLY_TRY(write_appendix());
    TALLY_TRY(write_indexes());
    TALLY_TRY(write_end());
    TALLY_TRY(flush());
    TALLY_TRY(file_->sync());
    TALLY_TRY(options_.fs->rename(temporary_path(path_), path_));
    renamed_ = true;
    TALLY_TRY(options_.fs->sync_directory(options_.directory));
    SegmentInfo info = info_of();
    TALLY_TRY(read_back(info));
    finished_ = true;
    return info;
  }

 private:
  Status add_rows(int32_t day, const RawColumns& rows, Lsn above, Lsn through) {
    if (footer_.sections.empty() || footer_.sections.back().day < day) {
      footer_.sections.push_back({.day = day, .first_block = static_cast<uint32_t>(footer_.blocks.size())});
      days_.push_back({.day = day, .above_lsn = above, .through_lsn = through});
      if (!raw()) note_lsns(above + 1, through);
    } else if (footer_.sections.back().day != day) {
      return fail(Code::kInternal, path_ + ": day " + std::to_string(day) + " comes after day " +
                                       std::to_string(footer_.sections.back().day));
    }
    for (uint32_t first = 0; first < rows.rows;) {
      uint32_t count = rows_of_block(rows, first);
      TALLY_TRY(write_block(rows, first, count));
      first += count;
    }
    return {};
  }

  // A block ends at its number of rows, or earlier where a column of it would get too long.
  uint32_t rows_of_block(const RawColumns& rows, uint32_t first) const {
    uint32_t count = std::min(block_rows_, rows.rows - first);
    auto limit = [&](auto size_of) {
      uint64_t bytes = 0;
      for (uint32_t row = 0; row < count; ++row) {
        bytes += size_of(first + row);
        if (bytes > kColumnBytesGoal && row > 0) count = row;
      }
    };
    for (const RawColumns::Field& field : rows.fields) {
      if (field.strings != nullptr) limit([&](uint32_t row) { return field.strings[row].size(); });
    }
    if (raw())
      limit([&](uint32_t row) { return rows.id_kinds[row] == IdKind::kText ? rows.ids[row].text.size() : 16; });
    return count;
  }

  Status write_block(const RawColumns& rows, uint32_t first, uint32_t count) {
    BlockEntry& block = footer_.blocks.emplace_back();
    note_statistics(rows, first, count, block);
    for (size_t d = 0; d < rows.codes.size(); ++d) TALLY_TRY(note_codes(d, {rows.codes[d] + first, count}));
    choose_parents(rows, first, count);
    TALLY_TRY(raw() ? put_raw_columns(rows, first, count, block) : put_rollup_columns(rows, first, count, block));
    TALLY_CHECK(block.columns.size() == footer_.columns.size());
    indexes_.add_block(rows, first, count);
    footer_.sections.back().rows += count;
    ++footer_.sections.back().blocks;
    days_.back().rows += count;
    return {};
  }

  bool raw() const { return options_.rollup_id == 0; }

  Status put_raw_columns(const RawColumns& rows, uint32_t first, uint32_t count, BlockEntry& block) {
    auto next = [&](BlockForm form) { return put_column(block, block.columns.size(), form, count); };
    std::span<const int64_t> lsns(reinterpret_cast<const int64_t*>(rows.lsns) + first, count);
    TALLY_TRY(next(encode_times(RecordTimeTable::Time::kEvent, {rows.times + first, count}, lsns)));
    TALLY_TRY(next(encoder_.bytes({reinterpret_cast<const uint8_t*>(rows.kinds) + first, count}, raw_)));
    for (size_t d = 0; d < rows.codes.size(); ++d) TALLY_TRY(next(encode_codes(rows, d, first, count)));
    for (const RawColumns::Field& field : rows.fields) TALLY_TRY(next(encode_field(field, first, count)));
    TALLY_TRY(next(encoder_.ints(lsns, {}, raw_)));
    TALLY_TRY(next(encode_times(RecordTimeTable::Time::kArrival, {rows.arrivals + first, count}, lsns)));
    return next(encoder_.ids({rows.ids + first, count}, {rows.id_kinds + first, count}, raw_));
  }

  Status put_rollup_columns(const RawColumns& rows, uint32_t first, uint32_t count, BlockEntry& block) {
    auto next = [&](BlockForm form) { return put_column(block, block.columns.size(), form, count); };
    TALLY_TRY(next(encoder_.ints({rows.times + first, count}, {}, raw_)));
    for (size_t d = 0; d < rows.codes.size(); ++d) TALLY_TRY(next(encode_codes(rows, d, first, count)));
    for (const RawColumns::Field& field : rows.fields) TALLY_TRY(next(encode_field(field, first, count)));
    return {};
  }

  BlockForm encode_codes(const RawColumns& rows, size_t dimension, uint32_t first, uint32_t count) {
    std::span<const uint32_t> codes(rows.codes[dimension] + first, count);
    const std::optional<size_t> parent = parents_.empty() ? std::nullopt : parents_[dimension];
    if (!parent) return encoder_.codes(codes, raw_);
    return encoder_.codes_with_parent(codes, dimension_ids_[*parent], {rows.codes[*parent] + first, count}, raw_);
  }

  struct Pairing {
    size_t dimension = 0;
    size_t parent = 0;
    size_t saved = 0;  // bytes of the block
  };

  // Which dimension follows from an earlier one, as a region from its country: found out once, on the first block that says
  // something, since trying every pair takes long. The pairs that save most come first; a parent has none itself, so that
  // no chain must be decoded.
  void choose_parents(const RawColumns& rows, uint32_t first, uint32_t count) {
    if (!parents_.empty() || count < kParentTrialRowsMin) return;
    std::vector<Pairing> pairings = try_pairs(rows, first, count);
    std::sort(pairings.begin(), pairings.end(), [](const auto& a, const auto& b) { return a.saved > b.saved; });
    parents_.resize(rows.codes.size());
    std::vector<bool> is_parent(rows.codes.size());
    for (const Pairing& pairing : pairings) {
      if (parents_[pairing.dimension] || is_parent[pairing.dimension] || parents_[pairing.parent]) continue;
      parents_[pairing.dimension] = pairing.parent;
      is_parent[pairing.parent] = true;
    }
  }

  std::vector<Pairing> try_pairs(const RawColumns& rows, uint32_t first, uint32_t count) {
    std::vector<Pairing> pairings;
    for (size_t dimension = 1; dimension < rows.codes.size(); ++dimension) {
      std::span<const uint32_t> codes(rows.codes[dimension] + first, count);
      (void)encoder_.codes(codes, raw_);
      const size_t alone = raw_.size();
      for (size_t parent = 0; parent < dimension; ++parent) {
        std::span<const uint32_t> parent_codes(rows.codes[parent] + first, count);
        BlockForm form = encoder_.codes_with_parent(codes, dimension_ids_[parent], parent_codes, raw_);
        if (form.encoding == Encoding::kByParent) pairings.push_back({dimension, parent, alone - raw_.size()});
      }
    }
    return pairings;
  }

  BlockForm encode_field(const RawColumns::Field& field, uint32_t first, uint32_t count) {
    if (field.strings != nullptr) return encoder_.strings({field.strings + first, count}, raw_);
    std::span<const uint8_t> nulls;
    if (field.nulls != nullptr) nulls = {field.nulls + first, count};
    return encoder_.ints({field.ints + first, count}, nulls, raw_);
  }

  // Whichever is smaller: the times themselves, or their distances from the times of their records.
  BlockForm encode_times(RecordTimeTable::Time time, std::span<const TimeUs> times, std::span<const int64_t> lsns) {
    BlockForm form = encoder_.ints(times, {}, raw_);
    if (!record_times_) return form;
    distances_.assign(times.begin(), times.end());
    if (!record_times_->subtract(time, lsns, distances_)) return form;
    BlockForm of_record = encoder_.ints(distances_, {}, other_raw_);
    if (other_raw_.size() >= raw_.size()) return form;
    std::swap(raw_, other_raw_);
    of_record.flags |= kBlockOfRecord;
    records_used_ = true;
    return of_record;
  }

  void note_statistics(const RawColumns& rows, uint32_t first, uint32_t count, BlockEntry& block) {
    auto [first_time, last_time] = std::minmax_element(rows.times + first, rows.times + first + count);
    block.info = {.rows = count, .min_time = *first_time, .max_time = *last_time};
    footer_.rows += count;
    const uint64_t events = events_of(rows, first, count);
    footer_.events += events;
    days_.back().events += events;
    footer_.min_time = std::min(footer_.min_time, *first_time);
    footer_.max_time = std::max(footer_.max_time, *last_time);
    if (!raw()) return;
    auto [low, high] = std::minmax_element(rows.lsns + first, rows.lsns + first + count);
    note_lsns(*low, *high);
    newest_arrival_us_ =
        std::max(newest_arrival_us_, *std::max_element(rows.arrivals + first, rows.arrivals + first + count));
  }

  uint64_t events_of(const RawColumns& rows, uint32_t first, uint32_t count) const {
    if (raw()) {
      return static_cast<uint64_t>(std::count(rows.kinds + first, rows.kinds + first + count, RowKind::kEvent));
    }
    uint64_t events = 0;
    for (uint32_t row = first; row < first + count; ++row)
      events += static_cast<uint64_t>(rows.fields.front().ints[row]);
    return events;
  }

  void note_lsns(Lsn low, Lsn high) {
    footer_.min_lsn = std::min(footer_.min_lsn, low);
    footer_.max_lsn = std::max(footer_.max_lsn, high);
  }

  Status note_codes(size_t dimension, std::span<const uint32_t> codes) {
    UsedCodes& used = used_[dimension];
    uint32_t largest = *std::max_element(codes.begin(), codes.end());
    if (largest >= std::max(options_.dictionaries[dimension]->size(), kFirstValueCode)) {
      return fail(Code::kInternal, path_ + ": code " + std::to_string(largest) + " of dimension " +
                                       std::to_string(dimension_ids_[dimension]) + " is not in its dictionary");
    }
    used.largest = std::max(used.largest, largest);
    if (used.bits.size() <= largest / 64) used.bits.resize(largest / 64 + 1);
    uint32_t before = UINT32_MAX;
    for (uint32_t code : codes) {
      if (code != before) used.mark(code);  // sorted columns repeat themselves
      before = code;
    }
    return {};
  }

  Status put_column(BlockEntry& block, size_t column, BlockForm form, uint32_t rows) {
    BlockHeader header{.digest = digest_,
                       .block = static_cast<uint32_t>(footer_.blocks.size() - 1),
                       .column_id = footer_.columns[column].id,
                       .form = form,
                       .rows = rows};
    bool try_lz4 = !encoding_is_random_bytes(form.encoding) && lz4_pause_[column] == 0;
    if (!try_lz4 && lz4_pause_[column] > 0) --lz4_pause_[column];
    TALLY_CHECK(raw_.size() <= kColumnBytesMax);
    TALLY_ASSIGN_OR_RETURN(uint32_t length, put_block(header, try_lz4));
    if (try_lz4 && length >= kBlockHeaderBytes + raw_.size()) lz4_pause_[column] = kLz4Pause;
    block.columns.push_back({length, header.form});
    return {};
  }

  // Writes raw_ under `header`; returns the length of the whole.
  Result<uint32_t> put_block(BlockHeader& header, bool try_lz4) {
    header.raw_length = static_cast<uint32_t>(raw_.size());
    ByteSpan stored = raw_;
    if (try_lz4 && lz4_compress(raw_, compressed_)) {
      header.form.flags |= kBlockLz4;
      stored = compressed_;
    }
    ByteWriter out(pending_);
    encode_block(header, stored, out);
    uint32_t length = static_cast<uint32_t>(kBlockHeaderBytes + stored.size());
    TALLY_TRY(written(length));
    return length;
  }

  Status write_appendix() {
    for (size_t d = 0; d < used_.size(); ++d) {
      footer_.max_codes[dimension_ids_[d]] = used_[d].largest;
      std::vector<uint32_t> codes;
      std::vector<StringRef> values;
      uint64_t bytes = 0;
      for (uint32_t code = kFirstValueCode; code <= used_[d].largest; ++code) {
        if (!used_[d].contains(code)) continue;
        codes.push_back(code);
        values.emplace_back(options_.dictionaries[d]->value(code));
        bytes += sizeof(uint32_t) + 2 + values.back().size();
        if (bytes < kAppendixPartBytes) continue;
        TALLY_TRY(write_appendix_part(dimension_ids_[d], codes, values));
        bytes = 0;
      }
      if (!codes.empty()) TALLY_TRY(write_appendix_part(dimension_ids_[d], codes, values));
    }
    return {};
  }

  Status write_appendix_part(uint32_t dimension_id, std::vector<uint32_t>& codes, std::vector<StringRef>& values) {
    raw_.clear();
    encode_value_list(codes, values, encoder_, raw_);
    BlockHeader header{.digest = digest_,
                       .block = kAppendixBlock + static_cast<uint32_t>(footer_.appendix.size()),
                       .column_id = dimension_id,
                       .form = {Encoding::kValueList, 0},
                       .rows = static_cast<uint32_t>(codes.size())};
    TALLY_ASSIGN_OR_RETURN(uint32_t length, put_block(header, true));
    footer_.appendix.push_back({.dimension_id = dimension_id,
                                .values = static_cast<uint32_t>(codes.size()),
                                .first_code = codes.front(),
                                .last_code = codes.back(),
                                .length = length,
                                .form = header.form});
    codes.clear();
    values.clear();
    return {};
  }

  Status write_indexes() {
    footer_.zones = indexes_.take_zones();
    IndexPart part;
    while (indexes_.next_part(part, raw_)) TALLY_TRY(write_index_part(part));
    if (!records_used_) return {};
    raw_.clear();
    encode_record_times(options_.records, raw_);
    return write_index_part({.kind = Encoding::kRecordTimes,
                             .column_id = kLsnColumn,
                             .values = static_cast<uint32_t>(options_.records.size())});
  }

  // One that is too large is left out: the file is right without it, but for the times of records.
  Status write_index_part(IndexPart part) {
    if (raw_.size() > kIndexPartBytesMax) {
      if (part.kind != Encoding::kRecordTimes) return {};
      return fail(Code::kLimitExceeded, path_ + ": the times of its log records are above the limit");
    }
    BlockHeader header{.digest = digest_,
                       .block = kIndexBlock + static_cast<uint32_t>(footer_.indexes.size()),
                       .column_id = part.column_id,
                       .form = {part.kind, 0},
                       .rows = part.values};
    TALLY_ASSIGN_OR_RETURN(part.length, put_block(header, false));
    footer_.indexes.push_back(part);
    return {};
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
    if (pending_.size() >= kWriteBytes) return flush();
    return {};
  }

  Status flush() {
    TALLY_TRY(file_->write_at(offset_ - pending_.size(), pending_));
    pending_.clear();
    return {};
  }

  SegmentInfo info_of() const {
    SegmentInfo info;
    info.number = options_.number;
    info.uuid = options_.uuid;
    info.size = offset_;
    info.checksum = sum_.digest();
    info.rows = footer_.rows;
    info.events = footer_.events;
    info.min_time = footer_.min_time;
    info.max_time = footer_.max_time;
    info.min_lsn = footer_.min_lsn;
    info.max_lsn = footer_.max_lsn;
    info.tier = options_.tier;
    info.rollup_id = options_.rollup_id;
    info.schema_version = options_.schema->version;
    info.days = days_;
    info.newest_arrival_us = newest_arrival_us_;
    return info;
  }

  Status read_back(const SegmentInfo& info) const {
    TALLY_ASSIGN_OR_RETURN(auto reader, SegmentReader::open(*options_.fs, path_, &info));
    TALLY_ASSIGN_OR_RETURN(auto problems, reader->verify());
    if (problems.empty()) return {};
    return fail(Code::kCorruption, "read back after writing: " + problems.front());
  }

  const Options options_;
  const std::string path_;
  const uint32_t block_rows_;
  uint64_t digest_ = 0;
  std::unique_ptr<File> file_;
  bool renamed_ = false;
  bool finished_ = false;
  bool done_ = false;

  Footer footer_;
  TimeUs newest_arrival_us_ = 0;  // of raw
  std::vector<SegmentDay> days_;  // parallel to the footer's sections
  std::vector<uint32_t> dimension_ids_;
  std::vector<UsedCodes> used_;     // by dimension
  std::vector<uint8_t> lz4_pause_;  // by column
  uint64_t offset_ = 0;             // of the next byte
  Xxh3Stream sum_;
  Bytes pending_;
  ColumnEncoder encoder_;
  SegmentIndexBuilder indexes_;
  std::optional<RecordTimeTable> record_times_;
  bool records_used_ = false;
  std::vector<std::optional<size_t>> parents_;  // by dimension; empty until chosen
  std::vector<int64_t> distances_;
  Bytes raw_, other_raw_, compressed_;
};

}  // namespace

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(Options options) {
  TALLY_CHECK(options.fs != nullptr && options.schema != nullptr);
  auto writer = std::make_unique<SegmentWriterImpl>(std::move(options));
  TALLY_TRY(writer->start());
  return writer;
}

}  // namespace tally
