#include "tools/shell/completion.h"

#include <algorithm>
#include <optional>

#include "query/lexer.h"
#include "query/sql_error.h"
#include "tools/shell/statement_cut.h"
#include "tools/shell/vocabulary.h"

namespace tally {

namespace {

bool is_name(const Token& token) { return token.kind == TokenKind::kWord || token.kind == TokenKind::kQuotedName; }

struct Tokens {
  std::vector<Token> all;
  std::optional<uint32_t> broken;  // where a token does not end
};

Tokens read_tokens(std::string_view text) {
  Tokens tokens;
  Lexer lexer(text);
  while (true) {
    Sql<Token> token = lexer.next();
    if (!token) {
      tokens.broken = token.error().offset;
      return tokens;
    }
    if (token->kind == TokenKind::kEnd) return tokens;
    if (token->is_symbol(";")) {
      tokens.all.clear();
    } else {
      tokens.all.push_back(*token);
    }
  }
}

// The name behind the first FROM, without a schema or ".raw".
struct Source {
  std::string table;
  bool raw = false;
  bool system = false;
};

std::optional<Source> source_in(const std::vector<Token>& tokens) {
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (!tokens[i].is_word("from") || !is_name(tokens[i + 1])) continue;
    Source source{.table = tokens[i + 1].value()};
    if (i + 3 < tokens.size() && tokens[i + 2].is_symbol(".") && is_name(tokens[i + 3])) {
      source.raw = tokens[i + 3].value() == "raw";
      source.system = source.table == "system";
    }
    return source;
  }
  return std::nullopt;
}

// One press of Tab.
class Question {
 public:
  Question(std::string_view before, std::string_view behind, Names& names)
      : before_(before), names_(names), tokens_(read_tokens(before)) {
    source_ = source_in(tokens_.all);
    if (source_) return;
    // The rest may begin in the middle of a word, which no FROM does.
    source_ = source_in(read_tokens(behind).all);
  }

  Completions answer() {
    if (tokens_.broken) {
      if (*tokens_.broken >= before_.size()) return {};
      return before_[*tokens_.broken] == '\'' ? value(before_.substr(*tokens_.broken + 1)) : Completions{};
    }
    if (!tokens_.all.empty() && tokens_.all.back().kind == TokenKind::kWord && last().end() == before_.size()) {
      word_ = last().text;
      tokens_.all.pop_back();
    } else if (!tokens_.all.empty() && last().end() == before_.size() && is_name(last())) {
      return {};  // behind a closing quote
    }
    return place();
  }

 private:
  const Token& last(size_t back = 0) const { return tokens_.all[tokens_.all.size() - 1 - back]; }
  bool has(size_t count) const { return tokens_.all.size() >= count; }
  bool word_is(size_t back, std::string_view word) const { return has(back + 1) && last(back).is_word(word); }
  bool symbol_is(size_t back, std::string_view symbol) const { return has(back + 1) && last(back).is_symbol(symbol); }
  bool begins(std::string_view word) const { return has(1) && tokens_.all.front().is_word(word); }

  Completions words(const vocabulary::Words& choices, const std::string& tail = " ") const {
    Completions found = matching(word_, choices, tail);
    const bool small = !word_.empty() && word_.front() >= 'a' && word_.front() <= 'z';
    for (Completions::Choice& choice : found.choices) {
      if (small) choice.text = lower_case(choice.text);
      if (choice.text.ends_with('(')) choice.tail.clear();
    }
    return found;
  }
  static void join(Completions& all, Completions more) {
    for (Completions::Choice& choice : more.choices) all.choices.push_back(std::move(choice));
  }

  Completions place() {
    if (!has(1)) return words(vocabulary::statements());
    if (symbol_is(0, ".") && has(2)) return behind_point();
    if (word_is(0, "from") && !begins("create")) return tables(true);
    if (word_is(0, "table") || (tokens_.all.size() == 1 && (begins("describe") || begins("desc"))))
      return tables(false);
    if (begins("create")) return words(vocabulary::of_create());
    if (begins("alter")) return alter();
    if (begins("show")) return words({"TABLES", "SETTINGS"});
    if (begins("explain") && tokens_.all.size() == 1) return words({"ANALYZE", "SELECT"});
    if (word_is(0, "group") || word_is(0, "order")) return words({"BY"});
    if (symbol_is(0, "::") || (word_is(0, "as") && within_cast())) return words(vocabulary::types());
    if (word_is(0, "as")) return {};  // a name that the statement gives
    if (const auto column = compared_column(); column && word_.empty()) return quoted_values(*column);
    return operand_is_next() ? operands() : words(vocabulary::after_operand());
  }

