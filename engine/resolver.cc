#include "engine/resolver.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/encoding/selection.h"

namespace tally {

struct Resolver::Asked {
  Hash128 key;
  IdPredicate::Id id;
  Lsn verdict_lsn = 0;
  uint32_t job = 0;
  bool remembered = false;
  bool found = false;
};

namespace {

void add_columns(const Schema& schema, std::vector<uint32_t>& ids) {
  for (const Column& column : schema.columns) {
    const bool wanted = column.role == ColumnRole::kDimension || column.role == ColumnRole::kField;
    if (wanted && std::find(ids.begin(), ids.end(), column.id) == ids.end()) ids.push_back(column.id);
  }
}

// Every dimension and field that any version has: originals are logged as they stand there.
ColumnSelection all_columns(const Snapshot& snapshot) {
  ColumnSelection columns;
  for (const auto& version : snapshot.manifest().schemas) add_columns(*version, columns.column_ids);
  add_columns(snapshot.schema(), columns.column_ids);
  columns.ids = true;
  columns.lsns = true;
  columns.cached = false;
  return columns;
}

template <class Visit>
void for_each_row(const RowBlock& block, Visit visit) {
  if (!block.selected.empty())
    return for_each_selected(block.selected, [&](size_t row) { visit(static_cast<uint32_t>(row)); });
  for (uint32_t row = 0; row < block.rows; ++row) visit(row);
}

RetractResult result_of(const ResolveJob& job, const SettlementWork& work, uint32_t position) {
  SettlementWork::States states{};
  for (const auto& by_request : work.states) {
    for (size_t state = 0; state < states.size(); ++state) states[state] += by_request[position][state];
  }
  auto count = [&](RetractionState state) { return states[static_cast<size_t>(state)]; };
  RetractResult result;
  result.lsn = job.work->request->lsn;
  result.received = job.work->verdict->rows();
  result.retracted = count(RetractionState::kRetracted);
  result.waiting = count(RetractionState::kWaiting);
  result.unresolved = count(RetractionState::kNotInRaw) + count(RetractionState::kNeverCame);
  result.repeated = result.received - result.retracted - result.waiting - result.unresolved;
  return result;
}

}  // namespace

// Originals on their way to records, by the version that they are of; ids without one go with the newest.
struct Resolver::Found {
  struct Rows {
    Schema schema;
    SettlementBuilder builder;
  };
  explicit Found(const Snapshot& snapshot) : columns(all_columns(snapshot)), newest(of(snapshot.schema())) {}

  Rows& of(const Schema& schema) {
    auto known = by_version.find(schema.version);
    if (known != by_version.end()) return known->second;
    return by_version.emplace(schema.version, Rows{schema, SettlementBuilder(schema, columns.column_ids)})
        .first->second;
  }

  ColumnSelection columns;
  std::map<uint32_t, Rows> by_version;
  Rows& newest;
};

void Resolver::resolve(std::vector<ResolveJob> jobs) {
  jobs.insert(jobs.begin(), std::make_move_iterator(unfinished_.begin()), std::make_move_iterator(unfinished_.end()));
  unfinished_.clear();
  Result<std::shared_ptr<SettlementWork>> last = look_up(jobs);
  if (!last) (void)wait_for_logged();  // the error of before is the one to tell
  answer(jobs, last);
  if (!last) unfinished_ = std::move(jobs);
}

void Resolver::answer(std::vector<ResolveJob>& jobs, const Result<std::shared_ptr<SettlementWork>>& last) {
  for (uint32_t position = 0; position < jobs.size(); ++position) {
    const auto done = std::exchange(jobs[position].done, nullptr);
    if (!done) continue;
    if (last) {
      done(result_of(jobs[position], **last, position));
    } else {
      done(fail(Code::kIndeterminate,
                "the verdict is stored, and its events will be looked for at the next request or start: " +
                    last.error().message));
    }
  }
}

// The last record of the look-up, applied: it has the counts of every job.
Result<std::shared_ptr<SettlementWork>> Resolver::look_up(const std::vector<ResolveJob>& jobs) {
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<const Snapshot> snapshot, config_.snapshot());
  std::vector<Asked> asked;
  Lsn resolved_lsn = 0;
  for (uint32_t position = 0; position < jobs.size(); ++position) {
    const ResolveJob& job = jobs[position];
    for (const Retraction& one : job.left) {
      asked.push_back({.key = one.key,
                       .id = {one.id_kind, one.slot()},
                       .verdict_lsn = one.request->lsn,
                       .job = position,
                       .remembered = one.remembered});
      resolved_lsn = std::max(resolved_lsn, one.request->lsn);
    }
    if (job.work == nullptr) continue;
    const PreparedVerdict& verdict = *job.work->verdict;
    resolved_lsn = std::max(resolved_lsn, job.work->request->lsn);
    for (const std::vector<uint32_t>& rows : job.work->fresh) {
      for (uint32_t row : rows) {
        asked.push_back({.key = verdict.keys[row],
                         .id = {verdict.kinds[row], verdict.ids[row]},
                         .verdict_lsn = job.work->request->lsn,
                         .job = position,
                         .remembered = job.work->remembered[row] != 0});
      }
    }
  }
  Found found(*snapshot);
  if (!asked.empty()) TALLY_TRY(find(*snapshot, asked, found));
  for (const Asked& one : asked) {
    if (one.found || !one.remembered) continue;
    if (found.newest.builder.full()) TALLY_TRY(log_rows(*snapshot, found.newest.schema, found.newest.builder));
    found.newest.builder.add_gone(one.key);
  }
  for (auto& [version, rows] : found.by_version) {
    if (&rows != &found.newest && !rows.builder.empty()) TALLY_TRY(log_rows(*snapshot, rows.schema, rows.builder));
  }
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<SettlementWork> last,
                         prepare(*snapshot, found.newest.schema, found.newest.builder, resolved_lsn));
  last->asked.resize(config_.shards);
  last->states.assign(config_.shards, std::vector<SettlementWork::States>(jobs.size()));
  for (const Asked& one : asked) last->asked[shard_of(one.key, config_.shards)].push_back({one.key, one.job});
  TALLY_TRY(log(last));
  TALLY_TRY(wait_for_logged());
  return last;
}

