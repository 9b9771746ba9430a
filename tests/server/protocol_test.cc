// The worked examples of server/PROTOCOL.md are the bytes that the code makes, and the code reads them.
#include <doctest/doctest.h>

#include <cctype>
#include <map>

#include "base/checksum.h"
#include "base/file.h"
#include "engine/batch.h"
#include "server/messages.h"

namespace tally {
namespace {

// The hex digits of each ```frame NAME block: in each line what stands before three spaces.
std::map<std::string, std::string> examples() {
  auto fs = make_posix_file_system();
  auto page = read_whole_file(*fs, "server/PROTOCOL.md", 1 << 20);
  REQUIRE(page.has_value());
  std::map<std::string, std::string> found;
  std::string_view text = as_text(*page);
  std::string* into = nullptr;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with("```")) {
      into = line.starts_with("```frame ") ? &found[std::string(line.substr(9))] : nullptr;
      continue;
    }
    if (into == nullptr) continue;
    for (char c : line.substr(0, line.find("   "))) {
      if (std::isxdigit(static_cast<unsigned char>(c)) != 0) *into += c;
    }
  }
  return found;
}

WelcomeMessage welcome() {
  WelcomeMessage message;
  message.checksum = WireChecksum::kXxh3;
  message.connection = 12;
  message.server = "tally 0.1.0";
  message.credits = 8;
  message.batch_bytes_max = 16 << 20;
  message.batch_rows_max = 65'536;
  message.idle_timeout_s = 600;
  message.frame_timeout_s = 20;
  for (uint8_t i = 0; i < 16; ++i) message.table_uuid[i] = i;
  message.schema_version = 1;
  auto add = [&](uint32_t id, const char* name, ColumnRole role, ColumnType type) {
    Column column;
    column.id = id;
    column.name = name;
    column.role = role;
    column.type = type;
    message.columns.push_back(column);
  };
  add(1, "ts", ColumnRole::kEventTime, ColumnType::kTimestamp);
  add(2, "id", ColumnRole::kId, ColumnType::kId);
  add(3, "country", ColumnRole::kDimension, ColumnType::kString);
  return message;
}

Bytes one_row() {
  BatchBuilder builder(batch_schema("clicks", welcome()));
  builder.set_time(1'700'000'000'000'000);
  builder.set_id("x");
  builder.set_string(2, "de");
  REQUIRE(builder.end_row().has_value());
  return builder.finish();
}

Bytes rows_data() {
  Bytes data;
  ByteWriter out(data);
  Cell cell;
  cell.kind = Cell::Kind::kString;
  cell.text = "de";
  encode_cell(cell, out);
  cell.kind = Cell::Kind::kNumber;
  cell.scale = 2;
  cell.number = -150;
  encode_cell(cell, out);
  encode_cell(Cell{}, out);
  return data;
}

std::map<std::string, Bytes> made() {
  constexpr auto kCrc = WireChecksum::kCrc32;
  constexpr auto kXxh3 = WireChecksum::kXxh3;
  std::map<std::string, Bytes> frames;
  frames["hello"] =
      encode_frame(FrameType::kHello, 0, kCrc, encode_fields(HelloMessage{.client = "demo", .table = "clicks"}));
  frames["welcome"] = encode_frame(FrameType::kWelcome, 0, kCrc, encode_fields(welcome()));
  frames["batch"] = encode_frame(FrameType::kBatch, 1, kXxh3, encode_fields(BatchMessage{}), one_row());
  ResultMessage result{.credits = 1, .lsn = 42, .not_accepted = {{0, Verdict::kDuplicate}}};
  result.counts.received = result.counts.duplicates = 1;
  frames["result"] = encode_frame(FrameType::kResult, 1, kXxh3, encode_fields(result));
  QueryMessage query{.sql = "SELECT $1", .parameters = {Cell{}}};
  frames["query"] = encode_frame(FrameType::kQuery, 2, kXxh3, encode_fields(query));
  frames["rows"] = encode_frame(FrameType::kRows, 2, kXxh3, encode_row_count(1), rows_data());
  ErrorMessage error{
      .error = {.status = WireStatus::kBadSql, .message = "no such column", .position = WireError::Position{7, 1, 8}}};
  frames["error"] = encode_frame(FrameType::kError, 2, kXxh3, encode_fields(error));
  return frames;
}

TEST_CASE("protocol: the examples of the page are the bytes of the code") {
  auto page = examples();
  auto code = made();
  CHECK(page.size() == code.size());
  for (const auto& [name, bytes] : code) {
    CHECK_MESSAGE(page[name] == hex(bytes), name << " is " << hex(bytes));
    auto frame = next_frame(bytes);
    CHECK((frame && *frame && (*frame)->bytes() == bytes.size()));
  }
}

TEST_CASE("protocol: the page lists every status with its class") {
  auto fs = make_posix_file_system();
  auto page = read_whole_file(*fs, "server/PROTOCOL.md", 1 << 20);
  REQUIRE(page.has_value());
  const char* const classes[] = {"", "resend", "drop", "reconnect"};
  for (const WireStatusInfo& info : wire_statuses()) {
    const std::string row = "| " + std::to_string(static_cast<int>(info.status)) + " | " + std::string(info.name) +
                            " | " + classes[static_cast<int>(info.what_next)] + " |";
    CHECK_MESSAGE(as_text(*page).find(row) != std::string_view::npos, row);
  }
}

}  // namespace
}  // namespace tally
