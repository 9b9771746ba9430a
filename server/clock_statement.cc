#include "server/clock_statement.h"

#include "query/lexer.h"

namespace tally {
namespace {

using Action = ClockStatement::Action;

constexpr struct {
  Action action;
  std::string_view word;
} kActions[] = {{Action::kShow, "show"}, {Action::kConfirm, "confirm"}, {Action::kBack, "back"}};

Cell text_cell(std::string_view text) {
  Cell cell;
  cell.kind = Cell::Kind::kString;
  cell.text = text;
  return cell;
}

// What one table says. The clock always stands there, and what else waits for a word.
class Report {
 public:
  Report() {
    for (const char* name : {"table", "part", "state", "outcome", "detail"}) {
      result_.columns.push_back({.name = name, .type = SqlType::kString, .scale = 0});
    }
  }
  void add(const std::string& table, std::string_view part, std::string_view state, std::string_view outcome,
           std::string_view detail) {
    result_.rows.push_back(
        {text_cell(table), text_cell(part), text_cell(state), text_cell(outcome), text_cell(detail)});
  }
  void add_condition(const std::string& table, const TableCondition& condition, std::string_view outcome) {
    add(table, "clock", clock_state_name(condition.clock.state), outcome,
        describe_clock(condition.clock, condition.proving_us));
    for (const ConditionLine& line : describe_condition(condition)) {
      if (line.part == "retention") add(table, line.part, line.state, outcome, line.detail);
    }
  }
  QueryResult take() { return std::move(result_); }

 private:
  QueryResult result_;
};

Status act(Table& table, Action action) {
  if (action == Action::kConfirm) return table.confirm_clock();
  if (action == Action::kBack) return table.take_clock_back();
  return {};
}

std::string_view outcome_of(Action action) {
  switch (action) {
    case Action::kShow: return "shown";
    case Action::kConfirm: return "confirmed";
    case Action::kBack: return "taken back";
  }
  return "";
}

}  // namespace

std::optional<ClockStatement> clock_statement(std::string_view sql) {
  if (!check_text(sql)) return std::nullopt;
  Lexer lexer(sql);
  const Sql<Token> first = lexer.next();
  if (!first || !first->is_word("clock")) return std::nullopt;
  const Sql<Token> word = lexer.next();
  ClockStatement statement;
  bool known = false;
  for (const auto& [action, name] : kActions) {
    if (!word || !word->is_word(name)) continue;
    statement.action = action;
    known = true;
  }
  if (!known) return std::nullopt;
  Sql<Token> next = lexer.next();
  if (next && next->is_word("table")) {
    const Sql<Token> name = lexer.next();
    if (!name || (name->kind != TokenKind::kWord && name->kind != TokenKind::kQuotedName)) return std::nullopt;
    statement.table = name->value();
    next = lexer.next();
  }
  if (next && next->is_symbol(";")) next = lexer.next();
  if (!next || next->kind != TokenKind::kEnd) return std::nullopt;
  return statement;
}

std::string clock_statement_text(const ClockStatement& statement) {
  std::string text = "CLOCK ";
  for (const auto& [action, name] : kActions) {
    if (action == statement.action) text += name;
  }
  if (statement.table.empty()) return text;
  text += " TABLE \"";
  for (char c : statement.table) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

std::expected<QueryResult, QueryError> run_clock_statement(Database& database, const ClockStatement& statement) {
  const bool all = statement.table.empty();
  Report report;
  for (const std::string& name : all ? database.table_names() : std::vector<std::string>{statement.table}) {
    const Result<Table*> table = database.table(name);
    const Status done = table ? act(**table, statement.action) : Status(std::unexpected(table.error()));
    if (done) {
      report.add_condition(name, (*table)->condition(), outcome_of(statement.action));
      continue;
    }
    if (!all) return std::unexpected(QueryError{.error = done.error(), .position = std::nullopt});
    const bool needless =
        table && statement.action == Action::kBack && (*table)->condition().clock.state != ClockState::kBehind;
    report.add(name, "clock", table ? clock_state_name((*table)->condition().clock.state) : "unreadable",
               needless ? "nothing to do" : "refused", done.error().message);
  }
  return report.take();
}

}  // namespace tally
