#include "engine/segment_cursor.h"

#include <algorithm>

#include "engine/column_loops.h"
#include "engine/encoding/id_list.h"
#include "engine/encoding/selection.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file is the format's other half

namespace {

constexpr uint32_t kFewRowsShare = 16;  // of so many rows fewer than one is "few"
constexpr uint32_t kLongRunRows = 8;    // of a run on average, from which on runs are handed out

// What decoded rows say to a predicate.
template <class T>
void select_decoded(std::span<const T> values, const IntPredicate& predicate, std::span<uint64_t> words) {
  select_none(words);
  for (size_t row = 0; row < values.size(); ++row) {
    words[row / 64] |= static_cast<uint64_t>(predicate.matches(static_cast<int64_t>(values[row]))) << row % 64;
  }
}

}  // namespace

CursorMemory::CursorMemory() = default;
CursorMemory::~CursorMemory() = default;

std::unique_ptr<CursorMemory::Arrays> CursorMemory::take(uint32_t column_id) {
  auto found = std::ranges::find(kept_, column_id, &std::pair<uint32_t, std::unique_ptr<Arrays>>::first);
  if (found == kept_.end()) return nullptr;
  std::unique_ptr<Arrays> arrays = std::move(found->second);
  kept_.erase(found);
  return arrays;
}

void CursorMemory::give_back(uint32_t column_id, std::unique_ptr<Arrays> arrays) {
  kept_.emplace_back(column_id, std::move(arrays));
}

SegmentCursor::SegmentCursor(std::shared_ptr<const SegmentFile> segment, ColumnSelection selection, ScanFilter filter,
                             CursorMemory* memory)
    : segment_(std::move(segment)), selection_(std::move(selection)), filter_(std::move(filter)), memory_(memory) {
  const Schema& schema = *segment_->footer().schema;
  if (selection_.times) times_ = slot_of(schema.columns[schema.time_column()].id);
  if (selection_.ids) ids_ = slot_of(schema.columns[schema.id_column()].id);
  if (selection_.kinds) kinds_ = slot_of(kKindColumn);
  if (selection_.lsns) lsns_ = slot_of(kLsnColumn);
  if (selection_.arrivals) arrivals_ = slot_of(kArrivalColumn);
  for (uint32_t id : selection_.column_ids) selected_.push_back(slot_of(id));
  for (uint32_t id : selection_.run_ids) {
    if (Slot* slot = slot_of(id); slot != nullptr) slot->may_be_runs = slot->stored.form == ColumnForm::kCodes;
  }
  columns_.by_column.resize(selected_.size());
  for (const ScanPredicate& predicate : filter_.predicates) {
    zones_.push_back(segment_->footer().find_zones(predicate.column_id));
  }
}

SegmentCursor::~SegmentCursor() {
  if (memory_ == nullptr) return;
  for (auto& slot : slots_) {
    slot->bytes.cached.reset();
    const uint32_t id = slot->stored.id;
    memory_->give_back(id,
                       std::make_unique<CursorMemory::Arrays>(std::move(static_cast<CursorMemory::Arrays&>(*slot))));
  }
}

SegmentCursor::Slot* SegmentCursor::slot_of(uint32_t column_id) {
  for (const auto& slot : slots_) {
    if (slot->stored.id == column_id) return slot.get();
  }
  const auto& columns = segment_->footer().columns;
  auto found = std::find_if(columns.begin(), columns.end(), [&](const StoredColumn& c) { return c.id == column_id; });
  if (found == columns.end()) return nullptr;
  auto made = std::make_unique<Slot>();
  if (std::unique_ptr<CursorMemory::Arrays> arrays = memory_ == nullptr ? nullptr : memory_->take(column_id)) {
    static_cast<CursorMemory::Arrays&>(*made) = std::move(*arrays);
  }
  made->column = static_cast<size_t>(found - columns.begin());
  made->stored = *found;
  const Column* declared = segment_->footer().schema->find_column(column_id);
  const bool is_field = declared != nullptr && declared->role == ColumnRole::kField;
  made->may_have_nulls = is_field || segment_->footer().schema->find_measure(column_id) != nullptr;
  slots_.push_back(std::move(made));
  return slots_.back().get();
}

