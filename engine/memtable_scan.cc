#include "engine/memtable_scan.h"

#include <algorithm>

#include "engine/encoding/selection.h"
#include "engine/memtable_filter.h"

namespace tally {
namespace {

std::vector<uint32_t> columns_of(const ScanFilter& filter) {
  std::vector<uint32_t> ids;
  for (const ScanPredicate& predicate : filter.predicates) ids.push_back(predicate.column_id);
  return ids;
}

}  // namespace

MemtableScan::MemtableScan(const ScanSpec& spec) : spec_(spec) {
  filter_ = asked_of(spec.filter);
  for (const auto& predicates : spec.columns.marks) marks_.push_back(asked_of({.predicates = predicates}));
  mark_words_.resize(marks_.size());
}

MemtableScan::Asked MemtableScan::asked_of(ScanFilter filter) {
  Asked asked;
  asked.of_times = filter.from != INT64_MIN || filter.to != INT64_MAX;
  asked.of_ids = std::ranges::any_of(filter.predicates, [](const ScanPredicate& predicate) {
    return std::holds_alternative<IdPredicate>(predicate.matches);
  });
  asked.filter = std::move(filter);
  return asked;
}

uint32_t MemtableScan::show(const MemtableStep& step, RowBlock& block) {
  enter(step);
  ask(step, filter_);
  const auto selected = static_cast<uint32_t>(count_selected(filter_.words));
  if (selected == 0) return 0;
  for (size_t i = 0; i < marks_.size(); ++i) {
    ask(step, marks_[i]);
    mark_words_[i] = marks_[i].words;
  }
  block.selected = selected < step.rows ? std::span<const uint64_t>(filter_.words) : std::span<const uint64_t>();
  block.marks = mark_words_;
  block.one_time.reset();
  block.rows = step.rows;
  block.schema = &step.chunk->schema();
  step.picked == nullptr ? show_slice(step, block) : show_picked(block);
  for (size_t i = 0; i < places_.size(); ++i) {
    const bool missing = places_[i].where == Place::Where::kMissing;
    block.columns[i] = missing ? missing_slice() : column(step, places_[i]);
  }
  return selected;
}

void MemtableScan::show_slice(const MemtableStep& step, RowBlock& block) const {
  block.times = step.chunk->times() + step.first;
  block.kinds = step.chunk->kinds() + step.first;
  block.lsns = step.chunk->lsns() + step.first;
  block.arrivals = step.chunk->arrivals() + step.first;
  block.ids = step.chunk->ids() + step.first;
  block.id_kinds = step.chunk->id_kinds() + step.first;
}

void MemtableScan::show_picked(RowBlock& block) {
  const ColumnSelection& wanted = spec_.columns;
  block.times = wanted.times ? picked_.times() : nullptr;
  block.kinds = wanted.kinds ? picked_.kinds() : nullptr;
  block.lsns = wanted.lsns ? picked_.lsns() : nullptr;
  block.arrivals = wanted.arrivals ? picked_.arrivals() : nullptr;
  block.ids = wanted.ids ? picked_.ids() : nullptr;
  block.id_kinds = wanted.ids ? picked_.id_kinds() : nullptr;
}

void MemtableScan::enter(const MemtableStep& step) {
  const Chunk& chunk = *step.chunk;
  if (step.picked != nullptr) picked_.begin(chunk, {step.picked, step.rows});
  if (chunk_ == &chunk) return;
  chunk_ = &chunk;
  places_ = find_places(chunk.schema(), spec_.columns.column_ids);
  filter_.places = find_places(chunk.schema(), columns_of(filter_.filter));
  for (Asked& mark : marks_) mark.places = find_places(chunk.schema(), columns_of(mark.filter));
}

void MemtableScan::ask(const MemtableStep& step, Asked& asked) {
  asked.columns.resize(asked.places.size());
  for (size_t i = 0; i < asked.places.size(); ++i) asked.columns[i] = column(step, asked.places[i]);
  asked.words.resize(selection_words(step.rows));
  MemtableSlice slice{.rows = step.rows, .columns = asked.columns};
  if (step.picked == nullptr) {
    slice.times = step.chunk->times() + step.first;
    slice.ids = step.chunk->ids() + step.first;
    slice.id_kinds = step.chunk->id_kinds() + step.first;
  } else {
    if (asked.of_times) slice.times = picked_.times();
    if (asked.of_ids) slice.ids = picked_.ids();
    if (asked.of_ids) slice.id_kinds = picked_.id_kinds();
  }
  filter_slice(asked.filter, slice, asked.words);
}

std::vector<MemtableScan::Place> MemtableScan::find_places(const Schema& schema,
                                                           const std::vector<uint32_t>& column_ids) {
  const std::vector<size_t> dimensions = schema.dimensions();
  const std::vector<size_t> fields = schema.fields();
  auto position = [&](const std::vector<size_t>& positions, uint32_t id) {
    auto found = std::find_if(positions.begin(), positions.end(), [&](size_t p) { return schema.columns[p].id == id; });
    return static_cast<size_t>(found - positions.begin());
  };
  std::vector<Place> places;
  for (uint32_t id : column_ids) {
    if (size_t d = position(dimensions, id); d < dimensions.size()) {
      places.push_back({Place::Where::kDimension, d});
    } else if (size_t f = position(fields, id); f < fields.size()) {
      places.push_back({Place::Where::kField, f});
    } else {
      places.push_back({});
    }
  }
  return places;
}

// Without arrays if the chunk does not have it.
BlockColumns::Selected MemtableScan::column(const MemtableStep& step, Place place) {
  BlockColumns::Selected selected;
  if (place.where == Place::Where::kMissing) return selected;
  const bool dimension = place.where == Place::Where::kDimension;
  if (step.picked != nullptr) return dimension ? picked_.dimension(place.index) : picked_.field(place.index);
  const Chunk& chunk = *step.chunk;
  if (dimension) {
    selected.codes = chunk.codes(place.index) + step.first;
    return selected;
  }
  if (const StringRef* strings = chunk.strings(place.index)) selected.strings = strings + step.first;
  if (const int64_t* ints = chunk.ints(place.index)) selected.ints = ints + step.first;
  if (const uint8_t* nulls = chunk.nulls(place.index)) selected.nulls = nulls + step.first;
  return selected;
}

BlockColumns::Selected MemtableScan::missing_slice() {
  if (!missing_) missing_ = std::make_unique<Missing>();
  return {.codes = missing_->codes.data(),
          .ints = missing_->ints.data(),
          .nulls = missing_->nulls.data(),
          .strings = missing_->strings.data()};
}

}  // namespace tally
