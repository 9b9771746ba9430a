#include "tests/support/query/random_query.h"

#include <algorithm>

namespace tally::reference {
namespace {

class QueryMaker {
 public:
  QueryMaker(Random& random, const RandomWorld& world) : random_(random), world_(world) {}

  RandomQuery make() {
    const uint64_t kind = random_.below(10);
    query_.from = kind == 0  ? RandomQuery::From::kNothing
                  : kind < 6 ? RandomQuery::From::kRaw
                             : RandomQuery::From::kTable;
    const bool table = query_.from == RandomQuery::From::kTable;
    if (query_.from != RandomQuery::From::kNothing) {
      for (uint64_t i = random_.below(3); i > 0; --i) query_.where.push_back(expression('b', 3));
      if (random_.below(4) == 0) query_.where.push_back(time_limit());
    }
    const bool grouped = table || (query_.from == RandomQuery::From::kRaw && random_.below(2) == 0);
    if (grouped) {
      make_groups();
    } else {
      for (uint64_t i = 1 + random_.below(4); i > 0; --i) query_.items.push_back({expression(any_type(), 4)});
      query_.distinct = random_.below(5) == 0;
    }
    make_order();
    return std::move(query_);
  }

 private:
  // --- clauses

  void make_groups() {
    query_.grouped = true;
    bool bucket = false;
    for (uint64_t i = random_.below(4); i > 0; --i) {
      RandomQuery::Item item{random_.below(3) == 0 ? bucket_of_time(bucket) : expression(any_type(), 2), true,
                             static_cast<unsigned>(random_.below(3))};
      query_.items.push_back(std::move(item));
    }
    in_groups_ = true;
    const bool any_key = !query_.items.empty();
    for (uint64_t i = 1 + random_.below(4); i > 0; --i) query_.items.push_back({expression('n', 2)});
    // A key inside a larger expression.
    if (any_key && random_.below(4) == 0) {
      const Tree key = query_.items[0].tree;
      if (key.type == 'n') query_.items.push_back({wrap('n', "key in expression", {"(", ") + 1"}, {key})});
    }
    for (uint64_t i = random_.below(5) == 0 ? 1 : 0; i > 0; --i) query_.having.push_back(expression('b', 2));
    in_groups_ = false;
    query_.group_all = any_key && random_.below(4) == 0;
    query_.fill = bucket && bucket_keys() == 1 && random_.below(2) == 0;
    query_.distinct = random_.below(12) == 0;
  }

  size_t bucket_keys() const {
    return static_cast<size_t>(
        std::count_if(query_.items.begin(), query_.items.end(), [](const RandomQuery::Item& item) {
          return item.key &&
                 (item.tree.feature.starts_with("time_bucket") || item.tree.feature.starts_with("date_trunc"));
        }));
  }

  void make_order() {
    const bool limited = random_.below(3) == 0;
    if (limited || random_.below(3) == 0) {
      for (unsigned i = 0; i < query_.items.size(); ++i) {
        query_.order_by.push_back(
            {i, random_.below(2) == 0, static_cast<unsigned>(random_.below(3)), random_.below(2) == 0});
      }
      std::reverse(query_.order_by.begin(), query_.order_by.end());
    }
    if (!limited) return;
    query_.limit = static_cast<unsigned>(random_.below(12));
    if (random_.below(2) == 0) query_.offset = static_cast<unsigned>(random_.below(6));
  }

  Tree time_limit() {
    constexpr const char* kOps[] = {" >= ", " > ", " < ", " <= "};
    Tree tree = leaf('b', "range of ts", "ts" + std::string(kOps[random_.below(4)]) + world_.time_literal(random_));
    if (random_.below(6) == 0) {
      tree =
          leaf('b', "range around now", "ts >= now() - INTERVAL '" + std::to_string(1 + random_.below(50)) + " hours'");
      tree.elsewhere = {""};
    }
    return tree;
  }

  Tree bucket_of_time(bool& any) {
    any = true;
    return bucket(leaf('t', "event time", "ts"), true);
  }

  // --- expressions

  static Tree leaf(char type, std::string feature, std::string text) {
    return {type, std::move(feature), {std::move(text)}, {}, {}};
  }

  static Tree wrap(char type, std::string feature, std::vector<std::string> text, std::vector<Tree> children,
                   std::vector<std::string> elsewhere = {}) {
    return {type, std::move(feature), std::move(text), std::move(elsewhere), std::move(children)};
  }

