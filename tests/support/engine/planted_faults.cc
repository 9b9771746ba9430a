#include "tests/support/engine/planted_faults.h"

#include <algorithm>
#include <deque>
#include <tuple>

#include "base/checksum.h"
#include "base/random.h"
#include "engine/dictionary_file.h"
#include "engine/manifest_file.h"
#include "engine/rollup_totals.h"
#include "engine/segment_format.h"

namespace tally {
namespace {

template <class T>
T must(Result<T> result) {
  TALLY_CHECK(result.has_value());
  return *std::move(result);
}

}  // namespace

FaultPlanter::FaultPlanter(SimDisk& disk, const std::string& table_directory)
    : disk_(disk), paths_(table_directory), loaded_(must(read_current_manifest(disk, table_directory))) {
  load_dictionaries();
}

void FaultPlanter::load_dictionaries() {
  std::vector<DictionaryTarget> targets;
  for (size_t position : state().schema()->dimensions()) {
    const uint32_t id = state().schema()->columns[position].id;
    auto& made = dictionaries_[id] = std::make_unique<Dictionary>(limits::kDimensionValuesDefault);
    targets.push_back({id, made.get()});
  }
  for (const DictionaryFileInfo& file : state().dictionary_files) {
    TALLY_CHECK(load_dictionary_file(disk_, paths_.dictionary(file.number), file, targets).has_value());
  }
}

uint32_t FaultPlanter::rollup(std::string_view name) const {
  for (const Rollup& rollup : loaded_.state.schema()->rollups) {
    if (rollup.name == name) return rollup.id;
  }
  return 0;
}

uint64_t FaultPlanter::segment(std::string_view name, Tier tier) const {
  for (const auto& [number, info] : loaded_.state.segments) {
    if (info.rollup_id == rollup(name) && info.tier == tier) return number;
  }
  TALLY_CHECK(false);
}

// --- tiers --------------------------------------------------------------------------------------------------------------

std::vector<TierRow> FaultPlanter::read_tier(const SegmentInfo& info) const {
  const RollupShape shape = RollupShape::of(loaded_.state.schema(), info.rollup_id, info.tier);
  const auto reader = must(SegmentReader::open(disk_, paths_.segment(info.number), &info));
  auto cursor = reader->cursor(tier_selection(shape));
  std::vector<TierRow> rows;
  for (size_t s = 0; s < reader->sections().size(); ++s) {
    const SegmentReader::Section& section = reader->sections()[s];
    for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
      RollupRows::Input input;
      show_tier_block(shape, *must(cursor->read(block)), input);
      for (uint32_t row = 0; row < input.rows; ++row) {
        TierRow& made = rows.emplace_back();
        made.section = s;
        made.time_us = input.times[row];
        for (const uint32_t* codes : input.codes) made.codes.push_back(codes[row]);
        for (const RollupRows::Value& value : input.values) {
          const bool sketch = value.sketches != nullptr;
          const bool null = sketch ? value.sketches[row].is_null() : value.nulls != nullptr && value.nulls[row] != 0;
          made.nulls.push_back(null ? 1 : 0);
          made.ints.push_back(sketch ? 0 : value.ints[row]);
          made.sketches.emplace_back(sketch && !null ? value.sketches[row].view() : "");
        }
      }
    }
  }
  return rows;
}