Result<const BlockColumns*> SegmentCursor::read(uint32_t block) {
  TALLY_ASSIGN_OR_RETURN(bool any, select(block));
  columns_.rows = RawColumns();
  columns_.rows.rows = rows_of(block);
  if (!any) return &columns_;
  TALLY_TRY(mark(block));
  if (selection_.marked != nullptr) keep_marked(block);
  if (columns_.matches == 0) return &columns_;
  columns_.one_time.reset();
  if (is_one_bucket(block)) columns_.one_time = segment_->footer().blocks[block].info.min_time;
  for (Slot* slot : {times_, ids_, kinds_, lsns_, arrivals_}) {
    const bool wanted = slot != nullptr && (slot != times_ || !columns_.one_time);
    if (wanted) TALLY_TRY(decode_selected(block, *slot));
  }
  for (Slot* slot : selected_) {
    if (slot != nullptr) TALLY_TRY(slot->may_be_runs ? decode_runs(block, *slot) : decode_selected(block, *slot));
  }
  show(block);
  return &columns_;
}

// Whether its times are asked for to be put into buckets, and all lie in one.
bool SegmentCursor::is_one_bucket(uint32_t block) const {
  if (times_ == nullptr || selection_.bucket_width_us <= 0) return false;
  const SegmentReader::BlockInfo& info = segment_->footer().blocks[block].info;
  const auto bucket = [this](TimeUs time) {
    const __int128 since = static_cast<__int128>(time) - selection_.bucket_origin;
    const __int128 width = selection_.bucket_width_us;
    return since / width - (since % width < 0 ? 1 : 0);
  };
  return bucket(info.min_time) == bucket(info.max_time);
}

Status SegmentCursor::mark(uint32_t block) {
  const uint32_t rows = rows_of(block);
  mark_words_.resize(selection_.marks.size());
  columns_.marks.resize(selection_.marks.size());
  for (size_t i = 0; i < selection_.marks.size(); ++i) {
    mark_words_[i].resize(selection_words(rows));
    select_all(rows, mark_words_[i]);
    for (const ScanPredicate& predicate : selection_.marks[i]) {
      TALLY_TRY(select_column(block, predicate, mark_words_[i]));
    }
    columns_.marks[i] = mark_words_[i];
  }
  return {};
}

void SegmentCursor::keep_marked(uint32_t block) {
  const SegmentReader::BlockInfo& info = segment_->footer().blocks[block].info;
  if (!selection_.marked->suffice(info.min_time, info.max_time)) return;
  more_words_.resize(selection_words(info.rows));
  select_none(more_words_);
  for (const std::vector<uint64_t>& mark : mark_words_) {
    for (size_t word = 0; word < more_words_.size(); ++word) more_words_[word] |= mark[word];
  }
  if (columns_.selected.empty()) {
    words_ = more_words_;
  } else {
    for (size_t word = 0; word < words_.size(); ++word) words_[word] &= more_words_[word];
  }
  const auto kept = static_cast<uint32_t>(count_selected(words_));
  columns_.unmarked = columns_.matches - kept;
  columns_.matches = kept;
  if (kept < info.rows) columns_.selected = words_;
}

// The rows of the block that the filter lets through, in words_.
Result<bool> SegmentCursor::select(uint32_t block) {
  const SegmentReader::BlockInfo& info = segment_->footer().blocks[block].info;
  bool inside = info.min_time >= filter_.from && info.max_time < filter_.to;
  columns_.matches = info.rows;
  columns_.unmarked = 0;
  columns_.selected = {};
  if (inside && filter_.predicates.empty()) return true;
  words_.resize(selection_words(info.rows));
  select_all(info.rows, words_);
  for (size_t i = 0; i < filter_.predicates.size(); ++i) {
    if (matches_whole_zone(block, i)) continue;
    TALLY_TRY(select_column(block, filter_.predicates[i], words_));
    columns_.matches = static_cast<uint32_t>(count_selected(words_));
    if (columns_.matches == 0) return false;
  }
  if (!inside) TALLY_TRY(select_times(block));
  columns_.matches = static_cast<uint32_t>(count_selected(words_));
  if (columns_.matches < info.rows) columns_.selected = words_;
  return columns_.matches > 0;
}

