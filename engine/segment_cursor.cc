#include "engine/segment_cursor.h"

#include <algorithm>

namespace tally {

using namespace segment_format;  // NOLINT: this file is the format's other half

SegmentCursor::SegmentCursor(std::shared_ptr<const SegmentFile> segment, ColumnSelection selection)
    : segment_(std::move(segment)), selection_(std::move(selection)) {
  const Schema& schema = *segment_->footer().schema;
  if (selection_.times) times_ = slot(schema.columns[schema.time_column()].id);
  if (selection_.ids) ids_ = slot(schema.columns[schema.id_column()].id);
  if (selection_.kinds) kinds_ = slot(kKindColumn);
  if (selection_.lsns) lsns_ = slot(kLsnColumn);
  if (selection_.arrivals) arrivals_ = slot(kArrivalColumn);
  if (selection_.digests) digests_ = slot(kDigestColumn);
  for (uint32_t id : selection_.column_ids) selected_.push_back(slot(id));
  columns_.by_column.resize(selected_.size());
}

std::unique_ptr<SegmentCursor::Slot> SegmentCursor::slot(uint32_t column_id) const {
  const auto& columns = segment_->footer().columns;
  auto found = std::find_if(columns.begin(), columns.end(), [&](const StoredColumn& c) { return c.id == column_id; });
  if (found == columns.end()) return nullptr;
  auto made = std::make_unique<Slot>();
  made->column = static_cast<size_t>(found - columns.begin());
  made->stored = *found;
  const Column* declared = segment_->footer().schema->find_column(column_id);
  made->may_have_nulls = declared != nullptr && declared->role == ColumnRole::kField;
  return made;
}

Result<const BlockColumns*> SegmentCursor::read(uint32_t block) {
  if (block >= segment_->footer().blocks.size()) {
    return fail(Code::kInternal, segment_->path() + " has no block " + std::to_string(block));
  }
  for (Slot* slot : {times_.get(), ids_.get(), kinds_.get(), lsns_.get(), arrivals_.get(), digests_.get()}) {
    if (slot != nullptr) TALLY_TRY(decode(block, *slot));
  }
  RawColumns& rows = columns_.rows;
  rows.rows = segment_->footer().blocks[block].info.rows;
  if (times_) rows.times = times_->ints.data();
  if (arrivals_) rows.arrivals = arrivals_->ints.data();
  if (lsns_) rows.lsns = reinterpret_cast<const Lsn*>(lsns_->ints.data());
  if (kinds_) rows.kinds = reinterpret_cast<const RowKind*>(kinds_->small.data());
  if (digests_) rows.digests = digests_->codes.data();
  if (ids_) {
    rows.ids = ids_->ids.data();
    rows.id_kinds = ids_->id_kinds.data();
  }
  for (size_t i = 0; i < selected_.size(); ++i) {
    if (selected_[i]) TALLY_TRY(decode(block, *selected_[i]));
    columns_.by_column[i] = selected_[i] ? show(*selected_[i]) : show_missing();
  }
  return &columns_;
}

Status SegmentCursor::decode(uint32_t block, Slot& slot) {
  TALLY_TRY(segment_->read_column(block, slot.column, slot.bytes));
  uint32_t rows = segment_->footer().blocks[block].info.rows;
  Status decoded = decode_values(rows, slot);
  if (decoded) decoded = check_values(rows, slot);
  if (decoded) return {};
  return std::unexpected(std::move(decoded).error().with_context(segment_->path() + ": block " + std::to_string(block) +
                                                                 ", column " + std::to_string(slot.stored.id)));
}

// Arrays never shrink: a resize() that grows them happens a few times in a cursor's life.
Status SegmentCursor::decode_values(uint32_t rows, Slot& slot) {
  auto room = [rows](auto& array) {
    if (array.size() < rows) array.resize(rows);
    return std::span(array.data(), rows);
  };
  const BlockForm form = slot.bytes.header.form;
  switch (slot.stored.form) {
    case ColumnForm::kBytes: return decode_bytes_block(form, slot.bytes.raw, room(slot.small));
    case ColumnForm::kCodes: return decode_codes_block(form, slot.bytes.raw, room(slot.codes));
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

// What users of the arrays rely on without looking: row kinds that exist, codes within the footer's bound.
Status SegmentCursor::check_values(uint32_t rows, const Slot& slot) const {
  if (slot.stored.id == kKindColumn) {
    uint8_t largest = *std::max_element(slot.small.begin(), slot.small.begin() + rows);
    if (largest > static_cast<uint8_t>(RowKind::kRetraction)) return fail(Code::kCorruption, "a row of unknown kind");
    return {};
  }
  if (slot.has_nulls && !slot.may_have_nulls) return fail(Code::kCorruption, "NULL where there can be none");
  if (slot.stored.form != ColumnForm::kCodes || slot.stored.id == kDigestColumn) return {};
  auto max_code = segment_->footer().max_codes.find(slot.stored.id);
  uint32_t largest = 0;
  for (uint32_t row = 0; row < rows; ++row) largest = std::max(largest, slot.codes[row]);
  if (max_code == segment_->footer().max_codes.end() || largest > max_code->second) {
    return fail(Code::kCorruption, "code " + std::to_string(largest) + " is above the largest that the footer knows");
  }
  return {};
}

BlockColumns::Selected SegmentCursor::show(const Slot& slot) const {
  BlockColumns::Selected selected;
  switch (slot.stored.form) {
    case ColumnForm::kCodes: selected.codes = slot.codes.data(); break;
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
  return {missing_->codes.data(), missing_->ints.data(), missing_->nulls.data(), missing_->strings.data()};
}

}  // namespace tally