  char any_type() { return "nnnsstb"[random_.below(7)]; }

  Tree expression(char type, unsigned depth) {
    if (depth == 0 || random_.below(5) == 0) return simple(type);
    switch (type) {
      case 'n': return number(depth - 1);
      case 's': return string(depth - 1);
      case 't': return time(depth - 1);
      default: return condition(depth - 1);
    }
  }

  Tree simple(char type) {
    if (random_.below(25) == 0) {
      constexpr const char* kTypes[] = {"DECIMAL(18,2)", "STRING", "TIMESTAMP", "BOOLEAN"};
      const size_t which = type == 'n' ? 0 : type == 's' ? 1 : type == 't' ? 2 : 3;
      return leaf(type, "NULL", "CAST(NULL AS " + std::string(kTypes[which]) + ")");
    }
    if (in_groups_ && random_.below(4) != 0) {
      if (type == 'n') return aggregate();
      if (type == 's' || type == 't') {
        Tree tree = query_.from == RandomQuery::From::kRaw ? extreme(type) : simple_literal(type);
        return tree;
      }
    }
    if (type == 'b') {
      if (random_.below(3) == 0) return leaf('b', "literal condition", random_.below(2) == 0 ? "TRUE" : "FALSE");
      return compare(simple('n'), simple('n'));
    }
    if (!in_groups_ && query_.from != RandomQuery::From::kNothing && random_.below(4) != 0) {
      if (auto found = column(type)) return *found;
    }
    return simple_literal(type);
  }

  Tree simple_literal(char type) {
    if (type == 's') return leaf('s', "string literal", world_.text_literal(random_));
    if (type == 't') return leaf('t', "timestamp literal", world_.time_literal(random_));
    if (type == 'b') return leaf('b', "literal condition", random_.below(2) == 0 ? "TRUE" : "FALSE");
    return leaf('n', "number literal", world_.number_literal(random_));
  }

  std::optional<Tree> column(char type) {
    if (type == 't') {
      if (query_.from == RandomQuery::From::kRaw && random_.below(12) == 0) {
        Tree arrival = leaf('t', "_arrival", "_arrival");
        arrival.elsewhere = {""};
        return arrival;
      }
      return leaf('t', "event time", "ts");
    }
    const bool raw = query_.from == RandomQuery::From::kRaw;
    if (raw && random_.below(25) == 0) {
      Tree extra = type == 's' ? leaf('s', "_kind", "_kind") : leaf('n', "_lsn", "_lsn");
      extra.elsewhere = {""};
      return extra;
    }
    std::vector<const WorldColumn*> fitting;
    for (const WorldColumn& candidate : world_.columns()) {
      const bool usable = raw ? candidate.role != ColumnRole::kEventTime : candidate.role == ColumnRole::kDimension;
      if (usable && candidate.text == (type == 's')) fitting.push_back(&candidate);
    }
    if (fitting.empty()) return std::nullopt;
    const WorldColumn& chosen = *fitting[random_.below(fitting.size())];
    const std::string kind = chosen.role == ColumnRole::kId ? "id"
                             : chosen.role == ColumnRole::kDimension
                                 ? (chosen.text ? "STRING dimension" : "INT64 dimension")
                             : chosen.text      ? "STRING field"
                             : chosen.scale > 0 ? "DECIMAL field"
                                                : "INT64 field";
    return leaf(type, kind, random_.below(8) == 0 ? "t." + chosen.name : chosen.name);
  }

  Tree aggregate() {
    if (query_.from == RandomQuery::From::kTable) {
      const WorldMeasure& measure = world_.measures()[random_.below(world_.measures().size())];
      Tree tree = leaf('n', "measure " + measure.use.substr(0, measure.use.find('(')), measure.use);
      tree.elsewhere = {measure.elsewhere};
      return tree;
    }
    // The argument stands over rows.
    in_groups_ = false;
    Tree tree;
    switch (random_.below(8)) {
      case 0: tree = leaf('n', "COUNT(*)", "COUNT(*)"); break;
      case 1: tree = wrap('n', "COUNT(x)", {"COUNT(", ")"}, {expression(any_type(), 1)}); break;
      case 2: tree = wrap('n', "COUNT(DISTINCT x)", {"COUNT(DISTINCT ", ")"}, {expression(any_type(), 1)}); break;
      case 3: tree = wrap('n', "MIN(n)", {"MIN(", ")"}, {expression('n', 1)}); break;
      case 4: tree = wrap('n', "MAX(n)", {"MAX(", ")"}, {expression('n', 1)}); break;
      case 5:
        tree = wrap('n', "AVG", {"AVG(", ")"}, {simple('n')}, {"(CAST(SUM(", ") AS DOUBLE) / NULLIF(COUNT(", "), 0))"});
        break;
      case 6:
        tree = wrap('n', "APPROX_COUNT_DISTINCT", {"APPROX_COUNT_DISTINCT(", ")"}, {simple(any_type())}, {""});
        break;
      default: tree = wrap('n', "SUM", {"SUM(", ")"}, {expression('n', 1)}, {"CAST(SUM(", ") AS DECIMAL(37,12))"});
    }
    in_groups_ = true;
    return tree;
  }

