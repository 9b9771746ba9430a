#include "engine/segment_verify.h"

#include <algorithm>

#include "base/checksum.h"
#include "engine/segment_cursor.h"
#include "engine/segment_index_check.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file is the format's other half

namespace {

constexpr size_t kReadBytes = 1 * limits::kMiB;

class Verifier {
 public:
  explicit Verifier(std::shared_ptr<const SegmentFile> segment)
      : segment_(std::move(segment)),
        footer_(segment_->footer()),
        dimension_ids_(stored_dimensions(*footer_.schema, footer_.rollup_id)) {}

  Result<std::vector<std::string>> run() {
    TALLY_TRY(check_sums());
    TALLY_TRY(read_appendix());
    TALLY_TRY(indexes_.open(*segment_, [this](Error error) { return note(std::move(error)); }));
    TALLY_TRY(check_rows());
    check_totals();
    for (std::string& what : indexes_.finish()) problem(std::move(what));
    return std::move(problems_);
  }

 private:
  void problem(std::string what) {
    if (problems_.size() < kSegmentProblemsMax) problems_.push_back(segment_->path() + ": " + std::move(what));
  }
  // A block that cannot be read is a problem of the file; a disk that fails is not.
  Status note(Error error) {
    if (error.code != Code::kCorruption) return std::unexpected(std::move(error));
    if (problems_.size() < kSegmentProblemsMax) problems_.push_back(std::move(error.message));
    return {};
  }

  Status check_sums() {
    Xxh3Stream sum;
    Bytes bytes;
    uint64_t body_end = segment_->trailer().file_size - kTrailerBytes;
    for (uint64_t offset = 0; offset < body_end;) {
      bytes.resize(std::min<uint64_t>(kReadBytes, body_end - offset));
      TALLY_TRY(read_exactly(segment_->file(), offset, bytes));
      sum.update(bytes);
      offset += bytes.size();
    }
    if (sum.digest() != segment_->trailer().body_sum) problem("the sum of the whole file does not match its trailer");
    bytes.resize(kTrailerBytes);
    TALLY_TRY(read_exactly(segment_->file(), body_end, bytes));
    sum.update(bytes);
    if (segment_->expected() && sum.digest() != segment_->info().checksum) {
      problem("the sum of the whole file does not match the manifest");
    }
    return {};
  }

  Status read_appendix() {
    for (auto [id, max_code] : footer_.max_codes) known_codes_[id].resize(uint64_t{max_code} + 1);
    ColumnBytes bytes;
    std::vector<uint32_t> codes;
    std::vector<StringRef> values;
    for (size_t part = 0; part < footer_.appendix.size(); ++part) {
      const AppendixPart& entry = footer_.appendix[part];
      if (Status read = segment_->read_appendix_part(part, bytes, codes, values); !read) {
        TALLY_TRY(note(std::move(read).error()));
        continue;
      }
      if (codes.front() != entry.first_code || codes.back() != entry.last_code) {
        problem("appendix part " + std::to_string(part) + " holds other codes than the directory says");
        continue;
      }
      for (uint32_t code : codes) known_codes_[entry.dimension_id][code] = true;
    }
    return {};
  }

  ColumnSelection everything() const {
    ColumnSelection selection;
    selection.ids = selection.lsns = selection.arrivals = selection.kinds = raw();
    selection.cached = false;
    selection.column_ids = stored_dimensions(*footer_.schema, footer_.rollup_id);
    dimensions_ = selection.column_ids.size();
    if (raw()) {
      for (size_t position : footer_.schema->fields())
        selection.column_ids.push_back(footer_.schema->columns[position].id);
      return selection;
    }
    for (uint32_t i = 0; i < kEngineMeasureColumns; ++i) selection.column_ids.push_back(kEventsColumn + i);
    for (uint32_t id : footer_.schema->find_rollup(footer_.rollup_id)->measure_ids) selection.column_ids.push_back(id);
    return selection;
  }

  Status check_rows() {
    SegmentCursor cursor(segment_, everything(), {});
    for (const SegmentReader::Section& section : footer_.sections) {
      last_row_.clear();  // the order begins anew with each day
      for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
        Result<const BlockColumns*> columns = cursor.read(block);
        if (!columns) {
          TALLY_TRY(note(std::move(columns).error()));
          last_row_.clear();
          indexes_.skip_block();
          continue;
        }
        check_block(block, **columns);
        for (std::string& what : indexes_.check_block(block, **columns)) problem(std::move(what));
      }
    }
    return {};
  }

  void check_block(uint32_t block, const BlockColumns& columns) {
    const RawColumns& rows = columns.rows;
    auto [first, last] = std::minmax_element(rows.times, rows.times + rows.rows);
    const SegmentReader::BlockInfo& entry = footer_.blocks[block].info;
    std::string name = "block " + std::to_string(block);
    if (*first != entry.min_time || *last != entry.max_time)
      problem(name + ": its times are not those of the directory");
    min_time_ = std::min(min_time_, *first);
    max_time_ = std::max(max_time_, *last);
    rows_ += rows.rows;
    raw() ? check_raw(rows) : check_rollup(name, columns);
    check_codes(name, columns);
    check_order(name, columns);
  }

