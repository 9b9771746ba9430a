#include "engine/raw_join.h"

#include <algorithm>
#include <bit>

#include "base/random.h"
#include "engine/dictionary.h"
#include "engine/string_arena.h"

namespace tally {
namespace {

// Rows that wait to be written, column by column. Strings are copied: a cursor's live until its next block.
class Gathered {
 public:
  explicit Gathered(const Schema& schema) : codes_(schema.dimensions().size()) {
    for (size_t position : schema.fields()) {
      fields_.emplace_back().text = schema.columns[position].type == ColumnType::kString;
    }
  }

  uint32_t rows() const { return static_cast<uint32_t>(times_.size()); }

  void take(const BlockColumns& from, uint32_t first, uint32_t count) {
    const RawColumns& rows = from.rows;
    append(times_, rows.times, first, count);
    append(arrivals_, rows.arrivals, first, count);
    append(lsns_, rows.lsns, first, count);
    append(kinds_, rows.kinds, first, count);
    append(id_kinds_, rows.id_kinds, first, count);
    for (uint32_t row = first; row < first + count; ++row) {
      IdSlot id = rows.ids[row];
      if (rows.id_kinds[row] == IdKind::kText) id.text = keep(id.text);
      ids_.push_back(id);
    }
    for (size_t d = 0; d < codes_.size(); ++d) append(codes_[d], from.by_column[d].codes, first, count);
    for (size_t f = 0; f < fields_.size(); ++f) take_field(fields_[f], from.by_column[codes_.size() + f], first, count);
  }

  RawColumns columns() const {
    RawColumns made{.rows = rows(),
                    .times = times_.data(),
                    .arrivals = arrivals_.data(),
                    .lsns = lsns_.data(),
                    .kinds = kinds_.data(),
                    .ids = ids_.data(),
                    .id_kinds = id_kinds_.data(),
                    .codes = {},
                    .fields = {}};
    for (const auto& codes : codes_) made.codes.push_back(codes.data());
    for (const Field& field : fields_) {
      made.fields.push_back(field.text ? RawColumns::Field{.strings = field.strings.data()}
                                       : RawColumns::Field{.ints = field.ints.data(), .nulls = field.nulls.data()});
    }
    return made;
  }

  void clear() {
    for (auto* of : {&times_, &arrivals_}) of->clear();
    lsns_.clear();
    kinds_.clear();
    ids_.clear();
    id_kinds_.clear();
    for (auto& codes : codes_) codes.clear();
    for (Field& field : fields_) {
      field.ints.clear();
      field.nulls.clear();
      field.strings.clear();
    }
    texts_ = StringArena();
  }

 private:
  struct Field {
    bool text = false;
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;
    std::vector<StringRef> strings;
  };

  template <class T>
  static void append(std::vector<T>& to, const T* from, uint32_t first, uint32_t count) {
    to.insert(to.end(), from + first, from + first + count);
  }

  StringRef keep(const StringRef& text) {
    const bool short_one = text.is_null() || text.size() <= StringRef::kInlineMax;
    return short_one ? text : StringRef(texts_.copy(text.view()));
  }

  void take_field(Field& field, const BlockColumns::Selected& from, uint32_t first, uint32_t count) {
    if (field.text) {
      for (uint32_t row = first; row < first + count; ++row) field.strings.push_back(keep(from.strings[row]));
      return;
    }
    append(field.ints, from.ints, first, count);
    if (from.nulls != nullptr) {
      append(field.nulls, from.nulls, first, count);
    } else {
      field.nulls.resize(field.nulls.size() + count, 0);
    }
  }

  std::vector<TimeUs> times_, arrivals_;
  std::vector<Lsn> lsns_;
  std::vector<RowKind> kinds_;
  std::vector<IdSlot> ids_;
  std::vector<IdKind> id_kinds_;
  std::vector<std::vector<uint32_t>> codes_;
  std::vector<Field> fields_;
  StringArena texts_;
};

// The key of a row in the order of a segment, packed into words: codes of the dimensions, then the time within the day.
class KeyPacker {
 public:
  explicit KeyPacker(std::span<const uint32_t> code_bits) {
    for (uint32_t bits : code_bits) place(bits);
    place(static_cast<uint32_t>(std::bit_width(static_cast<uint64_t>(kMicrosPerDay - 1))));
  }

