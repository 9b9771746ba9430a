#include <algorithm>
#include <cstring>
#include <optional>

#include "base/limits.h"
#include "engine/batch.h"
#include "engine/batch_columns.h"
#include "engine/batch_format.h"
#include "engine/local_dictionary.h"

namespace tally {
namespace {

enum class Storage : uint8_t { kTime, kId, kInts, kDictionary, kIntDictionary, kStrings };

Storage storage_of(const Column& column) {
  switch (column.role) {
    case ColumnRole::kEventTime: return Storage::kTime;
    case ColumnRole::kId: return Storage::kId;
    case ColumnRole::kDimension:
      return column.type == ColumnType::kInt64 ? Storage::kIntDictionary : Storage::kDictionary;
    case ColumnRole::kField: return column.type == ColumnType::kString ? Storage::kStrings : Storage::kInts;
  }
  TALLY_CHECK(false);
}

// What one cell adds to the encoding at most, apart from the bytes of its string: a value of 8 bytes, its length and code, a
// bit of a bitmap.
constexpr size_t kCellBytesMax = 16;
constexpr size_t kColumnHeadBytes = 16;
// Space for one more row of ordinary size: full() says so before end_row() has to refuse a row.
constexpr size_t kFullBytes = limits::kBatchBytesMax / 2;
// From here on a string field that hardly repeats is kept plain: hashing each value would be for nothing.
constexpr uint32_t kRowsBeforePlain = 1024;

// The cells of the row being set. Bytes of strings stand in one scratch buffer.
struct Cell {
  bool set = false;
  int64_t number = 0;
  uint32_t offset = 0;
  uint32_t length = 0;
};

struct ColumnBuffer {
  uint32_t id = 0;
  Storage storage = Storage::kInts;
  int64_t lowest = INT64_MIN;
  int64_t highest = INT64_MAX;
  bool any_null = false;
  bool plain = false;             // kStrings: the dictionary was given up
  std::vector<int64_t> ints;      // kTime, kInts
  std::vector<uint8_t> nulls;     // kInts, kStrings while plain
  std::vector<uint32_t> codes;    // dictionaries
  LocalDictionary dictionary;     // dictionaries
  std::vector<uint16_t> lengths;  // kStrings while plain; kId: 0 = UUID
  Bytes heap;                     // the same
  size_t plain_bytes = 0;         // kStrings: of all values, repeated ones counted each time
  uint32_t length_max = 0;        // kStrings

