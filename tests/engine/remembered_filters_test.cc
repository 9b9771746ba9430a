// The filters of one generation, by themselves: which one grows, what a new base takes the place of, how many there are.
#include "engine/remembered_filters.h"

#include <doctest/doctest.h>

using namespace tally;
using Filter = RememberedFilters::Filter;

namespace {

Filter filter_for(uint64_t ids) { return std::make_shared<RememberedFilter>(ids); }

}  // namespace

TEST_CASE("remembered filters: the one that was added last grows, and a copy takes its place") {
  RememberedFilters filters;
  CHECK(filters.growing() == nullptr);
  CHECK(filters.count() == 0);
  const Filter first = filter_for(10), copy = filter_for(10), second = filter_for(20);
  const FilterMask of_first = filters.add(nullptr, first);
  CHECK(filters.growing() == first);
  CHECK(filters.add(first, copy) == of_first);  // a run more, in the same place
  CHECK(filters.growing() == copy);
  CHECK(filters.count() == 1);
  const FilterMask of_second = filters.add(nullptr, second);
  CHECK(of_second != of_first);
  CHECK(filters.growing() == second);
  CHECK(filters.mask() == (of_first | of_second));
  CHECK(filters.memory_bytes() == copy->memory_bytes() + second->memory_bytes());
  filters.keep(of_first);
  CHECK(filters.growing() == nullptr);
  CHECK(filters.mask() == of_first);
}

TEST_CASE("remembered filters: a base takes the place of those it was planned on, and of no other") {
  RememberedFilters filters;
  const Filter old = filter_for(10), last = filter_for(20), base = filter_for(30);
  const FilterMask of_old = filters.add(nullptr, old), of_last = filters.add(nullptr, last);
  const std::vector<Filter> before = filters.plan();
  CHECK(before == std::vector<Filter>{old, last});
  CHECK(filters.growing() == nullptr);  // what is spilled now is not in the base

  SUBCASE("spills begin another meanwhile") {
    const Filter meanwhile = filter_for(5);
    const FilterMask of_meanwhile = filters.add(nullptr, meanwhile);
    CHECK(filters.growing() == meanwhile);
    const RememberedFilters::Rebased rebased = filters.rebase(before, base);
    CHECK(rebased.of(of_old) == rebased.base);
    CHECK(rebased.of(of_old | of_last) == rebased.base);
    CHECK(rebased.of(of_meanwhile) == of_meanwhile);
    CHECK(rebased.of(of_last | of_meanwhile) == (rebased.base | of_meanwhile));
    CHECK(filters.count() == 2);
    CHECK(filters.growing() == meanwhile);
  }
  SUBCASE("a spill that was on its way added to the last") {
    const Filter added_to = filter_for(20);
    CHECK(filters.add(last, added_to) == of_last);
    const RememberedFilters::Rebased rebased = filters.rebase(before, base);
    CHECK(rebased.of(of_old) == rebased.base);
    CHECK(rebased.of(of_last) == of_last);  // it covers what it covered, and the new run
    CHECK(filters.count() == 2);
  }
  SUBCASE("a spill that was on its way adds to the last when that has gone") {
    const RememberedFilters::Rebased rebased = filters.rebase(before, base);
    CHECK(filters.count() == 1);
    CHECK(filters.growing() == nullptr);  // a base is not added to
    const Filter added_to = filter_for(20);
    const FilterMask of_run = filters.add(last, added_to);
    CHECK(of_run != rebased.base);
    CHECK(filters.growing() == added_to);
    CHECK(filters.count() == 2);
  }
  SUBCASE("it came to nothing") {
    filters.abandon();
    CHECK(filters.growing() == last);
    CHECK(filters.count() == 2);
  }
}

TEST_CASE("remembered filters: where a base does not come in time, the last takes all, planned on or not") {
  RememberedFilters filters;
  for (size_t i = 0; i < RememberedFilters::kMax; ++i) {
    CHECK_FALSE(filters.full());
    filters.add(nullptr, filter_for(10));
  }
  CHECK(filters.full());
  const Filter last = filters.growing();
  REQUIRE(last != nullptr);
  const std::vector<Filter> before = filters.plan();
  CHECK(before.size() == RememberedFilters::kMax);
  CHECK(filters.growing() == last);
  const Filter added_to = filter_for(10);
  filters.add(last, added_to);
  CHECK(filters.count() == RememberedFilters::kMax);
  filters.rebase(before, filter_for(100));
  CHECK(filters.count() == 2);
  CHECK(filters.growing() == added_to);
}
