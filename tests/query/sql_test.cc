#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/checksum.h"
#include "base/decimal.h"
#include "base/limits.h"
#include "base/timestamp.h"
#include "query/format.h"
#include "tests/query/sql_world.h"

namespace tally {

namespace {

constexpr std::string_view kStart = "2024-03-15T12:00:00Z";

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> parts;
  std::stringstream in(line);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  if (line.empty() || line.back() == separator) parts.emplace_back();
  return parts;
}

void set_cell(BatchBuilder& builder, const Schema& schema, const std::string& name, const std::string& text) {
  const Column* column = schema.find_column(name);
  REQUIRE_MESSAGE(column != nullptr, "no column ", name);
  size_t position = static_cast<size_t>(column - schema.columns.data());
  if (text.empty()) return;
  std::string value = text == "\"\"" ? "" : text;
  switch (column->type) {
    case ColumnType::kTimestamp: builder.set_time(parse_timestamp(value).value()); break;
    case ColumnType::kId: builder.set_id(value); break;
    case ColumnType::kString: builder.set_string(position, value); break;
    case ColumnType::kInt64: builder.set_int64(position, parse_int64(value).value()); break;
    case ColumnType::kDecimal:
      builder.set_int64(position, parse_decimal(value, column->precision, column->scale).value());
      break;
  }
}

}  // namespace

SqlWorld::SqlWorld() : disk(1), clock(parse_timestamp(kStart).value()) {
  REQUIRE(init_database(disk, "/db"));
  DatabaseOptions options;
  options.table.threads = false;
  options.table.shards = 2;
  options.table.log_file_bytes = 64 * limits::kKiB;
  options.table.segment_block_rows = 128;  // so that small tables have many blocks
  options.table.chunk_rows = 1'024;        // and many full chunks
  auto opened = Database::open(disk, clock, "/db", options);
  REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
  database_ = *std::move(opened);
  engine_ = std::make_unique<QueryEngine>(*database_);
}

std::string SqlWorld::run(std::string_view sql, const std::vector<Cell>& parameters) {
  auto result = engine_->run(sql, parameters);
  if (!result) return "error: " + result.error().error.message + "\n";
  return format_result(*result, OutputFormat::kCsv);
}

std::string SqlWorld::refusal(std::string_view sql) {
  auto result = engine_->run(sql, {});
  return result ? "no error" : result.error().render(sql);
}

std::string SqlWorld::load(const std::string& name, const std::vector<std::string>& lines, bool replay) {
  auto table = database_->table(name);
  if (!table) return table.error().message;
  std::shared_ptr<const Schema> schema = (*table)->schema();
  BatchBuilder builder(*schema);
  std::vector<std::string> header = split(lines.at(0), ',');
  for (size_t i = 1; i < lines.size(); ++i) {
    std::vector<std::string> cells = split(lines[i], ',');
    REQUIRE_MESSAGE(cells.size() == header.size(), lines[i]);
    for (size_t c = 0; c < cells.size(); ++c) set_cell(builder, *schema, header[c], cells[c]);
    auto status = builder.end_row();
    if (!status) return status.error().message;
  }
  IngestBatch batch;
  batch.payload = builder.finish();
  batch.payload_xxh3 = xxh3(batch.payload);
  batch.replay = replay;
  auto result = (*table)->ingest(std::move(batch));
  return result ? "" : result.error().message;
}

// "COLUMN TEXT DIVISOR MODULUS": TEXT and behind it row / DIVISOR % MODULUS; of the event time, TEXT and that many seconds.
static std::string cell_of(const Column& column, const std::vector<std::string>& rule, uint64_t row) {
  const uint64_t divisor = std::stoull(rule.at(2)), modulus = std::stoull(rule.at(3));
  // An odd multiplier spreads neighbours, so that nothing but the order of declaration sorts them.
  const uint64_t value = row * (rule.size() > 4 ? std::stoull(rule.at(4)) : 1) / divisor % modulus;
  if (column.type != ColumnType::kTimestamp) return (rule.at(1) == "-" ? "" : rule.at(1)) + std::to_string(value);
  return format_timestamp(parse_timestamp(rule.at(1)).value() + static_cast<TimeUs>(value) * kMicrosPerSecond);
}