  bool within_cast() const {
    size_t open = 0;  // parentheses that close on the way back
    for (size_t i = tokens_.all.size(); i-- > 1;) {
      if (tokens_.all[i].is_symbol(")")) ++open;
      if (!tokens_.all[i].is_symbol("(")) continue;
      if (open == 0) return tokens_.all[i - 1].is_word("cast");
      --open;
    }
    return false;
  }

  Completions behind_point() {
    const std::string owner = last(1).value();
    if (owner == "system") return matching(word_, names_.system_tables(), " ");
    if (word_is(2, "from") || word_is(2, "describe")) return matching(word_, {"raw"}, " ");
    return columns();
  }

  Completions tables(bool also_system) {
    std::vector<std::string> choices;
    for (const std::string& name : names_.tables()) choices.push_back(name_in_sql(name));
    Completions found = matching(word_, choices, " ");
    if (also_system) join(found, matching(word_, {"system."}, ""));
    return found;
  }

  Completions alter() {
    if (tokens_.all.size() == 3) return words(vocabulary::of_alter());
    if (word_is(0, "add") || word_is(0, "drop")) return words(vocabulary::things_to_alter());
    if (word_is(0, "set")) return words(vocabulary::things_to_set());
    if (word_is(1, "drop")) return columns_of(tokens_.all[2].value());
    return words(vocabulary::of_create());
  }

  bool operand_is_next() const {
    const Token& token = last();
    if (token.kind == TokenKind::kWord) return vocabulary::wants_operand(lower_case(token.text));
    if (token.kind != TokenKind::kSymbol) return false;
    if (token.text == ")") return false;
    return token.text != "*" || !(word_is(1, "select") || symbol_is(1, "(") || symbol_is(1, ","));
  }

  // In WHERE and GROUP BY of a table there are no measures; in SUM() and the like there is nothing else.
  enum class Wanted : uint8_t { kAll, kMeasures, kNoMeasures };
  Wanted wanted() const {
    if (source_ && (source_->raw || source_->system)) return Wanted::kAll;
    if (symbol_is(0, "(")) {
      for (const char* function : {"sum", "min", "max", "avg", "approx_count_distinct"}) {
        if (word_is(1, function)) return Wanted::kMeasures;
      }
    }
    for (size_t i = tokens_.all.size(); i-- > 0;) {
      if (tokens_.all[i].is_word("where") || tokens_.all[i].is_word("group")) return Wanted::kNoMeasures;
      if (tokens_.all[i].is_word("select") || tokens_.all[i].is_word("having") || tokens_.all[i].is_word("order"))
        break;
    }
    return Wanted::kAll;
  }

  Completions operands() {
    Completions found = columns();
    if (wanted() == Wanted::kMeasures) return found;
    join(found, matching(word_, aliases(), " "));
    join(found, words(vocabulary::functions()));
    if (!word_.empty()) join(found, words(vocabulary::operands()));
    if (!word_.empty() && word_is(0, "by")) join(found, words({"ALL"}));
    return found;
  }

  // Names that the statement itself gave, where they may be used.
  std::vector<std::string> aliases() const {
    std::vector<std::string> found;
    bool usable = false;
    for (size_t i = 0; i < tokens_.all.size(); ++i) {
      const Token& token = tokens_.all[i];
      usable = usable || token.is_word("group") || token.is_word("having") || token.is_word("order");
      if (token.is_word("as") && i + 1 < tokens_.all.size() && is_name(tokens_.all[i + 1])) {
        found.emplace_back(tokens_.all[i + 1].text);
      }
    }
    return usable ? found : std::vector<std::string>{};
  }

  Completions columns() {
    if (source_) return columns_of(source_->table);
    // Nobody said of which table yet.
    Completions found{.replaces = word_.size()};
    for (const std::string& table : names_.tables()) join(found, columns_of(table));
    std::vector<Completions::Choice>& all = found.choices;
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
    all.erase(std::unique(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.text == b.text; }),
              all.end());
    return found;
  }