// A range that covers the zone of the block lets all its rows through, unseen.
bool SegmentCursor::matches_whole_zone(uint32_t block, size_t predicate) const {
  const ColumnZones* zones = zones_[predicate];
  const IntPredicate* ints = std::get_if<IntPredicate>(&filter_.predicates[predicate].matches);
  return zones != nullptr && ints != nullptr && ints->is_range() && zones->nulls[block] == 0 &&
         ints->first() <= zones->min[block] && zones->max[block] <= ints->last();
}

Status SegmentCursor::select_column(uint32_t block, const ScanPredicate& predicate, std::span<uint64_t> words) {
  Slot* slot = slot_of(predicate.column_id);
  if (slot == nullptr) {
    const IntPredicate* ints = std::get_if<IntPredicate>(&predicate.matches);
    if (!predicate.is_dimension || ints == nullptr || !ints->matches(kNullCode)) select_none(words);
    return {};
  }
  more_words_.resize(words.size());
  Status selected = select_encoded(block, *slot, predicate, more_words_);
  if (!selected) return at(block, *slot, std::move(selected).error());
  for (size_t word = 0; word < words.size(); ++word) words[word] &= more_words_[word];
  return {};
}

Status SegmentCursor::select_times(uint32_t block) {
  const Schema& schema = *segment_->footer().schema;
  if (filter_.from >= filter_.to) {
    select_none(words_);
    return {};
  }
  const ScanPredicate inside{.column_id = schema.columns[schema.time_column()].id,
                             .is_dimension = false,
                             .matches = IntPredicate::range(filter_.from, filter_.to - 1)};
  return select_column(block, inside, words_);
}

Status SegmentCursor::select_encoded(uint32_t block, Slot& slot, const ScanPredicate& predicate,
                                     std::span<uint64_t> words) {
  TALLY_TRY(fetch(block, slot));
  const uint32_t rows = rows_of(block);
  const BlockForm form = slot.bytes.header.form;
  if (const StringPredicate* strings = std::get_if<StringPredicate>(&predicate.matches)) {
    if (slot.stored.form != ColumnForm::kStrings) return fail(Code::kInternal, "strings asked of another column");
    return select_strings_block(form, slot.bytes.raw, rows, *strings, words);
  }
  if (const IdPredicate* ids = std::get_if<IdPredicate>(&predicate.matches)) {
    if (slot.stored.form != ColumnForm::kIds) return fail(Code::kInternal, "ids asked of another column");
    select_none(words);
    TALLY_ASSIGN_OR_RETURN(bool maybe, ids_may_match(form.encoding, slot.bytes.raw, rows, *ids));
    if (!maybe) return {};
    TALLY_TRY(decode(block, slot));
    for (size_t row = 0; row < rows; ++row) {
      words[row / 64] |= static_cast<uint64_t>(ids->matches(slot.id_kinds[row], slot.ids[row])) << row % 64;
    }
    return {};
  }
  const IntPredicate& ints = std::get<IntPredicate>(predicate.matches);
  if ((form.flags & kBlockOfRecord) != 0) {
    TALLY_TRY(decode(block, slot));
    select_decoded(std::span<const int64_t>(slot.ints.data(), rows), ints, words);
    return {};
  }
  switch (slot.stored.form) {
    case ColumnForm::kBytes: return select_bytes_block(form, slot.bytes.raw, rows, ints, words);
    case ColumnForm::kCodes: {
      if (form.encoding != Encoding::kByParent) return select_codes_block(form, slot.bytes.raw, rows, ints, words);
      TALLY_ASSIGN_OR_RETURN(std::span<const uint32_t> parents, parents_of(block, slot));
      return select_codes_block_with_parent(form, slot.bytes.raw, parents, ints, words);
    }
    case ColumnForm::kInts: return select_ints_block(form, slot.bytes.raw, rows, ints, words);
    default: return fail(Code::kInternal, "integers asked of another column");
  }
}