std::string SqlWorld::fill(const std::string& name, uint32_t rows, const std::vector<std::string>& rules) {
  constexpr uint32_t kBatchRows = 5'000;
  auto table = database_->table(name);
  if (!table) return table.error().message;
  std::shared_ptr<const Schema> schema = (*table)->schema();
  for (uint32_t first = 0; first < rows; first += kBatchRows) {
    BatchBuilder builder(*schema);
    for (uint32_t row = first; row < std::min(rows, first + kBatchRows); ++row) {
      set_cell(builder, *schema, schema->columns[schema->id_column()].name, "row-" + std::to_string(row));
      for (const std::string& line : rules) {
        const std::vector<std::string> rule = split(line, ' ');
        const Column* column = schema->find_column(rule.at(0));
        REQUIRE_MESSAGE(column != nullptr, line);
        set_cell(builder, *schema, rule.at(0), cell_of(*column, rule, row));
      }
      if (auto status = builder.end_row(); !status) return status.error().message;
    }
    IngestBatch batch;
    batch.payload = builder.finish();
    batch.payload_xxh3 = xxh3(batch.payload);
    if (auto result = (*table)->ingest(std::move(batch)); !result) return result.error().message;
  }
  return "";
}

std::string SqlWorld::flush(const std::string& name) {
  auto table = database_->table(name);
  if (!table) return table.error().message;
  auto status = (*table)->flush();
  return status ? "" : status.error().message;
}

std::string SqlWorld::retract(const std::string& name, const std::string& reason, const std::vector<std::string>& ids) {
  auto table = database_->table(name);
  if (!table) return table.error().message;
  auto result = (*table)->retract({.ids = ids, .by = "ann", .reason = reason});
  if (!result) return "error: " + result.error().message + "\n";
  std::string text;
  auto add = [&](uint64_t count, const char* what) {
    if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  add(result->retracted, "taken back");
  add(result->waiting, "waiting");
  add(result->unresolved, "unresolved");
  add(result->repeated, "asked before");
  return text + "\n";
}

std::vector<SqlCase> parse_sql_cases(const std::string& text) {
  std::vector<SqlCase> cases;
  std::stringstream in(text);
  bool open = false, answer = false;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty()) {
      open = false;
    } else if (!open && line.front() == '#') {
      continue;
    } else if (!open) {
      SqlCase test;
      test.line = number;
      test.words = split(line, ' ');
      test.verb = test.words.front();
      test.words.erase(test.words.begin());
      cases.push_back(std::move(test));
      open = true;
      answer = false;
    } else if (line == "----") {
      answer = true;
    } else {
      (answer ? cases.back().expected : cases.back().input).push_back(line);
    }
  }
  return cases;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// What EXPLAIN ANALYZE says of time is another number on every run.
static std::string without_time(std::string answer) {
  const size_t at = answer.find("\ntime: ");
  if (at != std::string::npos) answer.replace(at, answer.find('\n', at + 1) - at, "\ntime: (time)");
  return answer;
}

// A row that is one NULL is an empty line, which would end the block.
static std::string visible(const std::string& answer) {
  std::string out;
  for (size_t i = 0; i < answer.size(); ++i) {
    if (answer[i] == '\n' && i > 0 && answer[i - 1] == '\n') out += "(null)";
    out += answer[i];
  }
  return out;
}

std::string run_sql_case(SqlWorld& world, const SqlCase& test) {
  std::string sql = joined(test.input);
  if (!sql.empty()) sql.pop_back();
  auto has = [&](std::string_view word) {
    return std::find(test.words.begin(), test.words.end(), word) != test.words.end();
  };
  if (test.verb == "load") return world.load(test.words.at(0), test.input, has("replay"));
  if (test.verb == "flush") return world.flush(test.words.at(0));
  if (test.verb == "retract") return world.retract(test.words.at(0), test.words.at(1), test.input);
  if (test.verb == "fill") {
    return world.fill(test.words.at(0), static_cast<uint32_t>(std::stoul(test.words.at(1))), test.input);
  }
  if (test.verb == "clock") {
    world.clock.set_wall(parse_timestamp(test.words.at(0)).value());
    return "";
  }
  std::string answer = without_time(visible(world.run(sql)));
  bool failed = answer.starts_with("error: ");
  if (test.verb == "statement") return failed ? answer : "";
  if (test.verb == "error") return failed ? answer.substr(7) : "no error:\n" + answer;
  if (has("rowsort") && !failed) {
    std::vector<std::string> lines = split(answer, '\n');
    lines.pop_back();
    std::sort(lines.begin() + 1, lines.end());
    return joined(lines);
  }
  return answer;
}

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The file again, with the answers that came out.
void rewrite(const std::filesystem::path& path, const std::vector<SqlCase>& cases,
             const std::vector<std::string>& answers) {
  std::stringstream in(read_file(path));
  std::string out, line;
  size_t number = 0, next = 0;
  bool skipping = false;
  auto write_answer = [&](size_t i) {
    if (!answers[i].empty()) out += "----\n" + answers[i];
  };
  bool inside = false;
  while (std::getline(in, line)) {
    ++number;
    if (next < cases.size() && cases[next].line == number) inside = true;
    if (line == "----") skipping = true;
    if (line.empty() && inside) {
      write_answer(next++);
      inside = skipping = false;
    }
    if (!skipping) out += line + "\n";
  }
  if (inside) write_answer(next);
  std::ofstream(path, std::ios::binary) << out;
}

