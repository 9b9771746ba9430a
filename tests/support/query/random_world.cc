#include "tests/support/query/random_world.h"

#include <algorithm>
#include <cstdio>

#include "base/checksum.h"
#include "base/limits.h"
#include "base/timestamp.h"

namespace tally::reference {
namespace {

constexpr TimeUs kNow = 1'711'843'200'000'000;  // 2024-03-31T00:00:00Z: Berlin changes its clocks an hour later
constexpr TimeUs kStretch = 60 * kMicrosPerHour;

std::string id_of(uint64_t number) { return "id-" + std::to_string(number); }

std::string quoted_literal(const std::string& text) {
  std::string result = "'";
  for (char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

std::string time_text(TimeUs time) {
  std::string text = format_timestamp(time);
  text.pop_back();  // the Z
  text[text.find('T')] = ' ';
  return text;
}

std::string filter_elsewhere(const std::string& kind, const std::string& condition) {
  return "FILTER (WHERE kind = '" + kind + "'" + (condition.empty() ? "" : " AND (" + condition + ")") + ")";
}

// What counts and sums subtract: the rows of events that were taken back.
std::string count_elsewhere(const std::string& condition) {
  return "(COUNT(*) " + filter_elsewhere("event", condition) + " - COUNT(*) " +
         filter_elsewhere("retraction", condition) + ")";
}

std::string sum_elsewhere(const std::string& column, const std::string& condition) {
  return "(COALESCE(SUM(" + column + ") " + filter_elsewhere("event", condition) + ", 0) - COALESCE(SUM(" + column +
         ") " + filter_elsewhere("retraction", condition) + ", 0))";
}

}  // namespace

RandomWorld::RandomWorld(uint64_t seed) : random_(seed), scope_(seed), clock_(kNow) {
  words_ = {"a", "b", "B", "ab", "", "it's", "%", "_x", "a_b", "日本", "z\\", "Berlin", "10", "2024-03-30", "true"};
  choose_columns();
  choose_measures();
  TALLY_CHECK(init_database(disk_, "/db").has_value());
  DatabaseOptions options;
  options.table.threads = false;
  options.table.shards = 1 + static_cast<uint32_t>(random_.below(3));
  options.table.log_file_bytes = 64 * limits::kKiB;
  options.table.segment_block_rows = 128;
  constexpr uint32_t kChunkRows[] = {limits::kChunkRows, 16, 128, 1024};
  options.table.chunk_rows = kChunkRows[Random(seed).below(4)];
  options.table.background = random_.below(4) != 0;
  // Days that are closed before they end are folded again and again as rows come.
  BackgroundPolicy& policy = options.table.background_policy;
  if (random_.below(2) == 0) policy.close_after_us = -7 * kMicrosPerDay;
  policy.late_files = 1 + random_.below(3);
  policy.join_files = 2 + random_.below(3);
  auto opened = Database::open(disk_, clock_, "/db", options);
  TALLY_CHECK(opened.has_value());
  database_ = *std::move(opened);
  const auto threads = static_cast<unsigned>(1 + random_.below(3));
  engine_ = std::make_unique<QueryEngine>(*database_, QueryEngineOptions{.threads = threads, .rows_a_thread = 300});
  catalog_ = make_catalog(*database_);
  auto created = engine_->run(create_sql_, {});
  if (!created) std::fprintf(stderr, "%s\n", created.error().render(create_sql_).c_str());
  TALLY_CHECK(created.has_value());
  table_.schema = *(*database_->table("t"))->schema();
  send_rows();
}

std::expected<QueryResult, QueryError> RandomWorld::run(std::string_view sql, const std::vector<Cell>& parameters) {
  return engine_->run(sql, parameters);
}

void RandomWorld::choose_columns() {
  columns_.push_back({"ts", ColumnRole::kEventTime});
  columns_.push_back({"id", ColumnRole::kId, true});
  const uint64_t dimensions = 1 + random_.below(3), fields = 2 + random_.below(4);
  for (uint64_t i = 0; i < dimensions; ++i) {
    columns_.push_back({"d" + std::to_string(i), ColumnRole::kDimension, random_.below(3) != 0});
  }
  for (uint64_t i = 0; i < fields; ++i) {
    WorldColumn column{"f" + std::to_string(i), ColumnRole::kField, i > 0 && random_.below(2) == 0};
    if (!column.text && random_.below(2) == 0) {
      column.scale = static_cast<unsigned>(1 + random_.below(6));
      column.precision = static_cast<unsigned>(column.scale + 1 + random_.below(18 - column.scale));
    }
    columns_.push_back(column);
  }
}

void RandomWorld::choose_measures() {
  std::vector<const WorldColumn*> numbers, others;
  for (const WorldColumn& column : columns_) {
    const bool field = column.role == ColumnRole::kField;
    if (field && !column.text) numbers.push_back(&column);
    if (field || column.role == ColumnRole::kDimension) others.push_back(&column);
  }
  std::string declared;
  auto add = [&](const std::string& name, const std::string& what, const std::string& condition) {
    declared += ", " + name + " MEASURE " + what + (condition.empty() ? "" : " WHERE " + condition);
  };
  auto filter = [](const std::string& condition) { return filter_elsewhere("event", condition); };
  for (unsigned i = 0; i < 2 + random_.below(4); ++i) {
    const std::string name = "m" + std::to_string(i);
    const WorldColumn& number = *numbers[random_.below(numbers.size())];
    std::string condition;
    if (random_.below(2) == 0) {
      const WorldColumn& on = *others[random_.below(others.size())];
      const std::string literal = on.text ? text_literal(random_) : std::to_string(random_.below(20));
      constexpr const char* kForms[] = {" = ", " <> ", " >= ", " < "};
      condition = on.name + kForms[random_.below(4)] + literal;
      if (random_.below(3) == 0) condition += (random_.below(2) == 0 ? " OR " : " AND NOT ") + on.name + " IS NULL";
    }
    switch (random_.below(5)) {
      case 0:
        add(name, "COUNT", condition);
        measures_.push_back({"SUM(" + name + ")", count_elsewhere(condition)});
        break;
      case 1:
        add(name, "SUM(" + number.name + ")", condition);
        measures_.push_back(
            {"SUM(" + name + ")", "CAST(" + sum_elsewhere(number.name, condition) + " AS DECIMAL(31,6))"});
        break;
      case 2:
        add(name, "MIN(" + number.name + ")", condition);
        measures_.push_back({"MIN(" + name + ")", "MIN(" + number.name + ") " + filter(condition)});
        break;
      case 3:
        add(name, "MAX(" + number.name + ")", condition);
        measures_.push_back({"MAX(" + name + ")", "MAX(" + number.name + ") " + filter(condition)});
        break;
      default:
        add(name, "UNIQUE(" + others[random_.below(others.size())]->name + ") PRECISION 11", condition);
        measures_.push_back({"APPROX_COUNT_DISTINCT(" + name + ")", ""});
    }
  }
  add("total", "SUM(" + numbers[0]->name + ")", "");
  declared += ", ratio MEASURE AS total / events";
  measures_.push_back({"SUM(events)", "COUNT(*) " + filter("")});
  measures_.push_back({"SUM(duplicates)", "COUNT(*) FILTER (WHERE kind = 'duplicate')"});
  measures_.push_back({"SUM(conflicts)", "COUNT(*) FILTER (WHERE kind = 'conflict')"});
  measures_.push_back({"SUM(late)", ""});
  measures_.push_back({"SUM(retracted)", "COUNT(*) " + filter_elsewhere("retraction", "")});
  measures_.push_back({"COUNT(*)", count_elsewhere("")});
  measures_.push_back({"ratio", "(CAST(" + sum_elsewhere(numbers[0]->name, "") + " AS DOUBLE) / NULLIF(COUNT(*) " +
                                    filter("") + ", 0))"});
  create_sql_ = "CREATE TABLE t (";
  for (const WorldColumn& column : columns_) {
    if (column.role == ColumnRole::kEventTime) {
      create_sql_ += "ts TIMESTAMP EVENT TIME";
    } else if (column.role == ColumnRole::kId) {
      create_sql_ += ", id ID UNIQUE WITHIN '72 hours'";
    } else {
      const std::string decimal =
          "DECIMAL(" + std::to_string(column.precision) + "," + std::to_string(column.scale) + ")";
      create_sql_ += ", " + column.name + " " +
                     (column.text        ? "STRING"
                      : column.scale > 0 ? decimal
                                         : "INT64") +
                     (column.role == ColumnRole::kDimension ? " DIMENSION" : " FIELD");
    }
  }
  create_sql_ += declared + ") GRACE '6 hours'";
  for (uint64_t rollups = random_.below(3); rollups > 0; --rollups) {
    const std::string definition = rollup_definition("r" + std::to_string(rollups));
    if (!definition.empty()) create_sql_ += " " + definition;
  }
}

// Of some dimensions, in some order, with some tiers; sometimes without some measures.
std::string RandomWorld::rollup_definition(const std::string& name) {
  std::vector<std::string> dimensions;
  for (const WorldColumn& column : columns_) {
    if (column.role != ColumnRole::kDimension || random_.below(4) == 0) continue;
    dimensions.insert(dimensions.begin() + static_cast<ptrdiff_t>(random_.below(dimensions.size() + 1)), column.name);
  }
  if (dimensions.empty()) return {};
  std::string text = "ROLLUP " + name + " (";
  for (const std::string& dimension : dimensions) {
    text += (dimension == dimensions.front() ? "" : ", ") + dimension;
  }
  text += random_.below(3) == 0 ? ") MEASURES (total) RETENTION " : ") RETENTION ";
  const uint64_t tiers = 1 + random_.below(7);
  std::string separator;
  for (const auto& [bit, tier] : {std::pair(1, "minute"), std::pair(2, "hour"), std::pair(4, "day")}) {
    if ((tiers & static_cast<uint64_t>(bit)) == 0) continue;
    text += separator + tier + " '90 days'";
    separator = ", ";
  }
  return text;
}

Value RandomWorld::random_value(const WorldColumn& column) {
  if (random_.below(6) == 0) return Null{};
  if (column.text) return words_[random_.below(words_.size())];
  int64_t value = static_cast<int64_t>(random_.below(40)) - 10;
  const uint64_t kind = random_.below(20);
  int64_t most = 1;
  for (unsigned i = 0; i < std::min(column.precision, 18U); ++i) most *= 10;
  if (kind == 0) value = most - 1;
  if (kind == 1) value = 1 - most;
  if (kind < 6 && kind > 1) value = static_cast<int64_t>(random_.below(static_cast<uint64_t>(most)));
  if (kind == 6 && column.scale == 0 && column.role == ColumnRole::kField)
    value = random_.below(2) == 0 ? INT64_MAX : INT64_MIN;
  return exact_of(std::clamp<int64_t>(value, kind == 6 ? INT64_MIN : 1 - most, kind == 6 ? INT64_MAX : most - 1),
                  static_cast<int>(column.scale));
}

void RandomWorld::send_rows() {
  const uint64_t batches = 1 + random_.below(6);
  const bool retracts = random_.below(3) != 0, alters = random_.below(2) == 0;
  for (uint64_t b = 0; b < batches; ++b) {
    send_batch();
    if (alters && random_.below(3) == 0) alter();
    if (alters && random_.below(2) == 0) alter_rollups();
    if (retracts && random_.below(2) == 0) take_back_some();
    if (random_.below(2) == 0) TALLY_CHECK((*database_->table("t"))->flush().has_value());
  }
}

// A rollup that builds itself from what is there, or one that goes.
void RandomWorld::alter_rollups() {
  const std::string definition = rollup_definition("later" + std::to_string(table_.schema.version));
  if (!definition.empty()) run_alter("ADD " + definition);
  const std::vector<Rollup>& rollups = table_.schema.rollups;
  if (rollups.size() > 1 && random_.below(3) == 0) {
    run_alter("DROP ROLLUP \"" + rollups[random_.below(rollups.size())].name + "\"");
  }
}

// A column more, NULL in all rows before it, and a measure over it that counts none of them.
void RandomWorld::alter() {
  const std::string number = std::to_string(columns_.size());
  const bool dimension = random_.below(2) == 0;
  WorldColumn column{(dimension ? "d" : "f") + number, dimension ? ColumnRole::kDimension : ColumnRole::kField,
                     random_.below(2) == 0};
  run_alter("ADD " + std::string(dimension ? "DIMENSION " : "FIELD ") + column.name +
            (column.text ? " STRING" : " INT64"));
  columns_.push_back(column);
  for (Row& row : table_.rows) row.columns.emplace_back(Null{});
  for (auto& [id, row] : counted_) row.columns.emplace_back(Null{});
  if (!column.text && !dimension) {
    run_alter("ADD MEASURE m" + number + " SUM(" + column.name + ")");
    measures_.push_back({"SUM(m" + number + ")", "CAST(" + sum_elsewhere(column.name, since()) + " AS DECIMAL(31,6))"});
  } else {
    run_alter("ADD MEASURE m" + number + " COUNT WHERE " + column.name + " IS NULL");
    measures_.push_back({"SUM(m" + number + ")", count_elsewhere(column.name + " IS NULL AND " + since())});
  }
}

void RandomWorld::run_alter(const std::string& change) {
  const std::string sql = "ALTER TABLE t " + change;
  auto changed = engine_->run(sql, {});
  if (!changed) std::fprintf(stderr, "%s\n", changed.error().render(sql).c_str());
  TALLY_CHECK(changed.has_value());
  create_sql_ += "; " + sql;
  table_.schema = *(*database_->table("t"))->schema();
}

std::string RandomWorld::since() const { return "version >= " + std::to_string(table_.schema.version); }

Row RandomWorld::random_row() {
  Row row;
  row.version = table_.schema.version;
  const bool again = next_id_ > 0 && random_.below(6) == 0;
  const std::string id = id_of(again ? random_.below(next_id_) : next_id_++);
  const TimeUs time = kNow - static_cast<TimeUs>(random_.below(kStretch / 1'000'000)) * 1'000'000 -
                      (random_.below(4) == 0 ? static_cast<TimeUs>(random_.below(1'000'000)) : 0);
  auto before = counted_.find(id);
  for (const WorldColumn& column : columns_) {
    const bool same = before != counted_.end() && random_.below(8) != 0;
    row.columns.push_back(same ? before->second.columns[row.columns.size()] : random_value(column));
  }
  row.columns[0] = Time{time};
  row.columns[1] = id;
  if (before == counted_.end()) {
    counted_.emplace(id, row);
    return row;
  }
  bool same = true;
  for (size_t c = 2; c < columns_.size(); ++c)
    same = same && key_of(row.columns[c]) == key_of(before->second.columns[c]);
  row.kind = same ? RowKind::kDuplicate : RowKind::kConflict;
  return row;
}

void RandomWorld::send_batch() {
  BatchBuilder builder(table_.schema);
  std::vector<Row> rows;
  const uint64_t count = random_.below(20) == 0 ? 0 : 1 + random_.below(90);
  for (uint64_t i = 0; i < count; ++i) {
    Row row = random_row();
    builder.set_time(std::get<Time>(row.columns[0]).us);
    builder.set_id(std::get<std::string>(row.columns[1]));
    for (size_t c = 2; c < columns_.size(); ++c) {
      if (const Exact* number = std::get_if<Exact>(&row.columns[c]))
        builder.set_int64(c, static_cast<int64_t>(number->value));
      if (const std::string* text = std::get_if<std::string>(&row.columns[c])) builder.set_string(c, *text);
    }
    TALLY_CHECK(builder.end_row().has_value());
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return;
  clock_.advance(kMicrosPerMinute);
  IngestBatch batch;
  batch.payload = builder.finish();
  batch.payload_xxh3 = xxh3(batch.payload);
  auto result = (*database_->table("t"))->ingest(std::move(batch));
  TALLY_CHECK(result.has_value());
  TALLY_CHECK(result->counts.rejected == 0 && result->counts.too_late == 0);
  for (Row& row : rows) {
    const bool waited_for = row.kind == RowKind::kEvent && asked_back_.contains(std::get<std::string>(row.columns[1]));
    keep(row, result->lsn);
    if (!waited_for) continue;
    row.kind = RowKind::kRetraction;
    keep(row, result->lsn);
  }
}

void RandomWorld::keep(Row row, uint64_t lsn) {
  row.lsn = lsn;
  row.arrival = clock_.wall_us();
  table_.rows.push_back(std::move(row));
}

// Of events that were counted, or whose id has not come yet, or that were taken back before. The verdict has an LSN, and what
// it finds has the next one.
void RandomWorld::take_back_some() {
  clock_.advance(kMicrosPerMinute);
  RetractRequest request{.ids = {}, .by = "chance", .reason = "fraud"};
  for (uint64_t i = 0, count = 1 + random_.below(12); i < count; ++i) {
    request.ids.push_back(id_of(random_.below(next_id_ + 10)));
  }
  auto result = (*database_->table("t"))->retract(request);
  TALLY_CHECK(result.has_value());
  std::vector<std::string> fresh;
  std::map<uint32_t, uint64_t> originals_of;  // by version: which record behind the verdict takes them back
  for (const std::string& id : request.ids) {
    if (!asked_back_.insert(id).second) continue;
    fresh.push_back(id);
    if (auto event = counted_.find(id); event != counted_.end()) originals_of.emplace(event->second.version, 0);
  }
  uint64_t record = 0;
  for (auto& [version, behind] : originals_of) behind = ++record;
  uint64_t found = 0;
  for (const std::string& id : fresh) {
    auto event = counted_.find(id);
    if (event == counted_.end()) continue;
    ++found;
    Row back = event->second;
    back.kind = RowKind::kRetraction;
    keep(std::move(back), result->lsn + originals_of.at(event->second.version));
  }
  TALLY_CHECK(result->retracted == found);
}

std::string RandomWorld::text_literal(Random& random) const {
  return quoted_literal(words_[random.below(words_.size())]);
}

std::string RandomWorld::number_literal(Random& random) const {
  switch (random.below(8)) {
    case 0: return std::to_string(random.below(1'000'000));
    case 1: return std::to_string(random.below(100)) + "." + std::to_string(random.below(1'000));
    case 2: return "0";
    case 3: return "0.5";
    case 4: return "-" + std::to_string(1 + random.below(20));
    default: return std::to_string(random.below(20));
  }
}

std::string RandomWorld::time_literal(Random& random) const {
  const TimeUs time = kNow - static_cast<TimeUs>(random.below(kStretch / kMicrosPerMinute)) * kMicrosPerMinute;
  return "TIMESTAMP " + quoted_literal(time_text(time));
}

std::vector<std::string> RandomWorld::elsewhere() const {
  std::string create = "CREATE OR REPLACE TABLE t (kind VARCHAR, version INTEGER";
  for (const WorldColumn& column : columns_) {
    const std::string decimal =
        "DECIMAL(" + std::to_string(column.precision) + "," + std::to_string(column.scale) + ")";
    const std::string type = column.role == ColumnRole::kEventTime ? "TIMESTAMP"
                             : column.text                         ? "VARCHAR"
                             : column.scale > 0
                                 ? decimal
                                 : "DECIMAL(20,0)";  // whatever 64 bits hold, in arithmetic that stays exact
    create += ", " + column.name + " " + type;
  }
  std::vector<std::string> statements{create + ")"};
  std::string insert;
  for (const Row& row : table_.rows) {
    insert += insert.empty() ? "INSERT INTO t VALUES " : ", ";
    insert += "('" + std::string(row_kind_name(row.kind)) + "', " + std::to_string(row.version);
    for (const Value& value : row.columns) {
      const bool number = std::holds_alternative<Exact>(value) || is_null(value);
      const Time* time = std::get_if<Time>(&value);
      insert +=
          ", " + (number ? to_text(value) : quoted_literal(time != nullptr ? time_text(time->us) : to_text(value)));
    }
    insert += ")";
  }
  if (!insert.empty()) statements.push_back(insert);
  statements.push_back("CREATE OR REPLACE VIEW t_raw AS SELECT * FROM t WHERE kind = 'event'");
  return statements;
}

}  // namespace tally::reference
