#include "tests/support/engine/corruption_world.h"

#include <algorithm>
#include <map>

#include "base/checksum.h"
#include "base/file_names.h"
#include "base/random.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/manual_clock.h"
#include "wal/log_reader.h"

namespace tally {
namespace {

constexpr uint64_t kLogFileBytes = 24 * limits::kKiB;  // a header and three or four groups
constexpr uint64_t kDiskBytes = 4 * limits::kMiB;      // too little for a RESERVE file, which holds nothing
constexpr TimeUs kHalfTime = ManualClock::kStartWall - 12 * kMicrosPerHour;

DatabaseOptions small_options() {
  return {.table = {.threads = false,
                    .shards = 1,
                    .log_file_bytes = kLogFileBytes,
                    .background = false,
                    .free_bytes_soft = 0,
                    .free_bytes_hard = 0}};
}

// --- rows in -------------------------------------------------------------------------------------------------------

// Rows of small_schema(): two days, repeated and new values, NULLs, ids of every kind. Row i of every batch with the same
// `batch` is the same; `other` gives it another content, which makes it a conflict.
IngestBatch make_batch(const Schema& schema, uint64_t seed, int batch, int rows, bool other = false) {
  BatchBuilder builder(schema);
  for (int i = 0; i < rows; ++i) {
    Random random(seed * 1'000 + static_cast<uint64_t>(batch * 100 + i));
    IdSlot uuid;
    random.fill({uuid.raw, sizeof uuid.raw});
    builder.set_id(i % 3 == 2 ? "text id " + std::to_string(batch * 100 + i) : format_id(IdKind::kUuid, uuid));
    builder.set_time(ManualClock::kStartWall - static_cast<TimeUs>(random.below(86'400)) * kMicrosPerSecond);
    if (!random.chance(0.2)) builder.set_string(2, std::string(1, "abc"[random.below(3)]) + std::to_string(batch));
    if (!random.chance(0.2)) builder.set_int64(3, static_cast<int64_t>(random.below(4)));
    if (!random.chance(0.2)) builder.set_string(4, random.chance(0.5) ? "click" : "a kind with a longer name");
    builder.set_int64(5, other ? -1 : static_cast<int64_t>(random.below(1'000'000)));
    if (!random.chance(0.2)) builder.set_int64(6, static_cast<int64_t>(random.below(500)));
    TALLY_CHECK(builder.end_row().has_value());
  }
  IngestBatch made;
  made.payload = builder.finish();
  made.payload_xxh3 = xxh3(made.payload);
  return made;
}

// --- answers out ---------------------------------------------------------------------------------------------------

std::string cell(const Column& column, const Dictionary* dictionary, const BlockColumns::Selected& values,
                 uint32_t row) {
  if (dictionary != nullptr) {
    const uint32_t code = values.codes[row];
    if (code < kFirstValueCode || code >= dictionary->size()) return "code " + std::to_string(code);
    return column.type == ColumnType::kString ? std::string(dictionary->value(code))
                                              : hex(as_bytes(dictionary->value(code)));
  }
  if (column.type == ColumnType::kString) {
    return values.strings[row].is_null() ? "NULL" : "'" + std::string(values.strings[row].view()) + "'";
  }
  if (values.nulls != nullptr && values.nulls[row] != 0) return "NULL";
  return std::to_string(values.ints[row]);
}

struct Asked {
  std::vector<Column> columns;
  std::vector<const Dictionary*> dictionaries;  // parallel; nullptr: a field
};

Asked all_columns(const Snapshot& snapshot) {
  Asked asked;
  const Schema& schema = snapshot.schema();
  const std::vector<size_t> dimensions = schema.dimensions();
  for (size_t d = 0; d < dimensions.size(); ++d) {
    asked.columns.push_back(schema.columns[dimensions[d]]);
    asked.dictionaries.push_back(&snapshot.dictionary(d));
  }
  for (size_t position : schema.fields()) {
    asked.columns.push_back(schema.columns[position]);
    asked.dictionaries.push_back(nullptr);
  }
  return asked;
}

template <class Spec>
void begin_at(Spec& spec, TimeUs from) {
  if constexpr (requires { spec.filter.from; }) {
    spec.filter.from = from;
  } else {
    spec.from = from;
  }
}

Result<std::vector<Answers::Row>> scan(const Snapshot& snapshot, TimeUs from, uint64_t& events) {
  const Asked asked = all_columns(snapshot);
  ScanSpec spec;
  begin_at(spec, from);
  spec.columns.ids = spec.columns.lsns = spec.columns.arrivals = true;
  for (const Column& column : asked.columns) spec.columns.column_ids.push_back(column.id);
  std::unique_ptr<RawScan> scanning = snapshot.scan(spec);
  std::vector<Answers::Row> rows;
  while (true) {
    TALLY_ASSIGN_OR_RETURN(const RowBlock* block, scanning->next());
    if (block == nullptr) break;
    for (uint32_t i = 0; i < block->rows; ++i) {
      if (block->times[i] < from) continue;
      events += block->kinds[i] == RowKind::kEvent ? 1 : 0;
      std::string text = std::to_string(static_cast<int>(block->kinds[i])) + " " +
                         format_id(block->id_kinds[i], block->ids[i]) + " " + std::to_string(block->times[i]) + " " +
                         std::to_string(block->arrivals[i]);
      for (size_t c = 0; c < asked.columns.size(); ++c) {
        text += " " + cell(asked.columns[c], asked.dictionaries[c], block->columns[c], i);
      }
      rows.push_back({block->lsns[i], std::move(text)});
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

Result<Answers> answers_of(Table& table) {
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<const Snapshot> snapshot, table.snapshot());
  Answers answers;
  Bytes schema;
  ByteWriter writer(schema);
  encode_schema(snapshot->schema(), writer);
  answers.schema = std::string(as_text(schema));
  answers.ledger = snapshot->ledger();
  uint64_t unused = 0;
  TALLY_ASSIGN_OR_RETURN(answers.rows, scan(*snapshot, INT64_MIN, answers.events));
  TALLY_ASSIGN_OR_RETURN(answers.later_rows, scan(*snapshot, kHalfTime, unused));
  TALLY_ASSIGN_OR_RETURN(std::vector<Retraction> retractions, snapshot->retractions());
  for (const Retraction& one : retractions) {
    answers.retractions += format_id(one.id_kind, one.slot()) + " " + std::string(retraction_state_name(one.state)) +
                           " " + one.request->by + " " + one.request->reason + " " + std::to_string(one.request->lsn) +
                           " " + std::to_string(one.settled_lsn) + " " + std::to_string(one.original_lsn) + " " +
                           std::to_string(one.generation) + "\n";
  }
  return answers;
}

struct Open {
  ManualClock clock;
  std::unique_ptr<Database> database;
  Table* table = nullptr;

  explicit Open(TimeUs now_us) : clock(now_us) {}
  Status start(SimDisk& disk) {
    TALLY_ASSIGN_OR_RETURN(database, Database::open(disk, clock, CorruptionWorld::kPath, small_options()));
    TALLY_ASSIGN_OR_RETURN(table, database->table("small"));
    return {};
  }
};

void demand(const Status& status) {
  if (!status) std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
  TALLY_CHECK(status.has_value());
}

std::string newest_log_file(const SimDisk& disk) {
  std::string newest;
  for (const std::string& path : disk.tree()) {
    if (parse_file_name(base_name(path)).kind == FileKind::kLogFile) newest = path;
  }
  TALLY_CHECK(!newest.empty());
  return newest;
}

struct LogWalk {
  CorruptionWorld::NewestLog log;
  LogEnd end;
  LogGroupHeader last;
  TimeUs last_arrival_us = 0;
};

LogWalk walk_newest_log(SimDisk& disk) {
  LogWalk walk;
  walk.log.path = newest_log_file(disk);
  auto reader = LogFileReader::open(disk, walk.log.path, OpenMode::kRead);
  TALLY_CHECK(reader.has_value());
  walk.log.lsn_before = reader->header().first_lsn - 1;
  LogGroup group;
  while (reader->next(group).value() == LogFileReader::Step::kGroup) {
    walk.last = group.header;
    walk.last_arrival_us = group.records.back().arrival_us;
    walk.log.groups.push_back({group.offset, group.offset + group.header.bytes, group.header.last_lsn()});
  }
  walk.end = reader->end();
  return walk;
}

}  // namespace

void seal_log(SimDisk& disk) {
  const LogWalk walk = walk_newest_log(disk);
  LogGroupHeader header;
  header.epoch = walk.last.epoch;
  header.first_lsn = walk.last.last_lsn() + 1;
  header.group_number = walk.last.group_number + 1;
  header.durable_lsn = walk.last.last_lsn();
  header.chain = walk.end.chain_sum;
  AppendRecord seal;
  seal.type = RecordType::kSeal;
  seal.arrival_us = walk.last_arrival_us;
  seal.payload_xxh3 = xxh3({});
  Bytes bytes(group_bytes({&seal, 1}));
  demand(encode_group(header, {&seal, 1}, bytes));
  TALLY_CHECK(disk.overwrite(walk.log.path, walk.end.bytes, bytes));
}

Result<Answers> CorruptionWorld::ask(SimDisk& disk) const {
  Open open(now_us_);
  TALLY_TRY(open.start(disk));
  TALLY_ASSIGN_OR_RETURN(Answers answers, answers_of(*open.table));
  if (questions_) {
    TALLY_ASSIGN_OR_RETURN(answers.more, questions_(*open.database));
  }
  return answers;
}

void replace_file(SimDisk& disk, const std::string& path, ByteSpan content) {
  demand(disk.unlink(path));
  auto file = disk.open(path, OpenMode::kCreate);
  TALLY_CHECK(file.has_value());
  if (!content.empty()) demand((*file)->write_at(0, content));
  demand((*file)->sync());
  demand(disk.sync_directory(parent_path(path)));
}

// --- the life ------------------------------------------------------------------------------------------------------

struct CorruptionWorld::Life {
  CorruptionWorld& world;
  SimDisk& disk;
  Open open{ManualClock::kStartWall};
  std::map<std::string, std::vector<Bytes>> versions = {};

  void start() { demand(open.start(disk)); }
  void send(int batch, int rows, bool other = false) {
    open.clock.advance(kMicrosPerMinute);
    IngestBatch made = make_batch(*open.table->schema(), world.seed_, batch, rows, other);
    if (batch == 2)
      made.rejected.push_back({.source_row = 7, .code = "bad_timestamp", .message = "no time", .raw = "x,y"});
    auto result = open.table->ingest(std::move(made));
    TALLY_CHECK(result.has_value() && result->counts.balanced());
    remember();
  }
  // One that is counted, and one that never comes.
  void retract(const std::string& id) {
    open.clock.advance(kMicrosPerMinute);
    auto result = open.table->retract({.ids = {id, "nobody " + id}, .by = "ann", .reason = "fraud"});
    TALLY_CHECK(result.has_value() && result->retracted == 1 && result->waiting == 1);
    remember();
  }
  std::string id_of_row(size_t row) {
    const Answers answers = answers_of(*open.table).value();
    const std::string& text = answers.rows[row].text;
    const size_t begin = text.find(' ') + 1;
    return text.substr(begin, text.find(' ', begin) - begin);
  }
  void flush() {
    demand(open.table->flush());
    remember();
  }
  void close() {
    demand(open.database->close());
    open.table = nullptr;
    open.database.reset();
    remember();
  }
  void remember() {
    for (const std::string& path : disk.tree()) {
      if (path.back() == '/') continue;
      std::vector<Bytes>& known = versions[path];
      Bytes content = disk.content(path);
      if (known.empty() || known.back() != content) known.push_back(std::move(content));
    }
  }
};

std::string_view CorruptionWorld::name(Ending ending) {
  switch (ending) {
    case Ending::kClosed: return "closed";
    case Ending::kKilled: return "killed";
    case Ending::kSealed: return "sealed";
  }
  return "";
}

CorruptionWorld::CorruptionWorld(Ending ending, uint64_t seed, Questions questions)
    : ending_(ending), seed_(seed), questions_(std::move(questions)) {
  SeededRandomScope random(seed);
  SimDisk disk(seed);
  disk.set_capacity(kDiskBytes);
  demand(init_database(disk, kPath));
  Life life{*this, disk};
  {
    auto made = Database::open(disk, life.open.clock, kPath, small_options());
    TALLY_CHECK(made.has_value() && (*made)->create_table(small_schema()).has_value());
    demand((*made)->close());
  }
  life.remember();
  life.start();
  life.send(0, 9);
  if (ending != Ending::kClosed) {
    life.close();
    life.start();
  }
  life.send(1, 6);
  life.send(0, 2);  // duplicates
  life.retract(life.id_of_row(0));
  if (ending != Ending::kClosed) life.flush();
  life.send(2, 5);
  life.send(1, 2, true);  // conflicts
  if (ending == Ending::kClosed) {
    life.close();
  } else {
    life.send(3, 3);
    life.retract(life.id_of_row(3));
    life.send(4, 2);
    life.send(5, 1);  // the newest log file has more than one group
    disk.kill_process();
  }
  now_us_ = life.open.clock.wall_us() + kMicrosPerMinute;
  life.open.database.reset();
  disk_ = disk.after_crash(Fate::kKeepAll, 1);
  if (ending == Ending::kSealed) seal_log(*disk_);
  if (ending != Ending::kClosed) newest_log_ = walk_newest_log(*disk_).log;
  for (const std::string& path : disk_->tree()) {
    if (path.back() == '/') continue;
    const Bytes content = disk_->content(path);
    files_.push_back({.path = path, .content = content});
    for (const Bytes& old : life.versions[path]) {
      if (old != content) old_versions_.push_back({path, old});
    }
  }
  auto copy = this->disk();
  auto answers = ask(*copy);
  if (!answers) demand(std::unexpected(answers.error()));
  answers_ = *std::move(answers);
}

CorruptionWorld::~CorruptionWorld() = default;

std::unique_ptr<SimDisk> CorruptionWorld::disk() const {
  auto copy = disk_->after_crash(Fate::kKeepAll, 1);
  copy->set_capacity(kDiskBytes);
  return copy;
}

bool CorruptionWorld::StoredFile::holds_something(uint64_t offset) const {
  const uint64_t first = offset / kSectorBytes * kSectorBytes;
  const ByteSpan sector = ByteSpan(content).subspan(first, std::min(kSectorBytes, content.size() - first));
  return std::any_of(sector.begin(), sector.end(), [](uint8_t byte) { return byte != 0; });
}

std::string CorruptionWorld::manifest_in_force() const {
  std::string newest;
  for (const StoredFile& file : files_) {
    if (parse_file_name(base_name(file.path)).kind == FileKind::kManifest) newest = file.path;
  }
  return newest;
}

Lsn CorruptionWorld::NewestLog::last_lsn_within(uint64_t bytes) const {
  Lsn last = lsn_before;
  for (const LogGroupPlace& group : groups) {
    if (group.end <= bytes) last = group.last_lsn;
  }
  return last;
}

uint64_t CorruptionWorld::used_bytes() const {
  uint64_t bytes = 0;
  for (const StoredFile& file : files_) {
    for (uint64_t at = 0; at < file.content.size(); at += kSectorBytes) {
      if (file.holds_something(at)) bytes += std::min(kSectorBytes, file.content.size() - at);
    }
  }
  return bytes;
}

// --- going on afterwards -------------------------------------------------------------------------------------------

std::string CorruptionWorld::resend(SimDisk& disk, Error& refused) const {
  refused = {};
  auto go_on = [&]() -> Result<std::string> {
    Open open(now_us_);
    TALLY_TRY(open.start(disk));
    const std::shared_ptr<const Schema> schema = open.table->schema();
    for (auto [batch, rows] : {std::pair{0, 9}, {1, 6}, {2, 5}}) {
      TALLY_ASSIGN_OR_RETURN(BatchResult again, open.table->ingest(make_batch(*schema, seed_, batch,
                                                                              batch == 0   ? 9
                                                                              : batch == 1 ? 6
                                                                                           : 5)));
      if (again.counts.accepted != 0)
        return std::to_string(again.counts.accepted) + " rows sent again were counted again";
    }
    TALLY_ASSIGN_OR_RETURN(BatchResult fresh, open.table->ingest(make_batch(*schema, seed_, 9, 1)));
    if (fresh.counts.accepted != 1) return "a new row was not accepted";
    TALLY_TRY(open.database->close());
    open.database.reset();
    TALLY_TRY(open.start(disk));
    TALLY_ASSIGN_OR_RETURN(Answers now, answers_of(*open.table));
    if (now.events != answers_.events + 1) return "after a restart there are " + std::to_string(now.events) + " events";
    if (!now.ledger.balanced() || now.ledger.accepted != now.events) return "the ledger does not agree with the rows";
    if (!std::includes(now.rows.begin(), now.rows.end(), answers_.rows.begin(), answers_.rows.end())) {
      return "rows of before are not there after a restart";
    }
    return "";
  };
  Result<std::string> wrong = go_on();
  if (wrong) return *wrong;
  refused = wrong.error();
  return "";
}

}  // namespace tally