// Of an id that raw holds twice (sent again with a new time after it was forgotten) the first one found is taken back.
Status Resolver::find(const Snapshot& snapshot, std::vector<Asked>& asked, Found& found) {
  std::vector<IdPredicate::Id> ids;
  ids.reserve(asked.size());
  for (const Asked& one : asked) ids.push_back(one.id);
  const IdPredicate wanted = IdPredicate::of(std::move(ids));
  const Schema& schema = snapshot.schema();
  ScanSpec spec;
  spec.columns = found.columns;
  spec.filter.predicates.push_back(
      {.column_id = schema.columns[schema.id_column()].id, .is_dimension = false, .matches = wanted});
  std::unique_ptr<RawScan> scan = snapshot.scan(std::move(spec));
  while (true) {
    if (config_.stopping()) return fail(Code::kReadOnly, "the table is being closed");
    TALLY_ASSIGN_OR_RETURN(const RowBlock* block, scan->next());
    if (block == nullptr) return {};
    Found::Rows& rows = found.of(block->schema != nullptr ? *block->schema : schema);
    Status status;
    for_each_row(*block, [&](uint32_t row) {
      if (!status || block->kinds[row] != RowKind::kEvent) return;
      Asked& one = asked[*wanted.find(block->id_kinds[row], block->ids[row])];
      if (one.found || block->lsns[row] >= one.verdict_lsn) return;
      one.found = true;
      if (rows.builder.full()) status = log_rows(snapshot, rows.schema, rows.builder);
      rows.builder.add(*block, row);
    });
    TALLY_TRY(status);
  }
}

Status Resolver::log_rows(const Snapshot& snapshot, const Schema& schema, SettlementBuilder& rows) {
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<SettlementWork> work, prepare(snapshot, schema, rows, 0));
  return log(std::move(work));
}

Status Resolver::log(std::shared_ptr<SettlementWork> work) {
  TALLY_TRY(wait_for_logged());
  logging_ = config_.log(std::move(work));
  return {};
}

Status Resolver::wait_for_logged() { return logging_.valid() ? logging_.get() : Status{}; }

// Through the bytes that are logged: a replay applies the same.
Result<std::shared_ptr<SettlementWork>> Resolver::prepare(const Snapshot& snapshot, const Schema& schema,
                                                          SettlementBuilder& rows, Lsn resolved_lsn) {
  auto work = std::make_shared<SettlementWork>();
  SettlementBuilder::Encoded encoded = rows.finish(resolved_lsn);
  work->meta = std::move(encoded.meta);
  work->schema = std::make_shared<const Schema>(schema);
  std::vector<uint32_t> sizes;
  for (size_t position : schema.dimensions()) {
    sizes.push_back(snapshot.find_dictionary(schema.columns[position].id)->size());
  }
  TALLY_ASSIGN_OR_RETURN(work->settlement, decode_settlement(schema, *config_.hasher, config_.shards, sizes, work->meta,
                                                             std::move(encoded.payload)));
  return work;
}

}  // namespace tally
