// Small parts of the server: addresses, log lines, the byte budget, histograms, the metrics page, backoff.
#include <doctest/doctest.h>

#include "server/backup_statement.h"
#include "server/byte_budget.h"
#include "server/client/client.h"
#include "server/clock_statement.h"
#include "server/listen_address.h"
#include "server/metrics_text.h"
#include "server/server_log.h"

namespace tally {
namespace {

TEST_CASE("listen address: loopback is told from the rest, and the rest is refused") {
  struct Case {
    const char* text;
    const char* spelled;
    bool loopback;
  };
  const Case cases[] = {
      {"127.0.0.1:0", "127.0.0.1:0", true}, {"localhost:9077", "127.0.0.1:9077", true}, {"[::1]:80", "[::1]:80", true},
      {"0.0.0.0:1", "0.0.0.0:1", false},    {"192.168.1.5:1", "192.168.1.5:1", false},  {"[::]:1", "[::]:1", false}};
  for (const Case& c : cases) {
    auto address = parse_listen_address(c.text);
    REQUIRE_MESSAGE(address.has_value(), c.text);
    CHECK(address->to_string() == c.spelled);
    CHECK(check_exposure(*address).has_value() == c.loopback);
  }
  for (const char* wrong :
       {"", "9077", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "tally.example:1", "127.0.0.1:1x"}) {
    CHECK_FALSE_MESSAGE(parse_listen_address(wrong).has_value(), wrong);
  }
}

TEST_CASE("server log: a line stays a line, whatever is in its values") {
  const std::string text =
      format_log_line(false, 1, LogLevel::kWarn, "a batch", {{"peer", "127.0.0.1:5"}, {"why", "a \"b\"\nc"}});
  CHECK(text == "1970-01-01T00:00:00.000001Z warn  a batch peer=127.0.0.1:5 why=\"a \\\"b\\\"\\u000ac\"");
  const std::string json = format_log_line(true, 1, LogLevel::kInfo, "x", {{"why", "\\"}});
  CHECK(json == R"({"time":"1970-01-01T00:00:00.000001Z","level":"info","message":"x","why":"\\"})");
}

TEST_CASE("byte budget: first come, first served, and never more than there is") {
  ByteBudget budget(100);
  int granted = 0;
  auto a = budget.claim(60, [&] { ++granted; });
  auto b = budget.claim(60, [&] { ++granted; });
  auto c = budget.claim(10, [&] { ++granted; });  // would fit, but is behind b
  CHECK(a->granted);
  CHECK_FALSE(b->granted);
  CHECK_FALSE(c->granted);
  CHECK(budget.used() == 60);
  budget.release(*a);
  CHECK(b->granted);
  CHECK(c->granted);
  CHECK(granted == 2);
  CHECK(budget.used() == 70);
  budget.release(*a);  // again: nothing
  CHECK(budget.used() == 70);
}

TEST_CASE("byte budget: who gives up while waiting holds nobody up, and a claim beyond all is all") {
  ByteBudget budget(100);
  auto a = budget.claim(1'000, nullptr);
  CHECK(a->granted);
  CHECK(budget.used() == 100);
  auto b = budget.claim(100, nullptr);
  auto c = budget.claim(5, nullptr);
  budget.release(*b);
  CHECK(budget.waiting() >= 1);
  budget.release(*a);
  CHECK(c->granted);
  CHECK_FALSE(b->granted);
  CHECK(budget.used() == 5);
  budget.release(*c);
  CHECK(budget.used() == 0);
}

TEST_CASE("metrics: buckets are cumulated, tables and outcomes are labels") {
  ServerMetrics metrics;
  metrics.acknowledgement.observe(100);
  metrics.acknowledgement.observe(600);
  metrics.acknowledgement.observe(1'000 * kMicrosPerSecond);
  TableReading table{.name = "ads", .stats = {}, .writes = {}};
  table.stats.ledger.accepted = 7;
  table.stats.log.bytes_written = 4'096;
  table.writes.written[static_cast<size_t>(WrittenKind::kIdRuns)] = 512;
  table.writes.stages[static_cast<size_t>(WriteStage::kOrder)].observe(400);
  table.writes.stages[static_cast<size_t>(WriteStage::kDecide)].observe(100);
  table.writes.event_age.observe(kMicrosPerHour);
  table.condition.clock.state = ClockState::kBehind;
  table.condition.space.level = SpaceLevel::kHard;
  const std::string page = metrics_text(metrics, {table}, true);
  for (const char* line :
       {"tally_ready 1\n", "tally_clock_state{table=\"ads\"} 3\n", "tally_space_level{table=\"ads\"} 2\n",
        "# TYPE tally_events_total counter\n", "tally_events_total{table=\"ads\",outcome=\"accepted\"} 7\n",
        "tally_acknowledgement_seconds_bucket{le=\"0.00025\"} 1\n",
        "tally_acknowledgement_seconds_bucket{le=\"0.001\"} 2\n",
        "tally_acknowledgement_seconds_bucket{le=\"+Inf\"} 3\n", "tally_acknowledgement_seconds_count 3\n",
        "tally_written_bytes_total{table=\"ads\",kind=\"log\"} 4096\n",
        "tally_written_bytes_total{table=\"ads\",kind=\"id_runs\"} 512\n",
        "tally_ingest_stage_seconds_bucket{table=\"ads\",stage=\"order\",le=\"0.0005\"} 1\n",
        "tally_visible_latency_seconds_bucket{table=\"ads\",le=\"0.00025\"} 1\n",
        "tally_event_visible_latency_seconds_sum{table=\"ads\"} 3600\n"}) {
    CHECK_MESSAGE(page.find(line) != std::string::npos, line << " is missing in\n" << page);
  }
}

TEST_CASE("backup statement: told from SQL by its words alone") {
  CHECK(backup_statement("BACKUP TO 'monday'") == "monday");
  CHECK(backup_statement(" backup\nto 'it''s' ; ") == "it's");
  for (const char* other : {"", "BACKUP", "BACKUP TO", "BACKUP TO monday", "BACKUP TO 'a' 'b'", "SELECT 1", "\xff",
                            "\"backup\" TO 'a'", "BACKUP TO 'open"}) {
    CHECK_MESSAGE(!backup_statement(other), other);
  }
}

TEST_CASE("clock statement: told from SQL by its words alone, and spelled as it is read") {
  using Action = ClockStatement::Action;
  CHECK(clock_statement("CLOCK SHOW") == ClockStatement{Action::kShow, ""});
  CHECK(clock_statement(" clock\nConfirm ; ") == ClockStatement{Action::kConfirm, ""});
  CHECK(clock_statement("CLOCK BACK TABLE Ads") == ClockStatement{Action::kBack, "ads"});
  CHECK(clock_statement("CLOCK BACK TABLE \"A\"\"ds\"") == ClockStatement{Action::kBack, "A\"ds"});
  for (const char* other : {"", "CLOCK", "CLOCK FORWARD", "CLOCK SHOW SHOW", "CLOCK SHOW TABLE", "CLOCK SHOW TABLE 'a'",
                            "SELECT 1", "\xff", "\"clock\" SHOW", "CLOCK SHOW TABLE a b"}) {
    CHECK_MESSAGE(!clock_statement(other), other);
  }
  for (Action action : {Action::kShow, Action::kConfirm, Action::kBack}) {
    for (const char* table : {"", "ads", "A\"ds; --"}) {
      const ClockStatement statement{action, table};
      CHECK(clock_statement(clock_statement_text(statement)) == statement);
    }
  }
}

TEST_CASE("client: pauses double up to their limit, each between half of it and all of it") {
  ClientOptions options;
  TimeUs wanted = options.backoff_first_us;
  for (uint32_t failures = 1; failures < 40; ++failures) {
    CHECK(backoff_us(options, failures, 0) == wanted);
    for (uint64_t random : {uint64_t{1}, uint64_t{12'345}, UINT64_MAX}) {
      CHECK(backoff_us(options, failures, random) >= wanted / 2);
      CHECK(backoff_us(options, failures, random) <= wanted);
    }
    wanted = std::min(2 * wanted, options.backoff_max_us);
  }
}

}  // namespace
}  // namespace tally
