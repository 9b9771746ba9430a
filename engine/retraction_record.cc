#include "engine/retraction_record.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/limits.h"

namespace tally {

namespace {

constexpr uint8_t kVersion = 1;
constexpr uint32_t kNullLength = UINT32_MAX;
constexpr std::string_view kVerdict = "a VERDICT record";
constexpr std::string_view kRetract = "a RETRACT record";

std::unexpected<Error> invalid(std::string what) { return fail(Code::kInvalidArgument, std::move(what)); }
std::unexpected<Error> corrupt(std::string_view record, std::string_view what) {
  return fail(Code::kCorruption, std::string(record) + ": " + std::string(what));
}

void put_id(IdKind kind, const IdSlot& slot, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(kind));
  if (kind != IdKind::kText) return out.bytes({slot.raw, sizeof slot.raw});
  const std::string_view text = slot.text.view();
  out.u16(static_cast<uint16_t>(text.size()));
  out.bytes(as_bytes(text));
}

Status read_id(ByteReader& in, IdKind& kind, IdSlot& slot, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(uint8_t stored, in.u8(what));
  if (stored > static_cast<uint8_t>(IdKind::kDerived)) return corrupt(what, "an id of unknown kind");
  kind = static_cast<IdKind>(stored);
  if (kind != IdKind::kText) {
    TALLY_ASSIGN_OR_RETURN(ByteSpan raw, in.bytes(sizeof slot.raw, what));
    std::memcpy(slot.raw, raw.data(), raw.size());
    return {};
  }
  TALLY_ASSIGN_OR_RETURN(uint16_t length, in.u16(what));
  if (length == 0) return corrupt(what, "an empty id");
  TALLY_ASSIGN_OR_RETURN(ByteSpan text, in.bytes(length, what));
  slot.text = StringRef(as_text(text));
  return {};
}

std::vector<std::vector<uint32_t>> rows_by_shard(std::span<const Hash128> keys, uint32_t shards) {
  std::vector<std::vector<uint32_t>> rows(shards);
  for (uint32_t row = 0; row < keys.size(); ++row) rows[shard_of(keys[row], shards)].push_back(row);
  return rows;
}

void route(PreparedVerdict& verdict, const IdHasher& hasher, uint32_t shards) {
  verdict.keys.resize(verdict.ids.size());
  hasher.hash_all(verdict.kinds, verdict.ids, verdict.keys);
  verdict.shard_rows = rows_by_shard(verdict.keys, shards);
}

// Fills kinds and ids from the payload, which stays where it is.
Status read_ids(PreparedVerdict& verdict, uint32_t count) {
  ByteReader in(verdict.payload);
  verdict.kinds.resize(count);
  verdict.ids.resize(count);
  for (uint32_t i = 0; i < count; ++i) TALLY_TRY(read_id(in, verdict.kinds[i], verdict.ids[i], kVerdict));
  return in.expect_end(kVerdict);
}

Result<IdKind> kind_of_request(const std::string& text, bool derived_ids, size_t position, IdSlot& slot) {
  const std::string which = "id " + std::to_string(position + 1);
  if (text.empty()) return invalid(which + " is empty");
  if (text.size() > limits::kStringBytesMax) {
    return invalid(which + " is longer than " + std::to_string(limits::kStringBytesMax) + " bytes");
  }
  const IdKind kind = canonical_id(text, slot);
  if (!derived_ids) return kind;
  if (kind == IdKind::kUuid) return IdKind::kDerived;
  return invalid(which + " is no id of this table, whose ids are derived: give it as SELECT shows it");
}

}  // namespace

