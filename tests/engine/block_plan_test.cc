#include "engine/block_plan.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/encoding/selection.h"
#include "engine/segment_format.h"
#include "tests/support/engine/plain_filter.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/seed.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

// A segment, its rows in plain vectors, and readers with and without a block cache.
class PlannedSegment {
 public:
  PlannedSegment(const Schema& schema, uint64_t seed, SegmentRowsOptions options, uint32_t block_rows,
                 uint64_t cache_bytes = 0)
      : disk_(1), rows_(schema, seed, options) {
    put_extremes(seed);
    REQUIRE(disk_.make_directory("s"));
    auto info = rows_.write(disk_, "s", block_rows);
    if (!info) FAIL(info.error().to_string());
    plain_ = plain_rows(rows_);
    std::shared_ptr<BlockCache> cache;
    if (cache_bytes > 0) cache = std::make_shared<BlockCache>(cache_bytes);
    reader_ = *SegmentReader::open(disk_, "s/00000007.seg", &*info, cache);
    uint32_t first = 0;
    for (const auto& block : reader_->blocks()) {
      firsts_.push_back(first);
      first += block.rows;
    }
  }

  const PlainRows& plain() const { return plain_; }
  const SegmentReader& reader() const { return *reader_; }
  bool has_index(uint32_t column_id) const {
    return reader_->footer().find_index(Encoding::kBlockIndex, column_id).has_value();
  }
  bool has_record_times() const {
    return reader_->footer().find_index(Encoding::kRecordTimes, segment_format::kLsnColumn).has_value();
  }

  // The blocks that nothing but their rows, looked at by a plain loop, could spare.
  std::vector<uint32_t> expected_plan(const PlainFilter& filter) const;
  std::string check_plan(const PlainFilter& filter) const;
  // Reads every block through a cursor with the filter and compares what it lets through with the plain loop.
  std::string check_cursor(const PlainFilter& filter) const;

 private:
  void put_extremes(uint64_t seed);
  bool may_match(const PlainPredicate& predicate, uint32_t block) const;
  std::string check_block(const PlainFilter& filter, uint32_t block, const BlockColumns& columns) const;
  uint32_t end_of(uint32_t block) const { return firsts_[block] + reader_->blocks()[block].rows; }

  SimDisk disk_;
  SegmentRows rows_;
  PlainRows plain_;
  std::shared_ptr<SegmentReader> reader_;
  std::vector<uint32_t> firsts_;
};

// Fields at the ends of their range, and whole stretches of NULL, so that there are blocks without a value.
void PlannedSegment::put_extremes(uint64_t seed) {
  Random random(seed + 2);
  for (auto& field : rows_.fields) {
    if (!field.strings.empty()) continue;
    const bool stretches = random.chance(0.5);
    bool null = false;
    for (size_t row = 0; row < field.ints.size(); ++row) {
      if (random.chance(0.02)) null = stretches && !null;
      if (random.chance(0.01)) field.ints[row] = field.nulls[row] != 0 ? 0 : random.chance(0.5) ? INT64_MIN : INT64_MAX;
      if (!null) continue;
      field.nulls[row] = 1;
      field.ints[row] = 0;
    }
  }
}

std::vector<uint32_t> PlannedSegment::expected_plan(const PlainFilter& filter) const {
  std::vector<uint32_t> blocks;
  for (uint32_t block = 0; block < firsts_.size(); ++block) {
    auto [min, max] = std::minmax_element(plain_.times.begin() + firsts_[block], plain_.times.begin() + end_of(block));
    const bool all = std::all_of(filter.predicates.begin(), filter.predicates.end(),
                                 [&](const PlainPredicate& predicate) { return may_match(predicate, block); });
    if (*min < filter.to && *max >= filter.from && all) blocks.push_back(block);
  }
  return blocks;
}