  Tree extreme(char type) {
    in_groups_ = false;
    const bool least = random_.below(2) == 0;
    Tree tree = wrap(type, std::string(least ? "MIN(" : "MAX(") + type + ")", {least ? "MIN(" : "MAX(", ")"},
                     {expression(type, 1)});
    in_groups_ = true;
    return tree;
  }

  Tree choice(char type, unsigned depth) {  // CASE, COALESCE, NULLIF, GREATEST, LEAST
    switch (random_.below(6)) {
      case 0:
        return wrap(type, "CASE", {"CASE WHEN ", " THEN ", " ELSE ", " END"},
                    {expression('b', depth), expression(type, depth), expression(type, depth)});
      case 1:
        return wrap(type, "CASE x", {"CASE ", " WHEN ", " THEN ", " END"},
                    {simple('n'), simple('n'), expression(type, depth)});
      case 2:
        return wrap(type, "COALESCE", {"COALESCE(", ", ", ")"}, {expression(type, depth), expression(type, depth)});
      case 3: return wrap(type, "NULLIF", {"NULLIF(", ", ", ")"}, {expression(type, depth), expression(type, depth)});
      case 4: {  // what it is already
        const std::string name = type == 'n'   ? "DECIMAL"
                                 : type == 's' ? "STRING"
                                 : type == 't' ? "TIMESTAMP"
                                               : "BOOLEAN";
        return wrap(type, "cast of a " + name + " to itself", {"CAST(", " AS " + name + ")"}, {expression(type, depth)},
                    {""});
      }
      default: {
        const bool most = random_.below(2) == 0;
        return wrap(type, most ? "GREATEST" : "LEAST", {most ? "GREATEST(" : "LEAST(", ", ", ")"},
                    {expression(type, depth), expression(type, depth)});
      }
    }
  }

  Tree number(unsigned depth) {
    switch (random_.below(14)) {
      case 0: return wrap('n', "+", {"(", " + ", ")"}, {expression('n', depth), expression('n', depth)});
      case 1: return wrap('n', "-", {"(", " - ", ")"}, {expression('n', depth), expression('n', depth)});
      case 2: return wrap('n', "*", {"(", " * ", ")"}, {expression('n', depth), simple('n')});
      case 3:
        return wrap('n', "/", {"(", " / ", ")"}, {expression('n', depth), expression('n', depth)},
                    {"(CAST(", " AS DOUBLE) / NULLIF(", ", 0))"});
      case 4: return wrap('n', "%", {"(", " % ", ")"}, {expression('n', depth), simple('n')}, {""});
      case 5: return wrap('n', "negation", {"(- ", ")"}, {expression('n', depth)});
      case 6: {  // without parentheses: what binds tighter?
        constexpr const char* kOps[] = {" + ", " - ", " * "};
        return wrap('n', "precedence of numbers", {"(", kOps[random_.below(3)], kOps[random_.below(3)], ")"},
                    {simple('n'), simple('n'), simple('n')});
      }
      case 7: return wrap('n', "ABS", {"ABS(", ")"}, {expression('n', depth)});
      case 8: {
        constexpr const char* kNames[] = {"ROUND", "TRUNC", "FLOOR", "CEIL"};
        const std::string name = kNames[random_.below(4)];
        return wrap('n', name, {name + "(", ")"}, {expression('n', depth)}, {name + "(0.0 + ", ")"});
      }
      case 9: {
        const int digits = static_cast<int>(random_.below(10)) - 3;
        const std::string name = random_.below(2) == 0 ? "ROUND" : "TRUNC";
        Tree tree =
            wrap('n', name + " to digits", {name + "(", ", " + std::to_string(digits) + ")"}, {expression('n', depth)});
        tree.elsewhere = {name + "(0.0 + ",
                          ", " + std::to_string(digits) + ")"};  // there, of integers it is of floating point
        if (digits < 0) tree.elsewhere = {""};
        return tree;
      }
      case 10: return wrap('n', "LENGTH", {"LENGTH(", ")"}, {expression('s', depth)});
      case 11: return cast_to_number(depth);
      default: return choice('n', depth);
    }
  }

