// Statements, their parameters, and the rows of answers (messages.h).
#include <bit>

#include "query/numeric.h"
#include "server/field_reader.h"
#include "server/limits.h"
#include "server/messages.h"

namespace tally {
namespace {

constexpr size_t kCellBytesMin = 1;

uint8_t read_scale(FieldReader& in) {
  const uint8_t scale = in.u8("scale");
  if (in.good() && scale > kNumericScaleMax) {
    in.refuse("scale " + std::to_string(scale) + ": it is at most " + std::to_string(kNumericScaleMax));
  }
  return in.good() ? scale : uint8_t{0};
}

Cell read_cell(FieldReader& in) {
  Cell cell;
  cell.kind = in.choice<Cell::Kind>(0, 5, "kind of cell");
  if (!in.good()) return cell;
  switch (cell.kind) {
    case Cell::Kind::kNull: break;
    case Cell::Kind::kBool: cell.boolean = in.choice<uint8_t>(0, 1, "truth value") != 0; break;
    case Cell::Kind::kNumber: {
      cell.scale = read_scale(in);
      const uint64_t low = in.u64("number");
      const uint64_t high = in.u64("number");
      cell.number = static_cast<__int128>((static_cast<unsigned __int128>(high) << 64) | low);
      break;
    }
    case Cell::Kind::kDouble: cell.real = std::bit_cast<double>(in.u64("double")); break;
    case Cell::Kind::kString: cell.text = in.text("text", limits::kRowsDataMax); break;
    case Cell::Kind::kTimestamp: cell.timestamp = static_cast<int64_t>(in.u64("timestamp")); break;
  }
  return cell;
}

}  // namespace

void encode_cell(const Cell& cell, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(cell.kind));
  switch (cell.kind) {
    case Cell::Kind::kNull: break;
    case Cell::Kind::kBool: out.u8(cell.boolean ? 1 : 0); break;
    case Cell::Kind::kNumber: {
      const auto bits = static_cast<unsigned __int128>(cell.number);
      out.u8(cell.scale);
      out.u64(static_cast<uint64_t>(bits));
      out.u64(static_cast<uint64_t>(bits >> 64));
      break;
    }
    case Cell::Kind::kDouble: out.u64(std::bit_cast<uint64_t>(cell.real)); break;
    case Cell::Kind::kString: out.string(cell.text); break;
    case Cell::Kind::kTimestamp: out.i64(cell.timestamp); break;
  }
}

Wire<void> decode_rows(ByteSpan fields, ByteSpan data, size_t columns, std::vector<std::vector<Cell>>& rows) {
  FieldReader head(fields, "ROWS");
  const uint32_t count = head.u32("rows");
  if (auto good = head.done(count); !good) return std::unexpected(good.error());
  FieldReader in(data, "ROWS");
  if (columns == 0 || count > data.size() / (columns * kCellBytesMin) || count > limits::kRowsCellsMax / columns) {
    return wire_fail(WireStatus::kBadFrame, "ROWS frame: " + std::to_string(count) + " rows of " +
                                                std::to_string(columns) + " columns in " + std::to_string(data.size()) +
                                                " bytes");
  }
  for (uint32_t i = 0; i < count && in.good(); ++i) {
    std::vector<Cell>& row = rows.emplace_back();
    row.reserve(columns);
    for (size_t c = 0; c < columns && in.good(); ++c) row.push_back(read_cell(in));
  }
  if (auto good = in.done(true); !good) return std::unexpected(good.error());
  return {};
}

Bytes encode_row_count(uint32_t rows) {
  Bytes bytes;
  ByteWriter(bytes).u32(rows);
  return bytes;
}

Bytes encode_fields(const QueryMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.string(message.sql);
  out.u32(message.timeout_ms);
  out.u8(message.progress ? 1 : 0);
  out.u16(static_cast<uint16_t>(message.parameters.size()));
  for (const Cell& cell : message.parameters) encode_cell(cell, out);
  return bytes;
}

Wire<QueryMessage> decode_query(ByteSpan fields) {
  FieldReader in(fields, "QUERY");
  QueryMessage message;
  message.sql = in.raw("statement", limits::kSqlBytesMax);  // what is no UTF-8 in it, the lexer says with its place
  message.timeout_ms = in.u32("time");
  message.progress = in.choice<uint8_t>(0, 1, "wish for progress") != 0;
  const uint16_t parameters = in.count16(kCellBytesMin, "parameters");
  if (parameters > limits::kParametersMax) in.refuse("more than 1,024 parameters");
  for (uint16_t i = 0; i < parameters && in.good(); ++i) message.parameters.push_back(read_cell(in));
  return in.done(std::move(message));
}

Bytes encode_fields(const ProgressMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(message.rows_read);
  out.u64(message.elapsed_us);
  return bytes;
}

Wire<ProgressMessage> decode_progress(ByteSpan fields) {
  FieldReader in(fields, "PROGRESS");
  ProgressMessage message;
  message.rows_read = in.u64("rows read");
  message.elapsed_us = in.u64("time");
  return in.done(message);
}

Bytes encode_fields(const ColumnsMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u16(static_cast<uint16_t>(message.columns.size()));
  for (const ResultColumn& column : message.columns) {
    out.u8(static_cast<uint8_t>(column.type));
    out.u8(column.scale);
    out.string(column.name);
  }
  return bytes;
}

Wire<ColumnsMessage> decode_columns(ByteSpan fields) {
  FieldReader in(fields, "COLUMNS");
  ColumnsMessage message;
  const uint16_t columns = in.count16(6, "columns");
  for (uint16_t i = 0; i < columns && in.good(); ++i) {
    ResultColumn column;
    column.type = in.choice<SqlType>(0, 7, "type");
    column.scale = read_scale(in);
    column.name = in.text("name");
    message.columns.push_back(std::move(column));
  }
  return in.done(std::move(message));
}

}  // namespace tally