  Completions columns_of(const std::string& table) {
    if (source_ && source_->system) return {.replaces = word_.size()};
    std::vector<std::string> choices;
    for (const Names::Column& column : names_.columns(table)) {
      const bool measure = column.kind.ends_with("measure");
      const bool stored = measure || column.kind == "event time" || column.kind == "dimension";
      const bool of_rows = column.kind == "id" || column.kind == "field";
      if (!stored && !(of_rows && source_ && source_->raw)) continue;
      if (source_ && source_->raw && measure) continue;
      if (wanted() == Wanted::kMeasures && (!measure || column.kind != "measure")) continue;
      if (wanted() == Wanted::kNoMeasures && measure) continue;
      choices.push_back(name_in_sql(column.name));
    }
    if (wanted() == Wanted::kMeasures) {
      for (const std::string& name : vocabulary::engine_measures()) choices.push_back(name);
    }
    return matching(word_, choices, symbol_is(0, "(") ? ")" : " ");
  }

  // The column that the next value is compared with: `c =`, `c IN ('a', `, `c BETWEEN 'a' AND`.
  std::optional<std::string> compared_column() const {
    size_t back = 0;
    if (symbol_is(back, ",") || symbol_is(back, "(")) {
      while (has(back + 1) && (last(back).kind == TokenKind::kString || last(back).is_symbol(","))) ++back;
      if (!symbol_is(back, "(") || !word_is(back + 1, "in")) return std::nullopt;
      back += 2;
    } else if (word_is(back, "and") && has(3) && last(1).kind == TokenKind::kString && word_is(2, "between")) {
      back = 3;
    } else if (has(1) && is_comparison(last())) {
      back = 1;
    } else {
      return std::nullopt;
    }
    if (word_is(back, "not")) ++back;
    if (!has(back + 1) || !is_name(last(back))) return std::nullopt;
    return last(back).value();
  }
  static bool is_comparison(const Token& token) {
    for (const char* symbol : {"=", "<>", "!=", "<", "<=", ">", ">="}) {
      if (token.is_symbol(symbol)) return true;
    }
    return token.is_word("like") || token.is_word("ilike") || token.is_word("between");
  }

  // Tables that have it as a dimension; the one the statement names, if it names one.
  std::optional<std::string> table_with(const std::string& column) {
    const std::vector<std::string> tables = source_ ? std::vector<std::string>{source_->table} : names_.tables();
    for (const std::string& table : tables) {
      for (const Names::Column& known : names_.columns(table)) {
        if (known.name == column && known.kind == "dimension") return table;
      }
    }
    return std::nullopt;
  }

  Completions value(std::string_view front) {
    const auto column = compared_column();
    const auto table = column ? table_with(*column) : std::nullopt;
    if (!table) return {};
    std::string begun(front);
    for (size_t at = 0; (at = begun.find("''", at)) != std::string::npos; ++at) begun.erase(at, 1);
    const Names::Values known = names_.values(*table, *column, begun);
    Completions found{.replaces = front.size(), .choices = {}, .more = known.more};
    const bool in_list = symbol_is(0, "(") || symbol_is(0, ",");
    for (const std::string& value : known.values) {
      const std::string quoted = string_in_sql(value);
      found.choices.push_back({quoted.substr(1, quoted.size() - 2), in_list ? "'" : "' "});
    }
    return found;
  }

  Completions quoted_values(const std::string& column) {
    const auto table = table_with(column);
    if (!table) return operands();
    const Names::Values known = names_.values(*table, column, "");
    Completions found{.replaces = 0, .choices = {}, .more = known.more};
    for (const std::string& value : known.values) found.choices.push_back({string_in_sql(value), ""});
    return found;
  }

  std::string_view before_;
  Names& names_;
  Tokens tokens_;  // of the statement, up to the word
  std::optional<Source> source_;
  std::string_view word_;  // that the cursor is in
};

}  // namespace

Completions matching(std::string_view word, const std::vector<std::string>& choices, const std::string& tail) {
  Completions found{.replaces = word.size()};
  const std::string wanted = lower_case(word);
  for (const std::string& choice : choices) {
    if (lower_case(choice).starts_with(wanted)) found.choices.push_back({choice, tail});
  }
  return found;
}

std::string name_in_sql(const std::string& name) {
  const bool plain = !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
                     name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos &&
                     !is_reserved(name);
  if (plain) return name;
  std::string out = "\"";
  for (char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string string_in_sql(std::string_view value) {
  std::string out = "'";
  for (char c : value) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

Completions complete_statement(std::string_view before, std::string_view behind, Names& names) {
  return Question(before, behind, names).answer();
}

}  // namespace tally