  Tree cast_to_number(unsigned depth) {
    switch (random_.below(4)) {
      case 0:
        return wrap('n', "cast to INT64", {"CAST(", " AS INT64)"}, {expression('n', depth)},
                    {"CAST(", " AS DECIMAL(25,0))"});
      case 1: return wrap('n', "cast to DECIMAL", {"(", ")::DECIMAL(20,3)"}, {expression('n', depth)});
      case 2:
        return wrap('n', "cast of a condition", {"CAST(", " AS INT64)"}, {expression('b', depth)},
                    {"CAST(", " AS BIGINT)"});
      default:
        return wrap('n', "cast of a string", {"CAST(", " AS DECIMAL)"},
                    {leaf('s', "string literal", "'" + world_.number_literal(random_) + "'")}, {""});
    }
  }

  Tree string(unsigned depth) {
    switch (random_.below(7)) {
      case 0: return wrap('s', "LOWER", {"LOWER(", ")"}, {expression('s', depth)});
      case 1: return wrap('s', "UPPER", {"UPPER(", ")"}, {expression('s', depth)});
      case 2: return wrap('s', "||", {"(", " || ", ")"}, {expression('s', depth), expression('s', depth)});
      case 3: {
        const char type = any_type();
        return wrap('s', std::string("cast to STRING of ") + type, {"CAST(", " AS STRING)"}, {expression(type, depth)},
                    {""});
      }
      default: return choice('s', depth);
    }
  }

  Tree bucket(Tree of, bool key) {
    constexpr const char* kWidths[] = {"1 hour",  "1 day",   "15 minutes", "1 week",
                                       "1 month", "2 hours", "3 days",     "7 minutes"};
    constexpr const char* kUnits[] = {"hour", "day", "week", "month", "minute", "year", "quarter", "second"};
    constexpr const char* kZones[] = {"Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns",
                                      "UTC"};
    const bool width = random_.below(2) == 0, zoned = random_.below(3) == 0;
    const uint64_t at = random_.below(key ? 7 : 8);
    const std::string what = width ? kWidths[at] : kUnits[at];
    const std::string zone = zoned ? ", '" + std::string(kZones[random_.below(5)]) + "'" : "";
    const std::string name = width ? "time_bucket" : "date_trunc";
    Tree tree =
        wrap('t', name + (zoned ? " in a zone" : ""), {name + "('" + what + "', ", zone + ")"}, {std::move(of)});
    if (zoned) {
      tree.elsewhere = {""};
    } else if (width) {
      tree.elsewhere = {"time_bucket(INTERVAL '" + what + "', ", ")"};
    } else {
      tree.elsewhere = {"CAST(date_trunc('" + what + "', ", ") AS TIMESTAMP)"};
    }
    return tree;
  }

  Tree time(unsigned depth) {
    switch (random_.below(4)) {
      case 0: {
        constexpr const char* kLengths[] = {"1 hour", "1 day", "90 minutes", "1 month", "-1 year", "36 hours"};
        return wrap('t', "timestamp + interval",
                    {"(", (random_.below(2) == 0 ? " + INTERVAL '" : " - INTERVAL '") +
                              std::string(kLengths[random_.below(6)]) + "')"},
                    {expression('t', depth)});
      }
      case 1:
      case 2: return bucket(expression('t', depth), false);
      default: return choice('t', depth);
    }
  }

  Tree compare(Tree a, Tree b) {
    constexpr const char* kOps[] = {
        " = ", " <> ", " < ", " <= ", " > ", " >= ", " IS DISTINCT FROM ", " IS NOT DISTINCT FROM "};
    const std::string op = kOps[random_.below(8)];
    const std::string feature = op.starts_with(" IS") ? "IS DISTINCT FROM" : std::string("comparison of ") + a.type;
    return wrap('b', feature, {"(", op, ")"}, {std::move(a), std::move(b)});
  }

