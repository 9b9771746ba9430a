#include "query/parser.h"

#include <array>

#include "base/limits.h"
#include "query/parser_impl.h"

namespace tally {
namespace {

// Statements of other databases, and what there is instead.
struct Refused {
  std::string_view word, instead;
};
constexpr auto kRefused = std::to_array<Refused>({
    {"insert", "; rows come in with tally load"},
    {"copy", "; rows come in with tally load"},
    {"update", "; events do not change: take one back with tally retract and send another"},
    {"delete", "; events are taken back with tally retract, and forgotten by their retention"},
    {"truncate", "; events are forgotten by their retention"},
    {"set", ""},
    {"with", "; a query reads one table"},
    {"begin", "; a statement is a transaction of its own"},
    {"commit", "; a statement is a transaction of its own"},
    {"rollback", "; a statement is a transaction of its own"},
});

}  // namespace

// --- tokens ----------------------------------------------------------------------------------------------------------

Sql<void> Parser::start() {
  SQL_TRY(check_text(sql_));
  SQL_ASSIGN(now_, lexer_.next());
  SQL_ASSIGN(next_, lexer_.next());
  return {};
}

Sql<Token> Parser::take() {
  Token taken = now_;
  now_ = next_;
  last_end_ = taken.end();
  if (now_.kind != TokenKind::kEnd) {
    SQL_ASSIGN(next_, lexer_.next());
  }
  return taken;
}

Sql<bool> Parser::accept_word(std::string_view word) {
  if (!now_.is_word(word)) return false;
  SQL_TRY(take());
  return true;
}

Sql<bool> Parser::accept_symbol(std::string_view symbol) {
  if (!now_.is_symbol(symbol)) return false;
  SQL_TRY(take());
  return true;
}

Sql<void> Parser::expect_word(std::string_view word) {
  SQL_ASSIGN(bool found, accept_word(word));
  if (!found) return unexpected_here(upper_case(word));
  return {};
}

Sql<void> Parser::expect_symbol(std::string_view symbol) {
  SQL_ASSIGN(bool found, accept_symbol(symbol));
  if (!found) return unexpected_here("\"" + std::string(symbol) + "\"");
  return {};
}

bool Parser::at_name() const {
  return now_.kind == TokenKind::kQuotedName || (now_.kind == TokenKind::kWord && !is_reserved(now_.value()));
}

Sql<std::string> Parser::name(std::string_view what) {
  if (now_.kind == TokenKind::kWord && is_reserved(now_.value())) {
    return sql_fail(now_.offset,
                    upper_case(now_.value()) + " is a word of the language and cannot be " + std::string(what),
                    "; a name like that goes in double quotes");
  }
  if (!at_name()) return unexpected_here(what);
  SQL_ASSIGN(Token token, take());
  std::string value = token.value();
  if (value.size() > limits::kNameBytesMax) {
    return sql_fail(token.offset, "a name is longer than " + std::to_string(limits::kNameBytesMax) + " bytes");
  }
  return value;
}

Sql<uint64_t> Parser::integer(std::string_view what) {
  if (now_.kind != TokenKind::kNumber) return unexpected_here(what);
  uint64_t value = 0;
  for (char c : now_.text) {
    if (c < '0' || c > '9') return sql_fail(now_.offset, "a whole number is wanted here, not " + now_.describe());
    if (value > UINT64_MAX / 10 - 10) return sql_fail(now_.offset, "the number is too large");
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  SQL_TRY(take());
  return value;
}

Sql<std::pair<std::string, uint32_t>> Parser::string_literal(std::string_view what) {
  if (now_.kind != TokenKind::kString) return unexpected_here(what);
  SQL_ASSIGN(Token token, take());
  return std::pair(token.value(), token.offset);
}

Sql<std::vector<std::pair<std::string, uint32_t>>> Parser::name_list(std::string_view what) {
  SQL_TRY(expect_symbol("("));
  std::vector<std::pair<std::string, uint32_t>> names;
  for (bool more = true; more;) {
    uint32_t offset = now_.offset;
    SQL_ASSIGN(std::string next_name, name(what));
    names.emplace_back(std::move(next_name), offset);
    SQL_ASSIGN(more, accept_symbol(","));
  }
  SQL_TRY(expect_symbol(")"));
  return names;
}

std::unexpected<SqlError> Parser::unexpected_here(std::string_view wanted) const {
  return sql_fail(now_.offset, "expected " + std::string(wanted) + ", found " + now_.describe());
}

std::unexpected<SqlError> Parser::unsupported_here(std::string_view what, std::string_view hint) const {
  return sql_fail(now_.offset, std::string(what) + " is not supported", std::string(hint), Code::kUnsupported);
}

Sql<void> Parser::expect_end() {
  SQL_TRY(accept_symbol(";"));
  if (now_.kind == TokenKind::kEnd) return {};
  if (now_.is_word("fill")) return sql_fail(now_.offset, "FILL stands right behind GROUP BY", ", before HAVING");
  if (now_.is_word("union") || now_.is_word("intersect") || now_.is_word("except")) {
    return unsupported_here(upper_case(now_.text));
  }
  return unexpected_here("the end of the statement");
}

// --- statements ------------------------------------------------------------------------------------------------------

Sql<Statement> Parser::statement() {
  Statement result;
  if (now_.is_word("select")) {
    SQL_ASSIGN(result, select());
  } else if (now_.is_word("create")) {
    SQL_ASSIGN(result, create());
  } else if (now_.is_word("alter")) {
    SQL_ASSIGN(result, alter());
  } else if (now_.is_word("drop")) {
    SQL_ASSIGN(result, drop());
  } else if (now_.is_word("show")) {
    SQL_ASSIGN(result, show());
  } else if (now_.is_word("describe") || now_.is_word("desc")) {
    SQL_ASSIGN(result, describe());
  } else if (now_.is_word("explain")) {
    SQL_TRY(take());
    const bool analyze = now_.is_word("analyze");
    if (analyze) SQL_TRY(take());
    if (!now_.is_word("select")) return unexpected_here(analyze ? "SELECT" : "SELECT or ANALYZE");
    SQL_ASSIGN(SelectStatement explained, select());
    result = ExplainStatement{std::move(explained), analyze};
  } else {
    for (const Refused& refused : kRefused) {
      if (now_.is_word(refused.word)) return unsupported_here(upper_case(refused.word), refused.instead);
    }
    if (now_.kind == TokenKind::kEnd || now_.is_symbol(";")) return sql_fail(now_.offset, "the statement is empty");
    return unexpected_here("SELECT, CREATE TABLE, ALTER TABLE, SHOW TABLES, DESCRIBE or EXPLAIN");
  }
  SQL_TRY(expect_end());
  return result;
}

Sql<SelectStatement> Parser::select() {
  SQL_TRY(expect_word("select"));
  SelectStatement result;
  SQL_ASSIGN(result.distinct, accept_word("distinct"));
  if (!result.distinct) SQL_TRY(accept_word("all"));
  if (now_.is_word("top") && next_.kind == TokenKind::kNumber) {
    return sql_fail(now_.offset, "TOP is not a word of the language",
                    "; end the query with LIMIT " + printable(next_.text));
  }
  SQL_TRY(select_items(result));
  SQL_ASSIGN(bool from, accept_word("from"));
  if (from) {
    SQL_ASSIGN(result.from, from_table());
  }
  SQL_ASSIGN(bool where, accept_word("where"));
  if (where) {
    SQL_ASSIGN(result.where, expression());
  }
  SQL_TRY(group_by(result));
  SQL_ASSIGN(bool having, accept_word("having"));
  if (having) {
    SQL_ASSIGN(result.having, expression());
  }
  SQL_TRY(order_by(result));
  SQL_TRY(limit_and_offset(result));
  return result;
}

Sql<void> Parser::select_items(SelectStatement& out) {
  for (bool more = true; more;) {
    SelectItem item;
    item.offset = now_.offset;
    if (now_.is_symbol("*")) {
      SQL_ASSIGN(Token star, take());
      SQL_ASSIGN(item.expr, node(ExprKind::kStar, star.offset));
    } else {
      SQL_ASSIGN(item.expr, expression());
      item.text = std::string(sql_.substr(item.offset, last_end_ - item.offset));
      SQL_ASSIGN(bool as, accept_word("as"));
      if (as && now_.kind == TokenKind::kWord) {  // behind AS every word is a name
        SQL_ASSIGN(Token word, take());
        item.alias = word.value();
      } else if (as || at_name()) {
        SQL_ASSIGN(item.alias, name("a name"));
      }
    }
    out.items.push_back(std::move(item));
    SQL_ASSIGN(more, accept_symbol(","));
  }
  return {};
}

Sql<TableName> Parser::from_table() {
  if (now_.is_symbol("(")) return unsupported_here("a subquery", "; a query reads one table");
  TableName table;
  table.offset = now_.offset;
  SQL_ASSIGN(table.name, name("a table"));
  SQL_ASSIGN(bool dotted, accept_symbol("."));
  if (dotted) {
    uint32_t part_offset = now_.offset;
    SQL_ASSIGN(std::string part, name("a table"));
    if (table.name == kSystemSchema) {
      table.system = true;
      table.name = std::move(part);
    } else if (part == "raw") {
      table.raw = true;
    } else {
      return sql_fail(part_offset, "unknown part " + quoted(part) + " of table " + quoted(table.name),
                      "; only " + table.name + ".raw exists");
    }
  }
  SQL_ASSIGN(bool as, accept_word("as"));
  bool clause = now_.is_word("fill");
  if (as || (at_name() && !clause)) {
    SQL_ASSIGN(table.alias, name("a name"));
  }
  if (now_.is_symbol(",") || now_.is_word("join") || next_.is_word("join")) {
    return sql_fail(now_.offset, "joins are not supported", "; a query reads one table", Code::kUnsupported);
  }
  return table;
}

Sql<void> Parser::group_by(SelectStatement& out) {
  out.group_offset = now_.offset;
  SQL_ASSIGN(bool group, accept_word("group"));
  if (!group) return {};
  SQL_TRY(expect_word("by"));
  SQL_ASSIGN(out.group_all, accept_word("all"));
  for (bool more = !out.group_all; more;) {
    SQL_ASSIGN(ExprPtr key, expression());
    out.group_by.push_back(std::move(key));
    SQL_ASSIGN(more, accept_symbol(","));
  }
  out.fill_offset = now_.offset;
  SQL_ASSIGN(out.fill, accept_word("fill"));
  if (out.fill && now_.is_symbol("(")) {
    return sql_fail(now_.offset, "FILL takes no argument",
                    ": counts and sums become 0, ratios and extremes NULL; COALESCE says another value");
  }
  return {};
}

Sql<void> Parser::order_by(SelectStatement& out) {
  SQL_ASSIGN(bool order, accept_word("order"));
  if (!order) return {};
  SQL_TRY(expect_word("by"));
  for (bool more = true; more;) {
    OrderItem item;
    SQL_ASSIGN(item.expr, expression());
    SQL_ASSIGN(item.descending, accept_word("desc"));
    if (!item.descending) SQL_TRY(accept_word("asc"));
    item.nulls_first = item.descending;
    SQL_ASSIGN(bool nulls, accept_word("nulls"));
    if (nulls) {
      SQL_ASSIGN(item.nulls_first, accept_word("first"));
      if (!item.nulls_first) SQL_TRY(expect_word("last"));
    }
    out.order_by.push_back(std::move(item));
    SQL_ASSIGN(more, accept_symbol(","));
  }
  return {};
}

Sql<void> Parser::limit_and_offset(SelectStatement& out) {
  while (now_.is_word("limit") || now_.is_word("offset")) {
    bool limit = now_.is_word("limit");
    ExprPtr& target = limit ? out.limit : out.offset;
    if (target != nullptr) return sql_fail(now_.offset, upper_case(now_.text) + " is there twice");
    SQL_TRY(take());
    if (limit && now_.is_word("all")) {
      SQL_TRY(take());
      continue;
    }
    SQL_ASSIGN(target, expression());
    if (limit && now_.is_symbol(",")) {
      return sql_fail(now_.offset, "LIMIT takes one number", "; rows to skip stand behind OFFSET: LIMIT 20 OFFSET 10");
    }
  }
  return {};
}

Sql<Statement> Parser::show() {
  SQL_TRY(take());
  uint32_t offset = now_.offset;
  SQL_ASSIGN(bool settings, accept_word("settings"));
  if (settings) return Statement(ShowSettingsStatement{offset});
  SQL_ASSIGN(bool tables, accept_word("tables"));
  if (!tables) return unexpected_here("TABLES or SETTINGS");
  return Statement(ShowTablesStatement{});
}

Sql<Statement> Parser::describe() {
  SQL_TRY(take());
  SQL_TRY(accept_word("table"));
  DescribeStatement result;
  result.offset = now_.offset;
  SQL_ASSIGN(result.table, name("a table"));
  return Statement(std::move(result));
}

Sql<ExprPtr> Parser::lone_expression() {
  SQL_ASSIGN(ExprPtr result, expression());
  if (now_.kind != TokenKind::kEnd) return unexpected_here("the end of the expression");
  return result;
}

// --- entries ---------------------------------------------------------------------------------------------------------

Sql<Statement> parse_statement(std::string_view sql) {
  Parser parser(sql);
  SQL_TRY(parser.start());
  return parser.statement();
}

Sql<ExprPtr> parse_expression(std::string_view text) {
  Parser parser(text);
  SQL_TRY(parser.start());
  return parser.lone_expression();
}

SqlScript split_statements(std::string_view text) {
  SqlScript script;
  Lexer lexer(text);
  size_t start = 0;
  bool empty = true;
  while (true) {
    auto token = lexer.next();
    if (!token) {  // an open string or comment, or a stray character: the rest is one statement, for the parser to judge
      script.statements.push_back(text.substr(start));
      script.complete = token.error().message.find("without its") == std::string::npos;
      return script;
    }
    if (token->kind == TokenKind::kEnd) break;
    if (!token->is_symbol(";")) {
      empty = false;
      continue;
    }
    if (!empty) script.statements.push_back(text.substr(start, token->offset - start));
    start = token->end();
    empty = true;
  }
  if (!empty) script.statements.push_back(text.substr(start));
  script.complete = empty;
  return script;
}

}  // namespace tally
