#include "tests/support/engine/model_rows.h"

#include <array>
#include <charconv>
#include <cstring>

#include "base/checksum.h"

namespace tally::model {
namespace {

constexpr size_t kCampaigns = 40;
constexpr size_t kUsers = 16;
constexpr std::array<std::string_view, 3> kKinds = {"click", "conversion", "purchase"};
constexpr std::string_view kLongId = "an-id-as-long-as-some-producers-make-them-";

struct Texts {
  std::array<std::string, kCampaigns> campaigns;
  std::array<std::string, kUsers> users;
  Texts() {
    for (size_t i = 0; i < kCampaigns; ++i) campaigns[i] = (i % 3 == 0 ? "campaign " : "c") + std::to_string(i);
    for (size_t i = 2; i < kUsers; ++i) users[i] = std::string(i * 3, static_cast<char>('a' + i));
  }
};
const Texts& texts() {
  static const Texts made;
  return made;
}

// Campaign 0 and user 0 are NULL, user 1 is empty.
size_t campaign_of(uint32_t id, uint8_t content) { return (id / 3 + content * 11u) % kCampaigns; }
size_t user_of(uint32_t id, uint8_t content) { return (id * 5 + content) % kUsers; }
int64_t amount_of(uint32_t id, uint8_t content) { return int64_t{id} * kContents + content - 1000; }

// Of a UUID: the id, big-endian, then bytes that follow from it.
void uuid_bytes(uint32_t id, uint8_t out[16]) {
  uint64_t state = id;
  const uint64_t a = splitmix64(state), b = splitmix64(state);
  std::memcpy(out, &a, 8);
  std::memcpy(out + 8, &b, 8);
  for (int i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(id >> (24 - 8 * i));
}

size_t write_id(uint32_t id, uint64_t spelling, char* out) {
  if (id % 3 == 1) {
    const char* digits = (spelling & 1) != 0 ? "0123456789ABCDEF" : "0123456789abcdef";
    const bool hyphens = (spelling & 2) == 0;
    uint8_t bytes[16];
    uuid_bytes(id, bytes);
    size_t at = 0;
    for (size_t i = 0; i < 16; ++i) {
      if (hyphens && (i == 4 || i == 6 || i == 8 || i == 10)) out[at++] = '-';
      out[at++] = digits[bytes[i] >> 4];
      out[at++] = digits[bytes[i] & 15];
    }
    return at;
  }
  size_t at = 0;
  if (id % 3 == 2) {
    std::memcpy(out, kLongId.data(), kLongId.size());
    at = kLongId.size();
  } else {
    out[at++] = 'e';
  }
  return static_cast<size_t>(std::to_chars(out + at, out + 80, id).ptr - out);
}

Column column(std::string_view name, ColumnRole role, ColumnType type) {
  Column made;
  made.name = name;
  made.role = role;
  made.type = type;
  return made;
}

Condition kind_is(const Schema& schema, Kind kind) {
  Condition condition;
  condition.op = Condition::Op::kEq;
  condition.column_id = schema.find_column("kind")->id;
  condition.values.emplace_back(std::string(kKinds[static_cast<size_t>(kind)]));
  return condition;
}

// From 90 seconds to six hours, most of them not a multiple of anything.
TimeUs random_window(Random& random) {
  TimeUs window = static_cast<TimeUs>(random.between(90, 3600)) * kMicrosPerSecond;
  if (random.chance(0.3)) window *= static_cast<TimeUs>(random.between(2, 6));
  return window + static_cast<TimeUs>(random.below(3));
}

}  // namespace

std::vector<Rules::Class> random_lateness(Schema& schema, Random& random) {
  constexpr Kind kOrder[2] = {Kind::kConversion, Kind::kPurchase};
  std::vector<Rules::Class> classes;
  schema.lateness.clear();
  for (uint64_t i = 0, conditional = random.below(3); i < conditional; ++i) {
    const TimeUs lateness_us = random.chance(0.7) ? random_window(random) * 3 : random_window(random) / 4;
    schema.lateness.push_back(
        {.lateness_us = lateness_us, .condition = kind_is(schema, kOrder[i]), .condition_text = {}});
    Rules::Class& made = classes.emplace_back();
    made.lateness_us = lateness_us;
    for (size_t kind = 0; kind < 3; ++kind) made.takes[kind] = kind == static_cast<size_t>(kOrder[i]);
  }
  if (random.chance(0.3)) {
    schema.lateness.push_back({.lateness_us = random_window(random), .condition = {}, .condition_text = {}});
    classes.emplace_back().lateness_us = schema.lateness.back().lateness_us;
  }
  classes.emplace_back().lateness_us = schema.within_us;  // what no class takes
  return classes;
}

Shape make_shape(Random& random) {
  Shape shape;
  Schema& schema = shape.schema;
  schema.table_name = "events";
  schema.within_us = random_window(random);
  schema.grace_us = static_cast<TimeUs>(random.between(1, 600)) * kMicrosPerSecond;
  schema.columns = {column("ts", ColumnRole::kEventTime, ColumnType::kTimestamp),
                    column("event_id", ColumnRole::kId, ColumnType::kId),
                    column("campaign", ColumnRole::kDimension, ColumnType::kString),
                    column("kind", ColumnRole::kField, ColumnType::kString),
                    column("amount", ColumnRole::kField, ColumnType::kInt64),
                    column("user", ColumnRole::kField, ColumnType::kString)};
  assign_ids(schema);
  shape.rules.classes = random_lateness(schema, random);
  Rollup rollup;
  rollup.name = "all";
  rollup.retention_us[static_cast<size_t>(Tier::kMinute)] = static_cast<TimeUs>(random.between(1, 20)) * kMicrosPerDay;
  schema.rollups.push_back(rollup);
  schema = complete_schema(std::move(schema)).value();

  shape.rules.within_us = schema.within_us;
  shape.rules.grace_us = schema.grace_us;
  shape.rules.retention_us = rollup.retention_us[static_cast<size_t>(Tier::kMinute)];
  return shape;
}

std::optional<uint32_t> read_id(IdKind kind, const IdSlot& slot) {
  uint32_t id = 0;
  if (kind == IdKind::kUuid) {
    for (int i = 0; i < 4; ++i) id = id << 8 | slot.raw[i];
    uint8_t expected[16];
    uuid_bytes(id, expected);
    if (id % 3 != 1 || std::memcmp(slot.raw, expected, 16) != 0) return std::nullopt;
    return id;
  }
  std::string_view text = slot.text.view();
  const bool is_long = text.starts_with(kLongId);
  if (!is_long && !text.starts_with("e")) return std::nullopt;
  text.remove_prefix(is_long ? kLongId.size() : 1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id % 3 != (is_long ? 2u : 0u)) return std::nullopt;
  return id;
}

std::string spell_id(uint32_t id, uint64_t spelling) {
  char text[128];
  return {text, write_id(id, spelling, text)};
}

IngestBatch make_batch(const Schema& schema, const Batch& batch, uint64_t spelling) {
  BatchBuilder builder(schema);
  char id[128];
  for (const Row& row : batch.rows) {
    builder.set_time(row.time_us);
    builder.set_id({id, write_id(row.id, spelling++, id)});
    const size_t campaign = campaign_of(row.id, row.content);
    if (campaign != 0) builder.set_string(2, texts().campaigns[campaign]);
    builder.set_string(3, kKinds[static_cast<size_t>(kind_of(row))]);
    builder.set_int64(4, amount_of(row.id, row.content));
    const size_t user = user_of(row.id, row.content);
    if (user != 0) builder.set_string(5, texts().users[user]);
    TALLY_CHECK(builder.end_row().has_value());
  }
  IngestBatch made;
  made.payload =
      builder.finish((spelling & 4) != 0 ? BatchBuilder::Compression::kLz4 : BatchBuilder::Compression::kNone);
  made.payload_xxh3 = xxh3(made.payload);
  made.replay = batch.replay;
  for (uint32_t i = 0; i < batch.rejected; ++i) {
    made.rejected.push_back({.source_row = i, .code = "bad_timestamp", .message = "no time", .raw = "x,y"});
  }
  return made;
}

namespace {

// Values by dictionary code, looked up once a scan.
class Campaigns {
 public:
  explicit Campaigns(const Dictionary& dictionary) : dictionary_(dictionary) {}
  bool is(uint32_t code, size_t campaign) {
    if (code >= by_code_.size()) by_code_.resize(code + 16, kUnknown);
    if (by_code_[code] == kUnknown) by_code_[code] = find(code);
    return by_code_[code] == campaign;
  }