  Tree condition(unsigned depth) {
    const char type = "nst"[random_.below(3)];
    const bool no = random_.below(3) == 0;
    switch (random_.below(11)) {
      case 0:
      case 1: return compare(expression(type, depth), expression(type, depth));
      case 2: return wrap('b', "AND", {"(", " AND ", ")"}, {expression('b', depth), expression('b', depth)});
      case 3: return wrap('b', "OR", {"(", " OR ", ")"}, {expression('b', depth), expression('b', depth)});
      case 4: return wrap('b', "NOT", {"(NOT ", ")"}, {expression('b', depth)});
      case 5: return wrap('b', "IS NULL", {"(", no ? " IS NOT NULL)" : " IS NULL)"}, {expression(any_type(), depth)});
      case 6: {
        const bool truth = random_.below(2) == 0;
        return wrap('b', truth ? "IS TRUE" : "IS FALSE",
                    {"(", std::string(no ? " IS NOT " : " IS ") + (truth ? "TRUE)" : "FALSE)")},
                    {expression('b', depth)});
      }
      case 7: return in_list(type, no, depth);
      case 8:
        return wrap('b', "BETWEEN", {"(", no ? " NOT BETWEEN " : " BETWEEN ", " AND ", ")"},
                    {expression(type, depth), simple(type), simple(type)});
      case 9: return like(no, depth);
      default: {  // without parentheses
        constexpr const char* kJoins[] = {" AND ", " OR "};
        return wrap('b', "precedence of conditions",
                    {no ? "(NOT " : "(", " = ", kJoins[random_.below(2)], " < ", kJoins[random_.below(2)], " IS NULL)"},
                    {simple('n'), simple('n'), simple('n'), simple('n'), simple('s')});
      }
    }
  }

  Tree in_list(char type, bool no, unsigned depth) {
    Tree tree{'b', "IN", {"("}, {}, {}};
    tree.children.push_back(expression(type, depth));
    const uint64_t values = 1 + random_.below(5);
    for (uint64_t i = 0; i < values; ++i) {
      tree.text.push_back(i > 0 ? ", " : no ? " NOT IN (" : " IN (");
      tree.children.push_back(random_.below(5) == 0 ? simple(type) : simple_literal(type));
    }
    tree.text.push_back(random_.below(6) == 0 ? ", NULL))" : "))");
    return tree;
  }

  Tree like(bool no, unsigned depth) {
    constexpr const char* kPatterns[] = {"%", "a%",  "%b",  "_",  "%a%b%", "__%", "%\\%%",
                                         "",  "日_", "%_s", "B%", "\\_x",  "%e%n"};
    const bool folded = random_.below(3) == 0;
    const std::string pattern = kPatterns[random_.below(13)];
    const std::string op = std::string(no ? " NOT" : "") + (folded ? " ILIKE '" : " LIKE '") + pattern + "'";
    return wrap('b', folded ? "ILIKE" : "LIKE", {"(", op + ")"}, {expression('s', depth)}, {"(", op + " ESCAPE '\\')"});
  }

