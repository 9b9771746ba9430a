// The bytes of retractions: their file, and the two records of the log.
#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/limits.h"
#include "base/random.h"
#include "engine/retraction_file.h"
#include "engine/retraction_format.h"
#include "engine/retraction_record.h"
#include "tests/support/engine/test_rows.h"
#include "tests/support/seed.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

const HashKey kKey{1, 2, 3};
constexpr FileUuid kUuid{0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
                         0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab};

std::vector<Retraction> example() {
  auto request = std::make_shared<const RetractionRequest>(
      RetractionRequest{.lsn = 7, .arrival_us = 9, .by = "ann", .reason = "bot"});
  return {{.key = {.lo = 1, .hi = 2},
           .state = RetractionState::kRetracted,
           .remembered = true,
           .id_kind = IdKind::kText,
           .text = "a",
           .lateness_class = 1,
           .generation = 5,
           .original_lsn = 6,
           .settled_lsn = 8,
           .settled_us = 10,
           .request = request}};
}

// Any retractions, with a few requests among them.
std::vector<Retraction> random_retractions(Random& random, size_t count) {
  std::vector<std::shared_ptr<const RetractionRequest>> requests;
  for (Lsn lsn = 1; lsn <= 5; ++lsn) {
    requests.push_back(std::make_shared<const RetractionRequest>(RetractionRequest{
        .lsn = lsn * 10, .arrival_us = static_cast<TimeUs>(lsn), .by = "who", .reason = std::string(lsn * 20, 'r')}));
  }
  std::vector<Retraction> all;
  for (size_t i = 0; i < count; ++i) {
    Retraction one;
    one.key = {.lo = i * 3 + random.below(3), .hi = random.next()};
    one.state = static_cast<RetractionState>(random.below(kRetractionStates));
    one.request = requests[random.below(requests.size())];
    one.id_kind = static_cast<IdKind>(random.below(3));
    if (one.id_kind == IdKind::kText) {
      one.text = std::string(1 + random.below(40), 't');
    } else {
      random.fill(one.raw);
    }
    if (one.state != RetractionState::kWaiting) one.settled_lsn = one.request->lsn + 1 + random.below(100);
    if (one.state == RetractionState::kRetracted) one.original_lsn = 1 + random.below(one.settled_lsn);
    all.push_back(std::move(one));
  }
  return all;
}

bool same(const Retraction& a, const Retraction& b) {
  return a.key == b.key && a.state == b.state && a.remembered == b.remembered && a.id_kind == b.id_kind &&
         a.raw == b.raw && a.text == b.text && a.lateness_class == b.lateness_class && a.generation == b.generation &&
         a.original_lsn == b.original_lsn && a.settled_lsn == b.settled_lsn && a.settled_us == b.settled_us &&
         a.request->lsn == b.request->lsn && a.request->by == b.request->by && a.request->reason == b.request->reason &&
         a.request->arrival_us == b.request->arrival_us;
}

}  // namespace

TEST_CASE("retraction file: as the example of docs/formats/retractions.md has it") {
  CHECK(hex(retraction_format::encode(kUuid, 3, example())) ==
        "544c595245545243010001000000000"
        "0abababababababababababababababab03000000000000008f0000000000000001000000010000009d73decae888f173"
        "5d0000003f000000fad2d739ac34ebb8"
        "220700010012090700800003000000616e6e070043626f74011600130208002201011200000600130514001306080013080800b00a0000"
        "0000000000010061");
}

