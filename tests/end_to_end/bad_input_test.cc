// Whatever is wrong with what a person gives: a message that names the place, the right exit code, nothing lost, nothing
// half-applied.
#include <algorithm>
#include <csignal>

#include "base/file_names.h"
#include "tests/end_to_end/program.h"

namespace tally {
namespace {

const char* const kCreate =
    "CREATE TABLE clicks (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '72 hours', country STRING DIMENSION, "
    "n INT64 FIELD, cost DECIMAL(9,2) FIELD, clicks MEASURE COUNT, total MEASURE SUM(n), spend MEASURE SUM(cost))";
const std::string kHeader = "ts,id,country,n,cost\n";

std::string row(int i) {
  return "2019-11-24 00:00:" + std::to_string(10 + i % 50) + ",e" + std::to_string(i) + ",DE,1,0.25\n";
}
std::string rows(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) text += row(i);
  return text;
}

struct Shop : Workshop {
  std::string data = path("shop");
  Shop() {
    REQUIRE(tally({"init", data}).code == 0);
    Ran made = tally({"sql", "--data", data, "-c", kCreate});
    REQUIRE_MESSAGE(made.code == 0, made.err);
  }
  Ran load(std::vector<std::string> words) const {
    std::vector<std::string> all = {"load", "--data", data, "--table", "clicks", "--replay"};
    all.insert(all.end(), words.begin(), words.end());
    return tally(all);
  }
  std::string count() const { return ask(data, "SELECT COUNT(*) FROM clicks.raw"); }
};

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("bad rows: each is named, the others are in, and the exit code tells") {
  Shop shop;
  std::string file =
      shop.put("mixed.csv", kHeader + row(1) + "never,e2,DE,1,0.25\n" + row(3) + "2019-11-24,e4,DE,one,0.25\n" +
                                "2019-11-24,e5,DE,1,0.255\n\"2019-11-24\"x,e6\n2019-11-24,,DE,1,0.25\n" + row(8));
  std::string rejected = shop.path("rejected.csv");
  Ran ran = shop.load({"--rejected", rejected, file});
  CHECK(ran.code == 1);
  CHECK(says(ran.err, file + ":3: column \"ts\": "));
  CHECK(says(ran.err, file + ":5: column \"n\": "));
  CHECK(says(ran.err, file + ":6: column \"cost\": "));
  CHECK(says(ran.err, file + ":7: this row has text behind a closing quote"));
  CHECK(says(ran.err, file + ":8: column \"id\": is NULL"));
  CHECK(says(ran.err, "5 rows did not get in; they are in " + rejected));
  CHECK(says(ran.out, "8 rows received"));
  CHECK(shop.count() == "3\n");
  std::string list = shop.get("rejected.csv");
  CHECK(std::count(list.begin(), list.end(), '\n') == 6);
  CHECK(says(list, ",5,n,bad_integer,"));

  CHECK(shop.load({"--max-rejected", "4", file}).code == 1);
  CHECK(shop.load({"--max-rejected", "5", file}).code == 0);
  CHECK(shop.count() == "3\n");
}

TEST_CASE("bad files: nothing of the load is applied") {
  Shop shop;
  std::string good = shop.put("good.csv", kHeader + rows(1, 5));
  REQUIRE(shop.fs().make_directory(shop.path("folder.csv")).has_value());
  struct Case {
    std::string path, message;
  };
  const Case cases[] = {
      {shop.path("none.csv"), "there is no file "},
      {shop.path("folder.csv"), " is a directory"},
      {shop.put("empty.csv", ""), "is empty: its first line must name the columns"},
      {shop.put("columns.csv", "time,id,n\n"),
       "the source has no column \"ts\", which is the event time of table \"clicks\""},
      {shop.put("twice.csv", "ts,id,id\n"), "names the column \"id\" twice"},
      {shop.put("data.txt", kHeader), "does not tell its format"},
      {shop.put("cut.csv.gz", "\x1F\x8B\x08"), "the gzip data ends early"},
      {shop.put("keys.ndjson", "{\"ts\":1,\"n\":2}\n"), "the source has no column \"id\""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.path);
    Ran ran = shop.load({good, one.path});
    CHECK(ran.code == 1);
    CHECK_MESSAGE(says(ran.err, one.message), ran.err);
    CHECK(ran.out == "");
  }
  CHECK(shop.count() == "0\n");
}

TEST_CASE("bad places: an unknown table, a directory that is no database, a database in use") {
  Shop shop;
  std::string good = shop.put("good.csv", kHeader + rows(1, 5));
  Ran ran = shop.tally({"load", "--data", shop.data, "--table", "click", good});
  CHECK(ran.code == 1);
  CHECK_MESSAGE(says(ran.err, "did you mean \"clicks\"?"), ran.err);

  REQUIRE(shop.fs().make_directory(shop.path("folder")).has_value());
  for (const std::string& place : {shop.path("nowhere"), shop.path("folder")}) {
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"load", "--data", place, "--table", "clicks", good},
          {"sql", "--data", place, "-c", "SHOW TABLES"},
          {"check", place},
          {"generate", "--data", place, "--events", "1"}}) {
      Ran refused = shop.tally(command);
      CAPTURE(refused.err);
      CHECK(refused.code == 1);
      CHECK(says(refused.err, "tally " + command[0] + ": "));
      CHECK(says(refused.err, place));
    }
  }
  const std::string letter = shop.put("folder/letter.txt", "dear database");
  Ran full = shop.tally({"check", shop.path("folder")});
  CHECK_MESSAGE(says(full.err, "choose another directory"), full.err);
  CHECK_FALSE(says(full.err, "tally init"));
  Ran file = shop.tally({"sql", "--data", letter, "-c", "SHOW TABLES"});
  CHECK_MESSAGE(says(file.err, letter + " is a file; a database is a directory"), file.err);
  auto lock = shop.fs().lock(DatabasePaths(shop.data).lock());
  REQUIRE(lock.has_value());
  Ran locked = shop.load({good});
  CHECK(locked.code == 1);
  CHECK_MESSAGE(says(locked.err, shop.data), locked.err);
  const std::string ids = shop.put("ids.txt", "e1\n"), elsewhere = shop.path("elsewhere");
  const std::pair<std::vector<std::string>, std::string> ways_out[] = {
      {{"sql", "--data", shop.data, "-c", "SHOW TABLES"}, "reach it with --server A:P"},
      {{"load", "--data", shop.data, "--table", "clicks", good}, "reach it with --server A:P"},
      {{"generate", "--data", shop.data, "--events", "1"}, "reach it with --server A:P"},
      {{"clock", "show", "--data", shop.data}, "reach it with --server A:P"},
      {{"backup", "--data", shop.data, elsewhere}, "takes its backup itself: --server A:P"},
      {{"load", "--data", shop.data, "--table", "clicks", "--dead-letters"}, "stop that process first"},
      {{"retract", "--data", shop.data, "--table", "clicks", ids}, "stop that process first"},
      {{"check", shop.data}, "stop that process first"},
  };
  for (const auto& [words, way_out] : ways_out) {
    Ran held = shop.tally(words);
    CHECK(held.code == 1);
    CHECK_MESSAGE(says(held.err, way_out), held.err);
  }
  lock->reset();
  CHECK(shop.load({good}).code == 0);
  CHECK(shop.tally({"init", shop.data}).code == 1);
  CHECK(shop.count() == "5\n");
}