Result<std::unique_ptr<PreparedVerdict>> prepare_verdict(const IdHasher& hasher, uint32_t shards, bool derived_ids,
                                                         std::span<const std::string> ids, std::string by,
                                                         std::string reason) {
  if (ids.empty()) return invalid("there is no id to take back");
  if (ids.size() > limits::kRetractionIdsMax) {
    return invalid(std::to_string(ids.size()) + " ids in one request are above the limit of " +
                   std::to_string(limits::kRetractionIdsMax) + " (retraction_ids_max)");
  }
  for (const auto& [what, text] : {std::pair("reason", &reason), std::pair("name of who asks", &by)}) {
    if (text->size() > limits::kRetractionTextBytesMax) {
      return invalid("the " + std::string(what) + " is longer than " + std::to_string(limits::kRetractionTextBytesMax) +
                     " bytes");
    }
  }
  auto verdict = std::make_unique<PreparedVerdict>();
  ByteWriter out(verdict->payload);
  for (size_t i = 0; i < ids.size(); ++i) {
    IdSlot slot;
    TALLY_ASSIGN_OR_RETURN(IdKind kind, kind_of_request(ids[i], derived_ids, i, slot));
    put_id(kind, slot, out);
  }
  if (verdict->payload.size() > limits::kBatchBytesMax) {
    return invalid("the ids of one request are longer than " + std::to_string(limits::kBatchBytesMax) +
                   " bytes together: send fewer at a time");
  }
  verdict->by = std::move(by);
  verdict->reason = std::move(reason);
  verdict->payload_xxh3 = xxh3(verdict->payload);
  TALLY_TRY(read_ids(*verdict, static_cast<uint32_t>(ids.size())));
  route(*verdict, hasher, shards);
  return verdict;
}

void encode_verdict_meta(const PreparedVerdict& verdict, Bytes& out) {
  ByteWriter writer(out);
  writer.u8(kVersion);
  writer.zeros(3);
  writer.u32(verdict.rows());
  writer.string(verdict.by);
  writer.string(verdict.reason);
}

Result<std::unique_ptr<PreparedVerdict>> decode_verdict(const IdHasher& hasher, uint32_t shards, ByteSpan meta,
                                                        ByteSpan payload, uint64_t payload_xxh3) {
  if (xxh3(payload) != payload_xxh3) return corrupt(kVerdict, "the sum of its ids does not match");
  auto verdict = std::make_unique<PreparedVerdict>();
  ByteReader in(meta);
  TALLY_ASSIGN_OR_RETURN(uint8_t version, in.u8(kVerdict));
  if (version != kVersion) return fail(Code::kUnsupported, "a VERDICT record of version " + std::to_string(version));
  TALLY_TRY(in.expect_zero(3, kVerdict));
  TALLY_ASSIGN_OR_RETURN(uint32_t count, in.u32(kVerdict));
  if (count == 0 || count > limits::kRetractionIdsMax) return corrupt(kVerdict, "a count of ids out of range");
  TALLY_ASSIGN_OR_RETURN(verdict->by, in.string(limits::kRetractionTextBytesMax, kVerdict));
  TALLY_ASSIGN_OR_RETURN(verdict->reason, in.string(limits::kRetractionTextBytesMax, kVerdict));
  TALLY_TRY(in.expect_end(kVerdict));
  verdict->payload.assign(payload.begin(), payload.end());
  verdict->payload_xxh3 = payload_xxh3;
  TALLY_TRY(read_ids(*verdict, count));
  route(*verdict, hasher, shards);
  return verdict;
}

// --- RETRACT -------------------------------------------------------------------------------------------------------

SettlementBuilder::SettlementBuilder(const Schema& schema, std::span<const uint32_t> column_ids)
    : schema_version_(schema.version), codes_(schema.dimensions().size()) {
  for (const std::vector<size_t>& positions : {schema.dimensions(), schema.fields()}) {
    for (size_t position : positions) {
      const uint32_t id = schema.columns[position].id;
      const auto found = std::find(column_ids.begin(), column_ids.end(), id);
      TALLY_CHECK(column_ids.empty() || found != column_ids.end());
      columns_.push_back(column_ids.empty() ? columns_.size() : static_cast<size_t>(found - column_ids.begin()));
    }
  }
  for (size_t position : schema.fields()) {
    fields_.emplace_back().is_string = schema.columns[position].type == ColumnType::kString;
  }
}

void SettlementBuilder::add(const RowBlock& block, uint32_t row) {
  times_.push_back(block.times[row]);
  lsns_.push_back(block.lsns[row]);
  ByteWriter ids(ids_);
  put_id(block.id_kinds[row], block.ids[row], ids);
  size_t column = 0;
  for (std::vector<uint32_t>& codes : codes_) codes.push_back(block.columns[columns_[column++]].codes[row]);
  for (Field& field : fields_) {
    const BlockColumns::Selected& from = block.columns[columns_[column++]];
    if (!field.is_string) {
      const bool null = from.nulls != nullptr && from.nulls[row] != 0;
      field.nulls.push_back(null);
      field.ints.push_back(null ? 0 : from.ints[row]);
      continue;
    }
    const StringRef& text = from.strings[row];
    field.lengths.push_back(text.is_null() ? kNullLength : text.size());
    const ByteSpan bytes = as_bytes(text.is_null() ? std::string_view() : text.view());
    field.text.insert(field.text.end(), bytes.begin(), bytes.end());
    text_bytes_ += bytes.size();
  }
}