TEST_CASE("retraction file: what was written comes back; any cut and any flipped bit is refused") {
  const uint64_t seed = test_seed(20261122);
  CAPTURE(seed);
  Random random(seed);
  for (const size_t count : {size_t{0}, size_t{1}, size_t{50}, size_t{20'000}}) {
    const std::vector<Retraction> all = random_retractions(random, count);
    const Bytes bytes = retraction_format::encode(kUuid, 3, all);
    auto decoded = retraction_format::decode(bytes);
    REQUIRE_MESSAGE(decoded, (decoded ? "" : decoded.error().message));
    REQUIRE(decoded->retractions.size() == count);
    for (size_t i = 0; i < count; ++i) REQUIRE(same(decoded->retractions[i], all[i]));
    for (int i = 0; i < 300; ++i) {
      Bytes harmed = bytes;
      harmed[random.below(harmed.size())] ^= static_cast<uint8_t>(1u << random.below(8));
      CHECK_FALSE(retraction_format::decode(harmed));
      CHECK_FALSE(retraction_format::decode(ByteSpan(bytes).first(random.below(bytes.size()))));
    }
  }
}

TEST_CASE("retraction file: sound sums around contradictions are refused") {
  auto refused = [](auto change) {
    std::vector<Retraction> wrong = example();
    change(wrong);
    return !retraction_format::decode(retraction_format::encode(kUuid, 3, wrong));
  };
  CHECK_FALSE(refused([](auto&) {}));
  CHECK(refused([](auto& all) { all.push_back(all.front()); }));                 // one key twice
  CHECK(refused([](auto& all) { all[0].original_lsn = 0; }));                    // retracted, and nothing was found
  CHECK(refused([](auto& all) { all[0].original_lsn = 9; }));                    // the original came after
  CHECK(refused([](auto& all) { all[0].settled_lsn = 7; }));                     // settled by the verdict itself
  CHECK(refused([](auto& all) { all[0].state = RetractionState::kWaiting; }));   // waits, and is settled
  CHECK(refused([](auto& all) { all[0].state = RetractionState::kNotInRaw; }));  // gone, with an original
  CHECK(refused([](auto& all) { all[0].text.clear(); }));
}

TEST_CASE("retraction file: another file in its place is seen") {
  SimDisk disk(1);
  const TablePaths paths("t");
  REQUIRE(disk.make_directory("t"));
  REQUIRE(disk.make_directory("t/retractions"));
  RetractionFileInfo info = write_retraction_file(disk, paths, 3, kUuid, example()).value();
  CHECK(read_retractions(open_retraction_files(disk, paths, {&info, 1}).value()).value().size() == 1);
  for (int i = 0; i < 3; ++i) {
    RetractionFileInfo other = info;
    if (i == 0) other.uuid[0] ^= 1;
    if (i == 1) other.retractions = 2;
    if (i == 2) other.checksum ^= 1;
    CHECK(read_retractions(open_retraction_files(disk, paths, {&other, 1}).value()).error().code == Code::kCorruption);
  }
  info.number = 4;
  CHECK(open_retraction_files(disk, paths, {&info, 1}).error().code == Code::kCorruption);
}

TEST_CASE("retraction files: a flush takes those along that are not much larger than what it has") {
  auto joined = [](std::vector<uint64_t> counts, uint64_t changes) {
    std::vector<RetractionFileInfo> files;
    for (uint64_t count : counts) files.push_back({.number = 1, .size = count * 60, .retractions = count});
    return retraction_files_to_join(files, changes);
  };
  CHECK(joined({}, 5) == 0);
  CHECK(joined({10}, 5) == 1);
  CHECK(joined({11}, 5) == 0);
  CHECK(joined({100, 20, 10}, 5) == 2);
  CHECK(joined({60, 20, 10}, 5) == 3);
  CHECK(joined({10, 100, 1}, 5) == 1);  // never over one that stays
  CHECK(joined({limits::kRetractionFileBytes / 60 + 1}, 1 << 30) == 0);
}

TEST_CASE("VERDICT record: as the example of the header has it, and back; cut or changed it is refused") {
  const IdHasher hasher(kKey);
  const std::vector<std::string> ids{"a"};
  auto verdict = prepare_verdict(hasher, 2, false, ids, "ann", "bot").value();
  Bytes meta;
  encode_verdict_meta(*verdict, meta);
  CHECK(hex(meta) ==
        "01000000"
        "01000000"
        "03000000616e6e"
        "03000000626f74");
  CHECK(hex(verdict->payload) == "01010061");
  auto decoded = decode_verdict(hasher, 2, meta, verdict->payload, verdict->payload_xxh3).value();
  CHECK(decoded->by == "ann");
  CHECK(decoded->reason == "bot");
  CHECK(decoded->keys == verdict->keys);
  CHECK(decoded->shard_rows == verdict->shard_rows);
  for (size_t length = 0; length < meta.size(); ++length) {
    CHECK_FALSE(decode_verdict(hasher, 2, ByteSpan(meta).first(length), verdict->payload, verdict->payload_xxh3));
  }
  CHECK_FALSE(decode_verdict(hasher, 2, meta, verdict->payload, verdict->payload_xxh3 + 1));
  Bytes more = meta;
  more[4] = 2;
  CHECK_FALSE(decode_verdict(hasher, 2, more, verdict->payload, verdict->payload_xxh3));
  Bytes newer = meta;
  newer[0] = 2;
  CHECK(decode_verdict(hasher, 2, newer, verdict->payload, verdict->payload_xxh3).error().code == Code::kUnsupported);
}

TEST_CASE("VERDICT record: a table that derives its ids takes them as it shows them") {
  const IdHasher hasher(kKey);
  const std::vector<std::string> shown{"01234567-89ab-cdef-0123-456789abcdef"}, other{"click-1"};
  CHECK(prepare_verdict(hasher, 1, true, shown, "", "").value()->kinds.front() == IdKind::kDerived);
  CHECK(prepare_verdict(hasher, 1, false, shown, "", "").value()->kinds.front() == IdKind::kUuid);
  CHECK(prepare_verdict(hasher, 1, true, other, "", "").error().message.find("id 1 is no id of this table") == 0);
}

TEST_CASE("RETRACT record: rows of every kind of column come back; hostile bytes are refused") {
  const uint64_t seed = test_seed(20261122);
  CAPTURE(seed);
  Random random(seed);
  const IdHasher hasher(kKey);
  const Schema schema = test_schema();
  SettlementBuilder builder(schema);
  CHECK(builder.empty());
  // A dimension, an integer field with NULLs, a string field with NULLs and long values.
  constexpr uint32_t kRows = 200;
  std::vector<TimeUs> times;
  std::vector<Lsn> lsns;
  std::vector<IdSlot> ids(kRows);
  std::vector<IdKind> kinds;
  std::vector<std::string> texts(kRows), id_texts(kRows);
  std::vector<uint32_t> codes;
  std::vector<int64_t> ints;
  std::vector<uint8_t> nulls;
  std::vector<StringRef> strings;
  for (uint32_t i = 0; i < kRows; ++i) {
    times.push_back(static_cast<TimeUs>(random.below(1'000'000)));
    lsns.push_back(1 + random.below(100));
    kinds.push_back(static_cast<IdKind>(random.below(3)));
    id_texts[i] = std::string(1 + random.below(30), static_cast<char>('a' + random.below(26)));
    if (kinds[i] == IdKind::kText) {
      ids[i].text = StringRef(id_texts[i]);
    } else {
      random.fill(ids[i].raw);
    }
    codes.push_back(static_cast<uint32_t>(random.below(5)));
    nulls.push_back(random.chance(0.2));
    ints.push_back(nulls[i] != 0 ? 0 : static_cast<int64_t>(random.next()));
    texts[i] = std::string(random.below(40), 'x');
    strings.push_back(random.chance(0.2) ? StringRef::null() : StringRef(texts[i]));
  }
  RowBlock block;
  block.rows = kRows;
  block.times = times.data();
  block.lsns = lsns.data();
  block.ids = ids.data();
  block.id_kinds = kinds.data();
  block.columns.resize(3);
  block.columns[0].codes = codes.data();
  block.columns[1].ints = ints.data();
  block.columns[1].nulls = nulls.data();
  block.columns[2].strings = strings.data();
  for (uint32_t i = 0; i < kRows; ++i) builder.add(block, i);
  builder.add_gone({.lo = 5, .hi = 6});
  const SettlementBuilder::Encoded encoded = builder.finish(42);
  CHECK(builder.empty());
  CHECK(settlement_counts(encoded.meta).value().schema_version == schema.version);
  const std::vector<uint32_t> sizes{5};
  auto decoded = decode_settlement(schema, hasher, 2, sizes, encoded.meta, encoded.payload).value();
  CHECK(decoded->resolved_lsn == 42);
  CHECK(decoded->original_lsns == lsns);
  CHECK(decoded->gone == std::vector<Hash128>{{.lo = 5, .hi = 6}});
  const PreparedBatch& batch = *decoded->originals;
  CHECK(batch.times == times);
  CHECK(batch.fields[0].ints == ints);
  CHECK(batch.fields[0].nulls == nulls);
  for (uint32_t i = 0; i < kRows; ++i) {
    CHECK(same_id(batch.id_kinds[i], batch.ids[i], kinds[i], ids[i]));
    CHECK(batch.dimensions[0].table_codes[batch.dimensions[0].local_codes[i]] == codes[i]);
    CHECK(batch.fields[1].strings[i] == strings[i]);
  }
  const std::vector<uint32_t> fewer{4};
  CHECK(decode_settlement(schema, hasher, 2, fewer, encoded.meta, encoded.payload).error().code == Code::kCorruption);
  for (size_t length = 0; length < encoded.meta.size(); ++length) {
    CHECK_FALSE(decode_settlement(schema, hasher, 2, sizes, ByteSpan(encoded.meta).first(length), encoded.payload));
  }
  for (int i = 0; i < 2'000; ++i) {  // the log's sums guard the bytes: here they must only do no harm
    Bytes payload = encoded.payload;
    payload[random.below(payload.size())] = static_cast<uint8_t>(random.next());
    payload.resize(payload.size() - random.below(3));
    (void)decode_settlement(schema, hasher, 2, sizes, encoded.meta, std::move(payload));
  }
}