bool PlannedSegment::may_match(const PlainPredicate& predicate, uint32_t block) const {
  auto column = std::find_if(plain_.columns.begin(), plain_.columns.end(),
                             [&](const PlainColumn& c) { return c.id == predicate.column_id; });
  if (column == plain_.columns.end()) return predicate.is_dimension && predicate.matches(kNullCode);
  if (!column->strings.empty()) return true;  // strings have no zones
  std::set<int64_t> stored;
  for (uint32_t row = firsts_[block]; row < end_of(block); ++row) {
    if (!column->codes.empty()) {
      stored.insert(column->codes[row]);
    } else if (column->ints[row]) {
      stored.insert(*column->ints[row]);
    }
  }
  const auto& values = predicate.values;
  // An index knows each code, unless there are too many to ask for, or none at all that could be a code.
  bool asked = has_index(predicate.column_id);
  if (values) {
    asked = asked && std::any_of(values->begin(), values->end(), [](int64_t v) { return v >= 0 && v <= UINT32_MAX; });
  } else {
    const int64_t first = std::max<int64_t>(predicate.first, 0), last = std::min<int64_t>(predicate.last, UINT32_MAX);
    asked = asked && first <= last && static_cast<uint64_t>(last - first) < kIndexCodesMax;
  }
  if (asked) return std::any_of(stored.begin(), stored.end(), [&](int64_t v) { return predicate.matches(v); });
  if (stored.empty()) {
    // min above max: nothing but a range over everything gets past it, which is no harm.
    return !values && predicate.first == INT64_MIN && predicate.last == INT64_MAX;
  }
  const int64_t min = *stored.begin(), max = *stored.rbegin();
  if (!values) return predicate.first <= max && predicate.last >= min && predicate.first <= predicate.last;
  auto next = values->lower_bound(min);
  return next != values->end() && *next <= max;
}

std::string PlannedSegment::check_plan(const PlainFilter& filter) const {
  auto plan = reader_->plan(filter.scan_filter());
  if (!plan) return plan.error().to_string();
  const BlockCounts& counts = plan->counts;
  const uint64_t spared =
      counts.by_time + counts.by_sort_order + counts.by_zone + counts.by_index + counts.by_id_filter;
  if (counts.all != firsts_.size() || spared + plan->blocks.size() != counts.all) return "the counts do not add up";
  if (counts.read != 0) return "a plan has read blocks";
  std::vector<bool> planned(firsts_.size());
  for (uint32_t block : plan->blocks) planned.at(block) = true;
  for (uint32_t block = 0; block < firsts_.size(); ++block) {
    for (uint32_t row = firsts_[block]; row < end_of(block) && !planned[block]; ++row) {
      if (filter.matches(plain_, row)) return "block " + std::to_string(block) + " is left out, and a row matches";
    }
  }
  return plan->blocks == expected_plan(filter) ? "" : "not the blocks that are expected";
}

std::string PlannedSegment::check_cursor(const PlainFilter& filter) const {
  ColumnSelection selection{.column_ids = {}, .ids = true, .lsns = true, .arrivals = true};
  for (const PlainColumn& column : plain_.columns) selection.column_ids.push_back(column.id);
  auto cursor = reader_->cursor(selection, filter.scan_filter());
  for (uint32_t block = 0; block < firsts_.size(); ++block) {
    auto columns = cursor->read(block);
    if (!columns) return columns.error().to_string();
    if (std::string wrong = check_block(filter, block, **columns); !wrong.empty()) {
      return "block " + std::to_string(block) + ": " + wrong;
    }
  }
  return "";
}

std::string PlannedSegment::check_block(const PlainFilter& filter, uint32_t block, const BlockColumns& columns) const {
  if (columns.rows.rows != reader_->blocks()[block].rows) return "another number of rows";
  uint32_t matches = 0;
  for (uint32_t i = 0; i < columns.rows.rows; ++i) {
    const uint32_t row = firsts_[block] + i;
    const bool selected = columns.matches > 0 && (columns.selected.empty() || is_selected(columns.selected, i));
    const std::string name = "row " + std::to_string(row);
    if (selected != filter.matches(plain_, row)) return name + (selected ? " is let through" : " is left out");
    if (!selected) continue;
    ++matches;
    if (columns.rows.times[i] != rows_.times[row] || columns.rows.arrivals[i] != rows_.arrivals[row] ||
        columns.rows.lsns[i] != rows_.lsns[row]) {
      return name + ": another time, arrival or LSN";
    }
    if (!same_id(columns.rows.id_kinds[i], columns.rows.ids[i], rows_.id_kinds[row], rows_.ids[row])) {
      return name + ": another id";
    }
    for (size_t c = 0; c < plain_.columns.size(); ++c) {
      const PlainColumn& plain = plain_.columns[c];
      const BlockColumns::Selected& column = columns.by_column[c];
      bool same = true;
      if (!plain.codes.empty()) same = column.codes[i] == plain.codes[row];
      if (!plain.ints.empty()) {
        const bool null = column.nulls != nullptr && column.nulls[i] != 0;
        same = (null ? std::nullopt : std::optional(column.ints[i])) == plain.ints[row];
      }
      if (!plain.strings.empty()) {
        same = column.strings[i].is_null() ? !plain.strings[row] : column.strings[i].view() == plain.strings[row];
      }
      if (!same) return name + ": another value of column " + std::to_string(plain.id);
    }
  }
  if (matches != columns.matches) return "the number of matches is another";
  if (matches == 0 && columns.rows.times != nullptr) return "arrays without a match";
  return "";
}