  bool raw() const { return footer_.rollup_id == 0; }

  void check_raw(const RawColumns& rows) {
    auto [low, high] = std::minmax_element(rows.lsns, rows.lsns + rows.rows);
    min_lsn_ = std::min(min_lsn_, *low);
    max_lsn_ = std::max(max_lsn_, *high);
    events_ += static_cast<uint64_t>(std::count(rows.kinds, rows.kinds + rows.rows, RowKind::kEvent));
  }

  void check_rollup(const std::string& name, const BlockColumns& columns) {
    const uint32_t rows = columns.rows.rows;
    const TimeUs bucket_us = tier_us(footer_.tier);
    for (uint32_t row = 0; row < rows; ++row) {
      if (columns.rows.times[row] % bucket_us == 0) continue;
      problem(name + ": a time that begins no bucket");
      break;
    }
    for (uint32_t i = 0; i < kEngineMeasureColumns; ++i) {
      const int64_t* counts = columns.by_column[dimensions_ + i].ints;
      if (std::any_of(counts, counts + rows, [](int64_t count) { return count < 0; })) {
        problem(name + ", column \"" + column_name(*footer_.schema, kEventsColumn + i) + "\": a count below zero");
      }
    }
    const int64_t* events = columns.by_column[dimensions_].ints;
    for (uint32_t row = 0; row < rows; ++row) events_ += static_cast<uint64_t>(events[row]);
  }

  void check_codes(const std::string& name, const BlockColumns& columns) {
    for (size_t d = 0; d < dimensions_; ++d) {
      uint32_t id = dimension_ids_[d];
      const std::vector<bool>& known = known_codes_[id];
      const uint32_t* codes = columns.by_column[d].codes;
      for (uint32_t row = 0; row < columns.rows.rows; ++row) {
        if (row > 0 && codes[row] == codes[row - 1]) continue;
        if (codes[row] < kFirstValueCode || known[codes[row]]) continue;
        problem(name + ", column \"" + column_name(*footer_.schema, id) + "\": code " + std::to_string(codes[row]) +
                " is not in the appendix");
        return;
      }
    }
  }

  // Rows of a day stand in the order of their dimensions, then of their time.
  void check_order(const std::string& name, const BlockColumns& columns) {
    auto key = [&](uint32_t row, size_t part) {
      return part < dimensions_ ? int64_t{columns.by_column[part].codes[row]} : columns.rows.times[row];
    };
    for (uint32_t row = 0; row < columns.rows.rows; ++row) {
      if (row == 0 && last_row_.empty()) continue;  // the first of its day
      for (size_t part = 0; part <= dimensions_; ++part) {
        int64_t before = row == 0 ? last_row_[part] : key(row - 1, part);
        if (before == key(row, part)) continue;
        if (before > key(row, part)) {
          problem(name + ": row " + std::to_string(row) + " is out of order");
          row = columns.rows.rows - 1;
        }
        break;
      }
    }
    last_row_.resize(dimensions_ + 1);
    for (size_t part = 0; part <= dimensions_; ++part) last_row_[part] = key(columns.rows.rows - 1, part);
  }

  void check_totals() {
    if (!problems_.empty()) return;  // counts of a part say nothing
    if (rows_ != footer_.rows || events_ != footer_.events) {
      problem(std::to_string(rows_) + " rows with " + std::to_string(events_) + " events, the footer says " +
              std::to_string(footer_.rows) + " with " + std::to_string(footer_.events));
    }
    const bool same_lsns = !raw() || (min_lsn_ == footer_.min_lsn && max_lsn_ == footer_.max_lsn);
    if (min_time_ != footer_.min_time || max_time_ != footer_.max_time || !same_lsns) {
      problem("the ranges of time or LSN are not those of the footer");
    }
  }

  const std::shared_ptr<const SegmentFile> segment_;
  const Footer& footer_;
  std::vector<std::string> problems_;
  std::map<uint32_t, std::vector<bool>> known_codes_;
  SegmentIndexCheck indexes_;
  const std::vector<uint32_t> dimension_ids_;
  mutable size_t dimensions_ = 0;
  std::vector<int64_t> last_row_;
  uint64_t rows_ = 0, events_ = 0;
  TimeUs min_time_ = INT64_MAX, max_time_ = INT64_MIN;
  Lsn min_lsn_ = UINT64_MAX, max_lsn_ = 0;
};

}  // namespace

Result<std::vector<std::string>> verify_segment(const std::shared_ptr<const SegmentFile>& segment) {
  return Verifier(segment).run();
}

}  // namespace tally