  size_t words() const { return words_; }

  void pack(const BlockColumns& block, TimeUs day_us, std::vector<uint64_t>& keys) const {
    keys.assign(block.rows.rows * words_, 0);
    const size_t dimensions = places_.size() - 1;
    for (size_t d = 0; d < dimensions; ++d) {
      const uint32_t* codes = block.by_column[d].codes;
      for (uint32_t row = 0; row < block.rows.rows; ++row) put(keys, row, places_[d], codes[row]);
    }
    for (uint32_t row = 0; row < block.rows.rows; ++row) {
      put(keys, row, places_[dimensions], static_cast<uint64_t>(block.rows.times[row] - day_us));
    }
  }

 private:
  struct Place {
    size_t word = 0;
    uint32_t shift = 0;
  };

  void place(uint32_t bits) {
    if (bits > left_) {
      ++words_;
      left_ = 64;
    }
    left_ -= bits;
    places_.push_back({words_ - 1, left_});
  }

  void put(std::vector<uint64_t>& keys, uint32_t row, const Place& place, uint64_t value) const {
    keys[row * words_ + place.word] |= value << place.shift;
  }

  size_t words_ = 1;
  uint32_t left_ = 64;
  std::vector<Place> places_;
};

// What an output must have as its inputs do.
struct Census {
  uint64_t kinds[4] = {};
  uint64_t sum = 0;  // of hashes, modulo 2^64

  void add(const BlockColumns& block, size_t dimensions) {
    auto mix = [](uint64_t hash, uint64_t word) {
      uint64_t state = hash ^ word;
      return splitmix64(state);
    };
    const RawColumns& rows = block.rows;
    for (uint32_t row = 0; row < rows.rows; ++row) {
      ++kinds[static_cast<size_t>(rows.kinds[row]) & 3];
      uint64_t hash = mix(rows.lsns[row], static_cast<uint64_t>(rows.times[row]));
      hash = mix(hash, static_cast<uint64_t>(rows.arrivals[row]) << 2 | static_cast<uint64_t>(rows.kinds[row]));
      for (size_t d = 0; d < dimensions; ++d) hash = mix(hash, block.by_column[d].codes[row]);
      sum += hash;
    }
  }
  friend bool operator==(const Census&, const Census&) = default;
};

struct Stream {
  std::unique_ptr<SegmentReader::Cursor> cursor;
  uint32_t next_block = 0;
  uint32_t end_block = 0;
  const BlockColumns* block = nullptr;
  std::vector<uint64_t> keys;
  uint32_t at = 0;
};

class RawJoin {
 public:
  RawJoin(const FoldContext& context, const FoldTask& task) : context_(context), task_(task) {}

  Result<Folded> run() {
    TALLY_TRY(open_inputs());
    TALLY_TRY(read_records());
    TALLY_TRY(start_output());
    for (const auto& [day, last] : days_) TALLY_TRY(merge_day(day));
    TALLY_ASSIGN_OR_RETURN(SegmentInfo segment, writer_->finish());
    if (Status same = check_output(segment); !same) {
      (void)context_.fs->unlink(context_.paths.segment(segment.number));
      return std::unexpected(std::move(same).error());
    }
    folded_.rows_out = segment.rows;
    folded_.segments.push_back(std::move(segment));
    return std::move(folded_);
  }

 private:
  Status open_inputs() {
    for (uint64_t number : task_.inputs) {
      const auto handle = std::ranges::find_if(
          *context_.segments, [number](const auto& segment) { return segment->info().number == number; });
      if (handle == context_.segments->end()) {
        return fail(Code::kInternal, "segment " + std::to_string(number) + " is to be joined and not live");
      }
      TALLY_ASSIGN_OR_RETURN(std::shared_ptr<SegmentReader> reader, (*handle)->reader());
      rows_ += reader->info().rows;
      inputs_.push_back(std::move(reader));
    }
    schema_ = std::make_shared<const Schema>(inputs_.front()->schema());
    for (const auto& reader : inputs_) {
      if (reader->schema().version == schema_->version) continue;
      return fail(Code::kInternal, "raw segments of two versions of the schema are to be joined");
    }
    for (size_t position : schema_->dimensions()) dimension_ids_.push_back(schema_->columns[position].id);
    return {};
  }