TEST_CASE("history without --replay: every row is too late, and the message names the way out") {
  Shop shop;
  std::string file = shop.put("old.csv", kHeader + rows(1, 25));
  Ran ran = shop.tally({"load", "--data", shop.data, "--table", "clicks", file});
  CHECK(ran.code == 1);
  CHECK(says(ran.err, file + ":2: this row is too late"));
  CHECK(says(ran.err, "load it with --replay"));
  CHECK(says(ran.err, "and 15 more rows too late"));
  CHECK_FALSE(says(ran.err, file + ":12: "));
  CHECK(shop.ask(shop.data, "SELECT COUNT(*) FROM clicks") == "0\n");
  CHECK(shop.load({file}).code == 0);
  CHECK(shop.ask(shop.data, "SELECT COUNT(*) FROM clicks") == "25\n");
}

TEST_CASE("wrong command lines: exit code 2, and the nearest name") {
  Shop shop;
  struct Case {
    std::vector<std::string> words;
    std::string message;
  };
  const Case cases[] = {
      {{"lod"}, "there is no command \"lod\", did you mean \"load\"?"},
      {{"load", "--tabel", "clicks"}, "there is no option --tabel, did you mean \"--table\"?"},
      {{"sql", "--dta=x"}, "there is no option --dta, did you mean \"--data\"?"},
      {{"load", "x.csv"}, "--table is required"},
      {{"load", "--table", "clicks", "x.csv"}, "--data DIR"},
      {{"load", "--data", shop.data, "--table", "clicks", "--batch", "many", "x.csv"}, "--batch"},
      {{"load", "--data", shop.data, "--table", "clicks", "--map", "ts", "x.csv"}, "--map wants column=source"},
      {{"load", "--data", shop.data, "--table", "clicks", "--input-format", "xml", "x.csv"}, "unknown input format"},
      {{"load", "--data", shop.data, "--table", "clicks", "--ack-file", shop.data + "/acks", "x.csv"},
       "inside the database"},
      {{"sql", "--data", shop.data, "--format", "xml"}, "there is no format \"xml\""},
      {{"init"}, "DIR is required"},
      {{"init", "a", "b"}, "one argument too many"},
      {{"generate", "--profile", "tv", "--out", "x.csv"}, "there is no profile \"tv\""},
      {{"generate"}, "one of --out FILE, --data DIR and --server A:P"},
      {{"generate", "--events", "0", "--out", "x.csv"}, "--events: \"0\" is no whole number from 1 on"},
      {{"generate", "--events", "-1", "--out", "x.csv"}, "--events: \"-1\" is no whole number from 1 on"},
      {{"generate", "--rate", "-5", "--out", "x.csv"}, "--rate: \"-5\" is no whole number from 1 on"},
      {{"generate", "--out", "x.xml"}, "--out x.xml does not tell what to write: end it in .csv, .tsv or .ndjson"},
      {{"load", "--data", shop.data, "--table", "clicks", "--batch", "65537", "x.csv"},
       "--batch: \"65537\" is no whole number from 1 to 65536"},
      {{"load", "--data", shop.data, "--table", "clicks", "--max-rejected", "-1", "x.csv"},
       "--max-rejected: \"-1\" is no whole number"},
      {{"load", "--data", shop.data, "--table", "clicks", "--ack-file", "q", "--rejected", "./q", "x.csv"},
       "--ack-file and --rejected are one file"},
      {{}, "Subcommands:"},
  };
  for (const Case& one : cases) {
    Ran ran = shop.tally(one.words);
    CAPTURE(one.message);
    CAPTURE(ran.err);
    CHECK(ran.code == 2);
    CHECK(says(ran.err, one.message));
    CHECK(ran.out == "");
  }
}

