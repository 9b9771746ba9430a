#include "tools/shell/chart.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "base/timestamp.h"
#include "query/datum.h"
#include "tests/support/seed.h"
#include "tools/shell/chart_axis.h"
#include "tools/terminal_text.h"

namespace tally {
namespace {

constexpr TimeUs kNov24 = 1'574'553'600'000'000;

Cell text(std::string value) { return to_cell(Datum::of_text(std::move(value))); }
Cell whole(int64_t value) { return to_cell(Datum::of_integer(value)); }
Cell time(TimeUs at) { return to_cell(Datum::of_time(at)); }

QueryResult by_country() {
  QueryResult result;
  result.columns = {{"country", SqlType::kString, 0}, {"clicks", SqlType::kInt64, 0}};
  result.rows = {{text("DE"), whole(1200)}, {text("FR"), whole(600)}, {text("漢"), whole(75)}, {Cell(), Cell()}};
  return result;
}

QueryResult by_hour(size_t hours) {
  QueryResult result;
  result.columns = {{"hour", SqlType::kTimestamp, 0}, {"n", SqlType::kInt64, 0}};
  for (size_t i = 0; i < hours; ++i) {
    result.rows.push_back({time(kNov24 + static_cast<TimeUs>(i) * kMicrosPerHour), whole(static_cast<int64_t>(i))});
  }
  return result;
}

TEST_CASE("chart: bars in eighths of a cell, fitted to the width") {
  const auto drawn = draw_chart(by_country(), {.width = 40});
  REQUIRE(drawn);
  CHECK(*drawn ==
        "clicks\n"
        "DE   ▏████████████████████████████ 1,200\n"
        "FR   ▏██████████████ 600\n"
        "漢   ▏█▊ 75\n"
        "NULL ▏ NULL\n");
}

TEST_CASE("chart: bars below zero go to the left") {
  QueryResult result = by_country();
  result.rows = {{text("up"), whole(10)}, {text("down"), whole(-10)}};
  CHECK(*draw_chart(result, {.width = 32}) ==
        "clicks\n"
        "up              ▏███████████ 10\n"
        "down ███████████▏ -10\n");
}

TEST_CASE("chart: a line over time, with its axes") {
  const auto drawn = draw_chart(by_hour(25), {.width = 40, .height = 14});
  REQUIRE(drawn);
  CHECK(*drawn ==
        "n\n"
        " 30┤\n"
        "   │                                  ⢀\n"
        "   │                             ⢀⡀⠔⠐⠁⠁\n"
        " 20┤                        ⢀⡀⠔⠐⠁⠁\n"
        "   │                   ⢀⡀⠤⠐⠉\n"
        " 10┤              ⢀⡀⠤⠐⠉\n"
        "   │         ⢀⡀⠤⠂⠊\n"
        "   │     ⡀⠤⠂⠊\n"
        "  0┤⡠⠠⠂⠊⠈\n"
        "   └┬────────────────┬────────────────┬\n"
        "    11-24          12:00          11-25\n");
}

TEST_CASE("chart: NULL is a gap") {
  QueryResult result = by_hour(5);
  result.rows[2][1] = Cell();
  const auto drawn = draw_chart(result, {.width = 60, .height = 14});
  const auto whole_line = draw_chart(by_hour(5), {.width = 60, .height = 14});
  REQUIRE(drawn);
  const auto dots = [](const std::string& chart) {
    const std::u32string characters = to_characters(chart);
    return std::count_if(characters.begin(), characters.end(), [](char32_t c) { return c > 0x2800 && c <= 0x28FF; });
  };
  CHECK(dots(*drawn) > 10);
  CHECK(dots(*drawn) < dots(*whole_line) * 6 / 10);
}

TEST_CASE("chart: series and columns are panels, chosen by name") {
  QueryResult result;
  result.columns = {{"day", SqlType::kTimestamp, 0},
                    {"country", SqlType::kString, 0},
                    {"n", SqlType::kInt64, 0},
                    {"m", SqlType::kInt64, 0}};
  for (const char* country : {"DE", "FR"}) {
    for (int day = 0; day < 3; ++day) {
      result.rows.push_back({time(kNov24 + day * kMicrosPerDay), text(country), whole(day), whole(1)});
    }
  }
  const auto all = draw_chart(result, {});
  REQUIRE(all);
  for (const char* title : {"n, DE\n", "n, FR\n", "m, DE\n", "m, FR\n"}) CHECK(all->find(title) != std::string::npos);
  const auto some = draw_chart(result, {.columns = {"n"}});
  CHECK(some->find("n, FR\n") != std::string::npos);
  CHECK(some->find("m, ") == std::string::npos);
  const auto bars = draw_chart(result, {.kind = ChartKind::kBars, .columns = {"m", "country"}});
  CHECK(bars->starts_with("m\nDE ▏"));
}

TEST_CASE("chart: why there is nothing to draw") {
  QueryResult words = by_country();
  words.columns.pop_back();
  for (auto& row : words.rows) row.pop_back();
  CHECK(draw_chart(words, {}).error() == "there is no column of numbers to draw among country");
  CHECK(draw_chart(by_country(), {.columns = {"click"}}).error() ==
        "the last result has no column \"click\", did you mean \"clicks\"?");
  CHECK(draw_chart(by_country(), {.columns = {"zzz"}}).error() ==
        "the last result has no column \"zzz\": it has country, clicks");
  CHECK(draw_chart(by_country(), {.kind = ChartKind::kLine}).error() ==
        "a line goes over time, and the last result has no column of timestamps");
  QueryResult empty = by_country();
  empty.rows.clear();
  CHECK(draw_chart(empty, {}).error() == "the last result has no rows to draw");
  QueryResult nulls = by_hour(3);
  for (auto& row : nulls.rows) row[1] = Cell();
  CHECK(draw_chart(nulls, {}).error() == "there is nothing but NULL to draw");
}

TEST_CASE("chart: no line is wider than the terminal, whatever the values") {
  const uint64_t seed = test_seed(73);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 400; ++round) {
    QueryResult result = by_hour(random() % 200 + 1);
    result.columns.push_back({"x", SqlType::kDecimal, 6});
    for (auto& row : result.rows) {
      const auto value = static_cast<int64_t>(random() >> (random() % 64));
      row.push_back(random() % 10 == 0 ? Cell() : to_cell(Datum::of_number({random() % 2 == 0 ? value : -value, 6})));
      row[0] = time(row[0].timestamp * static_cast<TimeUs>(1 + random() % 3));
    }
    const ChartOptions options{.kind = random() % 2 == 0 ? ChartKind::kLine : ChartKind::kBars,
                               .columns = {},
                               .width = 60 + random() % 120,
                               .height = random() % 60};
    const auto drawn = draw_chart(result, options);
    REQUIRE(drawn);
    CAPTURE(*drawn);
    for (size_t at = 0; at < drawn->size();) {
      const size_t end = drawn->find('\n', at);
      REQUIRE(display_width(drawn->substr(at, end - at)) <= options.width);
      at = end + 1;
    }
  }
}

TEST_CASE("chart: axes end at round numbers and include zero unless it is far away") {
  const struct {
    double smallest, largest;
    double from, to, step;
  } cases[] = {{0, 28, 0, 30, 10}, {3, 97, 0, 100, 20}, {980, 1005, 980, 1005, 5},      {-5, 5, -6, 6, 2},
               {0, 0, 0, 1, 0.2},  {7, 7, 0, 8, 2},     {0.0012, 0.0261, 0, 0.03, 0.01}};
  for (const auto& given : cases) {
    CAPTURE(given.largest);
    const ValueAxis axis = value_axis(given.smallest, given.largest, 5);
    CHECK(axis.from == doctest::Approx(given.from));
    CHECK(axis.to == doctest::Approx(given.to));
    CHECK(axis.step == doctest::Approx(given.step));
  }
  CHECK(axis_label(1500000, 500000) == "1,500,000");
  CHECK(axis_label(0.02, 0.01) == "0.02");
  CHECK(axis_label(-0.0, 0.5) == "0.0");
  CHECK(short_number(1234567) == "1,234,567");
  CHECK(short_number(0.0051724137) == "0.005172");
  CHECK(short_number(12.5) == "12.5");
}

TEST_CASE("chart: moments of the time axis") {
  const auto labels = [](TimeUs from, TimeUs to, size_t most) {
    std::string all;
    for (const TimeTick& tick : time_ticks(from, to, most)) all += (all.empty() ? "" : " ") + tick.label;
    return all;
  };
  CHECK(labels(kNov24, kNov24 + kMicrosPerDay, 6) == "11-24 06:00 12:00 18:00 11-25");
  CHECK(labels(kNov24, kNov24 + 6 * kMicrosPerDay, 8) == "11-24 11-25 11-26 11-27 11-28 11-29 11-30");
  CHECK(labels(kNov24, kNov24 + 150 * kMicrosPerDay, 6) == "2019-12 2020-01 2020-02 2020-03 2020-04");
  CHECK(labels(kNov24, kNov24 + 4000 * kMicrosPerDay, 8) == "2020-01 2022-01 2024-01 2026-01 2028-01 2030-01");
  CHECK(labels(kNov24 + 1, kNov24 + 30 * kMicrosPerSecond, 4) == "00:00:15 00:00:30");
}

}  // namespace
}  // namespace tally
