#include "engine/remembered_filters.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "base/status.h"

namespace tally {

// What plan() handed out may grow only where nothing else can: a copy then stays beside the base until the next.
RememberedFilters::Filter RememberedFilters::growing() const {
  if (growing_ == kNone || (planned_ && !full())) return nullptr;
  return filters_[growing_];
}

FilterMask RememberedFilters::add(const Filter& instead_of, Filter filter) {
  TALLY_CHECK(filter != nullptr);
  size_t place = instead_of == nullptr ? kNone : place_of(instead_of);
  if (place == kNone) place = place_of(nullptr);
  TALLY_CHECK(place != kNone);
  filters_[place] = std::move(filter);
  growing_ = place;
  planned_ = false;
  return mask_of(place);
}

std::vector<RememberedFilters::Filter> RememberedFilters::plan() {
  planned_ = true;
  std::vector<Filter> all;
  std::ranges::copy_if(filters_, std::back_inserter(all), [](const Filter& filter) { return filter != nullptr; });
  return all;
}

RememberedFilters::Rebased RememberedFilters::rebase(std::span<const Filter> before, Filter base) {
  TALLY_CHECK(base != nullptr);
  Rebased rebased;
  for (const Filter& filter : before) {
    const size_t place = place_of(filter);
    if (place == kNone) continue;  // it has grown
    rebased.gone |= mask_of(place);
    filters_[place] = nullptr;
    if (growing_ == place) growing_ = kNone;
  }
  const size_t place = place_of(nullptr);
  TALLY_CHECK(place != kNone);
  filters_[place] = std::move(base);
  rebased.base = mask_of(place);
  planned_ = false;
  return rebased;
}

void RememberedFilters::keep(FilterMask used) {
  for (size_t place = 0; place < kPlaces; ++place) {
    if ((used & mask_of(place)) != 0) continue;
    filters_[place] = nullptr;
    if (growing_ == place) growing_ = kNone;
  }
}

FilterMask RememberedFilters::mask() const {
  FilterMask mask = 0;
  for (size_t place = 0; place < kPlaces; ++place) {
    if (filters_[place]) mask |= mask_of(place);
  }
  return mask;
}

size_t RememberedFilters::count() const { return static_cast<size_t>(std::popcount(mask())); }

uint64_t RememberedFilters::memory_bytes() const {
  uint64_t bytes = 0;
  for (const Filter& filter : filters_) bytes += filter ? filter->memory_bytes() : 0;
  return bytes;
}

size_t RememberedFilters::place_of(const Filter& filter) const {
  const auto found = std::ranges::find(filters_, filter);
  return found == filters_.end() ? kNone : static_cast<size_t>(found - filters_.begin());
}

}  // namespace tally