PlainFilter one_predicate(uint32_t column_id, std::set<int64_t> codes) {
  PlainFilter filter;
  filter.predicates.push_back({.column_id = column_id, .is_dimension = true, .values = std::move(codes), .texts = {}});
  return filter;
}

BlockCounts counts_of(const PlannedSegment& segment, const PlainFilter& filter) {
  return segment.reader().plan(filter.scan_filter())->counts;
}

}  // namespace

TEST_CASE("block plan: random questions find every row that a plain loop finds, and look at no block in vain") {
  const uint64_t base = test_seed(1);
  size_t indexes = 0, record_times = 0, planned = 0, all = 0;
  for (uint64_t seed = base; seed < base + 60; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const SegmentRowsOptions options{.rows = static_cast<uint32_t>(1 + random.below(900)),
                                     .days = static_cast<uint32_t>(1 + random.below(3)),
                                     .values = static_cast<uint32_t>(1 + random.below(200)),
                                     .nulls = random.chance(0.3)   ? 0
                                              : random.chance(0.1) ? 1
                                                                   : 0.2};
    static const uint64_t kCacheBytes[] = {0, 20'000, 100'000'000};  // none, too few, plenty
    PlannedSegment segment(seed % 2 == 0 ? small_schema() : ad_events_schema(), seed, options,
                           static_cast<uint32_t>(1 + random.below(64)), kCacheBytes[random.below(3)]);
    for (const PlainColumn& column : segment.plain().columns) indexes += segment.has_index(column.id) ? 1 : 0;
    record_times += segment.has_record_times() ? 1 : 0;
    for (int question = 0; question < 25; ++question) {
      const PlainFilter filter = PlainFilter::random(random, segment.plain());
      CAPTURE(filter.to_string());
      REQUIRE(segment.check_plan(filter) == "");
      REQUIRE(segment.check_cursor(filter) == "");
      planned += segment.expected_plan(filter).size();
      all += segment.reader().blocks().size();
    }
  }
  // Nothing of what is tested here is missing from the samples.
  CHECK(indexes > 20);
  CHECK(record_times > 5);
  CHECK(planned > 100);
  CHECK(planned < all * 9 / 10);
}

TEST_CASE("block plan: the sort order spares blocks by the first dimension, day by day") {
  PlannedSegment segment(small_schema(), 5, {.rows = 1'000, .days = 3, .values = 50, .nulls = 0}, 8);
  const PlainColumn& first = segment.plain().columns[0];
  const PlainFilter filter = one_predicate(first.id, {first.codes[500]});
  const BlockCounts counts = counts_of(segment, filter);
  CHECK(counts.by_sort_order + segment.expected_plan(filter).size() == counts.all);
  CHECK(counts.by_sort_order > counts.all * 9 / 10);
  CHECK(segment.check_plan(filter) == "");
}

TEST_CASE("block plan: an index spares the blocks whose zone would let a code through") {
  PlannedSegment segment(small_schema(), 6, {.rows = 1'000, .days = 1, .values = 200, .nulls = 0}, 8);
  const PlainColumn& second = segment.plain().columns[1];
  REQUIRE(segment.has_index(second.id));
  CHECK_FALSE(segment.has_index(segment.plain().columns[0].id));  // the order clusters it
  const PlainFilter filter = one_predicate(second.id, {second.codes[500], second.codes[7]});
  const BlockCounts counts = counts_of(segment, filter);
  CHECK(counts.by_index > counts.all / 2);
  CHECK(segment.check_plan(filter) == "");
  // A range over more codes than an index is asked for looks at zones alone.
  PlainFilter wide;
  wide.predicates.push_back({.column_id = second.id,
                             .is_dimension = true,
                             .first = 2,
                             .last = 2 + kIndexCodesMax,
                             .values = {},
                             .texts = {}});
  CHECK(counts_of(segment, wide).by_index == 0);
  CHECK(segment.check_plan(wide) == "");
}

TEST_CASE("block plan: NULLs are no part of a field's zone, and a block of them alone has no value") {
  SegmentRows rows(small_schema(), 7, {.rows = 40, .days = 1, .told = true});
  auto& ints = rows.fields[1];
  for (size_t row = 0; row < 40; ++row) {
    ints.nulls[row] = row < 10 || row % 2 == 0 ? 1 : 0;
    ints.ints[row] = ints.nulls[row] != 0 ? 0 : 1'000 + static_cast<int64_t>(row);
  }
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  REQUIRE(rows.write(disk, "s", 10));
  auto reader = *SegmentReader::open(disk, "s/00000007.seg", nullptr);
  const uint32_t id = rows.schema->columns[rows.schema->fields()[1]].id;
  auto blocks_for = [&](int64_t first, int64_t last) {
    ScanFilter filter;
    filter.predicates.push_back({.column_id = id, .matches = IntPredicate::range(first, last)});
    return reader->plan(filter)->blocks;
  };
  CHECK(blocks_for(0, 0).empty());
  CHECK(blocks_for(INT64_MIN, 1'010).empty());
  CHECK(blocks_for(1'011, 1'011) == std::vector<uint32_t>{1});
  CHECK(blocks_for(1'019, 1'021) == std::vector<uint32_t>{1, 2});
  CHECK(blocks_for(1'039, INT64_MAX) == std::vector<uint32_t>{3});
  CHECK(reader->footer().find_zones(id)->nulls == std::vector<uint32_t>{10, 5, 5, 5});
}

TEST_CASE("block plan: the engine's own columns are asked too, with zones or without") {
  SegmentRows rows(small_schema(), 10, {.rows = 300, .days = 2});
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  REQUIRE(rows.write(disk, "s", 16));
  auto reader = *SegmentReader::open(disk, "s/00000007.seg", nullptr);
  const uint32_t time_id = rows.schema->columns[rows.schema->time_column()].id;
  for (uint32_t column :
       {segment_format::kKindColumn, segment_format::kLsnColumn, segment_format::kArrivalColumn, time_id}) {
    CAPTURE(column);
    auto value = [&](size_t row) {
      if (column == segment_format::kKindColumn) return static_cast<int64_t>(rows.kinds[row]);
      if (column == segment_format::kLsnColumn) return static_cast<int64_t>(rows.lsns[row]);
      if (column == segment_format::kArrivalColumn) return rows.arrivals[row];
      return rows.times[row];
    };
    ScanFilter filter;
    filter.predicates.push_back({.column_id = column, .matches = IntPredicate::equals(value(123))});
    uint32_t wanted = 0, found = 0;
    for (size_t row = 0; row < 300; ++row) wanted += value(row) == value(123) ? 1 : 0;
    auto cursor = reader->cursor({}, filter);
    const BlockPlan plan = *reader->plan(filter);
    for (uint32_t block : plan.blocks) found += (*cursor->read(block))->matches;
    CHECK(found == wanted);
  }
}

TEST_CASE("block plan: an id filter knows every id of the rows, and few others") {
  SegmentRows rows(small_schema(), 8, {.rows = 2'000, .days = 2, .told = true});
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  REQUIRE(rows.write(disk, "s", 64));
  for (bool cached : {false, true}) {
    auto cache = cached ? std::make_shared<BlockCache>(1'000'000) : nullptr;
    auto reader = *SegmentReader::open(disk, "s/00000007.seg", nullptr, cache);
    std::vector<uint64_t> words(selection_words(2'000));
    REQUIRE(reader->may_contain_ids(rows.id_kinds, rows.ids, words));
    CHECK(count_selected(words) == 2'000);
    SegmentRows others(small_schema(), 9, {.rows = 2'000, .one_id_kind = true});
    REQUIRE(reader->may_contain_ids(others.id_kinds, others.ids, words));
    CHECK(count_selected(words) < 100);  // 1 to 1.5 % of strangers
  }
}

TEST_CASE("block plan: without a filter in the file every id may be there") {
  SegmentRows rows(small_schema(), 8, {.rows = 70, .told = false});
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  REQUIRE(rows.write(disk, "s", 64));
  auto reader = *SegmentReader::open(disk, "s/00000007.seg", nullptr);
  std::vector<uint64_t> words(selection_words(70));
  REQUIRE(reader->may_contain_ids(rows.id_kinds, rows.ids, words));
  CHECK(count_selected(words) == 70);
}