// Leaves room for one more row of the longest strings.
bool SettlementBuilder::full() const {
  const size_t row_bytes = 16 + codes_.size() * 4 + fields_.size() * 9;
  const size_t bytes = times_.size() * row_bytes + ids_.size() + text_bytes_ + gone_.size() * 16;
  return times_.size() >= limits::kBatchRowsDefault || gone_.size() >= limits::kRetractionIdsMax ||
         bytes >= limits::kBatchBytesMax / 2;
}

namespace {

template <class T>
void put_all(const std::vector<T>& values, Bytes& out) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
  out.insert(out.end(), bytes, bytes + values.size() * sizeof(T));
}

template <class T>
Status read_all(ByteReader& in, size_t count, std::vector<T>& values) {
  TALLY_ASSIGN_OR_RETURN(ByteSpan bytes, in.bytes(count * sizeof(T), kRetract));
  values.resize(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
  return {};
}

}  // namespace

Bytes SettlementBuilder::encode_body() const {
  Bytes body;
  put_all(times_, body);
  put_all(lsns_, body);
  put_all(ids_, body);
  for (const std::vector<uint32_t>& codes : codes_) put_all(codes, body);
  for (const Field& field : fields_) {
    if (field.is_string) {
      put_all(field.lengths, body);
      put_all(field.text, body);
    } else {
      put_all(field.nulls, body);
      put_all(field.ints, body);
    }
  }
  put_all(gone_, body);
  return body;
}

SettlementBuilder::Encoded SettlementBuilder::finish(Lsn resolved_lsn) {
  Encoded encoded;
  encoded.payload = encode_body();
  const auto body_bytes = static_cast<uint32_t>(encoded.payload.size());
  ByteWriter meta(encoded.meta);
  meta.u8(kVersion);
  meta.zeros(3);
  meta.u32(schema_version_);
  meta.u32(static_cast<uint32_t>(times_.size()));
  meta.u32(static_cast<uint32_t>(gone_.size()));
  meta.u64(resolved_lsn);
  meta.u32(body_bytes);
  times_.clear();
  lsns_.clear();
  ids_.clear();
  gone_.clear();
  for (std::vector<uint32_t>& codes : codes_) codes.clear();
  for (Field& field : fields_) {
    field.ints.clear();
    field.nulls.clear();
    field.lengths.clear();
    field.text.clear();
  }
  text_bytes_ = 0;
  return encoded;
}

namespace {

struct SettlementHead {
  uint32_t schema_version = 0;
  uint32_t rows = 0;
  uint32_t gone = 0;
  Lsn resolved_lsn = 0;
  uint32_t body_bytes = 0;
};

Result<SettlementHead> decode_head(ByteSpan meta) {
  SettlementHead head;
  ByteReader in(meta);
  TALLY_ASSIGN_OR_RETURN(uint8_t version, in.u8(kRetract));
  if (version != kVersion) return fail(Code::kUnsupported, "a RETRACT record of version " + std::to_string(version));
  TALLY_TRY(in.expect_zero(3, kRetract));
  TALLY_ASSIGN_OR_RETURN(head.schema_version, in.u32(kRetract));
  TALLY_ASSIGN_OR_RETURN(head.rows, in.u32(kRetract));
  TALLY_ASSIGN_OR_RETURN(head.gone, in.u32(kRetract));
  TALLY_ASSIGN_OR_RETURN(head.resolved_lsn, in.u64(kRetract));
  TALLY_ASSIGN_OR_RETURN(head.body_bytes, in.u32(kRetract));
  TALLY_TRY(in.expect_end(kRetract));
  if (head.rows > limits::kBatchRowsMax || head.gone > limits::kRetractionIdsMax ||
      head.body_bytes > limits::kBatchBytesMax) {
    return corrupt(kRetract, "a count beyond its limit");
  }
  return head;
}

class SettlementDecoder {
 public:
  SettlementDecoder(const Schema& schema, const SettlementHead& head, PreparedSettlement& out)
      : schema_(schema), rows_(head.rows), gone_(head.gone), out_(out), batch_(*out.originals), in_(batch_.payload) {}