TEST_CASE("help and version: on stdout, with an example") {
  Workshop shop;
  CHECK(shop.tally({"--version"}).out.find("tally ") == 0);
  for (const char* command :
       {"", "init", "sql", "load", "generate", "check", "inspect", "retract", "backup", "restore", "clock", "serve"}) {
    CAPTURE(command);
    Ran ran = *command == '\0' ? shop.tally({"--help"}) : shop.tally({command, "--help"});
    CHECK(ran.code == 0);
    CHECK(says(ran.out, "xample"));
    CHECK_FALSE(says(ran.out, "{"));  // what a flag stores is nobody's business
    CHECK(ran.err == "");
  }
  CHECK(says(shop.tally({"inspect", "--help"}).out, "*.retr or *.dead"));
}

TEST_CASE("Ctrl-C: a load stops, says where, and goes on there the next time") {
  Shop shop;
  std::string file = shop.put("long.csv", kHeader + rows(1, 3'000));
  std::string acks = shop.path("acks");
  pid_t child = shop.start({tally_binary(), "load", "--data", shop.data, "--table", "clicks", "--replay", "--rate",
                            "2000", "--batch", "50", "--ack-file", acks, file});
  for (int i = 0; i < 1'000 && !says(shop.get("acks"), "rows "); ++i) ::usleep(10'000);
  ::kill(child, SIGINT);
  Ran ran = shop.finish(child);
  CHECK(ran.code == 1);
  CHECK_MESSAGE(says(ran.err, "tally load: interrupted"), ran.err);
  CHECK(says(ran.err, "run the same command again to go on from there"));
  Ran again = shop.load({"--ack-file", acks, file});
  CHECK(again.code == 0);
  CHECK(says(again.err, "going on with row "));
  CHECK(says(again.out, "acknowledged by an earlier load"));
  CHECK(shop.ask(shop.data, "SELECT COUNT(*), SUM(clicks), SUM(total), SUM(spend) FROM clicks") ==
        "3000,3000,3000,750.00\n");
}

TEST_CASE("Ctrl-C: generate leaves whole rows, says how many, and does not claim to be done") {
  Workshop shop;
  pid_t child = shop.start(
      {tally_binary(), "generate", "--events", "1000000", "--rate", "20000", "--out", shop.path("events.csv")});
  for (int i = 0; i < 1'000 && shop.get("events.csv").size() < 1'000; ++i) ::usleep(10'000);
  ::kill(child, SIGINT);
  Ran ran = shop.finish(child);
  CHECK(ran.code == 1);
  CHECK_MESSAGE(says(ran.out, "interrupted; wrote "), ran.out);
  CHECK(shop.get("events.csv").ends_with('\n'));
}

TEST_CASE("sql: a script stops at its first error and names file, line and place") {
  Shop shop;
  std::string script = shop.put("script.sql", "SHOW TABLES;\n\nSELECT contry\nFROM clicks;\nSELECT 1;\n");
  Ran ran = shop.tally({"sql", "--data", shop.data, "-f", script});
  CHECK(ran.code == 1);
  CHECK_MESSAGE(says(ran.err, script + ":3: "), ran.err);
  CHECK(says(ran.err, "did you mean \"country\"?"));
  CHECK(says(ran.err, "^"));
  CHECK(says(ran.out, "clicks"));
  Ran piped = shop.tally({"sql", "--data", shop.data}, script);
  CHECK(piped.code == 1);
  CHECK(says(piped.err, "stdin:3: "));
}

TEST_CASE("backup and restore: neither is put into what it is made from") {
  Shop shop;
  REQUIRE(shop.load({shop.put("good.csv", kHeader + rows(1, 500))}).code == 0);
  for (const std::string& place : {shop.data, shop.data + "/monday", shop.data + "/tables/monday"}) {
    Ran inside = shop.tally({"backup", "--data", shop.data, place});
    CHECK(inside.code == 1);
    CHECK_MESSAGE(says(inside.err, place + " lies inside the database; choose a place outside " + shop.data),
                  inside.err);
  }
  CHECK(shop.tally({"check", shop.data}).code == 0);
  const std::string backup = shop.path("monday"), letter = shop.put("letter.txt", "dear backup");
  Ran file = shop.tally({"backup", "--data", shop.data, letter});
  CHECK(file.code == 1);
  CHECK_MESSAGE(says(file.err, letter + " is a file; a backup is a directory"), file.err);
  REQUIRE(shop.tally({"backup", "--data", shop.data, "--no-check", backup}).code == 0);
  for (const std::string& place : {backup, backup + "/data", backup + "/data/tables/again"}) {
    Ran inside = shop.tally({"restore", backup, place});
    CHECK(inside.code == 1);
    CHECK_MESSAGE(says(inside.err, place + " lies inside the backup, which is only read"), inside.err);
  }
  Ran direct = shop.tally({"sql", "--data", backup, "-c", "SHOW TABLES"});
  CHECK(direct.code == 1);
  CHECK_MESSAGE(says(direct.err, "`tally restore " + backup + " DIR` makes a database of it"), direct.err);
  REQUIRE(shop.tally({"restore", backup, shop.path("again")}).code == 0);
  CHECK(shop.ask(shop.path("again"), "SELECT COUNT(*) FROM clicks") == "500\n");
}

TEST_CASE("check: a sound database, and one with a byte turned over in a segment") {
  Shop shop;
  REQUIRE(shop.load({shop.put("good.csv", kHeader + rows(1, 500))}).code == 0);
  Ran sound = shop.tally({"check", shop.data});
  CHECK_MESSAGE(sound.code == 0, sound.out);
  CHECK(says(sound.out, "clicks: sound; 500 rows in "));

  TablePaths paths = DatabasePaths(shop.data).table("clicks");
  auto files = shop.fs().list(paths.segment_directory());
  REQUIRE(files.has_value());
  REQUIRE_FALSE(files->empty());
  std::string segment = join_path(paths.segment_directory(), files->front().name);
  auto file = shop.fs().open(segment, OpenMode::kReadWrite);
  uint8_t byte = 0;
  REQUIRE(read_exactly(**file, 200, {&byte, 1}).has_value());
  byte ^= 0x10;
  REQUIRE((*file)->write_at(200, {&byte, 1}).has_value());
  Ran damaged = shop.tally({"check", shop.data});
  CHECK(damaged.code == 1);
  CHECK_MESSAGE(says(damaged.out, "clicks: DAMAGED"), damaged.out);
  CHECK(says(damaged.out, files->front().name));
  CHECK(says(damaged.err, "problem"));
}

}  // namespace

TEST_CASE("TALLY_IO: the log is written without io_uring as well, which is said, and an unknown way is refused") {
  Shop shop;
  std::string good = shop.put("good.csv", kHeader + rows(1, 5));
  REQUIRE(::setenv("TALLY_IO", "pwrite", 1) == 0);
  Ran ran = shop.load({good});
  REQUIRE(::setenv("TALLY_IO", "quick", 1) == 0);
  Ran refused = shop.load({good});
  REQUIRE(::unsetenv("TALLY_IO") == 0);
  CHECK(ran.code == 0);
  CHECK_MESSAGE(says(ran.err, "the log is written with pwrite"), ran.err);
  CHECK(refused.code == 1);
  CHECK_MESSAGE(says(refused.err, "TALLY_IO is \"quick\", and may be auto, io_uring or pwrite"), refused.err);
  CHECK(shop.count() == "5\n");
}

}  // namespace tally