SegmentInfo FaultPlanter::write_tier(const SegmentInfo& like, uint64_t number, std::vector<TierRow> rows) {
  std::ranges::stable_sort(rows, {}, [](const TierRow& row) { return std::tie(row.section, row.codes, row.time_us); });
  SegmentWriter::Options options{.fs = &disk_,
                                 .directory = paths_.segment_directory(),
                                 .number = number,
                                 .uuid = random_uuid(),
                                 .table_uuid = state().table_uuid,
                                 .schema = state().schemas[like.schema_version - 1],
                                 .dictionaries = {},
                                 .block_rows = 16,
                                 .records = {},
                                 .tier = like.tier,
                                 .rollup_id = like.rollup_id};
  const RollupShape shape = RollupShape::of(options.schema, like.rollup_id, like.tier);
  for (uint32_t id : shape.dimension_ids) options.dictionaries.push_back(dictionaries_.at(id).get());
  auto writer = must(SegmentWriter::create(std::move(options)));
  for (size_t s = 0; s < like.days.size(); ++s) {
    std::vector<TimeUs> times;
    std::vector<std::vector<uint32_t>> codes(shape.dimension_ids.size());
    std::vector<std::vector<int64_t>> ints(shape.values.size());
    std::vector<std::vector<uint8_t>> nulls(shape.values.size());
    std::vector<std::vector<StringRef>> sketches(shape.values.size());
    for (const TierRow& row : rows) {
      if (row.section != s) continue;
      times.push_back(row.time_us);
      for (size_t d = 0; d < codes.size(); ++d) codes[d].push_back(row.codes[d]);
      for (size_t i = 0; i < ints.size(); ++i) {
        ints[i].push_back(row.ints[i]);
        nulls[i].push_back(row.nulls[i]);
        sketches[i].push_back(row.nulls[i] != 0 ? StringRef::null() : StringRef(row.sketches[i]));
      }
    }
    if (times.empty()) continue;
    RawColumns columns{.rows = static_cast<uint32_t>(times.size()), .times = times.data(), .codes = {}, .fields = {}};
    for (const auto& of : codes) columns.codes.push_back(of.data());
    for (size_t i = 0; i < ints.size(); ++i) {
      RawColumns::Field field;
      if (shape.values[i].kind == RollupShape::Kind::kSketch) {
        field.strings = sketches[i].data();
      } else {
        field.ints = ints[i].data();
        field.nulls = nulls[i].data();
      }
      columns.fields.push_back(field);
    }
    TALLY_CHECK(writer->add(like.days[s].day, columns, like.days[s].above_lsn, like.days[s].through_lsn).has_value());
  }
  return must(writer->finish());
}

void FaultPlanter::rewrite_tier(uint64_t number, const std::function<void(std::vector<TierRow>&)>& change) {
  SegmentInfo& info = state().segments.at(number);
  std::vector<TierRow> rows = read_tier(info);
  change(rows);
  TALLY_CHECK(disk_.unlink(path(number)).has_value());
  info = write_tier(info, number, std::move(rows));
}

uint64_t FaultPlanter::copy_tier(uint64_t number) {
  const uint64_t copy = state().next_file_number++;
  const SegmentInfo info = state().segments.at(number);
  state().segments[copy] = write_tier(info, copy, read_tier(info));
  return copy;
}

// --- raw and other files ------------------------------------------------------------------------------------------------

namespace {

// The rows of one day of raw, as a writer takes them.
struct RawDay {
  int32_t day = 0;
  std::vector<TimeUs> times, arrivals;
  std::vector<Lsn> lsns;
  std::vector<RowKind> kinds;
  std::vector<IdSlot> ids;
  std::vector<IdKind> id_kinds;
  std::vector<std::vector<uint32_t>> codes;  // by dimension
  struct Field {
    bool text = false;
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;
    std::vector<StringRef> strings;
  };
  std::vector<Field> fields;
  std::deque<std::string> texts;

  void take(const BlockColumns& from, uint32_t row) {
    times.push_back(from.rows.times[row]);
    arrivals.push_back(from.rows.arrivals[row]);
    lsns.push_back(from.rows.lsns[row]);
    kinds.push_back(from.rows.kinds[row]);
    id_kinds.push_back(from.rows.id_kinds[row]);
    ids.push_back(from.rows.ids[row]);
    if (id_kinds.back() == IdKind::kText) ids.back().text = keep(ids.back().text);
    for (size_t d = 0; d < codes.size(); ++d) codes[d].push_back(from.by_column[d].codes[row]);
    for (size_t f = 0; f < fields.size(); ++f) {
      const BlockColumns::Selected& column = from.by_column[codes.size() + f];
      if (fields[f].text) {
        fields[f].strings.push_back(column.strings[row].is_null() ? StringRef::null() : keep(column.strings[row]));
      } else {
        fields[f].ints.push_back(column.ints[row]);
        fields[f].nulls.push_back(column.nulls != nullptr ? column.nulls[row] : 0);
      }
    }
  }

  RawColumns columns() const {
    RawColumns made{.rows = static_cast<uint32_t>(times.size()),
                    .times = times.data(),
                    .arrivals = arrivals.data(),
                    .lsns = lsns.data(),
                    .kinds = kinds.data(),
                    .ids = ids.data(),
                    .id_kinds = id_kinds.data(),
                    .codes = {},
                    .fields = {}};
    for (const auto& of : codes) made.codes.push_back(of.data());
    for (const Field& field : fields) {
      made.fields.push_back(field.text ? RawColumns::Field{.strings = field.strings.data()}
                                       : RawColumns::Field{.ints = field.ints.data(), .nulls = field.nulls.data()});
    }
    return made;
  }