  Random& random_;
  const RandomWorld& world_;
  RandomQuery query_;
  bool in_groups_ = false;
};

// --- writing it down

bool is_wide(const Tree& tree) {
  const std::string& feature = tree.feature;
  return feature == "*" || feature == "precedence of numbers" || feature.starts_with("ROUND") ||
         feature.starts_with("TRUNC") || feature == "FLOOR" || feature == "CEIL" ||
         std::any_of(tree.children.begin(), tree.children.end(), is_wide);
}

// There, % of wide decimals is of floating point, and the common type of two decimals has 38 digits, of which those after the
// point are given up where that is not enough: of products and rounded numbers it often is not.
bool can_be_said(const Tree& tree) {
  if (tree.elsewhere.size() == 1 && tree.elsewhere[0].empty()) return false;
  const bool arithmetic = tree.feature == "+" || tree.feature == "-" || tree.feature == "*" || tree.feature == "/";
  if (tree.children.size() > 1 && !arithmetic && tree.feature != "AND" && tree.feature != "OR" && is_wide(tree) &&
      tree.feature != "precedence of numbers") {
    return false;
  }
  return std::all_of(tree.children.begin(), tree.children.end(), can_be_said);
}

// What is a quotient: there of floating point, fine as a whole column that nothing is decided by.
bool is_quotient(const Tree& tree) {
  return tree.feature == "/" || tree.feature == "AVG" || tree.feature == "measure ratio";
}
bool has_quotient(const Tree& tree) {
  return is_quotient(tree) || std::any_of(tree.children.begin(), tree.children.end(), has_quotient);
}

void write(const Tree& tree, bool elsewhere, std::string& out) {
  const std::vector<std::string>& pieces = elsewhere && !tree.elsewhere.empty() ? tree.elsewhere : tree.text;
  for (size_t i = 0; i < pieces.size(); ++i) {
    out += pieces[i];
    // There a child may be said twice.
    if (i + 1 < pieces.size()) write(tree.children[i % tree.children.size()], elsewhere, out);
  }
}

std::string text_of(const Tree& tree, bool elsewhere) {
  std::string out;
  write(tree, elsewhere, out);
  return out;
}

std::string name_of(size_t item) { return "c" + std::to_string(item); }

std::string joined(const std::vector<Tree>& conditions, bool elsewhere) {
  std::string out;
  for (const Tree& condition : conditions) out += (out.empty() ? "" : " AND ") + text_of(condition, elsewhere);
  return out;
}

std::string write_query(const RandomQuery& query, bool elsewhere) {
  std::string out = query.distinct ? "SELECT DISTINCT " : "SELECT ";
  for (size_t i = 0; i < query.items.size(); ++i) {
    out += (i > 0 ? ", " : "") + text_of(query.items[i].tree, elsewhere) + " AS " + name_of(i);
  }
  const bool table = query.from == RandomQuery::From::kTable;
  if (query.from == RandomQuery::From::kRaw) out += elsewhere ? " FROM t_raw AS t" : " FROM t.raw";
  if (table) out += " FROM t";
  if (!query.where.empty()) out += " WHERE " + joined(query.where, elsewhere);
  std::string keys;
  for (size_t i = 0; i < query.items.size(); ++i) {
    const RandomQuery::Item& item = query.items[i];
    if (!item.key) continue;
    keys += keys.empty() ? "" : ", ";
    // A key that is a plain number or name would be read as a position or column: those go by their own position.
    const bool plain = item.tree.children.empty();
    keys += item.grouped_by == 1 || (plain && item.grouped_by == 0) || elsewhere ? std::to_string(i + 1)
            : item.grouped_by == 2                                               ? name_of(i)
                                                                                 : text_of(item.tree, elsewhere);
  }
  if (!keys.empty())
    out += " GROUP BY " + (query.group_all && !elsewhere ? std::string("ALL") : keys) + (query.fill ? " FILL" : "");
  std::string having = joined(query.having, elsewhere);
  if (elsewhere && table && !keys.empty()) {  // which groups appear
    std::string appears = "COUNT(*) FILTER (WHERE kind = 'event') > 0";
    const std::string all = write_query(query, false);
    for (const char* kind : {"duplicate", "conflict"}) {
      if (all.find("SUM(" + std::string(kind) + "s)") != std::string::npos)
        appears += " OR COUNT(*) FILTER (WHERE kind = '" + std::string(kind) + "') > 0";
    }
    having = "(" + appears + ")" + (having.empty() ? "" : " AND " + having);
  }
  if (!having.empty()) out += " HAVING " + having;
  for (size_t i = 0; i < query.order_by.size(); ++i) {
    const RandomQuery::Order& order = query.order_by[i];
    out += i == 0 ? " ORDER BY " : ", ";
    out += order.by_name ? name_of(order.item) : std::to_string(order.item + 1);
    if (order.descending) out += " DESC";
    unsigned nulls = order.nulls;
    if (elsewhere && nulls == 0) nulls = order.descending ? 1 : 2;
    if (nulls != 0) out += nulls == 1 ? " NULLS FIRST" : " NULLS LAST";
  }
  if (query.limit) out += " LIMIT " + std::to_string(*query.limit);
  if (query.offset) out += " OFFSET " + std::to_string(*query.offset);
  return out;
}

void collect(const Tree& tree, std::set<std::string>& features) {
  if (!tree.feature.empty()) features.insert(tree.feature);
  for (const Tree& child : tree.children) collect(child, features);
}

// Every tree that is `tree` with one node replaced by one below it of the same type.
void each_smaller(const Tree& tree, const std::function<void(Tree)>& found) {
  std::function<void(const Tree&)> below = [&](const Tree& node) {
    for (const Tree& child : node.children) {
      if (child.type == tree.type) found(child);
      below(child);
    }
  };
  below(tree);
  for (size_t i = 0; i < tree.children.size(); ++i) {
    each_smaller(tree.children[i], [&](Tree smaller) {
      Tree copy = tree;
      copy.children[i] = std::move(smaller);
      found(std::move(copy));
    });
  }
}

}  // namespace

std::string RandomQuery::sql() const { return write_query(*this, false); }

std::optional<std::string> RandomQuery::elsewhere(std::vector<bool>& approximate) const {
  if (fill) return std::nullopt;
  approximate.clear();
  for (const Item& item : items) {
    if (!can_be_said(item.tree)) return std::nullopt;
    const bool quotient = is_quotient(item.tree);
    const bool inside = quotient ? std::any_of(item.tree.children.begin(), item.tree.children.end(), has_quotient)
                                 : has_quotient(item.tree);
    if (inside || (quotient && (item.key || distinct || !order_by.empty()))) return std::nullopt;
    approximate.push_back(quotient);
  }
  for (const std::vector<Tree>* conditions : {&where, &having}) {
    for (const Tree& condition : *conditions) {
      if (!can_be_said(condition) || has_quotient(condition)) return std::nullopt;
    }
  }
  return write_query(*this, true);
}

std::set<std::string> RandomQuery::features() const {
  std::set<std::string> features;
  for (const Item& item : items) {
    collect(item.tree, features);
    if (item.key) features.insert("GROUP BY");
  }
  for (const Tree& condition : where) collect(condition, features);
  for (const Tree& condition : having) collect(condition, features);
  if (!where.empty()) features.insert("WHERE");
  if (!having.empty()) features.insert("HAVING");
  if (!order_by.empty()) features.insert("ORDER BY");
  if (limit) features.insert("LIMIT");
  if (offset) features.insert("OFFSET");
  if (distinct) features.insert("DISTINCT");
  if (group_all) features.insert("GROUP BY ALL");
  if (fill) features.insert("FILL");
  features.insert(from == From::kNothing ? "no FROM" : from == From::kRaw ? "FROM t.raw" : "FROM t");
  return features;
}

std::vector<RandomQuery> RandomQuery::smaller() const {
  std::vector<RandomQuery> result;
  auto add = [&](auto change) {
    RandomQuery copy = *this;
    change(copy);
    result.push_back(std::move(copy));
  };
  for (size_t i = 0; i < where.size(); ++i)
    add([i](RandomQuery& q) { q.where.erase(q.where.begin() + static_cast<ptrdiff_t>(i)); });
  for (size_t i = 0; i < having.size(); ++i)
    add([i](RandomQuery& q) { q.having.erase(q.having.begin() + static_cast<ptrdiff_t>(i)); });
  if (limit) add([](RandomQuery& q) { q.limit.reset(); });
  if (offset) add([](RandomQuery& q) { q.offset.reset(); });
  if (distinct) add([](RandomQuery& q) { q.distinct = false; });
  if (fill) add([](RandomQuery& q) { q.fill = false; });
  if (group_all) add([](RandomQuery& q) { q.group_all = false; });
  if (!order_by.empty() && !limit && !offset) add([](RandomQuery& q) { q.order_by.clear(); });
  for (size_t i = 0; items.size() > 1 && i < items.size(); ++i) {
    add([i](RandomQuery& q) {
      q.items.erase(q.items.begin() + static_cast<ptrdiff_t>(i));
      std::erase_if(q.order_by, [i](const Order& order) { return order.item == i; });
      for (Order& order : q.order_by) order.item -= order.item > i ? 1 : 0;
    });
  }
  for (size_t i = 0; i < items.size(); ++i) {
    each_smaller(items[i].tree, [&](Tree tree) { add([&](RandomQuery& q) { q.items[i].tree = tree; }); });
  }
  for (size_t i = 0; i < where.size(); ++i) {
    each_smaller(where[i], [&](Tree tree) { add([&](RandomQuery& q) { q.where[i] = tree; }); });
  }
  for (size_t i = 0; i < having.size(); ++i) {
    each_smaller(having[i], [&](Tree tree) { add([&](RandomQuery& q) { q.having[i] = tree; }); });
  }
  return result;
}

RandomQuery random_query(Random& random, const RandomWorld& world) { return QueryMaker(random, world).make(); }

}  // namespace tally::reference
