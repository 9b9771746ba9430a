#include "query/statement_runner.h"

#include <algorithm>
#include <variant>

#include "query/alter_table.h"
#include "query/binder.h"
#include "query/create_table.h"
#include "query/describe.h"
#include "query/explain.h"
#include "query/find_table.h"
#include "query/parser.h"

namespace tally {
namespace {

class StatementRunner {
 public:
  StatementRunner(const std::vector<Cell>& parameters, Catalog& catalog, const QueryLimits& query_limits)
      : parameters_(parameters), catalog_(catalog), limits_(query_limits) {}

  Sql<QueryResult> operator()(const SelectStatement& statement) {
    SQL_ASSIGN(BoundSelect bound, bind(statement));
    return execute(bound, limits_);
  }

  Sql<QueryResult> operator()(const ExplainStatement& statement) {
    SQL_ASSIGN(BoundSelect bound, bind(statement.select));
    if (statement.analyze) return explain_analyze(bound, catalog_, limits_);
    return explain(bound);
  }

  Sql<QueryResult> operator()(const CreateTableStatement& statement) {
    QueryResult result;
    result.message = "CREATE TABLE";
    std::vector<std::string> names = catalog_.table_names();
    bool exists = std::find(names.begin(), names.end(), statement.name) != names.end();
    if (exists && statement.if_not_exists) return result;
    if (exists) {
      return sql_fail(statement.offset, "table " + quoted(statement.name) + " exists already",
                      "; IF NOT EXISTS passes over it", Code::kAlreadyExists);
    }
    SQL_ASSIGN(Schema schema, build_schema(statement));
    SQL_TRY(catalog_.create_table(std::move(schema)));
    return result;
  }

  Sql<QueryResult> operator()(const AlterTableStatement& statement) { return alter_table(statement, catalog_); }
  Sql<QueryResult> operator()(const DropTableStatement& statement) { return drop_table(statement, catalog_); }

  Sql<QueryResult> operator()(const ShowSettingsStatement& statement) {
    return sql_fail(statement.offset, "settings are those of a server, and there is none here",
                    "; ask one, or say `tally serve --settings`", Code::kUnsupported);
  }

  Sql<QueryResult> operator()(const ShowTablesStatement&) { return show_tables(catalog_); }

  Sql<QueryResult> operator()(const DescribeStatement& statement) {
    SQL_ASSIGN(auto snapshot, snapshot_of(statement.table, statement.offset, catalog_));
    return describe_table(snapshot->schema());
  }

 private:
  Sql<BoundSelect> bind(const SelectStatement& statement) {
    SQL_ASSIGN(BoundSelect bound, bind_select(statement, catalog_, parameters_));
    bound.from_raw = limits_.from_raw;
    return bound;
  }

  const std::vector<Cell>& parameters_;
  Catalog& catalog_;
  const QueryLimits& limits_;
};

Sql<QueryResult> parse_and_run(std::string_view sql, const std::vector<Cell>& parameters, Catalog& catalog,
                               const QueryLimits& query_limits) {
  SQL_ASSIGN(Statement statement, parse_statement(sql));
  return std::visit(StatementRunner(parameters, catalog, query_limits), statement);
}

}  // namespace

std::expected<QueryResult, QueryError> run_statement(std::string_view sql, const std::vector<Cell>& parameters,
                                                     Catalog& catalog, const QueryLimits& query_limits) {
  auto result = parse_and_run(sql, parameters, catalog, query_limits);
  if (!result) return std::unexpected(to_query_error(sql, std::move(result).error()));
  return *std::move(result);
}

}  // namespace tally
