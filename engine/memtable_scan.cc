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
  filter_.filter = spec.filter;
  for (const auto& predicates : spec.columns.marks) {
    marks_.emplace_back().filter.predicates = predicates;
  }
  mark_words_.resize(marks_.size());
}

uint32_t MemtableScan::show(const MemtableStep& step, RowBlock& block) {
  const Chunk& chunk = *step.chunk;
  const uint32_t first = step.first;
  enter(chunk);
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
  block.schema = &chunk.schema();
  block.times = chunk.times() + first;
  block.kinds = chunk.kinds() + first;
  block.lsns = chunk.lsns() + first;
  block.arrivals = chunk.arrivals() + first;
  block.ids = chunk.ids() + first;
  block.id_kinds = chunk.id_kinds() + first;
  for (size_t i = 0; i < places_.size(); ++i) {
    const bool missing = places_[i].where == Place::Where::kMissing;
    block.columns[i] = missing ? missing_slice() : column_slice(chunk, places_[i], first);
  }
  return selected;
}

void MemtableScan::enter(const Chunk& chunk) {
  if (chunk_ == &chunk) return;
  chunk_ = &chunk;
  places_ = find_places(chunk.schema(), spec_.columns.column_ids);
  filter_.places = find_places(chunk.schema(), columns_of(filter_.filter));
  for (Asked& mark : marks_) mark.places = find_places(chunk.schema(), columns_of(mark.filter));
}

void MemtableScan::ask(const MemtableStep& step, Asked& asked) {
  asked.columns.resize(asked.places.size());
  for (size_t i = 0; i < asked.places.size(); ++i) {
    asked.columns[i] = column_slice(*step.chunk, asked.places[i], step.first);
  }
  asked.words.resize(selection_words(step.rows));
  const MemtableSlice slice{.rows = step.rows,
                            .times = step.chunk->times() + step.first,
                            .ids = step.chunk->ids() + step.first,
                            .id_kinds = step.chunk->id_kinds() + step.first,
                            .columns = asked.columns};
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

BlockColumns::Selected MemtableScan::column_slice(const Chunk& chunk, Place place, uint32_t first) {
  BlockColumns::Selected selected;
  if (place.where == Place::Where::kDimension) {
    selected.codes = chunk.codes(place.index) + first;
  } else if (place.where == Place::Where::kField) {
    if (const StringRef* strings = chunk.strings(place.index)) selected.strings = strings + first;
    if (const int64_t* ints = chunk.ints(place.index)) selected.ints = ints + first;
    if (const uint8_t* nulls = chunk.nulls(place.index)) selected.nulls = nulls + first;
  }
  return selected;
}

BlockColumns::Selected MemtableScan::missing_slice() {
  if (!missing_) missing_ = std::make_unique<Missing>();
  return {missing_->codes.data(), missing_->ints.data(), missing_->nulls.data(), missing_->strings.data()};
}

}  // namespace tally
