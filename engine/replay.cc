#include "engine/replay.h"

#include <algorithm>

#include "base/limits.h"
#include "engine/condition_eval.h"

namespace tally {

Replay::Replay(const ManifestState& state, const IdHasher& hasher, Dictionaries& dictionaries,
               std::vector<Shard*> shards)
    : state_(state),
      hasher_(hasher),
      dictionaries_(dictionaries),
      shards_(std::move(shards)),
      classes_(state.schemas),
      last_lsn_(state.log.flushed_lsn),
      last_arrival_us_(state.newest_arrival_us),
      reference_us_(state.reference_us) {}

Status Replay::apply(const RecordView& record) {
  auto located = [&](Status status) -> Status {
    if (status) return status;
    return std::unexpected(std::move(status).error().with_context("log record " + std::to_string(record.lsn)));
  };
  switch (record.type) {
    case RecordType::kBatch: TALLY_TRY(located(apply_batch(record))); break;
    case RecordType::kForget: TALLY_TRY(located(apply_forget(record))); break;
    case RecordType::kVerdict: TALLY_TRY(located(apply_verdict(record))); break;
    case RecordType::kRetract: TALLY_TRY(located(apply_settlement(record))); break;
    case RecordType::kSchema: TALLY_TRY(located(apply_schema(record))); break;
    case RecordType::kClockBack: TALLY_TRY(located(apply_clock_back(record))); break;
    case RecordType::kSeal: break;
    default:
      return located(fail(Code::kUnsupported, "record type " + std::to_string(static_cast<unsigned>(record.type)) +
                                                  " is not known to this build"));
  }
  last_lsn_ = record.lsn;
  last_arrival_us_ = std::max(last_arrival_us_, record.arrival_us);
  return {};
}

Status Replay::apply_batch(const RecordView& record) {
  TALLY_ASSIGN_OR_RETURN(DecodedBatchMeta decoded, decode_batch_meta(record.meta));
  auto logged = std::make_shared<LoggedBatch>();
  TALLY_ASSIGN_OR_RETURN(logged->schema, schema_of(decoded.meta.schema_version));
  TALLY_TRY(add_values(*logged->schema, decoded.meta.additions));
  TALLY_ASSIGN_OR_RETURN(logged->batch,
                         decode_batch(*logged->schema, hasher_, static_cast<uint32_t>(shards_.size()),
                                      Bytes(record.payload.begin(), record.payload.end()), record.payload_xxh3));
  logged->lsn = record.lsn;
  logged->times = {.arrival_us = record.arrival_us, .reference_us = record.reference_us, .replay = decoded.meta.replay};
  logged->rejected = static_cast<uint32_t>(decoded.notes.rejected.size());
  logged->notes = std::make_shared<const BatchNotes>(std::move(decoded.notes));
  logged->has_other_values = map_codes(*logged->schema, *logged->batch);
  classify_lateness(*logged->schema, *logged->batch, logged->lateness_classes);
  logged->outcomes.resize(shards_.size());
  reference_us_ =
      std::max({reference_us_, record.reference_us, newest_time_not_early(*logged->batch, record.arrival_us)});
  for (Shard* shard : shards_) TALLY_TRY(shard->apply(*logged));
  return {};
}

Status Replay::apply_forget(const RecordView& record) {
  TALLY_ASSIGN_OR_RETURN(ForgetRecord forget, decode_forget(record.meta));
  if (forget.id.lateness_class >= classes_.count()) {
    return fail(Code::kCorruption, "it forgets ids of lateness class " + std::to_string(forget.id.lateness_class) +
                                       ", which the table does not have");
  }
  newest_forget_us_ = std::max(newest_forget_us_, record.arrival_us);
  LoggedBatch logged;
  logged.forget = std::make_shared<const ForgetRecord>(std::move(forget));
  return apply_by_all(logged, record);
}

Status Replay::apply_verdict(const RecordView& record) {
  LoggedBatch logged;
  logged.verdict = std::make_shared<VerdictWork>();
  VerdictWork& work = *logged.verdict;
  const auto shards = static_cast<uint32_t>(shards_.size());
  TALLY_ASSIGN_OR_RETURN(work.verdict,
                         decode_verdict(hasher_, shards, record.meta, record.payload, record.payload_xxh3));
  work.remembered.resize(work.verdict->rows());
  work.fresh.resize(shards);
  work.request = std::make_shared<const RetractionRequest>(RetractionRequest{
      .lsn = record.lsn, .arrival_us = record.arrival_us, .by = work.verdict->by, .reason = work.verdict->reason});
  return apply_by_all(logged, record);
}

Status Replay::apply_settlement(const RecordView& record) {
  TALLY_ASSIGN_OR_RETURN(SettlementCounts counts, settlement_counts(record.meta));
  LoggedBatch logged;
  TALLY_ASSIGN_OR_RETURN(logged.schema, schema_of(counts.schema_version));
  logged.settlement = std::make_shared<SettlementWork>();
  std::vector<uint32_t> sizes;
  for (const auto& dictionary : dictionaries_.of(*logged.schema)) sizes.push_back(dictionary->size());
  TALLY_ASSIGN_OR_RETURN(logged.settlement->settlement,
                         decode_settlement(*logged.schema, hasher_, static_cast<uint32_t>(shards_.size()), sizes,
                                           record.meta, Bytes(record.payload.begin(), record.payload.end())));
  return apply_by_all(logged, record);
}

Status Replay::apply_schema(const RecordView& record) {
  ByteReader in(record.meta);
  TALLY_ASSIGN_OR_RETURN(Schema schema, decode_schema(in));
  TALLY_TRY(in.expect_end("a SCHEMA record"));
  const Schema& now = new_schema_ ? *new_schema_ : *state_.schema();
  if (new_schema_ || schema.version != now.version + 1 || schema.table_name != now.table_name) {
    return fail(Code::kCorruption, "it brings schema version " + std::to_string(schema.version) + " of table \"" +
                                       schema.table_name + "\" behind version " + std::to_string(now.version));
  }
  new_schema_ = std::make_shared<const Schema>(std::move(schema));
  classes_.add(*new_schema_);
  dictionaries_.add(*new_schema_);
  LoggedBatch logged;
  logged.new_schema = new_schema_;
  return apply_by_all(logged, record);
}

Status Replay::apply_clock_back(const RecordView& record) {
  arrival_back_ = true;
  last_arrival_us_ = record.arrival_us;
  LoggedBatch logged;
  logged.clock_back = true;
  return apply_by_all(logged, record);
}

Result<std::shared_ptr<const Schema>> Replay::schema_of(uint32_t version) const {
  if (version > 0 && version <= state_.schemas.size()) return state_.schemas[version - 1];
  if (new_schema_ && version == new_schema_->version) return new_schema_;
  return fail(Code::kCorruption, "schema version " + std::to_string(version) + " is not in the manifest");
}

Status Replay::apply_by_all(LoggedBatch& logged, const RecordView& record) {
  logged.lsn = record.lsn;
  logged.times = {.arrival_us = record.arrival_us, .reference_us = record.reference_us};
  logged.outcomes.resize(shards_.size());
  for (Shard* shard : shards_) TALLY_TRY(shard->apply(logged));
  return {};
}

Status Replay::add_values(const Schema& schema, const std::vector<DictionaryAddition>& additions) {
  const std::vector<size_t> dimensions = schema.dimensions();
  for (const DictionaryAddition& addition : additions) {
    auto found = std::find_if(dimensions.begin(), dimensions.end(),
                              [&](size_t position) { return schema.columns[position].id == addition.dimension_id; });
    if (found == dimensions.end()) {
      return fail(Code::kCorruption, "values for dimension id " + std::to_string(addition.dimension_id) +
                                         ", which the schema does not have");
    }
    Dictionary& dictionary = *dictionaries_.find(addition.dimension_id);
    if (dictionary.size() != addition.first_code) {
      return fail(Code::kCorruption, "values of dimension \"" + schema.columns[*found].name + "\" start at code " +
                                         std::to_string(addition.first_code) + ", but the dictionary ends at " +
                                         std::to_string(dictionary.size()));
    }
    for (std::string_view value : addition.values) dictionary.add(value);
    if (dictionary.size() != addition.first_code + addition.values.size()) {
      return fail(Code::kCorruption,
                  "values of dimension \"" + schema.columns[*found].name + "\" are not new to its dictionary");
    }
  }
  return {};
}

// A value without a code was beyond the cardinality limit when the batch was ordered. Returns whether there was one.
bool Replay::map_codes(const Schema& schema, PreparedBatch& batch) const {
  bool has_other = false;
  find_codes(dictionaries_.of(schema), batch);
  for (PreparedBatch::Dimension& dimension : batch.dimensions) {
    for (uint32_t& code : dimension.table_codes) {
      if (code == Dictionary::kNotFoundCode) code = kOtherCode;
      has_other |= code == kOtherCode;
    }
  }
  return has_other;
}

}  // namespace tally
