#include "tools/shell/completion.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <regex>

#include "base/file.h"
#include "tools/shell/vocabulary.h"

namespace tally {
namespace {

class Example final : public Names {
 public:
  std::vector<std::string> tables() override { return {"ads", "Odd Name"}; }
  std::vector<Column> columns(const std::string& table) override {
    if (table != "ads") return {};
    return {{"ts", "event time"},     {"event_id", "id"},    {"country", "dimension"}, {"campaign", "dimension"},
            {"user_id", "field"},     {"clicks", "measure"}, {"spend", "measure"},     {"ctr", "derived measure"},
            {"by_country", "rollup"}, {"grace", "rule"}};
  }
  std::vector<std::string> system_tables() override { return {"segments", "tables"}; }
  Values values(const std::string& table, const std::string& column, const std::string& front) override {
    asked = table + "." + column + " " + front;
    Values found;
    for (const char* value : {"DE", "DK", "FR", "it's"}) {
      if (std::string_view(value).starts_with(front)) found.values.emplace_back(value);
    }
    return found;
  }
  std::string asked;
};

// The choices, joined by commas; the cursor is at `|`.
std::string offered(const std::string& text, Example& names) {
  const size_t cursor = text.find('|');
  const Completions found =
      complete_statement(std::string_view(text).substr(0, cursor), std::string_view(text).substr(cursor + 1), names);
  std::string all;
  for (const auto& choice : found.choices) all += (all.empty() ? "" : ",") + choice.text;
  return all;
}

TEST_CASE("completion: what may stand at the cursor") {
  const struct {
    const char* text;
    const char* choices;
  } cases[] = {
      {"sel|", "select"},
      {"SEL|", "SELECT"},
      {"SELECT 1; DESC|", "DESCRIBE"},
      {"show |", "TABLES,SETTINGS"},
      {"SELECT SUM(clicks) FROM a|", "ads"},
      {"SELECT SUM(clicks) FROM |", "ads,\"Odd Name\",system."},
      {"SELECT * FROM system.s|", "segments"},
      {"SELECT * FROM ads.|", "raw"},
      {"DESCRIBE a|", "ads"},
      {"DROP TABLE a|", "ads"},
      {"SELECT SUM(s| FROM ads", "spend"},
      {"SELECT SUM(|) FROM ads", "clicks,spend,events,duplicates,conflicts,late,retracted"},
      {"SELECT c| FROM ads", "country,campaign,clicks,ctr,count(,ceil(,coalesce(,cast(,case"},
      {"SELECT ctr FROM ads WHERE c|", "country,campaign,count(,ceil(,coalesce(,cast(,case"},
      {"SELECT ctr FROM ads WHERE u|", "upper("},
      {"SELECT user_id FROM ads.raw WHERE u|", "user_id,upper("},
      {"SELECT country FROM ads gr|", "group by"},
      {"SELECT country FROM ads GROUP |", "BY"},
      {"SELECT country AS land, ctr FROM ads GROUP BY l|", "land,least(,lower(,length("},
      {"SELECT country FROM ads GROUP BY a|", "avg(,approx_count_distinct(,abs(,all,all"},
      {"ALTER TABLE ads |", "ADD,DROP,SET"},
      {"ALTER TABLE ads SET r|", "retention"},
      {"SELECT CAST(SUM(clicks) AS i|", "int64,interval"},
      {"SELECT SUM(clicks) AS i|", ""},
      {"SELECT '1'::dec|", "decimal("},
      {"SELECT cou|", "country,count("},
      {"SELECT 'no|", ""},
      {"SELECT \"no|", ""},
  };
  Example names;
  for (const auto& given : cases) {
    CAPTURE(given.text);
    CHECK(offered(given.text, names) == given.choices);
  }
}

TEST_CASE("completion: values of the column that is compared") {
  const struct {
    const char* text;
    const char* choices;
    const char* asked;
  } cases[] = {
      {"SELECT ctr FROM ads WHERE country = 'D|", "DE,DK", "ads.country D"},
      {"SELECT ctr FROM ads WHERE country = |", "'DE','DK','FR','it''s'", "ads.country "},
      {"SELECT ctr FROM ads WHERE country IN ('FR', 'D|", "DE,DK", "ads.country D"},
      {"SELECT ctr FROM ads WHERE country NOT IN ('i|", "it''s", "ads.country i"},
      {"SELECT ctr FROM ads WHERE country IN ('FR', |", "'DE','DK','FR','it''s'", "ads.country "},
      {"SELECT ctr FROM ads WHERE country LIKE 'F|", "FR", "ads.country F"},
      {"SELECT ctr FROM ads WHERE country BETWEEN 'DE' AND 'F|", "FR", "ads.country F"},
      {"SELECT ctr FROM ads WHERE country = 'it''|", "it''s", "ads.country it'"},
      {"SELECT ctr FROM ads WHERE clicks = 'D|", "", ""},
      {"SELECT time_bucket('D|", "", ""},
  };
  for (const auto& given : cases) {
    CAPTURE(given.text);
    Example names;
    CHECK(offered(given.text, names) == given.choices);
    CHECK(names.asked == given.asked);
  }
}

TEST_CASE("completion: one press of Tab") {
  const auto step = [](Completions completions, std::string_view before) {
    const CompletionStep taken = completion_step(completions, before);
    return taken.list ? std::string("list") : taken.text;
  };
  CHECK(step({.replaces = 2, .choices = {{"SELECT", " "}}}, "SE") == "SELECT ");
  CHECK(step({.replaces = 1, .choices = {{"country", " "}, {"count(", ""}}}, "c") == "count");
  CHECK(step({.replaces = 5, .choices = {{"country", " "}, {"count(", ""}}}, "count") == "list");
  CHECK(step({.replaces = 1, .choices = {{"campaign", " "}, {"country", " "}}}, "c") == "list");
  CHECK(step({.replaces = 0, .choices = {{"漢字", ""}, {"漢語", ""}}}, "") == "漢");
  CHECK(step({.replaces = 0, .choices = {{"one", ""}}, .more = true}, "") == "list");
  CHECK(step({}, "x").empty());
}

TEST_CASE("completion: the list fits the terminal, and a hostile value is shown, not obeyed") {
  Completions found;
  for (const char* name : {"aa", "bb", "cc", "dd", "ee"}) found.choices.push_back({name, ""});
  CHECK(choice_list(found, 12) == "aa  cc  ee\nbb  dd\n");
  CHECK(choice_list(found, 3) == "aa\nbb\ncc\ndd\nee\n");
  found.choices = {{"x\x1b[2J", ""}};
  found.more = true;
  CHECK(choice_list(found, 40) == "x\\x1b[2J\n... and more\n");
}

TEST_CASE("completion: the vocabulary has every word of the grammar") {
  std::string all = " ";
  for (const auto* words : {&vocabulary::statements(), &vocabulary::operands(), &vocabulary::functions(),
                            &vocabulary::after_operand(), &vocabulary::of_create(), &vocabulary::of_alter(),
                            &vocabulary::things_to_alter(), &vocabulary::things_to_set(), &vocabulary::types()}) {
    for (const std::string& word : *words) all += word + " ";
  }
  std::replace(all.begin(), all.end(), '(', ' ');
  auto fs = make_posix_file_system();
  const auto page = read_whole_file(*fs, "query/GRAMMAR.md", 1 << 20);
  REQUIRE(page);
  const std::string text(as_text(*page));
  const std::string grammar = text.substr(text.find("```ebnf"), text.rfind("\n```") - text.find("```ebnf"));
  size_t seen = 0;
  const std::regex quoted("\"([A-Z][A-Z0-9]+)\"");
  for (std::sregex_iterator at(grammar.begin(), grammar.end(), quoted), end; at != end; ++at) {
    const std::string word = (*at)[1];
    if (word == "BY" || word == "DRY" || word == "RUN") continue;  // BY has its own place; DRY RUN is not done yet
    CAPTURE(word);
    CHECK(all.find(" " + word + " ") != std::string::npos);
    ++seen;
  }
  CHECK(seen > 60);
}

TEST_CASE("completion: names and strings as the language wants them") {
  CHECK(name_in_sql("country") == "country");
  CHECK(name_in_sql("Country") == "\"Country\"");
  CHECK(name_in_sql("select") == "\"select\"");
  CHECK(name_in_sql("a\"b") == "\"a\"\"b\"");
  CHECK(name_in_sql("7up") == "\"7up\"");
  CHECK(string_in_sql("it's") == "'it''s'");
}

}  // namespace
}  // namespace tally
