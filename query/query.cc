#include "query/query.h"

#include <algorithm>

#include "query/catalog.h"
#include "query/statement_runner.h"

namespace tally {
namespace {

class DatabaseCatalog final : public Catalog {
 public:
  explicit DatabaseCatalog(Database& database) : database_(database) {}
  std::vector<std::string> table_names() const override { return database_.table_names(); }
  Result<std::shared_ptr<const Snapshot>> snapshot(std::string_view table) override {
    TALLY_ASSIGN_OR_RETURN(Table * found, database_.table(table));
    return found->snapshot();
  }
  Result<BackgroundStats> background(std::string_view table) override {
    TALLY_ASSIGN_OR_RETURN(Table * found, database_.table(table));
    return found->stats().background;
  }
  Status create_table(Schema schema) override {
    TALLY_TRY(database_.create_table(std::move(schema)));
    return {};
  }
  Status alter_table(Schema next) override {
    TALLY_ASSIGN_OR_RETURN(Table * table, database_.table(next.table_name));
    return table->alter(std::move(next));
  }
  TimeUs now() const override { return database_.clock().wall_us(); }
  TimeUs boottime_us() const override { return database_.clock().boottime_us(); }

 private:
  Database& database_;
};

}  // namespace

std::unique_ptr<Catalog> make_catalog(Database& database) { return std::make_unique<DatabaseCatalog>(database); }

struct QueryEngine::Impl {
  Impl(Database& db, const QueryEngineOptions& options)
      : database(db),
        catalog(make_catalog(db)),
        rows_a_thread(options.rows_a_thread == 0 ? limits::kQueryRowsAThread : options.rows_a_thread),
        memory(options.memory_bytes == 0 ? limits::kQueriesMemoryBytesMax : options.memory_bytes),
        pool(std::max(options.threads, 1u) - 1) {}

  Database& database;
  std::unique_ptr<Catalog> catalog;
  const uint64_t rows_a_thread;
  MemoryBudget memory;
  QueryPool pool;
};

QueryEngine::QueryEngine(Database& database, const QueryEngineOptions& options)
    : impl_(std::make_unique<Impl>(database, options)) {}
QueryEngine::~QueryEngine() = default;

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
  query_limits.control = QueryControl(options, clock);
  auto result = run_statement(sql, parameters, *impl_->catalog, query_limits);
  if (result) result->stats.elapsed_us = clock.boottime_us() - start;
  return result;
}

}  // namespace tally
