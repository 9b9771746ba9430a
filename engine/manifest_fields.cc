// The fields of a snapshot and of an edit: the same tags in both, since a snapshot is an edit of nothing.
#include <algorithm>

#include "base/limits.h"
#include "engine/clock_fields.h"
#include "engine/dead_letter_fields.h"
#include "engine/manifest_format.h"
#include "engine/tagged_fields.h"

namespace tally::manifest_format {

namespace {

enum Tag : uint16_t {
  kTableUuid = 1,             // snapshot only: 16 bytes
  kHashKey = 2,               // snapshot only: 16 bytes
  kSchema = 3,                // one schema version, as encode_schema() writes it; a snapshot has one of each, ascending
  kAddSegment = 4,            // see put_segment()
  kRemoveSegment = 5,         // u64 number
  kAddDictionaryFile = 6,     // see put_dictionary_file()
  kRemoveDictionaryFile = 7,  // u64 number
  kDictionarySize = 8,        // u32 dimension id, u32 codes
  kLogPosition = 9,           // u64 flushed LSN, u64 synced LSN, u64 first file
  kLedger = 10,               // 9 x u64 in the order of struct Ledger
  kNewestEvent = 11,          // i64
  kNewestArrival = 12,        // i64
  kNextFileNumber = 13,       // u64
  kClocks = 14,               // i64 boottime, i64 wall, string boot id
  kReference = 15,            // i64
  kAddIdRun = 16,             // see put_id_run()
  kRemoveIdRun = 17,          // u64 number
  kHorizon = 18,              // u32 lateness class, i32 UTC day, i64 event time
  kAddRetractionFile = 23,    // see put_retraction_file()
  kRemoveRetractionFile = 24,  // u64 number
  kResolvedLsn = 25,           // u64
  kTierProgress = 26,          // u32 rollup id, u8 tier, 3 zero bytes, i32 day, u64 dropped LSN, u64 folded LSN
  kEndedTier = 27,             // u32 rollup id, u8 tier, 3 zero bytes, i32 day
  kDroppedEvents = 28,         // u32 rollup id, u64 events
  kUnlinkedSegment = 29,       // u64 number
  kRemovedSegment = 30,        // snapshot only: u64 number
  kNewestForget = 32,          // i64
  kArrivalBack = 33,           // edit only: i64
  kRemovedFile = 34,           // snapshot only: u64 number
  kUnlinkedFile = 35,          // u64 number
};

// Behind a segment's entry: of each section i32 day, u32 zero, u64 rows, u64 events, u64 above LSN, u64 through LSN.
constexpr uint16_t kDaysOfSegment = 1;
constexpr uint16_t kArrivalOfSegment = 2;  // raw: i64 newest arrival
constexpr size_t kSegmentDayBytes = 40;

// OFFSET SIZE TYPE FIELD (then tagged fields that a later version adds)
// 0      8    u64  number           48  8  u64  events          88  4  u32  rollup id
// 8      16        uuid             56  8  i64  min time        92  4  u32  schema version
// 24     8    u64  size             64  8  i64  max time        96  2  u16  lowest reader version
// 32     8    u64  checksum         72  8  u64  min LSN         98  1  u8   tier
// 40     8    u64  rows             80  8  u64  max LSN         99  1  u8   zero
void put_segment(ByteWriter& out, const SegmentInfo& segment) {
  out.u64(segment.number);
  out.bytes(segment.uuid);
  out.u64(segment.size);
  out.u64(segment.checksum);
  out.u64(segment.rows);
  out.u64(segment.events);
  out.i64(segment.min_time);
  out.i64(segment.max_time);
  out.u64(segment.min_lsn);
  out.u64(segment.max_lsn);
  out.u32(segment.rollup_id);
  out.u32(segment.schema_version);
  out.u16(segment.min_reader_version);
  out.u8(static_cast<uint8_t>(segment.tier));
  out.u8(0);
  if (segment.newest_arrival_us != 0) {
    put_field(out, kArrivalOfSegment, [&](ByteWriter& field) { field.i64(segment.newest_arrival_us); });
  }
  if (segment.days.empty()) return;
  put_field(out, kDaysOfSegment, [&](ByteWriter& field) {
    for (const SegmentDay& day : segment.days) {
      field.put(day.day);
      field.u32(0);
      field.u64(day.rows);
      field.u64(day.events);
      field.u64(day.above_lsn);
      field.u64(day.through_lsn);
    }
  });
}

Status read_segment_days(const Field& field, SegmentInfo& segment) {
  constexpr std::string_view kWhat = "a segment's days";
  ByteReader in(field.bytes);
  segment.days.reserve(in.remaining() / kSegmentDayBytes);
  while (!in.at_end()) {
    SegmentDay& day = segment.days.emplace_back();
    TALLY_ASSIGN_OR_RETURN(day.day, in.read<int32_t>(kWhat));
    TALLY_TRY(in.expect_zero(4, kWhat));
    for (uint64_t* value : {&day.rows, &day.events, &day.above_lsn, &day.through_lsn}) {
      TALLY_ASSIGN_OR_RETURN(*value, in.u64(kWhat));
    }
  }
  return {};
}

Status read_uuid(ByteReader& in, std::array<uint8_t, 16>& uuid, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(ByteSpan bytes, in.bytes(uuid.size(), what));
  std::copy(bytes.begin(), bytes.end(), uuid.begin());
  return {};
}

Status read_segment_field(const Field& field, SegmentInfo& segment) {
  if (field.tag == kDaysOfSegment) return read_segment_days(field, segment);
  if (field.tag != kArrivalOfSegment) return skip_unknown_field(field, "a segment's entry");
  ByteReader in(field.bytes);
  TALLY_ASSIGN_OR_RETURN(segment.newest_arrival_us, in.i64("a segment's newest arrival"));
  return in.expect_end("a segment's newest arrival");
}

Result<SegmentInfo> read_segment(ByteReader& in) {
  constexpr std::string_view kWhat = "a segment's entry";
  SegmentInfo segment;
  TALLY_ASSIGN_OR_RETURN(segment.number, in.u64(kWhat));
  TALLY_TRY(read_uuid(in, segment.uuid, kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.size, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.checksum, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.rows, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.events, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.min_time, in.i64(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.max_time, in.i64(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.min_lsn, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.max_lsn, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.rollup_id, in.u32(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.schema_version, in.u32(kWhat));
  TALLY_ASSIGN_OR_RETURN(segment.min_reader_version, in.u16(kWhat));
  TALLY_ASSIGN_OR_RETURN(uint8_t tier, in.u8(kWhat));
  if (tier > static_cast<uint8_t>(Tier::kDay)) return fail(Code::kCorruption, "a segment of unknown tier");
  segment.tier = static_cast<Tier>(tier);
  TALLY_TRY(in.expect_zero(1, kWhat));
  while (!in.at_end()) {
    TALLY_ASSIGN_OR_RETURN(Field field, read_field(in, kWhat));
    TALLY_TRY(read_segment_field(field, segment));
  }
  return segment;
}

// OFFSET SIZE TYPE FIELD: 0 8 u64 number; 8 16 uuid; 24 8 u64 size; 32 8 u64 checksum; then later fields
void put_dictionary_file(ByteWriter& out, const DictionaryFileInfo& file) {
  out.u64(file.number);
  out.bytes(file.uuid);
  out.u64(file.size);
  out.u64(file.checksum);
}

Result<DictionaryFileInfo> read_dictionary_file(ByteReader& in) {
  constexpr std::string_view kWhat = "a dictionary file's entry";
  DictionaryFileInfo file;
  TALLY_ASSIGN_OR_RETURN(file.number, in.u64(kWhat));
  TALLY_TRY(read_uuid(in, file.uuid, kWhat));
  TALLY_ASSIGN_OR_RETURN(file.size, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(file.checksum, in.u64(kWhat));
  TALLY_TRY(skip_unknown_fields(in, kWhat));
  return file;
}

// OFFSET SIZE TYPE FIELD: 0 8 u64 number; 8 16 uuid; 24 8 u64 size; 32 8 u64 checksum; 40 8 u64 retractions; then later fields
void put_retraction_file(ByteWriter& out, const RetractionFileInfo& file) {
  out.u64(file.number);
  out.bytes(file.uuid);
  out.u64(file.size);
  out.u64(file.checksum);
  out.u64(file.retractions);
}

Result<RetractionFileInfo> read_retraction_file(ByteReader& in) {
  constexpr std::string_view kWhat = "a retraction file's entry";
  RetractionFileInfo file;
  TALLY_ASSIGN_OR_RETURN(file.number, in.u64(kWhat));
  TALLY_TRY(read_uuid(in, file.uuid, kWhat));
  TALLY_ASSIGN_OR_RETURN(file.size, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(file.checksum, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(file.retractions, in.u64(kWhat));
  TALLY_TRY(skip_unknown_fields(in, kWhat));
  return file;
}

// OFFSET SIZE TYPE FIELD
// 0      8    u64  number          48  8  i64  generation        80   8    i64  newest arrival
// 8      16        uuid            56  4  u32  lateness class    88   2    u16  lowest reader version
// 24     8    u64  size            60  4  u32  shard             90   2         zero
// 32     8    u64  checksum        64  4  u32  shards            92   4    u32  days n
// 40     8    u64  entries         68  4       zero              96   12n       each: i32 day, i64 newest event time
//                                  72  8  u64  max LSN           then tagged fields that a later version adds
void put_id_run(ByteWriter& out, const IdRunInfo& run) {
  out.u64(run.number);
  out.bytes(run.uuid);
  out.u64(run.size);
  out.u64(run.checksum);
  out.u64(run.entries);
  out.i64(run.place.generation);
  out.u32(run.place.lateness_class);
  out.u32(run.place.shard);
  out.u32(run.place.shards);
  out.u32(0);
  out.u64(run.summary.max_lsn);
  out.i64(run.summary.newest_arrival_us);
  out.u16(run.min_reader_version);
  out.u16(0);
  out.u32(static_cast<uint32_t>(run.summary.newest.size()));
  for (const NewestOfDay& of : run.summary.newest) {
    out.u32(static_cast<uint32_t>(of.day));
    out.i64(of.event_us);
  }
}

Result<IdRunInfo> read_id_run(ByteReader& in) {
  constexpr std::string_view kWhat = "an id run's entry";
  IdRunInfo run;
  TALLY_ASSIGN_OR_RETURN(run.number, in.u64(kWhat));
  TALLY_TRY(read_uuid(in, run.uuid, kWhat));
  TALLY_ASSIGN_OR_RETURN(run.size, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(run.checksum, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(run.entries, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(run.place.generation, in.i64(kWhat));
  TALLY_ASSIGN_OR_RETURN(run.place.lateness_class, in.u32(kWhat));
  TALLY_ASSIGN_OR_RETURN(run.place.shard, in.u32(kWhat));
  TALLY_ASSIGN_OR_RETURN(run.place.shards, in.u32(kWhat));
  TALLY_TRY(in.expect_zero(4, kWhat));
  TALLY_ASSIGN_OR_RETURN(run.summary.max_lsn, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(run.summary.newest_arrival_us, in.i64(kWhat));
  TALLY_ASSIGN_OR_RETURN(run.min_reader_version, in.u16(kWhat));
  TALLY_TRY(in.expect_zero(2, kWhat));
  TALLY_ASSIGN_OR_RETURN(uint32_t days, in.u32(kWhat));
  for (uint32_t i = 0; i < days; ++i) {
    NewestOfDay& of = run.summary.newest.emplace_back();
    TALLY_ASSIGN_OR_RETURN(uint32_t day, in.u32(kWhat));
    of.day = static_cast<int32_t>(day);
    TALLY_ASSIGN_OR_RETURN(of.event_us, in.i64(kWhat));
  }
  TALLY_TRY(skip_unknown_fields(in, kWhat));
  return run;
}

void put_ledger(ByteWriter& out, const Ledger& ledger) {
  for (uint64_t count : {ledger.received, ledger.accepted, ledger.duplicates, ledger.conflicts, ledger.too_late,
                         ledger.rejected, ledger.late, ledger.other_values, ledger.retracted}) {
    out.u64(count);
  }
}

Result<Ledger> read_ledger(ByteReader& in) {
  Ledger ledger;
  for (uint64_t* count : {&ledger.received, &ledger.accepted, &ledger.duplicates, &ledger.conflicts, &ledger.too_late,
                          &ledger.rejected, &ledger.late, &ledger.other_values, &ledger.retracted}) {
    TALLY_ASSIGN_OR_RETURN(*count, in.u64("the ledger"));
  }
  TALLY_TRY(skip_unknown_fields(in, "the ledger"));
  return ledger;
}

void put_u64_field(ByteWriter& out, uint16_t tag, uint64_t value) {
  put_field(out, tag, [&](ByteWriter& field) { field.u64(value); });
}

void put_segment_fields(ByteWriter& out, const SegmentInfo& segment) {
  put_field(out, kAddSegment, [&](ByteWriter& field) { put_segment(field, segment); });
}

void put_id_run_fields(ByteWriter& out, const IdRunInfo& run) {
  put_field(out, kAddIdRun, [&](ByteWriter& field) { put_id_run(field, run); });
}

void put_horizons(ByteWriter& out, const HorizonMap& horizons) {
  for (const auto& [place, horizon] : horizons) {
    put_field(out, kHorizon, [&, at = place, time = horizon](ByteWriter& field) {
      field.u32(at.first);
      field.u32(static_cast<uint32_t>(at.second));
      field.i64(time);
    });
  }
}

void put_retraction_files(ByteWriter& out, const std::vector<RetractionFileInfo>& files) {
  for (const RetractionFileInfo& file : files) {
    put_field(out, kAddRetractionFile, [&](ByteWriter& field) { put_retraction_file(field, file); });
  }
}

void put_tier_day(ByteWriter& field, const TierDay& of) {
  field.u32(of.rollup_id);
  field.u8(static_cast<uint8_t>(of.tier));
  field.zeros(3);
  field.put(of.day);
}

void put_tiers(ByteWriter& out, const TierProgressMap& tiers) {
  for (const auto& one : tiers) {
    put_field(out, kTierProgress, [&](ByteWriter& field) {
      put_tier_day(field, one.first);
      field.u64(one.second.dropped_lsn);
      field.u64(one.second.folded_lsn);
    });
  }
}

void put_dropped_events(ByteWriter& out, const std::map<uint32_t, uint64_t>& dropped) {
  for (auto [rollup, events] : dropped) {
    put_field(out, kDroppedEvents, [id = rollup, count = events](ByteWriter& field) {
      field.u32(id);
      field.u64(count);
    });
  }
}

void put_dictionary_sizes(ByteWriter& out, const std::map<uint32_t, uint32_t>& sizes) {
  for (auto [dimension, size] : sizes) {
    put_field(out, kDictionarySize, [&, id = dimension, codes = size](ByteWriter& field) {
      field.u32(id);
      field.u32(codes);
    });
  }
}

void put_log_position(ByteWriter& out, const LogPosition& log) {
  put_field(out, kLogPosition, [&](ByteWriter& field) {
    field.u64(log.flushed_lsn);
    field.u64(log.synced_lsn);
    field.u64(log.first_file);
  });
}

void put_clocks(ByteWriter& out, const std::string& boot_id, TimeUs boottime_us, TimeUs wall_us) {
  put_field(out, kClocks, [&](ByteWriter& field) {
    field.i64(boottime_us);
    field.i64(wall_us);
    field.string(std::string_view(boot_id).substr(0, kBootIdBytesMax));
  });
}

// What the fields say, before anything is applied. A snapshot may bring several schemas, its uuid and its key.
struct Parsed {
  ManifestEdit edit;
  std::set<uint64_t> removed_segments;
  std::set<uint64_t> removed_files;
  std::vector<std::shared_ptr<const Schema>> schemas;
  std::optional<std::array<uint8_t, 16>> table_uuid;
  std::optional<HashKey> hash_key;
  bool clocks = false;
};

template <class T>
Status once(const std::optional<T>& slot) {
  if (slot) return fail(Code::kCorruption, "a field stands there twice");
  return {};
}

Status read_dictionary_size(ByteReader& in, ManifestEdit& edit) {
  TALLY_ASSIGN_OR_RETURN(uint32_t dimension, in.u32("a dictionary size"));
  TALLY_ASSIGN_OR_RETURN(uint32_t codes, in.u32("a dictionary size"));
  if (!edit.dictionary_sizes.emplace(dimension, codes).second) {
    return fail(Code::kCorruption, "two sizes for one dictionary");
  }
  return in.expect_end("a dictionary size");
}

Status read_horizon(ByteReader& in, ManifestEdit& edit) {
  TALLY_ASSIGN_OR_RETURN(uint32_t lateness_class, in.u32("a horizon"));
  TALLY_ASSIGN_OR_RETURN(uint32_t day, in.u32("a horizon"));
  TALLY_ASSIGN_OR_RETURN(TimeUs horizon, in.i64("a horizon"));
  if (!edit.horizons.emplace(std::pair(lateness_class, static_cast<int32_t>(day)), horizon).second) {
    return fail(Code::kCorruption, "two horizons for one day");
  }
  return in.expect_end("a horizon");
}

Result<TierDay> read_tier_day(ByteReader& in) {
  constexpr std::string_view kWhat = "a tier's day";
  TierDay of;
  TALLY_ASSIGN_OR_RETURN(of.rollup_id, in.u32(kWhat));
  TALLY_ASSIGN_OR_RETURN(uint8_t tier, in.u8(kWhat));
  TALLY_TRY(in.expect_zero(3, kWhat));
  TALLY_ASSIGN_OR_RETURN(of.day, in.read<int32_t>(kWhat));
  if (tier > static_cast<uint8_t>(Tier::kDay) || (tier == static_cast<uint8_t>(Tier::kRaw)) != (of.rollup_id == 0)) {
    return fail(Code::kCorruption, "progress of an unknown tier");
  }
  of.tier = static_cast<Tier>(tier);
  return of;
}

Status read_tier_progress(ByteReader& in, ManifestEdit& edit) {
  TALLY_ASSIGN_OR_RETURN(TierDay of, read_tier_day(in));
  TierProgress progress;
  TALLY_ASSIGN_OR_RETURN(progress.dropped_lsn, in.u64("a tier's progress"));
  TALLY_ASSIGN_OR_RETURN(progress.folded_lsn, in.u64("a tier's progress"));
  if (!edit.tiers.emplace(of, progress).second) return fail(Code::kCorruption, "a tier's progress stands there twice");
  return in.expect_end("a tier's progress");
}

Status read_ended_tier(ByteReader& in, ManifestEdit& edit) {
  TALLY_ASSIGN_OR_RETURN(TierDay of, read_tier_day(in));
  edit.ended_tiers.push_back(of);
  return in.expect_end("an ended tier");
}

Status read_dropped_events(ByteReader& in, ManifestEdit& edit) {
  TALLY_ASSIGN_OR_RETURN(uint32_t rollup, in.u32("dropped events"));
  TALLY_ASSIGN_OR_RETURN(uint64_t events, in.u64("dropped events"));
  if (!edit.dropped_events.emplace(rollup, events).second) {
    return fail(Code::kCorruption, "dropped events of a rollup stand there twice");
  }
  return in.expect_end("dropped events");
}

Status read_log_position(ByteReader& in, ManifestEdit& edit) {
  TALLY_TRY(once(edit.log));
  LogPosition log;
  TALLY_ASSIGN_OR_RETURN(log.flushed_lsn, in.u64("the log position"));
  TALLY_ASSIGN_OR_RETURN(log.synced_lsn, in.u64("the log position"));
  TALLY_ASSIGN_OR_RETURN(log.first_file, in.u64("the log position"));
  edit.log = log;
  return skip_unknown_fields(in, "the log position");
}

Status read_clocks(ByteReader& in, Parsed& parsed) {
  if (parsed.clocks) return fail(Code::kCorruption, "two sets of clocks");
  parsed.clocks = true;
  TALLY_ASSIGN_OR_RETURN(parsed.edit.boottime_us, in.i64("the clocks"));
  TALLY_ASSIGN_OR_RETURN(parsed.edit.wall_us, in.i64("the clocks"));
  TALLY_ASSIGN_OR_RETURN(std::string_view boot_id, in.string(kBootIdBytesMax, "the boot id"));
  parsed.edit.boot_id = boot_id;
  return skip_unknown_fields(in, "the clocks");
}

Status read_removed_file(ByteReader& in, std::set<uint64_t>& removed, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(uint64_t number, in.u64(what));
  removed.insert(number);
  return in.expect_end(what);
}

Status read_schema(ByteReader& in, Parsed& parsed) {
  TALLY_ASSIGN_OR_RETURN(Schema schema, decode_schema(in));
  parsed.schemas.push_back(std::make_shared<const Schema>(std::move(schema)));
  return in.expect_end("a schema");
}

template <class T>
Status read_number(ByteReader& in, std::optional<T>& slot, std::string_view what) {
  TALLY_TRY(once(slot));
  TALLY_ASSIGN_OR_RETURN(slot, in.read<T>(what));
  return in.expect_end(what);
}

Status read_removed(ByteReader& in, std::vector<uint64_t>& removed, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(uint64_t number, in.u64(what));
  removed.push_back(number);
  return in.expect_end(what);
}

Status read_fixed(ByteReader& in, std::optional<std::array<uint8_t, 16>>& slot, std::string_view what) {
  TALLY_TRY(once(slot));
  TALLY_TRY(read_uuid(in, slot.emplace(), what));
  return in.expect_end(what);
}

Status parse_one(const Field& field, Parsed& parsed) {
  ByteReader in(field.bytes);
  ManifestEdit& edit = parsed.edit;
  switch (field.tag) {
    case kTableUuid: return read_fixed(in, parsed.table_uuid, "the table uuid");
    case kHashKey: return read_fixed(in, parsed.hash_key, "the hash key");
    case kSchema: return read_schema(in, parsed);
    case kAddSegment: {
      TALLY_ASSIGN_OR_RETURN(SegmentInfo segment, read_segment(in));
      edit.add_segments.push_back(segment);
      return {};
    }
    case kRemoveSegment: return read_removed(in, edit.remove_segments, "a removed segment");
    case kAddDictionaryFile: {
      TALLY_ASSIGN_OR_RETURN(DictionaryFileInfo file, read_dictionary_file(in));
      edit.add_dictionary_files.push_back(file);
      return {};
    }
    case kRemoveDictionaryFile: return read_removed(in, edit.remove_dictionary_files, "a removed dictionary file");
    case kAddIdRun: {
      TALLY_ASSIGN_OR_RETURN(IdRunInfo run, read_id_run(in));
      edit.add_id_runs.push_back(std::move(run));
      return {};
    }
    case kRemoveIdRun: return read_removed(in, edit.remove_id_runs, "a removed id run");
    case kHorizon: return read_horizon(in, edit);
    case kAddRetractionFile: {
      TALLY_ASSIGN_OR_RETURN(RetractionFileInfo file, read_retraction_file(in));
      edit.add_retraction_files.push_back(file);
      return {};
    }
    case kRemoveRetractionFile: return read_removed(in, edit.remove_retraction_files, "a removed retraction file");
    case kResolvedLsn: return read_number(in, edit.resolved_lsn, "the LSN of resolved verdicts");
    case kAddLetterFile: {
      TALLY_ASSIGN_OR_RETURN(LetterFileInfo file, read_letter_file(in));
      edit.add_letter_files.push_back(file);
      return {};
    }
    case kRemoveLetterFile: return read_removed(in, edit.remove_letter_files, "a removed dead letter file");
    case kLetterCounts: {
      TALLY_TRY(once(edit.letters));
      TALLY_ASSIGN_OR_RETURN(edit.letters, read_letter_counts(in));
      return {};
    }
    case kDictionarySize: return read_dictionary_size(in, edit);
    case kLogPosition: return read_log_position(in, edit);
    case kLedger: {
      TALLY_TRY(once(edit.ledger));
      TALLY_ASSIGN_OR_RETURN(edit.ledger, read_ledger(in));
      return {};
    }
    case kNewestEvent: return read_number(in, edit.newest_event_us, "the newest event time");
    case kNewestArrival: return read_number(in, edit.newest_arrival_us, "the newest arrival time");
    case kNextFileNumber: return read_number(in, edit.next_file_number, "the next file number");
    case kClocks: return read_clocks(in, parsed);
    case kReference: return read_number(in, edit.reference_us, "the reference time");
    case kTierProgress: return read_tier_progress(in, edit);
    case kEndedTier: return read_ended_tier(in, edit);
    case kDroppedEvents: return read_dropped_events(in, edit);
    case kUnlinkedSegment: return read_removed(in, edit.unlinked_segments, "an unlinked segment");
    case kRemovedSegment: return read_removed_file(in, parsed.removed_segments, "a removed segment");
    case kRemovedFile: return read_removed_file(in, parsed.removed_files, "a removed file");
    case kUnlinkedFile: return read_removed(in, edit.unlinked_files, "an unlinked file");
    case kClockAnchor: {
      TALLY_TRY(once(edit.anchor));
      TALLY_ASSIGN_OR_RETURN(edit.anchor, read_clock_anchor(in));
      return {};
    }
    case kNewestForget: return read_number(in, edit.newest_forget_us, "the arrival of the newest FORGET record");
    case kArrivalBack: return read_number(in, edit.arrival_back_us, "the arrival gone back to");
    default: return skip_unknown_field(field, "the edit");
  }
}

Result<Parsed> parse(ByteSpan payload) {
  Parsed parsed;
  ByteReader in(payload);
  while (!in.at_end()) {
    size_t at = in.offset();
    TALLY_ASSIGN_OR_RETURN(Field field, read_field(in, "a field"));
    if (Status status = parse_one(field, parsed); !status) {
      return std::unexpected(std::move(status).error().with_context("field " + std::to_string(field.tag) + " at byte " +
                                                                    std::to_string(at) + " of the payload"));
    }
  }
  return parsed;
}

}  // namespace

void encode_state(const ManifestState& state, ByteWriter& out) {
  put_field(out, kTableUuid, [&](ByteWriter& field) { field.bytes(state.table_uuid); });
  put_field(out, kHashKey, [&](ByteWriter& field) { field.bytes(state.hash_key); });
  for (const auto& schema : state.schemas) {
    put_field(out, kSchema, [&](ByteWriter& field) { encode_schema(*schema, field); });
  }
  for (const auto& [number, segment] : state.segments) put_segment_fields(out, segment);
  for (const DictionaryFileInfo& file : state.dictionary_files) {
    put_field(out, kAddDictionaryFile, [&](ByteWriter& field) { put_dictionary_file(field, file); });
  }
  put_dictionary_sizes(out, state.dictionary_sizes);
  for (const auto& [number, run] : state.id_runs) put_id_run_fields(out, run);
  put_horizons(out, state.horizons);
  put_retraction_files(out, state.retraction_files);
  put_u64_field(out, kResolvedLsn, state.resolved_lsn);
  for (const auto& [number, file] : state.letter_files) put_letter_file_fields(out, file);
  put_letter_counts(out, state.letters);
  put_tiers(out, state.tiers);
  put_dropped_events(out, state.dropped_events);
  for (uint64_t number : state.removed_segments) put_u64_field(out, kRemovedSegment, number);
  for (uint64_t number : state.removed_files) put_u64_field(out, kRemovedFile, number);
  put_log_position(out, state.log);
  put_field(out, kLedger, [&](ByteWriter& field) { put_ledger(field, state.ledger); });
  put_u64_field(out, kNewestEvent, static_cast<uint64_t>(state.newest_event_us));
  put_u64_field(out, kNewestArrival, static_cast<uint64_t>(state.newest_arrival_us));
  put_u64_field(out, kNewestForget, static_cast<uint64_t>(state.newest_forget_us));
  put_clock_anchor(out, state.anchor);
  put_u64_field(out, kReference, static_cast<uint64_t>(state.reference_us));
  put_u64_field(out, kNextFileNumber, state.next_file_number);
  put_clocks(out, state.boot_id, state.boottime_us, state.wall_us);
}

void encode_edit(const ManifestEdit& edit, ByteWriter& out) {
  if (edit.add_schema) {
    put_field(out, kSchema, [&](ByteWriter& field) { encode_schema(**edit.add_schema, field); });
  }
  for (const SegmentInfo& segment : edit.add_segments) put_segment_fields(out, segment);
  for (uint64_t number : edit.remove_segments) put_u64_field(out, kRemoveSegment, number);
  for (const DictionaryFileInfo& file : edit.add_dictionary_files) {
    put_field(out, kAddDictionaryFile, [&](ByteWriter& field) { put_dictionary_file(field, file); });
  }
  for (uint64_t number : edit.remove_dictionary_files) put_u64_field(out, kRemoveDictionaryFile, number);
  put_dictionary_sizes(out, edit.dictionary_sizes);
  for (const IdRunInfo& run : edit.add_id_runs) put_id_run_fields(out, run);
  for (uint64_t number : edit.remove_id_runs) put_u64_field(out, kRemoveIdRun, number);
  put_horizons(out, edit.horizons);
  put_retraction_files(out, edit.add_retraction_files);
  for (uint64_t number : edit.remove_retraction_files) put_u64_field(out, kRemoveRetractionFile, number);
  if (edit.resolved_lsn) put_u64_field(out, kResolvedLsn, *edit.resolved_lsn);
  for (const LetterFileInfo& file : edit.add_letter_files) put_letter_file_fields(out, file);
  for (uint64_t number : edit.remove_letter_files) put_u64_field(out, kRemoveLetterFile, number);
  if (edit.letters) put_letter_counts(out, *edit.letters);
  put_tiers(out, edit.tiers);
  for (const TierDay& of : edit.ended_tiers) {
    put_field(out, kEndedTier, [&](ByteWriter& field) { put_tier_day(field, of); });
  }
  put_dropped_events(out, edit.dropped_events);
  for (uint64_t number : edit.unlinked_segments) put_u64_field(out, kUnlinkedSegment, number);
  for (uint64_t number : edit.unlinked_files) put_u64_field(out, kUnlinkedFile, number);
  if (edit.log) put_log_position(out, *edit.log);
  if (edit.ledger) put_field(out, kLedger, [&](ByteWriter& field) { put_ledger(field, *edit.ledger); });
  if (edit.newest_event_us) put_u64_field(out, kNewestEvent, static_cast<uint64_t>(*edit.newest_event_us));
  if (edit.newest_arrival_us) put_u64_field(out, kNewestArrival, static_cast<uint64_t>(*edit.newest_arrival_us));
  if (edit.arrival_back_us) put_u64_field(out, kArrivalBack, static_cast<uint64_t>(*edit.arrival_back_us));
  if (edit.newest_forget_us) put_u64_field(out, kNewestForget, static_cast<uint64_t>(*edit.newest_forget_us));
  put_clock_anchor(out, edit.anchor);
  if (edit.reference_us) put_u64_field(out, kReference, static_cast<uint64_t>(*edit.reference_us));
  if (edit.next_file_number) put_u64_field(out, kNextFileNumber, *edit.next_file_number);
  put_clocks(out, edit.boot_id, edit.boottime_us, edit.wall_us);
}

Result<ManifestEdit> decode_edit(ByteSpan payload) {
  TALLY_ASSIGN_OR_RETURN(Parsed parsed, parse(payload));
  if (parsed.table_uuid || parsed.hash_key || parsed.schemas.size() > 1 || !parsed.removed_segments.empty() ||
      !parsed.removed_files.empty()) {
    return fail(Code::kCorruption, "an edit holds what only a snapshot may");
  }
  if (!parsed.schemas.empty()) parsed.edit.add_schema = parsed.schemas.front();
  return std::move(parsed.edit);
}

Result<ManifestState> decode_state(ByteSpan payload) {
  TALLY_ASSIGN_OR_RETURN(Parsed parsed, parse(payload));
  ManifestEdit& edit = parsed.edit;
  if (!parsed.table_uuid || !parsed.hash_key || !edit.log || !edit.ledger || !edit.newest_event_us ||
      !edit.newest_arrival_us || !edit.reference_us || !edit.next_file_number || !edit.resolved_lsn || !parsed.clocks) {
    return fail(Code::kCorruption, "a snapshot lacks a field");
  }
  if (!edit.remove_segments.empty() || !edit.remove_dictionary_files.empty() || !edit.remove_id_runs.empty() ||
      !edit.remove_retraction_files.empty() || !edit.remove_letter_files.empty() || !edit.ended_tiers.empty() ||
      !edit.unlinked_segments.empty() || !edit.unlinked_files.empty() || edit.arrival_back_us) {
    return fail(Code::kCorruption, "a snapshot removes files");
  }
  ManifestState state;
  state.table_uuid = *parsed.table_uuid;
  state.hash_key = *parsed.hash_key;
  state.schemas = std::move(parsed.schemas);
  for (const SegmentInfo& segment : edit.add_segments) {
    if (!state.segments.emplace(segment.number, segment).second) {
      return fail(Code::kCorruption, "segment " + std::to_string(segment.number) + " stands there twice");
    }
  }
  for (IdRunInfo& run : edit.add_id_runs) {
    const uint64_t number = run.number;
    if (!state.id_runs.emplace(number, std::move(run)).second) {
      return fail(Code::kCorruption, "id run " + std::to_string(number) + " stands there twice");
    }
  }
  for (const LetterFileInfo& file : edit.add_letter_files) {
    if (!state.letter_files.emplace(file.number, file).second) {
      return fail(Code::kCorruption, "dead letter file " + std::to_string(file.number) + " stands there twice");
    }
  }
  // A manifest that knows nothing of letters: what was refused until then has none.
  state.letters = edit.letters.value_or(LetterCounts{.before = edit.ledger->too_late + edit.ledger->rejected});
  state.horizons = std::move(edit.horizons);
  state.retraction_files = std::move(edit.add_retraction_files);
  state.resolved_lsn = *edit.resolved_lsn;
  state.dictionary_files = std::move(edit.add_dictionary_files);
  state.dictionary_sizes = std::move(edit.dictionary_sizes);
  state.tiers = std::move(edit.tiers);
  state.dropped_events = std::move(edit.dropped_events);
  state.removed_segments = std::move(parsed.removed_segments);
  state.removed_files = std::move(parsed.removed_files);
  state.log = *edit.log;
  state.ledger = *edit.ledger;
  state.newest_event_us = *edit.newest_event_us;
  state.newest_arrival_us = *edit.newest_arrival_us;
  // A manifest from before this was kept: what was forgotten was so at some arrival up to the newest.
  state.newest_forget_us = edit.newest_forget_us.value_or(state.horizons.empty() ? 0 : *edit.newest_arrival_us);
  state.anchor = std::move(edit.anchor);
  state.reference_us = *edit.reference_us;
  state.next_file_number = *edit.next_file_number;
  state.boot_id = std::move(edit.boot_id);
  state.boottime_us = edit.boottime_us;
  state.wall_us = edit.wall_us;
  if (Status status = check_state(state); !status) {
    return fail(Code::kCorruption, std::move(status).error().message);
  }
  return state;
}

}  // namespace tally::manifest_format
