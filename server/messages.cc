#include "server/messages.h"

#include "base/utf8.h"
#include "server/field_reader.h"
#include "server/limits.h"

namespace tally {
namespace {

constexpr uint8_t kReplayBit = 1;

// What this side says may quote bytes of others: it goes out as UTF-8, and not longer than a text may be.
void write_sentence(std::string_view sentence, ByteWriter& out) {
  out.string(utf8_prefix(escape_bad_utf8(sentence.substr(0, limits::kWireTextMax)), limits::kWireTextMax));
}

void write_source(const BatchSource& source, ByteWriter& out) {
  out.string(source.name);
  out.u8(static_cast<uint8_t>(source.format));
  out.string(source.header);
  out.string(source.mapping);
}

BatchSource read_source(FieldReader& in) {
  BatchSource source;
  source.name = in.text("source name");
  source.format = in.choice<RawFormat>(0, 3, "source format");
  source.header = in.text("source header");
  source.mapping = in.text("source mapping");
  return source;
}

RejectedRow read_rejected(FieldReader& in) {
  RejectedRow row;
  row.source_row = in.u64("rejected row");
  row.code = in.text("reject code");
  row.message = in.text("reject message");
  row.raw = in.raw("rejected bytes");
  row.cut = in.choice<uint8_t>(0, 1, "cut flag") != 0;
  return row;
}

Column read_column(FieldReader& in) {
  Column column;
  column.id = in.u32("column id");
  column.role = in.choice<ColumnRole>(1, 4, "column role");
  column.type = in.choice<ColumnType>(1, 5, "column type");
  column.precision = in.u8("precision");
  column.scale = in.u8("scale");
  column.name = in.text("column name");
  return column;
}

}  // namespace

Bytes encode_fields(const HelloMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(message.version_min);
  out.u8(message.version_max);
  out.u8(message.checksums);
  out.u8(message.compressions);
  out.string(message.client);
  out.string(message.table);
  out.u8(static_cast<uint8_t>(message.credential_kind));
  out.string(message.credential);
  return bytes;
}

Wire<HelloMessage> decode_hello(ByteSpan fields) {
  FieldReader in(fields, "HELLO");
  HelloMessage message;
  message.version_min = in.u8("lowest version");
  message.version_max = in.u8("highest version");
  message.checksums = in.u8("checksums");
  message.compressions = in.u8("compressions");
  message.client = in.text("client");
  message.table = in.text("table");
  message.credential_kind = in.choice<CredentialKind>(0, 1, "kind of credential");
  message.credential = in.text("credential");
  return in.done(std::move(message));
}

Bytes encode_fields(const WelcomeMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(message.version);
  out.u8(static_cast<uint8_t>(message.checksum));
  out.u8(message.compressions);
  out.u64(message.connection);
  out.string(message.server);
  out.u32(message.credits);
  out.u32(message.batch_bytes_max);
  out.u32(message.batch_rows_max);
  out.u32(message.idle_timeout_s);
  out.u32(message.frame_timeout_s);
  out.bytes(message.table_uuid);
  out.u32(message.schema_version);
  out.u16(static_cast<uint16_t>(message.columns.size()));
  for (const Column& column : message.columns) {
    out.u32(column.id);
    out.u8(static_cast<uint8_t>(column.role));
    out.u8(static_cast<uint8_t>(column.type));
    out.u8(column.precision);
    out.u8(column.scale);
    out.string(column.name);
  }
  out.u16(static_cast<uint16_t>(message.id_from.size()));
  for (uint32_t id : message.id_from) out.u32(id);
  return bytes;
}

Wire<WelcomeMessage> decode_welcome(ByteSpan fields) {
  FieldReader in(fields, "WELCOME");
  WelcomeMessage message;
  message.version = in.u8("version");
  message.checksum = in.choice<WireChecksum>(1, 2, "checksum");
  message.compressions = in.u8("compressions");
  message.connection = in.u64("connection");
  message.server = in.text("server");
  message.credits = in.u32("credits");
  message.batch_bytes_max = in.u32("bytes of a batch");
  message.batch_rows_max = in.u32("rows of a batch");
  message.idle_timeout_s = in.u32("idle timeout");
  message.frame_timeout_s = in.u32("frame timeout");
  in.bytes(message.table_uuid, "table uuid");
  message.schema_version = in.u32("schema version");
  const uint16_t columns = in.count16(12, "columns");
  for (uint16_t i = 0; i < columns; ++i) message.columns.push_back(read_column(in));
  const uint16_t id_from = in.count16(4, "columns of the id");
  for (uint16_t i = 0; i < id_from; ++i) message.id_from.push_back(in.u32("column of the id"));
  return in.done(std::move(message));
}

Schema batch_schema(const std::string& table, const WelcomeMessage& welcome) {
  Schema schema;
  schema.version = welcome.schema_version;
  schema.table_name = table;
  schema.columns = welcome.columns;
  schema.id_from = welcome.id_from;
  return schema;
}

Bytes encode_fields(const BatchMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(message.replay ? kReplayBit : 0);
  write_source(message.source, out);
  out.u32(static_cast<uint32_t>(message.source_rows.size()));
  for (const SourceRun& run : message.source_rows) {
    out.u32(run.row);
    out.u64(run.source_row);
  }
  out.u32(static_cast<uint32_t>(message.rejected.size()));
  for (const RejectedRow& row : message.rejected) {
    out.u64(row.source_row);
    out.string(row.code);
    out.string(row.message);
    out.string(row.raw);
    out.u8(row.cut ? 1 : 0);
  }
  return bytes;
}

Wire<BatchMessage> decode_batch_fields(ByteSpan fields) {
  FieldReader in(fields, "BATCH");
  BatchMessage message;
  message.replay = in.choice<uint8_t>(0, kReplayBit, "flags") != 0;
  message.source = read_source(in);
  const uint32_t runs = in.count32(12, "source rows");
  if (runs > limits::kSourceRunsMax) in.refuse(std::to_string(runs) + " runs of source rows are too many");
  for (uint32_t i = 0; i < runs && in.good(); ++i) {
    const uint32_t row = in.u32("row");
    if (i > 0 && row <= message.source_rows.back().row) in.refuse("runs of source rows are out of order");
    message.source_rows.push_back({row, in.u64("source row")});
  }
  const uint32_t rejected = in.count32(21, "rejected rows");
  if (rejected > limits::kBatchRowsMax) in.refuse(std::to_string(rejected) + " rejected rows are too many");
  for (uint32_t i = 0; i < rejected && in.good(); ++i) message.rejected.push_back(read_rejected(in));
  return in.done(std::move(message));
}

Bytes encode_fields(const ResultMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u32(message.credits);
  out.u64(message.lsn);
  out.u64(message.counts.received);
  out.u64(message.counts.accepted);
  out.u64(message.counts.duplicates);
  out.u64(message.counts.conflicts);
  out.u64(message.counts.too_late);
  out.u64(message.counts.rejected);
  out.u32(static_cast<uint32_t>(message.not_accepted.size()));
  for (const RowVerdict& row : message.not_accepted) {
    out.u32(row.row);
    out.u8(static_cast<uint8_t>(row.verdict));
  }
  return bytes;
}

Wire<ResultMessage> decode_result(ByteSpan fields) {
  FieldReader in(fields, "RESULT");
  ResultMessage message;
  message.credits = in.u32("credits");
  message.lsn = in.u64("LSN");
  message.counts.received = in.u64("received");
  message.counts.accepted = in.u64("accepted");
  message.counts.duplicates = in.u64("duplicates");
  message.counts.conflicts = in.u64("conflicts");
  message.counts.too_late = in.u64("too late");
  message.counts.rejected = in.u64("rejected");
  const uint32_t rows = in.count32(5, "rows not accepted");
  message.not_accepted.reserve(rows);
  for (uint32_t i = 0; i < rows && in.good(); ++i) {
    const uint32_t row = in.u32("row");
    message.not_accepted.push_back({row, in.choice<Verdict>(1, 6, "verdict")});
  }
  return in.done(std::move(message));
}

Bytes encode_fields(const EndMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(message.rows);
  out.u64(message.rows_read);
  out.u64(message.elapsed_us);
  write_sentence(message.message, out);
  return bytes;
}

Wire<EndMessage> decode_end(ByteSpan fields) {
  FieldReader in(fields, "END");
  EndMessage message;
  message.rows = in.u64("rows");
  message.rows_read = in.u64("rows read");
  message.elapsed_us = in.u64("time");
  message.message = in.text("message");
  return in.done(std::move(message));
}

Bytes encode_fields(const ErrorMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u16(static_cast<uint16_t>(message.error.status));
  out.u8(static_cast<uint8_t>(wire_class(message.error.status)));
  out.u32(message.credits);
  out.u32(message.error.retry_after_ms);
  const WireError::Position position = message.error.position.value_or(WireError::Position{0, 0, 0});
  out.u32(position.offset);
  out.u32(position.line);
  out.u32(position.column);
  write_sentence(message.error.message, out);
  return bytes;
}

Wire<ErrorMessage> decode_error(ByteSpan fields) {
  FieldReader in(fields, "ERROR");
  ErrorMessage message;
  const uint16_t number = in.u16("status");
  const uint8_t what_next = in.u8("class");
  const WireStatusInfo* info = find_wire_status(number);
  if (in.good() && (info == nullptr || static_cast<uint8_t>(info->what_next) != what_next)) {
    in.refuse("status " + std::to_string(number) + " of class " + std::to_string(what_next) + " is not on the list");
  }
  if (info != nullptr) message.error.status = info->status;
  message.credits = in.u32("credits");
  message.error.retry_after_ms = in.u32("pause");
  WireError::Position position;
  position.offset = in.u32("offset");
  position.line = in.u32("line");
  position.column = in.u32("column");
  if (position.line != 0) message.error.position = position;
  message.error.message = in.text("message");
  return in.done(std::move(message));
}

Bytes encode_fields(const GoodbyeMessage& message) {
  Bytes bytes;
  ByteWriter out(bytes);
  write_sentence(message.reason, out);
  return bytes;
}

Wire<GoodbyeMessage> decode_goodbye(ByteSpan fields) {
  FieldReader in(fields, "GOODBYE");
  GoodbyeMessage message;
  message.reason = in.text("reason");
  return in.done(std::move(message));
}

}  // namespace tally