  // When the records of the rows arrived, and an event time near to most of each: the newest that is not ahead.
  Status read_records() {
    std::map<Lsn, RecordTime> records;
    ColumnSelection selection;
    selection.kinds = false;
    selection.lsns = selection.arrivals = true;
    selection.cached = false;
    for (const auto& reader : inputs_) {
      auto cursor = reader->cursor(selection);
      RecordTime* last = nullptr;
      for (uint32_t block = 0; block < reader->blocks().size(); ++block) {
        TALLY_TRY(check_stopping());
        TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor->read(block));
        const RawColumns& rows = columns->rows;
        Lsn& of_day = days_[utc_day(rows.times[0])];
        for (uint32_t row = 0; row < rows.rows; ++row) {
          of_day = std::max(of_day, rows.lsns[row]);
          if (last == nullptr || last->lsn != rows.lsns[row]) {
            last = &records
                        .try_emplace(
                            rows.lsns[row],
                            RecordTime{.lsn = rows.lsns[row], .arrival = rows.arrivals[row], .event = rows.times[row]})
                        .first->second;
          }
          if (rows.times[row] <= last->arrival) last->event = std::max(last->event, rows.times[row]);
        }
      }
    }
    for (const auto& [lsn, record] : records) records_.push_back(record);
    return {};
  }

  Status start_output() {
    SegmentWriter::Options options{.fs = context_.fs,
                                   .directory = context_.paths.segment_directory(),
                                   .number = context_.take_number(),
                                   .uuid = random_uuid(),
                                   .table_uuid = context_.table_uuid,
                                   .schema = schema_,
                                   .dictionaries = {},
                                   .block_rows = context_.block_rows,
                                   .rows_max = rows_,
                                   .records = records_};
    std::vector<uint32_t> code_bits;
    for (uint32_t id : dimension_ids_) {
      options.dictionaries.push_back(context_.dictionaries.at(id));
      const auto known = context_.dictionary_sizes.find(id);
      const uint32_t size = known == context_.dictionary_sizes.end() ? kFirstValueCode : known->second;
      code_bits.push_back(static_cast<uint32_t>(std::bit_width(std::max(size, kFirstValueCode) - 1)));
    }
    packer_.emplace(code_bits);
    gathered_.emplace(*schema_);
    TALLY_ASSIGN_OR_RETURN(writer_, SegmentWriter::create(std::move(options)));
    return {};
  }

  ColumnSelection everything() const {
    ColumnSelection selection;
    selection.ids = selection.lsns = selection.arrivals = true;
    selection.cached = false;
    selection.column_ids = dimension_ids_;
    for (size_t position : schema_->fields()) selection.column_ids.push_back(schema_->columns[position].id);
    return selection;
  }

  Status check_stopping() const {
    if (context_.stopping && context_.stopping()) return fail(Code::kCancelled, "the table is being closed");
    return {};
  }

  Status merge_day(int32_t day) {
    const TimeUs day_us = TimeUs{day} * kMicrosPerDay;
    std::vector<Stream> streams;
    for (const auto& reader : inputs_) {
      const auto& sections = reader->sections();
      const auto section = std::ranges::find(sections, day, &SegmentReader::Section::day);
      if (section == sections.end()) continue;
      Stream& stream = streams.emplace_back();
      stream.cursor = reader->cursor(everything());
      stream.next_block = section->first_block;
      stream.end_block = section->first_block + section->blocks;
      TALLY_TRY(next_block(stream, day_us));
    }
    while (!streams.empty()) {
      const size_t least = least_of(streams);
      TALLY_TRY(take_run(streams, least, day));
      Stream& stream = streams[least];
      if (stream.at < stream.block->rows.rows) continue;
      TALLY_TRY(next_block(stream, day_us));
      if (stream.block == nullptr) streams.erase(streams.begin() + static_cast<ptrdiff_t>(least));
    }
    return write(day);
  }