 private:
  StringRef keep(const StringRef& text) { return StringRef(texts.emplace_back(text.view())); }
};

}  // namespace

void FaultPlanter::keep_raw_rows(uint64_t number, const std::function<bool(RowKind kind)>& keep) {
  SegmentInfo& info = state().segments.at(number);
  const std::shared_ptr<const Schema> schema = state().schemas[info.schema_version - 1];
  SegmentWriter::Options options{.fs = &disk_,
                                 .directory = paths_.segment_directory(),
                                 .number = number,
                                 .uuid = random_uuid(),
                                 .table_uuid = state().table_uuid,
                                 .schema = schema,
                                 .dictionaries = {},
                                 .block_rows = 16,
                                 .rows_max = info.rows,
                                 .records = {}};
  ColumnSelection selection;
  selection.ids = selection.lsns = selection.arrivals = true;
  RawDay empty;
  for (size_t position : schema->dimensions()) {
    selection.column_ids.push_back(schema->columns[position].id);
    options.dictionaries.push_back(dictionaries_.at(schema->columns[position].id).get());
    empty.codes.emplace_back();
  }
  for (size_t position : schema->fields()) {
    selection.column_ids.push_back(schema->columns[position].id);
    empty.fields.emplace_back().text = schema->columns[position].type == ColumnType::kString;
  }
  std::deque<RawDay> days;
  const auto reader = must(SegmentReader::open(disk_, path(number), &info));
  auto cursor = reader->cursor(selection);
  for (const SegmentReader::Section& section : reader->sections()) {
    RawDay& day = days.emplace_back(empty);
    day.day = section.day;
    for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
      const BlockColumns& columns = *must(cursor->read(block));
      for (uint32_t row = 0; row < columns.rows.rows; ++row) {
        if (keep(columns.rows.kinds[row])) day.take(columns, row);
      }
    }
  }
  const TimeUs newest_arrival_us = info.newest_arrival_us;
  TALLY_CHECK(disk_.unlink(path(number)).has_value());
  auto writer = must(SegmentWriter::create(std::move(options)));
  for (const RawDay& day : days) {
    if (!day.times.empty()) TALLY_CHECK(writer->add(day.day, day.columns()).has_value());
  }
  info = must(writer->finish());
  info.newest_arrival_us = newest_arrival_us;
}

void FaultPlanter::operate(uint64_t number, const std::function<void(SegmentSurgery&)>& change) {
  SegmentSurgery surgery(disk_.content(path(number)));
  change(surgery);
  const Bytes file = surgery.file();
  TALLY_CHECK(disk_.unlink(path(number)).has_value());
  TALLY_CHECK(write_file_atomic(disk_, path(number), file).has_value());
  state().segments.at(number).size = file.size();
  state().segments.at(number).checksum = xxh3(file);
}

void FaultPlanter::respell_dictionary(uint32_t dimension_id, std::string_view from, std::string_view to) {
  DictionaryFileInfo& file = state().dictionary_files.back();
  Dictionary changed(limits::kDimensionValuesDefault);
  const Dictionary& known = *dictionaries_.at(dimension_id);
  for (uint32_t code = kFirstValueCode; code < known.size(); ++code) {
    changed.add(known.value(code) == from ? to : known.value(code));
  }
  TALLY_CHECK(state().dictionary_files.size() == 1);  // else the others would have to be written, too
  TALLY_CHECK(disk_.unlink(paths_.dictionary(file.number)).has_value());
  const DictionaryRange range{
      .dimension_id = dimension_id, .dictionary = &changed, .first_code = kFirstValueCode, .end_code = changed.size()};
  file = must(write_dictionary_file(disk_, paths_.dictionary_directory(), file.number, random_uuid(), {&range, 1}));
}

void FaultPlanter::commit() {
  const uint64_t number = ++loaded_.highest_number;
  const auto file = must(ManifestFile::create(disk_, paths_, number, state(), ++loaded_.edit_number));
  const std::string current = manifest_format::encode_current(file->current());
  TALLY_CHECK(write_file_atomic(disk_, paths_.current(), as_bytes(current)).has_value());
}

}  // namespace tally
