#include "tests/support/engine/segment_rows.h"

#include <algorithm>

namespace tally {

namespace {

constexpr int32_t kFirstDay = 19'000;

struct RowKey {
  int32_t day = 0;
  std::vector<uint32_t> codes;
  TimeUs time = 0;
  auto operator<=>(const RowKey&) const = default;
};

std::vector<RowKey> sorted_keys(Random& random, const SegmentRowsOptions& options, size_t dimensions) {
  std::vector<RowKey> keys(options.rows);
  for (RowKey& key : keys) {
    key.day = kFirstDay + static_cast<int32_t>(random.below(options.days));
    key.time = key.day * kMicrosPerDay + static_cast<TimeUs>(random.below(kMicrosPerDay));
    for (size_t d = 0; d < dimensions; ++d) {
      bool null = random.chance(options.nulls);
      uint32_t code = static_cast<uint32_t>(kOtherCode + random.below(options.values + 1));
      key.codes.push_back(null ? kNullCode : code);
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::vector<uint32_t> selected_ids(const Schema& schema) {
  std::vector<uint32_t> ids;
  for (size_t position : schema.dimensions()) ids.push_back(schema.columns[position].id);
  for (size_t position : schema.fields()) ids.push_back(schema.columns[position].id);
  return ids;
}

}  // namespace

SegmentRows::SegmentRows(const Schema& the_schema, uint64_t seed, SegmentRowsOptions options)
    : schema(std::make_shared<const Schema>(the_schema)) {
  Random random(seed);
  size_t dimensions = schema->dimensions().size();
  for (size_t d = 0; d < dimensions; ++d) {
    dictionaries.push_back(std::make_unique<Dictionary>(1'000'000));
    bool integers = schema->columns[schema->dimensions()[d]].type == ColumnType::kInt64;
    for (uint64_t i = 0; i < options.values; ++i) {
      std::string value = integers ? std::string(reinterpret_cast<const char*>(&i), 8)
                                   : "value " + std::to_string(i) + " of dimension " + std::to_string(d);
      dictionaries.back()->add(value);
    }
  }
  codes.resize(dimensions);
  fields.resize(schema->fields().size());
  std::vector<RowKey> keys = sorted_keys(random, options, dimensions);
  for (size_t row = 0; row < keys.size(); ++row) {
    if (days.empty() || days.back().day != keys[row].day) {
      days.push_back({.day = keys[row].day, .first = static_cast<uint32_t>(row)});
    }
    ++days.back().rows;
    times.push_back(keys[row].time);
    for (size_t d = 0; d < dimensions; ++d) codes[d].push_back(keys[row].codes[d]);
    fill_row(random, options, row);
  }
  Random told(seed + 1);
  if (options.told.value_or(told.chance(0.5)) && !times.empty()) fill_records(told);
}

// In half of all cases each record has one arrival, as the log has it; in the others distances are arbitrary.
void SegmentRows::fill_records(Random& random) {
  const bool one_arrival = random.chance(0.5);
  std::map<Lsn, RecordTime> by_lsn;
  for (size_t row = 0; row < times.size(); ++row) {
    auto [record, fresh] =
        by_lsn.try_emplace(lsns[row], RecordTime{.lsn = lsns[row], .arrival = arrivals[row], .event = times[row]});
    if (one_arrival) arrivals[row] = record->second.arrival;
  }
  for (auto& [lsn, record] : by_lsn) records.push_back(record);
}

void SegmentRows::fill_row(Random& random, const SegmentRowsOptions& options, size_t row) {
  arrivals.push_back(times[row] + static_cast<TimeUs>(random.below(1'000'000)));
  lsns.push_back(100 + random.below(50));
  kinds.push_back(random.chance(0.9) ? RowKind::kEvent : static_cast<RowKind>(random.below(4)));
  fill_id(random, options, row);
  std::vector<size_t> positions = schema->fields();
  for (size_t f = 0; f < fields.size(); ++f) {
    bool null = random.chance(options.nulls);
    if (schema->columns[positions[f]].type == ColumnType::kString) {
      fields[f].strings.push_back(null ? StringRef::null()
                                       : text(random, options.long_text == 0 ? 30 : options.long_text));
      continue;
    }
    int64_t value = static_cast<int64_t>(random.next()) >> random.below(64);
    fields[f].ints.push_back(null ? 0 : value);
    fields[f].nulls.push_back(null ? 1 : 0);
  }
}

void SegmentRows::fill_id(Random& random, const SegmentRowsOptions& options, size_t row) {
  (void)row;
  IdSlot slot;
  IdKind kind = random.chance(0.5) && !options.one_id_kind ? IdKind::kDerived : IdKind::kUuid;
  if (!options.one_id_kind && random.chance(options.text_ids)) {
    kind = IdKind::kText;
    StringRef ref = text(random, 40);
    slot.text = ref.size() == 0 ? StringRef("x") : ref;
  } else {
    random.fill(slot.raw);
  }
  ids.push_back(slot);
  id_kinds.push_back(kind);
}

StringRef SegmentRows::text(Random& random, uint32_t longest) {
  static const std::string kWords[] = {"impression", "click", "", "a user with a long name indeed"};
  if (random.chance(0.5)) return StringRef(texts_.emplace_back(kWords[random.below(4)].substr(0, longest)));
  std::string bytes(random.below(longest + 1), ' ');
  for (char& c : bytes) c = static_cast<char>(random.below(256));
  return StringRef(texts_.emplace_back(std::move(bytes)));
}

RawColumns SegmentRows::columns(uint32_t first, uint32_t rows) const {
  RawColumns columns{.rows = rows,
                     .times = times.data() + first,
                     .arrivals = arrivals.data() + first,
                     .lsns = lsns.data() + first,
                     .kinds = kinds.data() + first,
                     .ids = ids.data() + first,
                     .id_kinds = id_kinds.data() + first,
                     .codes = {},
                     .fields = {}};
  for (const auto& column : codes) columns.codes.push_back(column.data() + first);
  for (const Field& field : fields) {
    bool strings = !field.strings.empty();
    columns.fields.push_back({strings ? nullptr : field.ints.data() + first,
                              strings ? nullptr : field.nulls.data() + first,
                              strings ? field.strings.data() + first : nullptr});
  }
  return columns;
}

SegmentWriter::Options SegmentRows::writer_options(FileSystem& fs, const std::string& directory,
                                                   uint64_t number) const {
  SegmentWriter::Options options;
  options.fs = &fs;
  options.directory = directory;
  options.number = number;
  options.uuid.fill(0x5E);
  options.table_uuid.fill(0x7A);
  options.schema = schema;
  for (const auto& dictionary : dictionaries) options.dictionaries.push_back(dictionary.get());
  if (!records.empty()) {
    options.records = records;
    options.rows_max = times.size();
  }
  return options;
}

Result<SegmentInfo> SegmentRows::write(FileSystem& fs, const std::string& directory, uint32_t block_rows,
                                       uint64_t number) const {
  SegmentWriter::Options options = writer_options(fs, directory, number);
  options.block_rows = block_rows;
  TALLY_ASSIGN_OR_RETURN(auto writer, SegmentWriter::create(std::move(options)));
  for (const Day& day : days) {
    uint32_t half = day.rows / 2 / block_rows * block_rows;
    if (half > 0) TALLY_TRY(writer->add(day.day, columns(day.first, half)));
    TALLY_TRY(writer->add(day.day, columns(day.first + half, day.rows - half)));
  }
  return writer->finish();
}

std::string SegmentRows::compare(const SegmentReader& reader) const {
  ColumnSelection selection{.column_ids = selected_ids(*schema), .ids = true, .lsns = true, .arrivals = true};
  auto cursor = reader.cursor(std::move(selection));
  uint32_t first = 0;
  for (uint32_t block = 0; block < reader.blocks().size(); ++block) {
    auto columns = cursor->read(block);
    if (!columns) return columns.error().to_string();
    if (first + (*columns)->rows.rows > times.size()) return "more rows than were written";
    if (std::string differs = compare_block(**columns, first); !differs.empty()) return differs;
    first += (*columns)->rows.rows;
  }
  return first == times.size() ? "" : "rows are missing";
}

std::string SegmentRows::compare_block(const BlockColumns& block, uint32_t first) const {
  const RawColumns& rows = block.rows;
  for (uint32_t i = 0; i < rows.rows; ++i) {
    uint32_t row = first + i;
    std::string at = " of row " + std::to_string(row) + " differs";
    if (rows.times[i] != times[row]) return "time" + at;
    if (rows.arrivals[i] != arrivals[row]) return "arrival" + at;
    if (rows.lsns[i] != lsns[row]) return "LSN" + at;
    if (rows.kinds[i] != kinds[row]) return "kind" + at;
    if (!same_id(rows.id_kinds[i], rows.ids[i], id_kinds[row], ids[row])) return "id" + at;
    for (size_t d = 0; d < codes.size(); ++d) {
      if (block.by_column[d].codes[i] != codes[d][row]) return "dimension" + at;
    }
    for (size_t f = 0; f < fields.size(); ++f) {
      const BlockColumns::Selected& column = block.by_column[codes.size() + f];
      if (!fields[f].strings.empty()) {
        if (!(column.strings[i] == fields[f].strings[row])) return "string" + at;
      } else if (column.ints[i] != fields[f].ints[row] ||
                 (column.nulls != nullptr ? column.nulls[i] : 0) != fields[f].nulls[row]) {
        return "integer" + at;
      }
    }
  }
  return "";
}

}  // namespace tally
