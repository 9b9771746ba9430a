#include "tests/support/query/differential.h"

#include <algorithm>
#include <cmath>
#include <compare>

#include "query/format.h"
#include "query/parser.h"
#include "tests/support/query/interpreter.h"

namespace tally::reference {
namespace {

using Lines = std::vector<std::string>;

// Cells of one row, equal text for equal values: numbers without zeros at their end.
std::string line_of(const std::vector<Value>& row) {
  std::string line;
  for (const Value& value : row) {
    const Exact* number = std::get_if<Exact>(&value);
    line += (line.empty() ? "" : " | ") + (number != nullptr ? value_key(*number) : to_text(value));
  }
  return line;
}

Value value_of_cell(const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::kNull: return Null{};
    case Cell::Kind::kBool: return cell.boolean;
    case Cell::Kind::kNumber: return exact_of(cell.number, cell.scale);
    case Cell::Kind::kTimestamp: return Time{cell.timestamp};
    default: return cell.text;
  }
}

Lines lines_of(const std::vector<std::vector<Value>>& rows, bool ordered) {
  Lines lines;
  for (const std::vector<Value>& row : rows) lines.push_back(line_of(row));
  if (!ordered) std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::vector<Value>> values_of(const QueryResult& result) {
  std::vector<std::vector<Value>> rows;
  for (const auto& cells : result.rows) {
    std::vector<Value> row;
    for (const Cell& cell : cells) row.push_back(value_of_cell(cell));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string shown(const Lines& lines) {
  std::string text = std::to_string(lines.size()) + " rows\n";
  for (size_t i = 0; i < std::min<size_t>(lines.size(), 12); ++i) text += "    " + lines[i] + "\n";
  return text;
}

std::string first_difference(const Lines& a, const Lines& b) {
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string left = i < a.size() ? a[i] : "(no row)", right = i < b.size() ? b[i] : "(no row)";
    if (left != right)
      return "first difference, row " + std::to_string(i + 1) + ":\n    " + left + "\n    " + right + "\n";
  }
  return "";
}

class Comparison {
 public:
  Comparison(RandomWorld& world, const DifferentialOptions& options, DifferentialReport& report)
      : world_(world), elsewhere_(options.elsewhere), asking_(options.asking), report_(report) {}

  // What differs, or nothing.
  std::optional<std::string> compare(const RandomQuery& query, bool count) {
    const std::string sql = query.sql();
    if (asking_) asking_(world_.create_sql(), sql);
    auto statement = parse_statement(sql);
    auto answer = world_.run(sql, {});
    if (!statement) return "the parser refuses it: " + statement.error().message;
    auto reference = interpret(std::get<SelectStatement>(*statement), world_.catalog(), {}, world_.table());
    if (count) {
      ++report_.queries;
      if (!answer && !reference) ++report_.refused;
    }
    if (auto difference = with_reference(answer, reference, count)) return difference;
    if (elsewhere_ == nullptr) return std::nullopt;
    return with_elsewhere(query, answer, count);
  }

 private:
  std::optional<std::string> with_reference(const std::expected<QueryResult, QueryError>& answer,
                                            const Outcome<Answer>& reference, bool count) {
    if (!answer && !reference) return std::nullopt;
    if (!answer) {
      if (reference->may_fail) return std::nullopt;
      return "engine: error: " + answer.error().error.message +
             "\n  interpreter: " + shown(lines_of(reference->rows, reference->ordered));
    }
    if (!reference) {
      return "interpreter: error: " + reference.error().what +
             "\n  engine: " + shown(lines_of(values_of(*answer), true));
    }
    const Lines ours = lines_of(values_of(*answer), reference->ordered);
    const Lines theirs = lines_of(reference->rows, reference->ordered);
    if (count) report_.rows += ours.size();
    if (ours == theirs) return std::nullopt;
    return "engine: " + shown(ours) + "  interpreter: " + shown(theirs) + "  " + first_difference(ours, theirs);
  }

  std::optional<std::string> with_elsewhere(const RandomQuery& query,
                                            const std::expected<QueryResult, QueryError>& answer, bool count) {
    std::vector<bool> approximate;
    std::optional<std::string> sql = query.elsewhere(approximate);
    auto skip = [&](const std::string& why) {
      if (count) ++report_.not_compared[why];
      return std::nullopt;
    };
    if (!sql) return skip("no words for it there");
    if (!answer) return skip("refused here");
    auto rows = elsewhere_->run(*sql);
    if (!rows) return other_error(rows.error(), *sql, skip);
    if (count) ++report_.asked_elsewhere;
    std::vector<Line> left, right;
    for (const auto& row : values_of(*answer)) left.push_back(line_for_elsewhere(row, approximate));
    for (const auto& row : *rows) right.push_back(line_from_elsewhere(row, approximate));
    if (query.order_by.empty()) {
      std::sort(left.begin(), left.end());
      std::sort(right.begin(), right.end());
    }
    if (std::equal(left.begin(), left.end(), right.begin(), right.end(), about_same)) return std::nullopt;
    Lines ours, theirs;
    for (const Line& line : left) ours.push_back(line.text());
    for (const Line& line : right) theirs.push_back(line.text());
    return "asked there: " + *sql + "\n  engine: " + shown(ours) + "  there: " + shown(theirs) + "  " +
           first_difference(ours, theirs);
  }

  // A row: what is exact, and what there is of floating point.
  struct Line {
    std::string exact;
    std::vector<double> quotients;
    auto operator<=>(const Line&) const = default;
    std::string text() const {
      std::string out = exact;
      for (const double quotient : quotients) out += " | about " + std::to_string(quotient);
      return out;
    }
  };

  static bool about_same(const Line& a, const Line& b) {
    if (a.exact != b.exact || a.quotients.size() != b.quotients.size()) return false;
    for (size_t i = 0; i < a.quotients.size(); ++i) {
      const double x = a.quotients[i], y = b.quotients[i];
      if (std::abs(x - y) > 1e-9 * std::max(std::abs(x), std::abs(y)) + 1e-15) return false;
    }
    return true;
  }

  // Their numbers end at 38 digits, and their types are stricter; that is theirs, and counted by its kind.
  template <class Skip>
  static std::optional<std::string> other_error(const std::string& error, const std::string& sql, const Skip& skip) {
    for (const char* kind : {"Out of Range Error", "Conversion Error", "Not implemented Error"}) {
      if (error.starts_with(kind)) return skip(kind);
    }
    return "asked there: " + sql + "\n  error: " + error;
  }

  static void drop_zeros(std::string& time) {
    if (time.find('.') == std::string::npos) return;
    while (time.back() == '0') time.pop_back();
    if (time.back() == '.') time.pop_back();
  }

  static Line line_for_elsewhere(const std::vector<Value>& row, const std::vector<bool>& approximate) {
    Line line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string cell = to_text(row[i]);
      const Exact* number = std::get_if<Exact>(&row[i]);
      if (number != nullptr && approximate[i]) {
        line.quotients.push_back(std::strtod(cell.c_str(), nullptr));
        continue;
      }
      if (number != nullptr) cell = value_key(*number);
      if (std::holds_alternative<Time>(row[i])) {
        cell.pop_back();
        cell[cell.find('T')] = ' ';
        drop_zeros(cell);
      }
      line.exact += cell + " | ";
    }
    return line;
  }

  static Line line_from_elsewhere(const std::vector<std::optional<std::string>>& row,
                                  const std::vector<bool>& approximate) {
    Line line;
    for (size_t i = 0; i < row.size(); ++i) {
      const char type = row[i] ? row[i]->front() : 's';  // n:1.50, t:2024-03-30 00:00:00, s:text
      std::string cell = row[i] ? row[i]->substr(2) : "NULL";
      if (type == 'n' && approximate[i]) {
        line.quotients.push_back(std::strtod(cell.c_str(), nullptr));
        continue;
      }
      if (type == 'n') {
        auto number = parse_exact(cell);
        if (number) cell = value_key(*number);
      }
      if (type == 't') drop_zeros(cell);
      line.exact += cell + " | ";
    }
    return line;
  }

  RandomWorld& world_;
  Elsewhere* elsewhere_;
  const std::function<void(const std::string&, const std::string&)>& asking_;
  DifferentialReport& report_;
};

// The smallest query found by leaving things out, one at a time, as long as something still differs.
std::pair<RandomQuery, std::string> shrink(RandomQuery query, std::string difference, Comparison& comparison) {
  for (unsigned tries = 0; tries < 3'000;) {
    bool smaller = false;
    for (RandomQuery& candidate : query.smaller()) {
      if (++tries >= 3'000) break;
      auto still = comparison.compare(candidate, false);
      if (!still) continue;
      query = std::move(candidate);
      difference = *std::move(still);
      smaller = true;
      break;
    }
    if (!smaller) break;
  }
  return {std::move(query), std::move(difference)};
}

void count_features(const RandomQuery& query, DifferentialReport& report) {
  const std::set<std::string> features = query.features();
  report.features.insert(features.begin(), features.end());
  for (auto a = features.begin(); a != features.end(); ++a) {
    for (auto b = std::next(a); b != features.end(); ++b) report.pairs.emplace(*a, *b);
  }
}

// One that the other database has words for, if a few tries find one.
RandomQuery portable_query(Random& random, const RandomWorld& world, RandomQuery query) {
  std::vector<bool> approximate;
  for (unsigned tries = 0; tries < 50 && !query.elsewhere(approximate); ++tries) query = random_query(random, world);
  return query;
}

}  // namespace

DifferentialReport run_differential(const DifferentialOptions& options) {
  DifferentialReport report;
  Random seeds(options.seed);
  while (report.queries < options.queries && report.differences.size() < options.differences_max) {
    const uint64_t world_seed = seeds.next();
    RandomWorld world(world_seed);
    ++report.worlds;
    if (options.elsewhere != nullptr) {
      for (const std::string& statement : world.elsewhere()) {
        auto done = options.elsewhere->run(statement);
        if (!done) report.differences.push_back("the rows do not go there: " + done.error());
      }
    }
    Comparison comparison(world, options, report);
    Random random(world_seed + 1);
    const uint64_t end = std::min(options.queries, report.queries + options.queries_a_world);
    while (report.queries < end && report.differences.size() < options.differences_max) {
      RandomQuery query = random_query(random, world);
      if (options.elsewhere != nullptr && random.below(4) != 0) query = portable_query(random, world, std::move(query));
      count_features(query, report);
      auto difference = comparison.compare(query, true);
      if (!difference) continue;
      auto [smallest, what] = shrink(query, *difference, comparison);
      report.differences.push_back("world " + std::to_string(world_seed) + ": " + world.create_sql() +
                                   "\n  as made: " + query.sql() + "\n  smallest: " + smallest.sql() + "\n  " + what);
    }
    if (options.progress) options.progress(report);
  }
  return report;
}

std::string summary(const DifferentialReport& report) {
  const uint64_t features = report.features.size(), possible = features * (features - 1) / 2;
  std::string text = std::to_string(report.queries) + " queries over " + std::to_string(report.worlds) + " tables, " +
                     std::to_string(report.rows) + " rows of answers compared, " + std::to_string(report.refused) +
                     " refused by both; " + std::to_string(features) + " features, " +
                     std::to_string(report.pairs.size()) + " of " + std::to_string(possible) +
                     " pairs of them in one query; " + std::to_string(report.asked_elsewhere) +
                     " compared with another database";
  for (const auto& [why, count] : report.not_compared) text += "; not compared, " + why + ": " + std::to_string(count);
  return text + "; " + std::to_string(report.differences.size()) + " differences";
}

}  // namespace tally::reference