  Status run(std::span<const uint32_t> dictionary_sizes) {
    TALLY_TRY(read_all(in_, rows_, batch_.times));
    TALLY_TRY(read_all(in_, rows_, out_.original_lsns));
    batch_.ids.resize(rows_);
    batch_.id_kinds.resize(rows_);
    for (uint32_t row = 0; row < rows_; ++row) {
      TALLY_TRY(read_id(in_, batch_.id_kinds[row], batch_.ids[row], kRetract));
    }
    for (uint32_t size : dictionary_sizes) TALLY_TRY(read_dimension(size));
    for (size_t position : schema_.fields()) {
      TALLY_TRY(schema_.columns[position].type == ColumnType::kString ? read_strings() : read_numbers());
    }
    TALLY_TRY(read_all(in_, gone_, out_.gone));
    return in_.expect_end(kRetract);
  }

 private:
  // Every row has a code of its own among those of the batch: row i has local code i + 1.
  Status read_dimension(uint32_t dictionary_size) {
    PreparedBatch::Dimension& dimension = batch_.dimensions.emplace_back();
    std::vector<uint32_t> codes;
    TALLY_TRY(read_all(in_, rows_, codes));
    dimension.local_codes.resize(rows_);
    dimension.table_codes.assign(1, 0);
    for (uint32_t row = 0; row < rows_; ++row) {
      if (codes[row] >= dictionary_size) return corrupt(kRetract, "a code that the dictionary does not have");
      dimension.local_codes[row] = row + 1;
    }
    dimension.table_codes.insert(dimension.table_codes.end(), codes.begin(), codes.end());
    return {};
  }

  Status read_numbers() {
    PreparedBatch::Field& field = batch_.fields.emplace_back();
    TALLY_TRY(read_all(in_, rows_, field.nulls));
    if (std::any_of(field.nulls.begin(), field.nulls.end(), [](uint8_t null) { return null > 1; })) {
      return corrupt(kRetract, "a NULL flag that is neither 0 nor 1");
    }
    return read_all(in_, rows_, field.ints);
  }

  Status read_strings() {
    PreparedBatch::Field& field = batch_.fields.emplace_back();
    std::vector<uint32_t> lengths;
    TALLY_TRY(read_all(in_, rows_, lengths));
    for (uint32_t length : lengths) {
      if (length == kNullLength) {
        field.strings.push_back(StringRef::null());
        continue;
      }
      if (length > limits::kStringBytesMax) return corrupt(kRetract, "a string that is too long");
      TALLY_ASSIGN_OR_RETURN(ByteSpan text, in_.bytes(length, kRetract));
      field.strings.emplace_back(as_text(text));
    }
    return {};
  }

  const Schema& schema_;
  const uint32_t rows_, gone_;
  PreparedSettlement& out_;
  PreparedBatch& batch_;
  ByteReader in_;
};

}  // namespace

Result<SettlementCounts> settlement_counts(ByteSpan meta) {
  TALLY_ASSIGN_OR_RETURN(SettlementHead head, decode_head(meta));
  return SettlementCounts{.schema_version = head.schema_version, .rows = head.rows, .gone = head.gone};
}

Result<std::unique_ptr<PreparedSettlement>> decode_settlement(const Schema& schema, const IdHasher& hasher,
                                                              uint32_t shards,
                                                              std::span<const uint32_t> dictionary_sizes, ByteSpan meta,
                                                              Bytes payload) {
  TALLY_ASSIGN_OR_RETURN(SettlementHead head, decode_head(meta));
  auto settlement = std::make_unique<PreparedSettlement>();
  settlement->resolved_lsn = head.resolved_lsn;
  settlement->originals = std::make_unique<PreparedBatch>();
  PreparedBatch& batch = *settlement->originals;
  batch.payload = std::move(payload);
  batch.payload_xxh3 = xxh3(batch.payload);
  batch.schema_version = head.schema_version;
  batch.rows = head.rows;
  if (batch.payload.size() != head.body_bytes) return corrupt(kRetract, "a payload of another length");
  TALLY_TRY(SettlementDecoder(schema, head, *settlement).run(dictionary_sizes));
  batch.id_hashes.resize(head.rows);
  hasher.hash_all(batch.id_kinds, batch.ids, batch.id_hashes);
  batch.shard_rows = rows_by_shard(batch.id_hashes, shards);
  settlement->shard_gone = rows_by_shard(settlement->gone, shards);
  return settlement;
}

}  // namespace tally