  void clear() {
    any_null = plain = false;
    ints.clear();
    nulls.clear();
    codes.clear();
    dictionary.clear();
    lengths.clear();
    heap.clear();
    plain_bytes = 0;
    length_max = 0;
  }
};

void append_text(std::string_view text, Bytes& heap) {
  ByteSpan bytes = as_bytes(text);
  heap.insert(heap.end(), bytes.begin(), bytes.end());
}

void add_plain(ColumnBuffer& column, std::optional<std::string_view> value) {
  column.nulls.push_back(!value);
  column.lengths.push_back(value ? static_cast<uint16_t>(value->size()) : uint16_t{0});
  if (value) append_text(*value, column.heap);
}

// Spreads what the dictionary holds over the rows, as if it had been plain from the start.
void make_plain(ColumnBuffer& column) {
  column.nulls.clear();
  column.lengths.clear();
  column.heap.clear();
  for (uint32_t code : column.codes) {
    add_plain(column, code == 0 ? std::nullopt : std::optional(column.dictionary.value(code)));
  }
  column.plain = true;
}

void add_string(ColumnBuffer& column, std::optional<std::string_view> value) {
  column.any_null |= !value;
  if (value) {
    column.plain_bytes += value->size();
    column.length_max = std::max(column.length_max, static_cast<uint32_t>(value->size()));
  }
  if (column.plain) return add_plain(column, value);
  column.codes.push_back(value ? column.dictionary.add(*value) : 0);
  if (column.codes.size() % kRowsBeforePlain == 0 && column.dictionary.size() * 2 > column.codes.size()) {
    make_plain(column);
  }
}

void add_int(ColumnBuffer& column, const Cell& cell) {
  column.any_null |= !cell.set;
  column.ints.push_back(cell.set ? cell.number : 0);
  column.nulls.push_back(!cell.set);
}

BatchEntry encode_text_column(ColumnBuffer& column, BatchEntry entry, ByteWriter& out) {
  auto rows = static_cast<uint32_t>(column.plain ? column.lengths.size() : column.codes.size());
  if (!column.plain) {
    size_t as_dictionary = string_dictionary_bytes(rows, column.dictionary.size(), column.dictionary.heap().size());
    size_t as_plain = strings_bytes(rows, column.any_null, column.length_max, column.plain_bytes);
    if (as_dictionary <= as_plain) {
      entry.encoding = ColumnEncoding::kStringDictionary;
      encode_string_dictionary(column.dictionary.lengths(), column.dictionary.heap(), column.codes, out);
      return entry;
    }
    make_plain(column);
  }
  entry.encoding = ColumnEncoding::kStrings;
  entry.has_nulls = column.any_null;
  if (!column.any_null) column.nulls.clear();
  encode_strings(column.lengths, column.nulls, column.heap, out);
  return entry;
}

BatchEntry encode_column(ColumnBuffer& column, ByteWriter& out) {
  BatchEntry entry;
  entry.column_id = column.id;
  size_t start = out.size();
  switch (column.storage) {
    case Storage::kTime:
    case Storage::kInts:
      entry.encoding = ColumnEncoding::kInts;
      entry.has_nulls = column.any_null;
      if (!column.any_null) column.nulls.clear();
      encode_ints(column.ints, column.nulls, out);
      break;
    case Storage::kId:
      if (std::ranges::all_of(column.lengths, [](uint16_t length) { return length == 0; })) {
        entry.encoding = ColumnEncoding::kUuids;
        out.bytes(column.heap);
      } else {
        entry.encoding = ColumnEncoding::kIds;
        encode_ids(column.lengths, column.heap, out);
      }
      break;
    case Storage::kDictionary:
      entry.encoding = ColumnEncoding::kStringDictionary;
      encode_string_dictionary(column.dictionary.lengths(), column.dictionary.heap(), column.codes, out);
      break;
    case Storage::kIntDictionary:
      entry.encoding = ColumnEncoding::kIntDictionary;
      encode_int_dictionary(column.dictionary.heap(), column.codes, out);
      break;
    case Storage::kStrings: entry = encode_text_column(column, entry, out); break;
  }
  entry.bytes = static_cast<uint32_t>(out.size() - start);
  return entry;
}

}  // namespace

struct BatchBuilder::Impl {
  std::vector<std::string> names;  // for messages
  uint32_t schema_version = 0;
  size_t time_column = 0;
  size_t id_column = 0;
  std::vector<size_t> id_from;        // positions of the columns of a derived id; empty: rows bring their ids
  std::vector<ColumnBuffer> columns;  // parallel to schema.columns
  std::vector<Cell> cells;
  std::string scratch;
  IdKind id_kind = IdKind::kUuid;
  std::string row_error;  // of the row being set: the first
  uint32_t rows = 0;
  size_t bytes = 0;

  void refuse(size_t column, std::string_view reason) {
    if (row_error.empty()) row_error = "column \"" + names[column] + "\": " + std::string(reason);
  }
  void stage_text(size_t column, std::string_view text) {
    cells[column] = {.set = true,
                     .number = 0,
                     .offset = static_cast<uint32_t>(scratch.size()),
                     .length = static_cast<uint32_t>(text.size())};
    scratch.append(text);
  }
  std::string_view text_of(const Cell& cell) const {
    return std::string_view(scratch).substr(cell.offset, cell.length);
  }
  size_t row_bytes_max() const { return scratch.size() + columns.size() * kCellBytesMax; }