 private:
  static constexpr size_t kUnknown = SIZE_MAX, kNone = SIZE_MAX - 1;
  size_t find(uint32_t code) const {
    if (code == kNullCode) return 0;
    for (size_t i = 1; i < kCampaigns && code >= kFirstValueCode; ++i) {
      if (dictionary_.value(code) == texts().campaigns[i]) return i;
    }
    return kNone;
  }
  const Dictionary& dictionary_;
  std::vector<size_t> by_code_;
};

bool is_user(const StringRef& value, size_t user) {
  return user == 0 ? value.is_null() : !value.is_null() && value.view() == texts().users[user];
}

std::string check_row(const RowBlock& block, uint32_t at, Campaigns& campaigns, Row& row) {
  const std::optional<uint32_t> id = read_id(block.id_kinds[at], block.ids[at]);
  if (!id) return "the id " + format_id(block.id_kinds[at], block.ids[at]) + " was never sent";
  const auto& amounts = block.columns[2];
  const int64_t content = amounts.ints[at] - amount_of(*id, 0);
  const bool is_null = amounts.nulls != nullptr && amounts.nulls[at] != 0;
  if (is_null || content < 0 || content >= kContents) return "id " + std::to_string(*id) + ": another row's amount";
  row = {*id, static_cast<uint8_t>(content), 0};
  if (!campaigns.is(block.columns[0].codes[at], campaign_of(row.id, row.content))) {
    return to_string(row) + ": another row's campaign";
  }
  const StringRef& kind = block.columns[1].strings[at];
  if (kind.is_null() || kind.view() != kKinds[static_cast<size_t>(kind_of(row))]) {
    return to_string(row) + ": another row's kind";
  }
  if (!is_user(block.columns[3].strings[at], user_of(row.id, row.content))) return to_string(row) + ": another's user";
  return {};
}

}  // namespace

ScannedRows scan_rows(const Snapshot& snapshot, bool keep_rows) {
  ScannedRows scanned;
  ScanSpec spec;
  for (const char* name : {"campaign", "kind", "amount", "user"}) {
    spec.columns.column_ids.push_back(snapshot.schema().find_column(name)->id);
  }
  spec.columns.ids = spec.columns.lsns = spec.columns.arrivals = true;
  std::unique_ptr<RawScan> scan = snapshot.scan(spec);
  Campaigns campaigns(snapshot.dictionary(0));
  while (true) {
    Result<const RowBlock*> next = scan->next();
    if (!next) {
      scanned.wrong = "scan: " + next.error().to_string();
      return scanned;
    }
    if (*next == nullptr) return scanned;
    const RowBlock& block = **next;
    for (uint32_t at = 0; at < block.rows; ++at) {
      Row row;
      scanned.wrong = check_row(block, at, campaigns, row);
      if (!scanned.wrong.empty()) return scanned;
      scanned.sum.add(row, block.kinds[at], block.times[at], block.arrivals[at], block.lsns[at]);
      if (keep_rows) {
        const bool back = block.kinds[at] == RowKind::kRetraction;
        scanned.rows.push_back(
            {row, block.kinds[at], block.times[at], back ? 0 : block.arrivals[at], back ? 0 : block.lsns[at]});
        scanned.rows.back().row.time_us = block.times[at];
      }
    }
  }
}

}  // namespace tally::model