size_t run_file(const std::filesystem::path& path, bool update) {
  std::vector<SqlCase> cases = parse_sql_cases(read_file(path));
  SqlWorld world;
  std::vector<std::string> answers;
  size_t checked = 0;
  for (const SqlCase& test : cases) {
    answers.push_back(run_sql_case(world, test));
    checked += test.verb == "query" || test.verb == "error" ? 1 : 0;
    if (update) continue;
    CHECK_MESSAGE(answers.back() == joined(test.expected), path.string(), ":", test.line, ": ", joined(test.input));
  }
  if (update) rewrite(path, cases, answers);
  return checked;
}

}  // namespace

TEST_CASE("sql: every .test file says what it gets") {
  bool update = std::getenv("TALLY_UPDATE_CASES") != nullptr;
  size_t checked = 0;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator("tests/query/cases")) {
    if (entry.path().extension() == ".test") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) checked += run_file(path, update);
  CHECK(checked >= 400);
}

TEST_CASE("sql: parameters stand for values") {
  SqlWorld world;
  Cell text, number, null;
  text.kind = Cell::Kind::kString;
  text.text = "it's";
  number.kind = Cell::Kind::kNumber;
  number.number = 1250;
  number.scale = 2;
  CHECK(world.run("SELECT $1 || '!', $2 * 2, $3 IS NULL, $1 = 'it''s'", {text, number, null}) ==
        "$1 || '!',$2 * 2,$3 IS NULL,$1 = 'it''s'\nit's!,25.00,true,true\n");
  text.text = "2024-03-15";
  CHECK(world.run("SELECT now() > $1 AS later LIMIT $2", {text, null}) == "later\ntrue\n");
  CHECK(world.run("SELECT $2", {text}) == "error: parameter $2 has no value at 1:8; 1 given\n");
}

TEST_CASE("sql: 100,000 values in an IN list") {
  SqlWorld world;
  std::string list = "'x0'";
  for (int i = 1; i < 100'000; ++i) list += ",'x" + std::to_string(i) + "'";
  CHECK(world.run("SELECT 'x99999' IN (" + list + ") AS a, 'y' NOT IN (" + list + ") AS b") == "a,b\ntrue,true\n");
}

// Every ```sql block of the grammar is a script that must run; `-- error:` before a statement says what it gets instead.
TEST_CASE("sql: the examples of query/GRAMMAR.md run") {
  std::string text = read_file("query/GRAMMAR.md");
  SqlWorld world;
  size_t statements = 0;
  for (size_t at = text.find("```sql\n"); at != std::string::npos; at = text.find("```sql\n", at)) {
    at += 7;
    std::string block = text.substr(at, text.find("```", at) - at);
    for (std::string_view statement : split_statements(block).statements) {
      size_t mark = statement.find("-- error: ");
      std::string wanted;
      if (mark != std::string_view::npos) {
        size_t end = statement.find('\n', mark);
        wanted = "error: " + std::string(statement.substr(mark + 10, end - mark - 10));
        statement.remove_prefix(end + 1);  // so that positions count from the statement itself
      }
      std::string answer = world.run(statement);
      CAPTURE(statement);
      if (wanted.empty()) {
        CHECK_MESSAGE(!answer.starts_with("error: "), answer);
      } else {
        CHECK(answer.substr(0, wanted.size()) == wanted);
      }
      ++statements;
    }
  }
  CHECK(statements >= 18);
}

}  // namespace tally