Status SegmentCursor::fetch(uint32_t block, Slot& slot) {
  if (slot.fetched == block) return {};
  slot.fetched = slot.decoded = slot.in_runs = kNoBlock;
  TALLY_TRY(selection_.cached ? segment_->cached_column(block, slot.column, slot.bytes)
                              : segment_->read_column(block, slot.column, slot.bytes));
  slot.fetched = block;
  return {};
}

std::unexpected<Error> SegmentCursor::at(uint32_t block, const Slot& slot, Error error) const {
  if (error.message.find(segment_->path()) != std::string::npos) return std::unexpected(std::move(error));
  return std::unexpected(std::move(error).with_context(segment_->path() + ": block " + std::to_string(block) +
                                                       ", column \"" +
                                                       column_name(*segment_->footer().schema, slot.stored.id) + "\""));
}

// Of few rows among many each is taken by itself: of codes, integers and strings, and where no other column's codes have to be
// known for it.
Status SegmentCursor::decode_selected(uint32_t block, Slot& slot) {
  if (slot.decoded == block) return {};
  const bool few = !columns_.selected.empty() && columns_.matches * kFewRowsShare < rows_of(block);
  const ColumnForm stored = slot.stored.form;
  const bool by_row = stored == ColumnForm::kCodes || stored == ColumnForm::kInts || stored == ColumnForm::kStrings;
  if (!few || !by_row) return decode(block, slot);
  TALLY_TRY(fetch(block, slot));
  const BlockForm form = slot.bytes.header.form;
  if (form.encoding == Encoding::kByParent) return decode(block, slot);
  Status decoded = decode_rows(rows_of(block), slot);
  if (decoded && (form.flags & kBlockOfRecord) != 0) decoded = add_record_times(block, slot, true);
  if (decoded) decoded = check_selected(slot);
  if (!decoded) return at(block, slot, std::move(decoded).error());
  return {};
}

Status SegmentCursor::decode_runs(uint32_t block, Slot& slot) {
  if (!columns_.selected.empty()) return decode_selected(block, slot);
  TALLY_TRY(fetch(block, slot));
  const uint32_t rows = rows_of(block);
  const auto found = decode_codes_block_runs(slot.bytes.header.form, slot.bytes.raw, rows, rows / kLongRunRows,
                                             slot.run_codes, slot.run_ends);
  if (!found) return at(block, slot, found.error());
  if (!*found) return decode_selected(block, slot);
  if (Status known = check_code(slot, *std::ranges::max_element(slot.run_codes)); !known) {
    return at(block, slot, std::move(known).error());
  }
  slot.in_runs = block;
  return {};
}

Status SegmentCursor::decode_rows(uint32_t rows, Slot& slot) {
  const BlockForm form = slot.bytes.header.form;
  if (slot.stored.form == ColumnForm::kCodes) {
    if (slot.codes.size() < rows) slot.codes.resize(rows);
    return decode_codes_block_rows(form, slot.bytes.raw, columns_.selected, {slot.codes.data(), rows});
  }
  if (slot.stored.form == ColumnForm::kStrings) {
    if (slot.strings.size() < rows) slot.strings.resize(rows);
    if (slot.nulls.size() < rows) slot.nulls.resize(rows);
    return decode_strings_block_rows(form, slot.bytes.raw, columns_.selected, {slot.strings.data(), rows},
                                     {slot.nulls.data(), rows});
  }
  if (slot.ints.size() < rows) slot.ints.resize(rows);
  if (slot.nulls.size() < rows) slot.nulls.resize(rows);
  TALLY_ASSIGN_OR_RETURN(slot.has_nulls, decode_ints_block_rows(form, slot.bytes.raw, columns_.selected,
                                                                {slot.ints.data(), rows}, {slot.nulls.data(), rows}));
  return {};
}

