#include "query/operators/gap_filling.h"

#include <algorithm>
#include <map>

namespace tally {
namespace {

// One combination of the other keys: a group that has it, and the buckets that are there.
struct Series {
  uint32_t group = 0;
  std::vector<TimeUs> begins;  // sorted
};

class GapFiller {
 public:
  GapFiller(const BoundSelect& select, uint64_t groups_max, uint64_t memory_bytes_max, Aggregation::Groups& groups)
      : select_(select),
        fill_(*select.fill),
        bucketer_(*select.keys[fill_.key]->bucketer),
        groups_max_(std::min(groups_max, memory_bytes_max / (groups.columns.size() * sizeof(Int128)))),
        groups_(groups) {}

  Sql<void> run() {
    collect();
    if (!find_range()) return {};
    for (auto& [key, series] : series_) SQL_TRY(find_missing(series));
    if (!missing_.empty()) append();
    return {};
  }

 private:
  struct Missing {
    uint32_t group;  // with the same other keys; kNoGroup where there is none, and no other key
    TimeUs begin;
  };
  static constexpr uint32_t kNoGroup = UINT32_MAX;

  void collect() {
    for (const uint32_t group : groups_.shown) {
      const Vector& times = groups_.columns[fill_.key];
      if (times.is_null(group)) continue;
      Series& series = series_.try_emplace(other_keys(group), Series{group, {}}).first->second;
      series.begins.push_back(times.time(group));
    }
    if (series_.empty() && select_.keys.size() == 1) series_.emplace("", Series{kNoGroup, {}});
    for (auto& [key, series] : series_) std::sort(series.begins.begin(), series.begins.end());
  }

  std::string other_keys(uint32_t group) const {
    std::string text;
    for (uint32_t key = 0; key < select_.keys.size(); ++key) {
      if (key == fill_.key) continue;
      const Datum value = groups_.columns[key].datum(group);
      const std::string part = datum_key(value);
      text += std::to_string(value.is_null() ? 0 : part.size() + 1) + ":" + part;
    }
    return text;
  }

  // The begins of the first and the last bucket; false where there is nothing between them.
  bool find_range() {
    bool any = false;
    TimeUs least = 0, greatest = 0;
    for (const auto& [key, series] : series_) {
      if (series.begins.empty()) continue;
      least = any ? std::min(least, series.begins.front()) : series.begins.front();
      greatest = any ? std::max(greatest, series.begins.back()) : series.begins.back();
      any = true;
    }
    const bool from = fill_.from != INT64_MIN, to = fill_.to != INT64_MAX;
    if (fill_.from >= fill_.to || (!any && (!from || !to))) return false;
    first_ = from ? bucketer_.begin(fill_.from) : least;
    last_ = to ? bucketer_.begin(fill_.to - 1) : greatest;
    return first_ <= last_;
  }

  Sql<void> find_missing(const Series& series) {
    auto there = series.begins.begin();
    for (TimeUs begin = first_; begin <= last_; begin = bucketer_.next(begin)) {
      if (begin == INT64_MAX) break;
      while (there != series.begins.end() && *there < begin) ++there;
      if (there != series.begins.end() && *there == begin) continue;
      if (missing_.size() >= groups_max_) {
        return sql_fail(select_.keys[fill_.key]->offset,
                        "FILL would add more than " + std::to_string(groups_max_) + " groups",
                        "; take a wider bucket, or a shorter range in WHERE", Code::kLimitExceeded);
      }
      missing_.push_back({series.group, begin});
    }
    return {};
  }

  void append() {
    const uint32_t before = groups_.block.rows, after = before + static_cast<uint32_t>(missing_.size());
    const size_t keys = select_.keys.size();
    for (size_t c = 0; c < groups_.columns.size(); ++c) {
      const Vector& old = groups_.columns[c];
      Vector column = Vector::of(c < keys ? select_.keys[c]->type : old.type, after);
      column.kept = old.kept;
      for (uint32_t i = 0; i < before; ++i) column.set(i, old, i);
      for (uint32_t i = before; i < after; ++i) {
        const Missing& missing = missing_[i - before];
        if (c == fill_.key) {
          column.times[i] = missing.begin;
        } else if (c < keys) {
          column.set(i, old, missing.group);
        } else {
          column.set(i, groups_.empty[c - keys]);
        }
      }
      groups_.columns[c] = std::move(column);
    }
    for (uint32_t i = before; i < after; ++i) groups_.shown.push_back(i);
    groups_.view_columns();
  }

  const BoundSelect& select_;
  const GapFilling& fill_;
  const Bucketer& bucketer_;
  const uint64_t groups_max_;
  Aggregation::Groups& groups_;
  std::map<std::string, Series> series_;
  TimeUs first_ = 0, last_ = 0;
  std::vector<Missing> missing_;
};

}  // namespace

Sql<void> fill_gaps(const BoundSelect& select, uint64_t groups_max, uint64_t memory_bytes_max,
                    Aggregation::Groups& groups) {
  return GapFiller(select, groups_max, memory_bytes_max, groups).run();
}

}  // namespace tally