  // Both return what the cell adds to the encoding at most, whatever encodings are chosen in the end.
  size_t add_cell(ColumnBuffer& column, const Cell& cell);
  static size_t add_code(ColumnBuffer& column, bool set, std::string_view value);
  Status check_row();
};

size_t BatchBuilder::Impl::add_code(ColumnBuffer& column, bool set, std::string_view value) {
  constexpr size_t kCodeBytes = sizeof(uint32_t);
  uint32_t before = column.dictionary.size();
  column.codes.push_back(set ? column.dictionary.add(value) : 0);
  bool is_new = column.dictionary.size() != before;
  return kCodeBytes + (is_new ? sizeof(uint16_t) + value.size() : 0);
}

size_t BatchBuilder::Impl::add_cell(ColumnBuffer& column, const Cell& cell) {
  switch (column.storage) {
    case Storage::kTime: column.ints.push_back(cell.number); return sizeof cell.number;
    case Storage::kInts: add_int(column, cell); return sizeof cell.number + 1;
    case Storage::kIntDictionary: {
      char raw[sizeof cell.number];
      std::memcpy(raw, &cell.number, sizeof raw);
      return add_code(column, cell.set, {raw, sizeof raw});
    }
    case Storage::kDictionary: return add_code(column, cell.set, text_of(cell));
    case Storage::kStrings:
      add_string(column, cell.set ? std::optional(text_of(cell)) : std::nullopt);
      return cell.length + sizeof(uint16_t) + 1;
    case Storage::kId: break;
  }
  bool uuid = id_kind == IdKind::kUuid;
  column.lengths.push_back(uuid ? uint16_t{0} : static_cast<uint16_t>(cell.length));
  append_text(text_of(cell), column.heap);
  return cell.length + sizeof(uint16_t);
}

Status BatchBuilder::Impl::check_row() {
  if (!cells[time_column].set) refuse(time_column, "an event time is needed");
  if (id_from.empty()) {
    if (!cells[id_column].set) refuse(id_column, "an id is needed");
  } else if (std::ranges::none_of(id_from, [&](size_t column) { return cells[column].set; })) {
    refuse(id_column, "every column that it is derived from is NULL");
  }
  if (!row_error.empty()) return fail(Code::kInvalidArgument, row_error);
  if (rows == limits::kBatchRowsMax) {
    return fail(Code::kLimitExceeded, "the batch is full: it has " + std::to_string(rows) + " rows");
  }
  if (bytes + row_bytes_max() > limits::kBatchBytesMax) {
    return fail(Code::kLimitExceeded,
                "the batch is full: the row does not fit into " + std::to_string(limits::kBatchBytesMax) + " bytes");
  }
  return {};
}

BatchBuilder::BatchBuilder(const Schema& schema) : impl_(std::make_unique<Impl>()) {
  impl_->schema_version = schema.version;
  impl_->time_column = schema.time_column();
  impl_->id_column = schema.id_column();
  for (uint32_t id : schema.id_from) {
    impl_->id_from.push_back(static_cast<size_t>(schema.find_column(id) - schema.columns.data()));
  }
  impl_->columns.resize(schema.columns.size());
  impl_->cells.resize(schema.columns.size());
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const Column& column = schema.columns[i];
    ColumnBuffer& buffer = impl_->columns[i];
    impl_->names.push_back(column.name);
    buffer.id = column.id;
    buffer.storage = storage_of(column);
    if (column.type == ColumnType::kDecimal) {
      buffer.highest = 1;
      for (unsigned digit = 0; digit < column.precision; ++digit) buffer.highest *= 10;
      buffer.lowest = -(--buffer.highest);
    }
  }
  clear();
}

BatchBuilder::~BatchBuilder() = default;

void BatchBuilder::set_time(TimeUs value) {
  if (value < kEventTimeUsMin || value > kEventTimeUsMax) {
    impl_->refuse(impl_->time_column, "outside of the years 1 to 9999");
  }
  Cell& cell = impl_->cells[impl_->time_column];
  cell.set = true;
  cell.number = value;
}