Status SegmentCursor::check_selected(const Slot& slot) const {
  if (slot.has_nulls && !slot.may_have_nulls) return fail(Code::kCorruption, "NULL where there can be none");
  if (slot.stored.form != ColumnForm::kCodes) return {};
  uint32_t largest = 0;
  for_each_selected(columns_.selected, [&](size_t row) { largest = std::max(largest, slot.codes[row]); });
  return check_code(slot, largest);
}

Status SegmentCursor::check_code(const Slot& slot, uint32_t largest) const {
  auto max_code = segment_->footer().max_codes.find(slot.stored.id);
  if (max_code != segment_->footer().max_codes.end() && largest <= max_code->second) return {};
  return fail(Code::kCorruption, "code " + std::to_string(largest) + " is above the largest that the footer knows");
}

Status SegmentCursor::decode(uint32_t block, Slot& slot) {
  if (slot.decoded == block) return {};
  TALLY_TRY(fetch(block, slot));
  Status decoded = decode_values(block, slot);
  if (decoded && (slot.bytes.header.form.flags & kBlockOfRecord) != 0) decoded = add_record_times(block, slot, false);
  if (decoded) decoded = check_values(rows_of(block), slot);
  if (!decoded) return at(block, slot, std::move(decoded).error());
  slot.decoded = block;
  return {};
}

// Arrays never shrink: a resize() that grows them happens a few times in a cursor's life.
Status SegmentCursor::decode_values(uint32_t block, Slot& slot) {
  const uint32_t rows = rows_of(block);
  auto room = [rows](auto& array) {
    if (array.size() < rows) array.resize(rows);
    return std::span(array.data(), rows);
  };
  const BlockForm form = slot.bytes.header.form;
  switch (slot.stored.form) {
    case ColumnForm::kBytes: return decode_bytes_block(form, slot.bytes.raw, room(slot.small));
    case ColumnForm::kCodes: {
      if (form.encoding != Encoding::kByParent) return decode_codes_block(form, slot.bytes.raw, room(slot.codes));
      TALLY_ASSIGN_OR_RETURN(std::span<const uint32_t> parents, parents_of(block, slot));
      return decode_codes_block_with_parent(form, slot.bytes.raw, parents, room(slot.codes));
    }
    case ColumnForm::kInts: {
      TALLY_ASSIGN_OR_RETURN(slot.has_nulls,
                             decode_ints_block(form, slot.bytes.raw, room(slot.ints), room(slot.nulls)));
      return {};
    }
    case ColumnForm::kStrings: return decode_strings_block(form, slot.bytes.raw, room(slot.strings), room(slot.nulls));
    case ColumnForm::kIds: return decode_ids_block(form, slot.bytes.raw, room(slot.ids), room(slot.id_kinds));
  }
  return fail(Code::kInternal, "a column of unknown form");
}

// The codes of the column that this one is stored by. That one must stand by itself.
Result<std::span<const uint32_t>> SegmentCursor::parents_of(uint32_t block, const Slot& slot) {
  TALLY_ASSIGN_OR_RETURN(uint32_t parent_id, by_parent_column(slot.bytes.raw));
  Slot* parent = slot_of(parent_id);
  if (parent == nullptr || parent->stored.form != ColumnForm::kCodes) {
    return fail(Code::kCorruption, "codes by a column that has none");
  }
  TALLY_TRY(fetch(block, *parent));
  if (parent->bytes.header.form.encoding == Encoding::kByParent) {
    return fail(Code::kCorruption, "codes by a column that is stored by another one itself");
  }
  TALLY_TRY(decode(block, *parent));
  return std::span<const uint32_t>(parent->codes.data(), rows_of(block));
}

