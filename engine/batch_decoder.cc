#include <algorithm>

#include "base/checksum.h"
#include "base/limits.h"
#include "engine/batch.h"
#include "engine/batch_columns.h"
#include "engine/batch_digest.h"
#include "engine/batch_format.h"
#include "engine/derived_id.h"

namespace tally {
namespace {

std::unexpected<Error> invalid(std::string message) { return fail(Code::kInvalidArgument, std::move(message)); }

// The reader's errors speak of stored bytes; here the bytes are somebody's input.
Result<BatchHeader> as_input(Result<BatchHeader> header) {
  if (!header && header.error().code == Code::kCorruption) {
    return invalid("batch: " + header.error().message);
  }
  return header;
}

int64_t power_of_ten(unsigned exponent) {
  int64_t power = 1;
  for (unsigned i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// The loop finds the extremes; only a failure looks for the row.
Status check_range(std::span<const int64_t> values, int64_t lowest, int64_t highest, std::string_view what) {
  int64_t min = highest;
  int64_t max = lowest;
  for (int64_t value : values) {
    min = std::min(min, value);
    max = std::max(max, value);
  }
  if (min >= lowest && max <= highest) return {};
  auto bad = std::ranges::find_if(values, [&](int64_t value) { return value < lowest || value > highest; });
  return invalid("row " + std::to_string(bad - values.begin()) + ": " + std::to_string(*bad) + " " + std::string(what));
}

// One decoding: the batch being made, what is known of the schema's columns, and the digests so far.
class Decoder {
 public:
  Decoder(const Schema& schema, PreparedBatch& batch, const BatchHeader& header)
      : schema_(schema), batch_(batch), header_(header), digests_(header.rows) {}

  Status decode_columns(ByteSpan body) {
    make_room();
    std::vector<bool> seen(schema_.columns.size());
    for (const BatchEntry& entry : header_.columns) {
      ByteSpan bytes = body.first(entry.bytes);
      body = body.subspan(entry.bytes);
      size_t position = position_of(entry.column_id);
      if (position < seen.size()) seen[position] = true;
      Status status =
          position < seen.size() ? decode_column(position, entry, bytes) : skip_dropped_column(entry, bytes);
      if (!status) return std::unexpected(in_column(entry, position, std::move(status).error()));
    }
    for (size_t position = 0; position < seen.size(); ++position) {
      if (!seen[position]) TALLY_TRY(fill_missing(position));
    }
    digests_.finish(batch_.digests);
    return {};
  }

 private:
  Error in_column(const BatchEntry& entry, size_t position, Error error) const {
    std::string where = "batch: column ";
    where += position < schema_.columns.size() ? "\"" + schema_.columns[position].name + "\""
                                               : "id " + std::to_string(entry.column_id);
    return std::move(error).with_context(where);
  }

  size_t position_of(uint32_t column_id) const {
    auto found = std::ranges::find(schema_.columns, column_id, &Column::id);
    return static_cast<size_t>(found - schema_.columns.begin());
  }

  void make_room() {
    slots_.resize(schema_.columns.size());
    for (size_t i = 0; i < schema_.columns.size(); ++i) {
      ColumnRole role = schema_.columns[i].role;
      if (role == ColumnRole::kDimension) {
        slots_[i] = batch_.dimensions.size();
        batch_.dimensions.emplace_back();
      } else if (role == ColumnRole::kField) {
        slots_[i] = batch_.fields.size();
        batch_.fields.emplace_back();
      }
    }
  }

  Status decode_column(size_t position, const BatchEntry& entry, ByteSpan bytes) {
    const Column& column = schema_.columns[position];
    switch (column.role) {
      case ColumnRole::kEventTime: return decode_times(entry, bytes);
      case ColumnRole::kId: return decode_event_ids(entry, bytes);
      case ColumnRole::kDimension: return decode_dimension(position, entry, bytes);
      case ColumnRole::kField: return decode_field(position, entry, bytes);
    }
    return fail(Code::kInternal, "unknown column role");
  }

  std::unexpected<Error> wrong_encoding(const BatchEntry& entry) const {
    return invalid("encoding " + std::to_string(static_cast<unsigned>(entry.encoding)) + " does not fit its type");
  }

  Status decode_times(const BatchEntry& entry, ByteSpan bytes) {
    if (entry.encoding != ColumnEncoding::kInts) return wrong_encoding(entry);
    if (entry.has_nulls) return invalid("an event time cannot be NULL");
    DecodedInts ints;
    TALLY_TRY(decode_ints(bytes, header_.rows, false, ints));
    TALLY_TRY(check_range(ints.values, kEventTimeUsMin, kEventTimeUsMax, "is outside of the years 1 to 9999"));
    batch_.times = std::move(ints.values);
    return {};
  }

  Status decode_event_ids(const BatchEntry& entry, ByteSpan bytes) {
    if (schema_.derives_ids()) return invalid("the table derives its ids from other columns, a batch brings none");
    if (entry.encoding == ColumnEncoding::kUuids) {
      return decode_uuids(bytes, header_.rows, batch_.ids, batch_.id_kinds);
    }
    if (entry.encoding != ColumnEncoding::kIds) return wrong_encoding(entry);
    return decode_ids(bytes, header_.rows, batch_.ids, batch_.id_kinds);
  }

  Status decode_dimension(size_t position, const BatchEntry& entry, ByteSpan bytes) {
    bool ints = schema_.columns[position].type == ColumnType::kInt64;
    DecodedDictionary decoded;
    if (ints) {
      if (entry.encoding != ColumnEncoding::kIntDictionary) return wrong_encoding(entry);
      TALLY_TRY(decode_int_dictionary(bytes, header_.rows, decoded));
    } else {
      if (entry.encoding != ColumnEncoding::kStringDictionary) return wrong_encoding(entry);
      TALLY_TRY(decode_string_dictionary(bytes, header_.rows, decoded));
    }
    digests_.add_dictionary(entry.column_id, decoded.values, ints, decoded.codes);
    auto& dimension = batch_.dimensions[slots_[position]];
    dimension.table_codes.assign(decoded.values.size() + 1, 0);
    dimension.local_codes = std::move(decoded.codes);
    dimension.local_values = std::move(decoded.values);
    return {};
  }

  Status decode_field(size_t position, const BatchEntry& entry, ByteSpan bytes) {
    const Column& column = schema_.columns[position];
    auto& field = batch_.fields[slots_[position]];
    if (column.type == ColumnType::kString) {
      return decode_string_field(entry, bytes, field.strings);
    }
    if (entry.encoding != ColumnEncoding::kInts) return wrong_encoding(entry);
    DecodedInts ints;
    TALLY_TRY(decode_ints(bytes, header_.rows, entry.has_nulls, ints));
    if (column.type == ColumnType::kDecimal) {
      int64_t highest = power_of_ten(column.precision) - 1;
      TALLY_TRY(check_range(ints.values, -highest, highest, "has too many digits for its DECIMAL"));
    }
    digests_.add_ints(entry.column_id, ints.values, ints.nulls);
    field.ints = std::move(ints.values);
    field.nulls = std::move(ints.nulls);
    return {};
  }

  Status decode_string_field(const BatchEntry& entry, ByteSpan bytes, std::vector<StringRef>& strings) {
    if (entry.encoding == ColumnEncoding::kStrings) {
      TALLY_TRY(decode_strings(bytes, header_.rows, entry.has_nulls, strings));
      digests_.add_strings(entry.column_id, strings);
      return {};
    }
    if (entry.encoding != ColumnEncoding::kStringDictionary) return wrong_encoding(entry);
    DecodedDictionary decoded;
    TALLY_TRY(decode_string_dictionary(bytes, header_.rows, decoded));
    digests_.add_dictionary(entry.column_id, decoded.values, false, decoded.codes);
    TALLY_TRY(check_spread(decoded));
    std::vector<StringRef> refs(decoded.values.size() + 1, StringRef::null());
    for (size_t i = 0; i < decoded.values.size(); ++i) refs[i + 1] = StringRef(decoded.values[i]);
    strings.resize(header_.rows);
    for (uint32_t i = 0; i < header_.rows; ++i) strings[i] = refs[decoded.codes[i]];
    return {};
  }

  // Rows keep their own copy of a long string, so that one value of 64 KiB and a byte a row would grow to gigabytes.
  Status check_spread(const DecodedDictionary& decoded) {
    std::vector<uint64_t> lengths{0};
    for (std::string_view value : decoded.values) lengths.push_back(value.size());
    for (uint32_t code : decoded.codes) spread_bytes_ += lengths[code];
    if (spread_bytes_ <= limits::kBatchBytesMax) return {};
    return invalid("strings of more than " + std::to_string(limits::kBatchBytesMax) +
                   " bytes, repeated ones counted each time");
  }

  // A producer that does not know yet that a column was dropped. Its values still count for the digest: a retry must not
  // become a conflict because of an ALTER between the two.
  Status skip_dropped_column(const BatchEntry& entry, ByteSpan bytes) {
    bool once_known = entry.column_id != 0 && entry.column_id < schema_.next_id;
    if (!once_known || header_.schema_version >= schema_.version) {
      return invalid("the table has no such column");
    }
    DecodedInts ints;
    DecodedDictionary dictionary;
    std::vector<StringRef> strings;
    switch (entry.encoding) {
      case ColumnEncoding::kInts:
        TALLY_TRY(decode_ints(bytes, header_.rows, entry.has_nulls, ints));
        digests_.add_ints(entry.column_id, ints.values, ints.nulls);
        return {};
      case ColumnEncoding::kStrings:
      case ColumnEncoding::kStringDictionary: return decode_string_field(entry, bytes, strings);
      case ColumnEncoding::kIntDictionary:
        TALLY_TRY(decode_int_dictionary(bytes, header_.rows, dictionary));
        digests_.add_dictionary(entry.column_id, dictionary.values, true, dictionary.codes);
        return {};
      default: return invalid("event time and id cannot have been dropped");
    }
  }

  Status fill_missing(size_t position) {
    const Column& column = schema_.columns[position];
    if (column.role == ColumnRole::kDimension) {
      auto& dimension = batch_.dimensions[slots_[position]];
      dimension.local_codes.assign(header_.rows, 0);
      dimension.table_codes.assign(1, 0);
    } else if (column.role == ColumnRole::kField) {
      auto& field = batch_.fields[slots_[position]];
      if (column.type == ColumnType::kString) {
        field.strings.assign(header_.rows, StringRef::null());
      } else {
        field.ints.assign(header_.rows, 0);
        field.nulls.assign(header_.rows, 1);
      }
    } else if (column.role != ColumnRole::kId || !schema_.derives_ids()) {
      return invalid("batch: column \"" + column.name + "\" is missing");
    }
    return {};
  }

  const Schema& schema_;
  PreparedBatch& batch_;
  const BatchHeader& header_;
  RowDigests digests_;
  uint64_t spread_bytes_ = 0;  // of STRING fields from dictionaries, as rows will hold them
  std::vector<size_t> slots_;  // by position in the schema: index within dimensions or fields
};

void route_rows(const IdHasher& hasher, uint32_t shards, PreparedBatch& batch) {
  batch.id_hashes.resize(batch.rows);
  hasher.hash_all(batch.id_kinds, batch.ids, batch.id_hashes);
  batch.shard_rows.resize(shards);
  for (auto& rows : batch.shard_rows) rows.reserve(batch.rows / shards + batch.rows / 16 + 16);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    batch.shard_rows[shard_of(batch.id_hashes[row], shards)].push_back(row);
  }
}

Result<ByteSpan> body_of(const BatchHeader& header, ByteReader& in, PreparedBatch& batch) {
  TALLY_ASSIGN_OR_RETURN(ByteSpan stored, in.bytes(header.stored_bytes, "batch body"));
  if ((header.flags & kBatchFlagLz4) == 0) return stored;
  TALLY_ASSIGN_OR_RETURN(batch.body, inflate_body(stored, header.body_bytes));
  return ByteSpan(batch.body);
}

}  // namespace

Result<std::unique_ptr<PreparedBatch>> decode_batch(const Schema& schema, const IdHasher& hasher, uint32_t shards,
                                                    Bytes payload, uint64_t payload_xxh3) {
  TALLY_CHECK(shards >= 1 && shards <= limits::kShardsMax);
  if (payload.size() > kBatchPayloadBytesMax) {
    return fail(Code::kLimitExceeded, "batch: " + std::to_string(payload.size()) + " bytes");
  }
  if (xxh3(payload) != payload_xxh3) return invalid("batch: its checksum does not match");
  auto batch = std::make_unique<PreparedBatch>();
  batch->payload = std::move(payload);
  batch->payload_xxh3 = payload_xxh3;
  ByteReader in(batch->payload);
  TALLY_ASSIGN_OR_RETURN(BatchHeader header, as_input(decode_batch_header(in)));
  if (header.schema_version == 0 || header.schema_version > schema.version) {
    return invalid("batch: schema version " + std::to_string(header.schema_version) + ", the table is at " +
                   std::to_string(schema.version));
  }
  batch->schema_version = header.schema_version;
  batch->rows = header.rows;
  TALLY_ASSIGN_OR_RETURN(ByteSpan body, body_of(header, in, *batch));
  Decoder decoder(schema, *batch, header);
  TALLY_TRY(decoder.decode_columns(body));
  if (schema.derives_ids()) TALLY_TRY(derive_ids(schema, *batch));
  route_rows(hasher, shards, *batch);
  return batch;
}

}  // namespace tally