void BatchBuilder::set_id(std::string_view text) {
  size_t column = impl_->id_column;
  if (!impl_->id_from.empty()) return impl_->refuse(column, "the table derives its ids, rows bring none");
  if (text.empty()) return impl_->refuse(column, "an id cannot be empty");
  if (text.size() > limits::kStringBytesMax) return impl_->refuse(column, "longer than 65535 bytes");
  IdSlot slot;
  impl_->id_kind = canonical_id(text, slot);
  if (impl_->id_kind == IdKind::kUuid) text = as_text({slot.raw, sizeof slot.raw});
  impl_->stage_text(column, text);
}

void BatchBuilder::set_int64(size_t column, int64_t value) {
  TALLY_CHECK(column < impl_->columns.size());
  const ColumnBuffer& buffer = impl_->columns[column];
  TALLY_CHECK(buffer.storage == Storage::kInts || buffer.storage == Storage::kIntDictionary);
  if (value < buffer.lowest || value > buffer.highest) {
    impl_->refuse(column, std::to_string(value) + " has too many digits for its DECIMAL");
  }
  Cell& cell = impl_->cells[column];
  cell.set = true;
  cell.number = value;
}

void BatchBuilder::set_string(size_t column, std::string_view value) {
  TALLY_CHECK(column < impl_->columns.size());
  Storage storage = impl_->columns[column].storage;
  TALLY_CHECK(storage == Storage::kStrings || storage == Storage::kDictionary);
  if (value.size() > limits::kStringBytesMax) {
    return impl_->refuse(column, "longer than 65535 bytes");
  }
  impl_->stage_text(column, value);
}

Status BatchBuilder::end_row() {
  Impl& impl = *impl_;
  if (Status status = impl.check_row(); !status) {
    drop_row();
    return status;
  }
  for (size_t i = 0; i < impl.columns.size(); ++i) {
    if (i == impl.id_column && !impl.id_from.empty()) continue;
    impl.bytes += impl.add_cell(impl.columns[i], impl.cells[i]);
  }
  ++impl.rows;
  drop_row();
  return {};
}

void BatchBuilder::drop_row() {
  for (Cell& cell : impl_->cells) cell = Cell{};
  impl_->scratch.clear();
  impl_->row_error.clear();
}

uint32_t BatchBuilder::rows() const { return impl_->rows; }
size_t BatchBuilder::estimated_bytes() const { return impl_->bytes; }

bool BatchBuilder::full() const { return impl_->rows == limits::kBatchRowsMax || impl_->bytes >= kFullBytes; }

Bytes BatchBuilder::finish(Compression compression) {
  BatchHeader header;
  header.schema_version = impl_->schema_version;
  header.rows = impl_->rows;
  Bytes body;
  body.reserve(impl_->bytes);
  ByteWriter body_out(body);
  for (size_t i = 0; i < impl_->columns.size(); ++i) {
    if (i == impl_->id_column && !impl_->id_from.empty()) continue;
    header.columns.push_back(encode_column(impl_->columns[i], body_out));
  }
  TALLY_CHECK(body.size() <= limits::kBatchBytesMax);
  header.body_bytes = static_cast<uint32_t>(body.size());
  if (compression == Compression::kLz4) {
    if (Bytes packed = deflate_body(body); !packed.empty()) {
      header.flags = kBatchFlagLz4;
      body = std::move(packed);
    }
  }
  header.stored_bytes = static_cast<uint32_t>(body.size());
  Bytes out;
  out.reserve(kBatchHeaderBytes + header.columns.size() * kBatchEntryBytes + body.size());
  ByteWriter writer(out);
  encode_batch_header(header, writer);
  writer.bytes(body);
  clear();
  return out;
}

void BatchBuilder::clear() {
  drop_row();
  for (ColumnBuffer& column : impl_->columns) column.clear();
  impl_->rows = 0;
  impl_->bytes = impl_->columns.size() * kColumnHeadBytes;
}

}  // namespace tally
