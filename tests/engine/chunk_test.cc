#include "engine/chunk.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/seed.h"
#include "tests/support/engine/small_rows.h"

using namespace tally;

namespace {

std::string text_or_null(const StringRef& text) {
  return text.is_null() ? "NULL" : "'" + std::string(text.view()) + "'";
}

// Everything of one stored row, as text.
std::string row_text(const Chunk& chunk, uint32_t i) {
  std::string text = std::to_string(chunk.times()[i]) + ' ' + std::to_string(chunk.arrivals()[i]) + ' ' +
                     std::to_string(chunk.lsns()[i]) + ' ' + std::string(row_kind_name(chunk.kinds()[i])) + ' ' +
                     format_id(chunk.id_kinds()[i], chunk.ids()[i]);
  for (size_t d = 0; d < 2; ++d) text += ' ' + std::to_string(chunk.codes(d)[i]);
  text += ' ' + text_or_null(chunk.strings(0)[i]);
  for (size_t f = 1; f < 3; ++f) {
    text += chunk.nulls(f)[i] != 0 ? " NULL" : ' ' + std::to_string(chunk.ints(f)[i]);
  }
  return text;
}

std::string row_text(const PreparedBatch& batch, uint32_t i, RowKind kind, Lsn lsn, TimeUs arrival) {
  std::string text = std::to_string(batch.times[i]) + ' ' + std::to_string(arrival) + ' ' + std::to_string(lsn) + ' ' +
                     std::string(row_kind_name(kind)) + ' ' + format_id(batch.id_kinds[i], batch.ids[i]);
  for (const auto& dimension : batch.dimensions) {
    text += ' ' + std::to_string(dimension.table_codes[dimension.local_codes[i]]);
  }
  text += ' ' + text_or_null(batch.fields[0].strings[i]);
  for (size_t f = 1; f < 3; ++f) {
    const auto& field = batch.fields[f];
    bool null = !field.nulls.empty() && field.nulls[i] != 0;
    text += null ? " NULL" : ' ' + std::to_string(field.ints[i]);
  }
  return text;
}

std::shared_ptr<const Schema> small() { return std::make_shared<const Schema>(small_schema()); }

}  // namespace

TEST_CASE("a chunk holds the rows that were appended, also after their batches are gone") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  auto schema = small();
  Chunk chunk(schema, 5'000);
  std::vector<std::string> model;
  Lsn lsn = 0;
  while (model.size() < 5'000) {
    auto batch = small_batch(*schema, random, 1 + static_cast<uint32_t>(random.below(400)));
    std::vector<uint32_t> rows;
    std::vector<RowKind> kinds;
    for (uint32_t row = 0; row < batch->rows; ++row) {
      if (random.chance(0.3)) continue;
      rows.push_back(row);
      kinds.push_back(static_cast<RowKind>(random.below(3)));
    }
    lsn += random.below(3);
    uint32_t fitted = chunk.append(*batch, rows, kinds, lsn, 77);
    CHECK(fitted == std::min<size_t>(rows.size(), 5'000 - model.size()));
    for (uint32_t i = 0; i < fitted; ++i) model.push_back(row_text(*batch, rows[i], kinds[i], lsn, 77));
    CHECK(chunk.rows() == model.size());
  }
  for (uint32_t i = 0; i < model.size(); ++i) {
    CAPTURE(i);
    REQUIRE(row_text(chunk, i) == model[i]);
  }
  for (Lsn cut = 0; cut <= lsn + 1; ++cut) {
    uint32_t below = 0;
    for (uint32_t i = 0; i < chunk.rows(); ++i) below += chunk.lsns()[i] <= cut;
    REQUIRE(chunk.rows_at(cut) == below);
  }
  CHECK(chunk.memory_bytes() > 5'000 * 80);
}

TEST_CASE("an empty append to a full or empty chunk changes nothing") {
  auto schema = small();
  Random random(1);
  auto batch = small_batch(*schema, random, 3);
  Chunk chunk(schema, 2);
  CHECK(chunk.append(*batch, {}, {}, 5, 0) == 0);
  const uint32_t rows[] = {2, 0, 1};
  const RowKind kinds[] = {RowKind::kEvent, RowKind::kDuplicate, RowKind::kConflict};
  CHECK(chunk.append(*batch, rows, kinds, 5, 0) == 2);
  CHECK(chunk.append(*batch, rows, kinds, 5, 0) == 0);
  CHECK(chunk.rows() == 2);
  CHECK(row_text(chunk, 0) == row_text(*batch, 2, RowKind::kEvent, 5, 0));
}

TEST_CASE("a reader sees whole rows while the writer appends") {
  auto schema = small();
  Random random(2);
  auto batch = small_batch(*schema, random, 64);
  std::vector<uint32_t> rows(64);
  for (uint32_t i = 0; i < 64; ++i) rows[i] = i;
  std::vector<RowKind> kinds(64, RowKind::kEvent);
  std::vector<std::string> expected;
  for (uint32_t i = 0; i < 64; ++i) expected.push_back(row_text(*batch, i, RowKind::kEvent, 9, 3));

  Chunk chunk(schema, 64 * 200);
  std::thread reader([&] {
    uint32_t checked = 0;
    while (checked < chunk.capacity()) {
      uint32_t visible = chunk.rows();
      for (; checked < visible; ++checked) {
        if (row_text(chunk, checked) != expected[checked % 64]) {
          FAIL_CHECK("row ", checked, " reads wrong");
          return;
        }
      }
      if (chunk.rows_at(9) < visible || chunk.rows_at(8) != 0) FAIL_CHECK("rows_at is wrong");
    }
  });
  for (int i = 0; i < 200; ++i) CHECK(chunk.append(*batch, rows, kinds, 9, 3) == 64);
  reader.join();
}
