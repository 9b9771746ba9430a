// What is known of statements that run and that have ended.
#include "query/query_registry.h"

#include <doctest/doctest.h>

#include "tests/support/manual_clock.h"

namespace tally {
namespace {

TEST_CASE("query registry: a statement runs, reads, and ends") {
  ManualClock clock;
  QueryRegistry registry;
  const auto first = registry.begin("SELECT 1", clock);
  const auto second = registry.begin("SELECT 2", clock);
  first->rows_read += 8'192;
  clock.advance(500);
  std::vector<QueryEntry> entries = registry.entries(clock);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].id == 1);
  CHECK(entries[0].state == "running");
  CHECK(entries[0].rows_read == 8'192);
  CHECK(entries[0].elapsed_us == 500);
  CHECK(entries[1].sql == "SELECT 2");
  QueryEntry outcome;
  outcome.state = "failed";
  outcome.error = "out of luck";
  registry.end(*first, outcome, clock);
  clock.advance(500);
  entries = registry.entries(clock);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].state == "failed");
  CHECK(entries[0].error == "out of luck");
  CHECK(entries[0].elapsed_us == 500);
  CHECK(entries[1].elapsed_us == 1'000);
}

TEST_CASE("query registry: of those that ended the last are kept, however long they took; text is cut at a character") {
  ManualClock clock;
  QueryRegistry registry;
  const auto slow = registry.begin("slow", clock);
  for (int i = 0; i < 250; ++i) registry.end(*registry.begin("quick", clock), {}, clock);
  CHECK(registry.entries(clock).size() == QueryRegistry::kEndedKept + 1);
  CHECK(registry.entries(clock).front().sql == "slow");
  registry.end(*slow, {}, clock);
  CHECK(registry.entries(clock).size() == QueryRegistry::kEndedKept);
  std::string text(QueryRegistry::kSqlShown - 1, 'x');
  text += "\xC3\xA9 and more";
  CHECK(registry.begin(text, clock)->sql == std::string(QueryRegistry::kSqlShown - 1, 'x'));
}

}  // namespace
}  // namespace tally
