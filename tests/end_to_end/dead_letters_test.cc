// Rows that did not get in, and how they do: seen in system.dead_letters, sent again once by `tally load --dead-letters`.
#include "base/timestamp.h"
#include "tests/end_to_end/program.h"

namespace tally {
namespace {

const char* const kCreate =
    "CREATE TABLE clicks (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '72 hours', country STRING DIMENSION, "
    "cost DECIMAL(9,2) FIELD, clicks MEASURE COUNT, spend MEASURE SUM(cost))";

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The counts of a summary must add up to what it says was replayed.
uint64_t count_of(const std::string& summary, const std::string& name) {
  const size_t at = summary.find("  " + name);
  REQUIRE_MESSAGE(at != std::string::npos, summary);
  return std::stoull(summary.substr(at + name.size() + 2));
}

struct Shop : Workshop {
  std::string data = path("shop");
  std::string now = format_timestamp(system_clock().wall_us() - kMicrosPerMinute);

  explicit Shop(const char* create = kCreate) {
    REQUIRE(tally({"init", data}).code == 0);
    Ran made = tally({"sql", "--data", data, "-c", create});
    REQUIRE_MESSAGE(made.code == 0, made.err);
  }
  Ran load(std::vector<std::string> words) const {
    std::vector<std::string> all = {"load", "--data", data, "--table", "clicks"};
    all.insert(all.end(), words.begin(), words.end());
    return tally(all);
  }
  Ran replay(std::vector<std::string> words = {}) const {
    words.insert(words.begin(), "--dead-letters");
    Ran ran = load(words);
    if (!ran.out.empty()) {
      const uint64_t sum = count_of(ran.out, "accepted") + count_of(ran.out, "duplicates") +
                           count_of(ran.out, "conflicts") + count_of(ran.out, "too late") +
                           count_of(ran.out, "rejected");
      CHECK(says(ran.out, "clicks: " + std::to_string(sum) + (sum == 1 ? " dead letter " : " dead letters ")));
    }
    return ran;
  }
  std::string letters(const std::string& columns) const {
    return ask(data, "SELECT " + columns + " FROM system.dead_letters ORDER BY lsn, row");
  }
  std::string raw() const { return ask(data, "SELECT id, country, cost FROM clicks.raw ORDER BY id"); }
  void check_sound() const {
    Ran checked = tally({"check", data});
    CHECK_MESSAGE(checked.code == 0, checked.out);
  }
};

TEST_CASE(
    "dead letters: what a load could not bring in is listed with reason and place, and history is replayed once") {
  Shop shop;
  std::string file = shop.put("day.csv", "ts,id,country,cost\n" + shop.now + ",a,DE,0.25\n" +
                                             "2026-01-01T00:00:00Z,b,\"D,E\",1.50\nyesterday,c,DE,1\n");
  CHECK(shop.load({file}).code == 1);
  CHECK(shop.letters("reason, source_row, format, raw, state") ==
        "too_late,3,row,\"{\"\"ts\"\":\"\"2026-01-01T00:00:00Z\"\",\"\"id\"\":\"\"b\"\",\"\"country\"\":\"\"D,E\"\","
        "\"\"cost\"\":1.50}\",open\nbad_timestamp,4,csv,\"yesterday,c,DE,1\",open\n");
  CHECK(shop.ask(shop.data, "SELECT COUNT(*) FROM system.dead_letters WHERE source LIKE '%day.csv'") == "2\n");

  Ran ran = shop.replay({"--replay"});
  CHECK(ran.code == 1);  // one still cannot be read
  CHECK(says(ran.out, "clicks: 1 dead letter replayed"));
  CHECK(count_of(ran.out, "accepted") == 1);
  CHECK(says(ran.out, "left as they are: 1 that still cannot be read"));
  CHECK(says(ran.err, "day.csv:4: column \"ts\": 'yesterday' is not a timestamp"));
  CHECK(shop.raw() == "a,DE,0.25\nb,\"D,E\",1.50\n");
  CHECK(shop.letters("reason, state") == "too_late,replayed\nbad_timestamp,open\n");

  Ran again = shop.replay({"--replay", "--reason", "too_late"});
  CHECK(again.code == 0);
  CHECK(says(again.out, "clicks: 0 dead letters replayed"));
  CHECK(shop.raw() == "a,DE,0.25\nb,\"D,E\",1.50\n");
  shop.check_sound();
}

TEST_CASE("dead letters: a wrong column is put right with --map, in every format") {
  struct Source {
    const char* name;
    std::string text;
  };
  Shop shop;
  const Source sources[] = {
      {"a.csv", "when,at,id,country\n" + shop.now + ",-,a1,DE\n\"" + shop.now + "\",-,a2,\"F\"\"R\"\n"},
      {"b.tsv", "when\tat\tid\tcountry\n" + shop.now + "\t-\tb1\tD\\tE\n"},
      {"c.ndjson", "{\"when\":\"" + shop.now + "\",\"at\":\"-\",\"id\":\"c1\",\"country\":null,\"cost\":2}\n"},
  };
  for (const Source& source : sources) {
    Ran ran = shop.load({"--map", "ts=at", shop.put(source.name, source.text)});
    CHECK(ran.code == 1);
  }
  CHECK(shop.raw() == "");
  CHECK(shop.replay().code == 1);  // read as before, they are as wrong as before
  CHECK(shop.raw() == "");
  Ran ran = shop.replay({"--map", "ts=when"});
  CHECK_MESSAGE(ran.code == 0, ran.err);
  CHECK(says(ran.out, "clicks: 4 dead letters replayed"));
  CHECK(shop.raw() == "a1,DE,\na2,\"F\"\"R\",\nb1,D\tE,\nc1,,2.00\n");
  CHECK(shop.letters("state") == "replayed\nreplayed\nreplayed\nreplayed\n");
  shop.check_sound();
}

TEST_CASE("dead letters: what would only be refused again waits until it is asked for") {
  Shop shop;
  const std::string soon = format_timestamp(system_clock().wall_us() + kMicrosPerDay);
  std::string file =
      shop.put("x.csv", "ts,id,country,cost\n2026-01-01,b,DE,1\n" + soon + ",c,DE,1\n" + shop.now + ",a,DE,1\n");
  CHECK(shop.load({file}).code == 1);
  Ran ran = shop.replay();
  CHECK(ran.code == 0);
  CHECK(says(ran.out, "clicks: 0 dead letters replayed"));
  CHECK(says(ran.out, "left as they are: 1 too_late (say --replay if it is history)"));
  CHECK(says(ran.out, "left as they are: 1 too_early (their time has not come)"));
  ran = shop.replay({"--reason", "too_late"});
  CHECK(ran.code == 1);
  CHECK(count_of(ran.out, "too late") == 1);
  CHECK(says(ran.err, "x.csv:2: this row is too late"));
  CHECK(shop.letters("reason, source_row, state") == "too_late,2,replayed\ntoo_early,3,open\ntoo_late,2,open\n");
  CHECK(shop.replay({"--replay"}).code == 0);
  CHECK(shop.ask(shop.data, "SELECT received, accepted, too_late, rejected FROM system.tables") == "5,2,2,1\n");
  shop.check_sound();
}

TEST_CASE("dead letters: a row longer than what is kept of it says so") {
  Shop shop;
  std::string file = shop.put("x.csv", "ts,id,country,cost\nnever,a," + std::string(5'000, 'x') + ",1\n");
  CHECK(shop.load({file}).code == 1);
  CHECK(shop.letters("state") == "cut\n");
  Ran ran = shop.replay();
  CHECK(ran.code == 1);
  CHECK(says(ran.out, "left as they are: 1 longer than what is kept of them"));
}

TEST_CASE("dead letters: wrong use is told what is wrong with it") {
  Shop shop;
  struct Case {
    std::vector<std::string> words;
    int code;
    const char* says;
  };
  const Case cases[] = {
      {{"--dead-letters", "x.csv"}, 2, "--dead-letters loads no files: leave out x.csv"},
      {{"--reason", "too_late", "x.csv"}, 2, "--reason chooses among dead letters: say --dead-letters as well"},
      {{"--dead-letters", "--ack-file", "x"}, 2, "--ack-file does not go with --dead-letters"},
      {{"--dead-letters", "--rejected", "x"}, 2, "--rejected does not go with --dead-letters"},
      {{"--dead-letters", "--input-format", "csv"}, 2, "--input-format does not go with --dead-letters"},
      {{"--dead-letters", "--rate", "5"}, 2, "--rate does not go with --dead-letters"},
      {{}, 2, "FILE is required"},
      {{"--dead-letters", "--map", "contry=x"}, 1, "has no column \"contry\", did you mean \"country\"?"},
      {{"--dead-letters", "--reason", "frob"}, 0, "no dead letter waits with the reason \"frob\""},
  };
  for (const Case& one : cases) {
    Ran ran = shop.load(one.words);
    CHECK(ran.code == one.code);
    CHECK_MESSAGE(says(ran.err, one.says), ran.err);
  }
}

TEST_CASE("derived ids: a file without ids loads, and loading it again changes nothing") {
  Shop shop(
      "CREATE TABLE clicks (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '72 hours' FROM (ts, country), "
      "country STRING DIMENSION, cost DECIMAL(9,2) FIELD, clicks MEASURE COUNT)");
  std::string file = shop.put("x.csv", "ts,country,cost\n" + shop.now + ",DE,1\n" + shop.now + ",FR,2\n" + shop.now +
                                           ",DE,1\n2026-01-01,DE,5\n");
  Ran ran = shop.load({file});
  CHECK(says(ran.err, "ids are derived from ts, country"));
  CHECK(count_of(ran.out, "accepted") == 2);
  CHECK(count_of(ran.out, "duplicates") == 1);
  CHECK(count_of(shop.load({file}).out, "duplicates") == 3);
  ran = shop.replay({"--replay"});
  CHECK(count_of(ran.out, "accepted") == 1);
  CHECK(count_of(ran.out, "duplicates") == 1);  // the file was loaded twice, and so was the letter
  CHECK(shop.ask(shop.data, "SELECT SUM(clicks) FROM clicks") == "3\n");
  shop.check_sound();
}

}  // namespace
}  // namespace tally