Status SegmentCursor::add_record_times(uint32_t block, Slot& slot, bool of_selected) {
  const Schema& schema = *segment_->footer().schema;
  bool event = slot.stored.id == schema.columns[schema.time_column()].id;
  if (!event && slot.stored.id != kArrivalColumn) {
    return fail(Code::kCorruption, "values counted from a log record in a column that is no time");
  }
  if (!record_times_) {
    TALLY_ASSIGN_OR_RETURN(record_times_, segment_->record_times());
    if (!record_times_) return fail(Code::kCorruption, "times counted from log records, and no times of those");
  }
  Slot* lsns = slot_of(kLsnColumn);
  TALLY_TRY(of_selected ? decode_selected(block, *lsns) : decode(block, *lsns));
  const uint32_t rows = rows_of(block);
  const std::span<const int64_t> of_rows(lsns->ints.data(), rows);
  const std::span<int64_t> values(slot.ints.data(), rows);
  RecordTimeTable::Time time = event ? RecordTimeTable::Time::kEvent : RecordTimeTable::Time::kArrival;
  const bool known = of_selected ? record_times_->add_selected(time, columns_.selected, of_rows, values)
                                 : record_times_->add(time, of_rows, values);
  if (known) return {};
  return fail(Code::kCorruption, "an LSN that is not among the log records of the file");
}

// What users of the arrays rely on without looking: row kinds that exist, codes within the footer's bound.
Status SegmentCursor::check_values(uint32_t rows, const Slot& slot) const {
  if (slot.stored.id == kKindColumn) {
    const uint8_t largest = column_kernels().max_byte(slot.small.data(), rows);
    if (largest > static_cast<uint8_t>(RowKind::kRetraction)) return fail(Code::kCorruption, "a row of unknown kind");
    return {};
  }
  if (slot.has_nulls && !slot.may_have_nulls) return fail(Code::kCorruption, "NULL where there can be none");
  if (slot.stored.form != ColumnForm::kCodes) return {};
  return check_code(slot, column_kernels().max_code(slot.codes.data(), rows));
}

void SegmentCursor::show(uint32_t block) {
  RawColumns& rows = columns_.rows;
  if (times_ != nullptr && !columns_.one_time) rows.times = times_->ints.data();
  if (arrivals_ != nullptr) rows.arrivals = arrivals_->ints.data();
  if (lsns_ != nullptr) rows.lsns = reinterpret_cast<const Lsn*>(lsns_->ints.data());
  if (kinds_ != nullptr) rows.kinds = reinterpret_cast<const RowKind*>(kinds_->small.data());
  if (ids_ != nullptr) {
    rows.ids = ids_->ids.data();
    rows.id_kinds = ids_->id_kinds.data();
  }
  for (size_t i = 0; i < selected_.size(); ++i) {
    columns_.by_column[i] = selected_[i] != nullptr ? show_column(*selected_[i], block) : show_missing();
  }
}

BlockColumns::Selected SegmentCursor::show_column(const Slot& slot, uint32_t block) const {
  BlockColumns::Selected selected;
  switch (slot.stored.form) {
    case ColumnForm::kCodes:
      if (slot.in_runs == block) {
        selected.runs = {slot.run_codes, slot.run_ends};
      } else {
        selected.codes = slot.codes.data();
      }
      break;
    case ColumnForm::kInts:
      selected.ints = slot.ints.data();
      if (slot.has_nulls) selected.nulls = slot.nulls.data();
      break;
    case ColumnForm::kStrings: selected.strings = slot.strings.data(); break;
    case ColumnForm::kBytes:
    case ColumnForm::kIds: break;  // reached through flags of their own
  }
  return selected;
}

BlockColumns::Selected SegmentCursor::show_missing() {
  if (!missing_) {
    missing_ = std::make_unique<Missing>();
    size_t rows = 0;
    for (const BlockEntry& block : segment_->footer().blocks) rows = std::max<size_t>(rows, block.info.rows);
    missing_->codes.assign(rows, kNullCode);
    missing_->ints.assign(rows, 0);
    missing_->nulls.assign(rows, 1);
    missing_->strings.assign(rows, StringRef::null());
  }
  return {.codes = missing_->codes.data(),
          .ints = missing_->ints.data(),
          .nulls = missing_->nulls.data(),
          .strings = missing_->strings.data()};
}

}  // namespace tally
