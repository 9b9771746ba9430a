#include "query/query.h"

#include <algorithm>

#include "query/catalog.h"
#include "query/statement_runner.h"

namespace tally {
namespace {

class DatabaseCatalog final : public Catalog {
 public:
  DatabaseCatalog(Database& database, const QueryRegistry* queries) : database_(database), queries_(queries) {}
  std::vector<std::string> table_names() const override { return database_.table_names(); }
  Result<std::shared_ptr<const Snapshot>> snapshot(std::string_view table) override {
    TALLY_ASSIGN_OR_RETURN(Table * found, database_.table(table));
    return found->snapshot();
  }
  Result<BackgroundStats> background(std::string_view table) override {
    TALLY_ASSIGN_OR_RETURN(Table * found, database_.table(table));
    return found->stats().background;
  }
  Result<TableCondition> condition(std::string_view table) override {
    TALLY_ASSIGN_OR_RETURN(Table * found, database_.table(table));
    return found->condition();
  }
  Status create_table(Schema schema) override {
    TALLY_TRY(database_.create_table(std::move(schema)));
    return {};
  }
  Status alter_table(Schema next) override {
    TALLY_ASSIGN_OR_RETURN(Table * table, database_.table(next.table_name));
    return table->alter(std::move(next));
  }
  std::vector<QueryEntry> queries() const override {
    return queries_ == nullptr ? std::vector<QueryEntry>() : queries_->entries(database_.clock());
  }
  TimeUs now() const override { return database_.clock().wall_us(); }
  TimeUs boottime_us() const override { return database_.clock().boottime_us(); }

 private:
  Database& database_;
  const QueryRegistry* const queries_;
};

}  // namespace

std::unique_ptr<Catalog> make_catalog(Database& database, const QueryRegistry* queries) {
  return std::make_unique<DatabaseCatalog>(database, queries);
}

struct QueryEngine::Impl {
  Impl(Database& db, const QueryEngineOptions& options)
      : database(db),
        catalog(make_catalog(db, &queries)),
        rows_a_thread(options.rows_a_thread == 0 ? limits::kQueryRowsAThread : options.rows_a_thread),
        memory(options.memory_bytes == 0 ? limits::kQueriesMemoryBytesMax : options.memory_bytes),
        pool(std::max(options.threads, 1u) - 1) {}

  Database& database;
  QueryRegistry queries;
  std::unique_ptr<Catalog> catalog;
  const uint64_t rows_a_thread;
  MemoryBudget memory;
  QueryPool pool;
};

QueryEngine::QueryEngine(Database& database, const QueryEngineOptions& options)
    : impl_(std::make_unique<Impl>(database, options)) {}
QueryEngine::~QueryEngine() = default;

static QueryEntry outcome_of(const std::expected<QueryResult, QueryError>& result) {
  QueryEntry outcome;
  outcome.state = "done";
  if (result) {
    outcome.rows = result->stats.rows;
  } else {
    outcome.state = result.error().error.code == Code::kCancelled ? "cancelled" : "failed";
    outcome.error = result.error().error.message;
  }
  return outcome;
}

std::expected<QueryResult, QueryError> QueryEngine::run(std::string_view sql, const std::vector<Cell>& parameters,
                                                        const QueryOptions& options) {
  Clock& clock = impl_->database.clock();
  TimeUs start = clock.boottime_us();
  QueryLimits query_limits;
  if (options.memory_bytes != 0) query_limits.memory_bytes = options.memory_bytes;
  query_limits.all_queries = &impl_->memory;
  query_limits.pool = &impl_->pool;
  query_limits.rows_a_thread = impl_->rows_a_thread;
  query_limits.from_raw = options.from_raw;
  const std::shared_ptr<QueryRegistry::Running> running = impl_->queries.begin(sql, clock);
  query_limits.control = QueryControl(options, clock, &running->rows_read);
  query_limits.rows = options.rows;
  auto result = run_statement(sql, parameters, *impl_->catalog, query_limits);
  if (result && !result->handed_over) result->stats.rows = result->rows.size();
  if (result && options.rows != nullptr) {
    if (Status over = hand_over(*result, *options.rows); !over) {
      result = std::unexpected(QueryError{.error = std::move(over).error(), .position = std::nullopt});
    }
  }
  if (result) result->stats.elapsed_us = clock.boottime_us() - start;
  impl_->queries.end(*running, outcome_of(result), clock);
  return result;
}

Status hand_over(QueryResult& result, RowSink& sink) {
  if (result.handed_over || result.columns.empty()) return {};
  TALLY_TRY(sink.begin(result.columns));
  constexpr size_t kPiece = 1'024;
  const std::span<std::vector<Cell>> rows(result.rows);
  for (size_t at = 0; at < rows.size(); at += kPiece) {
    const std::span<std::vector<Cell>> piece = rows.subspan(at, std::min(kPiece, rows.size() - at));
    TALLY_TRY(sink.take(piece));
    for (std::vector<Cell>& row : piece) row = {};
  }
  result.stats.rows = rows.size();
  result.rows.clear();
  result.handed_over = true;
  return {};
}

}  // namespace tally