  Status next_block(Stream& stream, TimeUs day_us) {
    stream.block = nullptr;
    stream.at = 0;
    if (stream.next_block == stream.end_block) return {};
    TALLY_TRY(check_stopping());
    TALLY_ASSIGN_OR_RETURN(stream.block, stream.cursor->read(stream.next_block++));
    packer_->pack(*stream.block, day_us, stream.keys);
    census_.add(*stream.block, dimension_ids_.size());
    folded_.rows_in += stream.block->rows.rows;
    return {};
  }

  std::span<const uint64_t> key_of(const Stream& stream, uint32_t row) const {
    return std::span(stream.keys).subspan(row * packer_->words(), packer_->words());
  }
  bool before(std::span<const uint64_t> a, std::span<const uint64_t> b) const {
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i]) return a[i] < b[i];
    }
    return false;
  }

  size_t least_of(const std::vector<Stream>& streams) const {
    size_t least = 0;
    for (size_t i = 1; i < streams.size(); ++i) {
      if (before(key_of(streams[i], streams[i].at), key_of(streams[least], streams[least].at))) least = i;
    }
    return least;
  }

  // Rows of the least stream up to where another one's next row comes first.
  Status take_run(std::vector<Stream>& streams, size_t least, int32_t day) {
    std::span<const uint64_t> bound;
    for (size_t i = 0; i < streams.size(); ++i) {
      if (i == least) continue;
      const std::span<const uint64_t> head = key_of(streams[i], streams[i].at);
      if (bound.empty() || before(head, bound)) bound = head;
    }
    Stream& stream = streams[least];
    const uint32_t rows = stream.block->rows.rows;
    uint32_t end = bound.empty() ? rows : stream.at + 1;
    while (end < rows && !before(bound, key_of(stream, end))) ++end;
    while (stream.at < end) {
      const uint32_t count = std::min(end - stream.at, kWriteRows - gathered_->rows());
      gathered_->take(*stream.block, stream.at, count);
      stream.at += count;
      if (gathered_->rows() == kWriteRows) TALLY_TRY(write(day));
    }
    return {};
  }

  Status write(int32_t day) {
    if (gathered_->rows() > 0) TALLY_TRY(writer_->add(day, gathered_->columns(), 0, days_.at(day)));
    gathered_->clear();
    return {};
  }

  Status check_output(const SegmentInfo& segment) const {
    TALLY_ASSIGN_OR_RETURN(auto reader,
                           SegmentReader::open(*context_.fs, context_.paths.segment(segment.number), &segment));
    ColumnSelection selection = everything();
    selection.column_ids.resize(dimension_ids_.size());
    selection.ids = false;
    auto cursor = reader->cursor(selection);
    Census census;
    for (uint32_t block = 0; block < reader->blocks().size(); ++block) {
      TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor->read(block));
      census.add(*columns, dimension_ids_.size());
    }
    if (census == census_) return {};
    return fail(Code::kCorruption, "joining " + std::to_string(inputs_.size()) + " raw segments changed their rows");
  }

  // Of a call to the writer: whole blocks, whatever their size (between 2,048 and 65,536, a power of two; smaller in tests).
  static constexpr uint32_t kWriteRows = limits::kChunkRows;

  const FoldContext& context_;
  const FoldTask& task_;
  std::vector<std::shared_ptr<SegmentReader>> inputs_;
  std::shared_ptr<const Schema> schema_;
  std::vector<uint32_t> dimension_ids_;
  std::map<int32_t, Lsn> days_;  // the last record of which each has a row
  uint64_t rows_ = 0;
  std::vector<RecordTime> records_;
  std::optional<KeyPacker> packer_;
  std::optional<Gathered> gathered_;
  std::unique_ptr<SegmentWriter> writer_;
  Census census_;
  Folded folded_;
};

}  // namespace

Result<Folded> join_raw(const FoldContext& context, const FoldTask& task) { return RawJoin(context, task).run(); }

}  // namespace tally
