// The parser's inside: shared by parser.cc (statements), parser_expression.cc, parser_create.cc and
// parser_alter.cc.
#pragma once

#include <string>
#include <string_view>

#include "query/ast.h"
#include "query/lexer.h"
#include "query/sql_error.h"

namespace tally {

class Parser {
 public:
  explicit Parser(std::string_view sql) : sql_(sql), lexer_(sql) {}
  Sql<void> start();  // reads the first tokens
  Sql<Statement> statement();
  Sql<ExprPtr> lone_expression();

 private:
  // --- tokens
  Sql<Token> take();
  Sql<bool> accept_word(std::string_view word);
  Sql<bool> accept_symbol(std::string_view symbol);
  Sql<void> expect_word(std::string_view word);
  Sql<void> expect_symbol(std::string_view symbol);
  Sql<std::string> name(std::string_view what);
  bool at_name() const;
  Sql<uint64_t> integer(std::string_view what);
  Sql<std::pair<std::string, uint32_t>> string_literal(std::string_view what);
  Sql<std::vector<std::pair<std::string, uint32_t>>> name_list(std::string_view what);
  std::unexpected<SqlError> unexpected_here(std::string_view wanted) const;
  std::unexpected<SqlError> unsupported_here(std::string_view what, std::string_view hint = {}) const;
  Sql<void> expect_end();

  // --- statements
  Sql<SelectStatement> select();
  Sql<void> select_items(SelectStatement& out);
  Sql<TableName> from_table();
  Sql<void> group_by(SelectStatement& out);
  Sql<void> order_by(SelectStatement& out);
  Sql<void> limit_and_offset(SelectStatement& out);
  Sql<Statement> show();
  Sql<Statement> describe();

  // --- ALTER and DROP TABLE
  Sql<Statement> alter();
  Sql<void> alter_add(AlterTableStatement& out);
  Sql<void> alter_drop(AlterTableStatement& out);
  Sql<void> alter_set(AlterTableStatement& out);
  Sql<void> set_retention(AlterTableStatement& out);
  Sql<AlterTableStatement::Part> table_part();
  Sql<Statement> drop();

  // --- CREATE TABLE
  Sql<Statement> create();
  Sql<ColumnDefinition> column_definition();
  Sql<void> id_definition(ColumnDefinition& column);
  Sql<void> typed_definition(ColumnDefinition& column);
  Sql<void> column_type(ColumnDefinition& column);
  Sql<void> dimension_limit(ColumnDefinition& column);
  Sql<void> measure_definition(ColumnDefinition& column);
  Sql<void> aggregate_definition(ColumnDefinition& column);
  Sql<void> table_option(CreateTableStatement& table);
  Sql<bool> durability();  // whether fsync
  Sql<RollupDefinition> rollup_definition();
  Sql<void> tier_retention(RollupDefinition& rollup);
  Sql<LatenessDefinition> lateness_definition();
  Sql<void> expression_with_text(ExprPtr& expression, std::string& text);

  // --- expressions
  Sql<ExprPtr> expression(int least_precedence = 0);
  Sql<ExprPtr> unary();
  Sql<ExprPtr> postfix();
  Sql<ExprPtr> primary();
  Sql<ExprPtr> word_expression();
  Sql<ExprPtr> name_or_call();
  Sql<ExprPtr> call(const Token& function);
  Sql<ExprPtr> case_expression();
  Sql<ExprPtr> cast_expression();
  Sql<void> cast_type(Expr& cast);
  Sql<ExprPtr> literal(ExprKind kind);
  Sql<ExprPtr> typed_string(ExprKind kind);
  Sql<ExprPtr> infix(ExprPtr left, int precedence);
  Sql<ExprPtr> is_test(ExprPtr left);
  Sql<ExprPtr> negatable(ExprPtr left);
  Sql<ExprPtr> in_list(ExprPtr left, bool negated, uint32_t offset);
  int infix_precedence() const;
  Sql<ExprPtr> node(ExprKind kind, uint32_t offset, std::vector<ExprPtr> args = {});
  Sql<void> adopt(Expr& parent, ExprPtr child);

  // Counts nesting while the parser itself recurses.
  class Level {
   public:
    explicit Level(unsigned& depth) : depth_(++depth) {}
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    unsigned& depth_;
  };
  Sql<void> check_depth() const;

  std::string_view sql_;
  Lexer lexer_;
  Token now_, next_;
  uint32_t last_end_ = 0;  // of the token taken last
  unsigned depth_ = 0;
  uint64_t nodes_ = 0;
};

}  // namespace tally
