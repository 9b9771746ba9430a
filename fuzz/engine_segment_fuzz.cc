// A segment of raw or of a rollup's tier from untrusted bytes: open, read every column of every block, plans and cursors with
// filters, id filter, appendix, verification, and the same as text, as `tally inspect` prints it. The first byte of the input says
// whether every checksum is put right first, so that mutations reach what lies behind the sums, and which filters are asked.
#include <algorithm>
#include <cstring>

#include "base/checksum.h"
#include "base/random.h"
#include "engine/encoding/selection.h"
#include "engine/rollup_totals.h"
#include "engine/segment_describe.h"
#include "engine/segment_format.h"
#include "engine/segment_reader.h"
#include "engine/sketch_format.h"
#include "fuzz/bytes_file.h"

namespace tally {
namespace {

using namespace segment_format;  // NOLINT: this target is about nothing else

void fix_blocks(Bytes& file, uint64_t end, uint64_t digest) {
  for (uint64_t at = kHeaderBytes; at + kBlockHeaderBytes <= end;) {
    uint8_t* header = file.data() + at;
    uint64_t stored = load_le<uint32_t>(header + 28);
    if (stored > end - at - kBlockHeaderBytes) return;
    if (header[16] == static_cast<uint8_t>(Encoding::kIdFilter) && stored >= 8) {  // it has a sum of its own
      uint8_t* content = header + kBlockHeaderBytes;
      store_le(content + stored - 8, xxh3({content, stored - 8}));
    }
    store_le(header, digest);
    store_le(header + 32, xxh3({header + kBlockHeaderBytes, stored}));
    store_le(header + 40, xxh3({header, 40}));
    at += kBlockHeaderBytes + stored;
  }
}

void fix_sums(Bytes& file) {
  if (file.size() < kHeaderBytes + kTrailerBytes) return;
  uint8_t* head = file.data();
  uint8_t* trailer = file.data() + file.size() - kTrailerBytes;
  std::memcpy(head, kMagic.data(), kMagic.size());
  store_le(head + 120, xxh3({head, 120}));
  std::memcpy(trailer + 56, kEndMagic.data(), kEndMagic.size());
  uint64_t end = file.size() - kTrailerBytes;
  uint64_t footer = std::min<uint64_t>(load_le<uint64_t>(trailer), end);
  uint64_t digest = xxh3({head + 16, 16});
  fix_blocks(file, footer, digest);
  store_le(trailer, footer);
  store_le(trailer + 8, end - footer);
  store_le(trailer + 16, xxh3({head + footer, end - footer}));
  store_le(trailer + 24, static_cast<uint64_t>(file.size()));
  store_le(trailer + 32, digest);
  store_le(trailer + 40, xxh3({head, end}));
  store_le(trailer + 48, xxh3({trailer, 48}));
}

uint64_t touch(const BlockColumns::Selected& column, uint32_t row) {
  uint64_t sum = 0;
  if (column.codes != nullptr) sum += column.codes[row];
  if (column.ints != nullptr) sum += static_cast<uint64_t>(column.ints[row]);
  if (column.nulls != nullptr) sum += column.nulls[row];
  if (column.strings == nullptr) return sum;
  for (char c : column.strings[row].view()) sum += static_cast<uint8_t>(c);
  return sum;
}

// Touches every cell that means something, so that a sanitizer sees a reference that points nowhere.
uint64_t use(const BlockColumns& columns, bool raw) {
  if (columns.matches == 0) return 0;
  uint64_t sum = 0;
  const RawColumns& rows = columns.rows;
  uint32_t matches = 0;
  for (uint32_t row = 0; row < rows.rows; ++row) {
    if (!columns.selected.empty() && !is_selected(columns.selected, row)) continue;
    ++matches;
    sum += static_cast<uint64_t>(rows.times[row]);
    for (const BlockColumns::Selected& column : columns.by_column) sum += touch(column, row);
    if (!raw) continue;
    sum += rows.lsns[row] + static_cast<uint64_t>(rows.arrivals[row]);
    TALLY_CHECK(rows.kinds[row] <= RowKind::kRetraction);
    sum += format_id(rows.id_kinds[row], rows.ids[row]).size();
  }
  TALLY_CHECK(matches == columns.matches);
  return sum;
}

ColumnSelection everything(const SegmentReader& reader) {
  if (const uint32_t rollup = reader.info().rollup_id; rollup != 0) {
    const auto schema = std::make_shared<const Schema>(reader.schema());
    return tier_selection(RollupShape::of(schema, rollup, reader.info().tier));
  }
  ColumnSelection selection{.column_ids = {4000}, .ids = true, .lsns = true, .arrivals = true};
  for (const Column& column : reader.schema().columns) {
    if (column.role == ColumnRole::kDimension || column.role == ColumnRole::kField)
      selection.column_ids.push_back(column.id);
  }
  return selection;
}

bool is_raw(const SegmentReader& reader) { return reader.info().rollup_id == 0; }

void read_all(const SegmentReader& reader) {
  auto cursor = reader.cursor(everything(reader));
  volatile uint64_t sum = 0;
  for (uint32_t block = 0; block < reader.blocks().size(); ++block) {
    if (auto columns = cursor->read(block)) sum = sum + use(**columns, is_raw(reader));
  }
  for (auto [id, code] : reader.max_codes()) (void)reader.appendix(id);
  (void)reader.verify();
}

// Codes handed out in runs are those of the rows.
void read_runs(const SegmentReader& reader) {
  const ColumnSelection by_row = everything(reader);
  ColumnSelection by_run = by_row;
  by_run.run_ids = by_row.column_ids;
  auto rows = reader.cursor(by_row), runs = reader.cursor(by_run);
  for (uint32_t block = 0; block < reader.blocks().size(); ++block) {
    const auto of_rows = rows->read(block), of_runs = runs->read(block);
    TALLY_CHECK(of_rows.has_value() == of_runs.has_value());
    for (size_t column = 0; of_rows && column < by_row.column_ids.size(); ++column) {
      const CodeRuns& in_runs = (*of_runs)->by_column[column].runs;
      const uint32_t* codes = (*of_rows)->by_column[column].codes;
      uint32_t row = 0;
      for (size_t run = 0; run < in_runs.codes.size(); ++run) {
        for (; row < in_runs.ends[run]; ++row) TALLY_CHECK(codes[row] == in_runs.codes[run]);
      }
      TALLY_CHECK(in_runs.empty() || row == (*of_rows)->rows.rows);
    }
  }
}

// As a fold and as the check of a table read a tier: what its sums add up to, what its sketches hold.
void read_tier(const SegmentReader& reader) {
  const auto schema = std::make_shared<const Schema>(reader.schema());
  const RollupShape shape = RollupShape::of(schema, reader.info().rollup_id, reader.info().tier);
  TotalsByDay stored;
  (void)add_stored_totals(shape, reader, stored);
  auto cursor = reader.cursor(tier_selection(shape));
  RollupTotals totals(shape.values.size());
  for (uint32_t block = 0; block < reader.blocks().size(); ++block) {
    const auto columns = cursor->read(block);
    if (!columns) continue;
    RollupRows::Input input;
    show_tier_block(shape, **columns, input);
    add_totals(shape, input, 0, input.rows, totals);
    for (size_t i = 0; i < shape.values.size(); ++i) {
      if (shape.values[i].kind != RollupShape::Kind::kSketch || input.values[i].sketches == nullptr) continue;
      HyperLogLog sketch(shape.values[i].precision);
      for (uint32_t row = 0; row < input.rows; ++row) {
        const StringRef& bytes = input.values[i].sketches[row];
        if (!bytes.is_null()) (void)merge_stored_sketch(as_bytes(bytes.view()), sketch);
      }
    }
  }
}

// As `tally inspect` prints it.
void describe(const Bytes& file) {
  auto opened = [&] { return std::make_unique<BytesFile>("input.seg", file); };
  (void)describe_segment(opened(), true);
  size_t printed = 0;
  (void)dump_segment_rows(opened(), UINT64_MAX, [&](std::string_view text) { printed += text.size(); });
}

// Near what the zones of the file say, so that blocks are spared and read, rows selected and left out.
IntPredicate near_zones(const ColumnZones* zones, Random& random) {
  std::vector<int64_t> values = {0, 1, INT64_MIN, INT64_MAX, static_cast<int64_t>(random.below(64))};
  if (zones != nullptr) {
    const size_t block = random.below(zones->min.size());
    values.insert(values.end(), {zones->min[block], zones->max[block]});
  }
  auto value = [&] { return values[random.below(values.size())]; };
  const int64_t first = value(), last = value();
  if (random.chance(0.5)) return IntPredicate::range(first, last);
  return IntPredicate::any_of({first, last, value()});
}

ScanPredicate predicate_of(const SegmentReader& reader, const StoredColumn& column, Random& random) {
  static constexpr std::string_view kTexts[] = {"", "impression", "click", "a user with a long name indeed", "e1"};
  ScanPredicate predicate{.column_id = column.id, .matches = near_zones(reader.footer().find_zones(column.id), random)};
  predicate.is_dimension = column.form == ColumnForm::kCodes;
  if (column.form == ColumnForm::kStrings)
    predicate.matches = StringPredicate::any_of({kTexts[0], kTexts[random.below(4)]});
  if (column.form == ColumnForm::kIds) predicate.matches = IdPredicate::any_of(kTexts);
  return predicate;
}

ScanFilter filter_of(const SegmentReader& reader, Random& random) {
  ScanFilter filter;
  const auto& columns = reader.footer().columns;
  for (uint64_t count = 1 + random.below(3); count > 0; --count) {
    filter.predicates.push_back(predicate_of(reader, columns[random.below(columns.size())], random));
  }
  const auto& blocks = reader.blocks();
  if (random.chance(0.3)) filter.from = blocks[random.below(blocks.size())].min_time;
  if (random.chance(0.3)) filter.to = blocks[random.below(blocks.size())].max_time;
  return filter;
}

void ask(const SegmentReader& reader, uint64_t seed) {
  Random random(seed);
  volatile uint64_t sum = 0;
  for (int question = 0; question < 4; ++question) {
    const ScanFilter filter = filter_of(reader, random);
    auto cursor = reader.cursor(everything(reader), filter);
    auto plan = reader.plan(filter);
    if (!plan) continue;
    const BlockCounts& counts = plan->counts;
    TALLY_CHECK(counts.all == plan->blocks.size() + counts.by_time + counts.by_sort_order + counts.by_zone +
                                  counts.by_index + counts.by_id_filter);
    for (uint32_t block : plan->blocks) {
      if (auto columns = cursor->read(block)) sum = sum + use(**columns, is_raw(reader));
    }
  }
  IdKind kinds[] = {IdKind::kUuid, IdKind::kDerived, IdKind::kText};
  IdSlot ids[3] = {};
  ids[2].text = StringRef("row");
  uint64_t words[1];
  (void)reader.may_contain_ids(kinds, ids, words);
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  tally::Bytes file(data + 1, data + size);
  if ((data[0] & 1) != 0) tally::fix_sums(file);
  auto reader = tally::SegmentReader::open(std::make_unique<tally::BytesFile>("input.seg", file), nullptr);
  if (!reader) return 0;
  tally::read_all(**reader);
  if ((data[0] & 8) == 0) tally::read_runs(**reader);
  tally::ask(**reader, data[0] >> 1);
  if (!tally::is_raw(**reader)) tally::read_tier(**reader);
  if ((data[0] & 6) == 0) tally::describe(file);
  return 0;
}
