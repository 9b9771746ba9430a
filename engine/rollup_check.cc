#include "engine/rollup_check.h"

#include <algorithm>
#include <optional>

#include "base/random.h"
#include "base/timestamp.h"
#include "engine/raw_values.h"
#include "engine/rollup_totals.h"
#include "engine/segment_format.h"
#include "engine/sketch_format.h"

namespace tally {
namespace {

using Kind = RollupShape::Kind;

// What a day adds up to, value by value.
class DayFigures {
 public:
  explicit DayFigures(const RollupShape& shape)
      : shape_(&shape), sums_(shape.values.size()), mixed_(shape.values.size()), extremes_(shape.values.size()) {
    for (const RollupShape::Value& value : shape.values) {
      sketches_.emplace_back(value.kind == Kind::kSketch ? value.precision : kHyperLogLogPrecisionMin);
    }
  }

  // Rows for which `wanted(row)` holds; `bucket_us`: of the tier that is compared.
  template <class Wanted>
  Status add(const RollupRows::Input& input, TimeUs bucket_us, Wanted wanted) {
    for (uint32_t row = 0; row < input.rows; ++row) {
      if (!wanted(row)) continue;
      const uint64_t group = group_hash(input, row, bucket_us);
      for (size_t i = 0; i < sums_.size(); ++i) TALLY_TRY(add_value(input.values[i], row, i, group));
    }
    for (const RollupRows::Input::Carry& carry : input.carries) {
      if (wanted(carry.row)) add_sum(carry.value, 1, group_hash(input, carry.row, bucket_us));
    }
    return {};
  }

  // The names of values that differ, with what is wrong; ours against `source`.
  std::vector<std::string> differences(const DayFigures& source) const {
    std::vector<std::string> found;
    for (size_t i = 0; i < sums_.size(); ++i) {
      const std::string name = segment_format::column_name(*shape_->schema, shape_->values[i].column_id);
      if (sums_[i] != source.sums_[i]) {
        const __int128 off = sums_[i] - source.sums_[i];
        found.push_back(name + " is " + (off > 0 ? "more" : "less") + " than what was folded into it, by " +
                        std::to_string(static_cast<long long>(off > 0 ? off : -off)));
      } else if (mixed_[i] != source.mixed_[i]) {
        found.push_back(name + " stands in other groups than what was folded into it");
      } else if (extremes_[i] != source.extremes_[i] || !same(sketches_[i], source.sketches_[i])) {
        found.push_back(name + " is not that of what was folded into it");
      }
    }
    return found;
  }

 private:
  static uint64_t mix(uint64_t hash, uint64_t word) {
    uint64_t state = hash ^ word;
    return splitmix64(state);
  }

  uint64_t group_hash(const RollupRows::Input& input, uint32_t row, TimeUs bucket_us) const {
    const TimeUs time = input.times[row];
    const TimeUs rest = time % bucket_us;
    uint64_t hash = mix(0, static_cast<uint64_t>(time - (rest < 0 ? rest + bucket_us : rest)));
    for (const uint32_t* codes : input.codes) hash = mix(hash, codes == nullptr ? kNullCode : codes[row]);
    return hash;
  }

  void add_sum(size_t i, int64_t value, uint64_t group) {
    sums_[i] += value;
    mixed_[i] += static_cast<uint64_t>(value) * group;  // modulo 2^64, as the sum is
  }

  Status add_value(const RollupRows::Value& value, uint32_t row, size_t i, uint64_t group) {
    const bool null = value.nulls != nullptr && value.nulls[row] != 0;
    if (value.counts != nullptr && value.counts[row] != 0) add_sum(i, value.counts[row], group);
    if (value.hashes != nullptr && !null) sketches_[i].add(value.hashes[row]);
    if (value.sketches != nullptr && !value.sketches[row].is_null()) {
      TALLY_TRY(merge_stored_sketch(as_bytes(value.sketches[row].view()), sketches_[i]));
    }
    if (value.ints == nullptr || null) return {};
    const int64_t number = value.ints[row];
    std::optional<int64_t>& extreme = extremes_[i];
    switch (shape_->values[i].kind) {
      case Kind::kSum: add_sum(i, number, group); break;
      case Kind::kMin: extreme = extreme ? std::min(*extreme, number) : number; break;
      case Kind::kMax: extreme = extreme ? std::max(*extreme, number) : number; break;
      case Kind::kSketch: break;
    }
    return {};
  }

  static bool same(const HyperLogLog& a, const HyperLogLog& b) {
    const uint32_t registers = 1u << a.precision();
    for (uint32_t i = 0; i < registers; ++i) {
      if (a.register_at(i) != b.register_at(i)) return false;
    }
    return true;
  }

  const RollupShape* shape_;
  RollupTotals sums_;
  std::vector<uint64_t> mixed_;
  std::vector<std::optional<int64_t>> extremes_;
  std::vector<HyperLogLog> sketches_;
};

// A tier, or raw, read for one that is compared with it.
struct Reading {
  std::map<int32_t, DayFigures> days;
  std::map<int32_t, std::vector<std::string>> files;  // by day
};

std::string day_text(int32_t day) { return format_timestamp(TimeUs{day} * kMicrosPerDay).substr(0, 10); }

std::string interval_text(const SegmentDay& day) {
  return "(" + std::to_string(day.above_lsn) + ", " + std::to_string(day.through_lsn) + "]";
}

class RollupCheck {
 public:
  RollupCheck(FileSystem& fs, const TablePaths& paths, const ManifestState& state,
              const std::map<uint32_t, const Dictionary*>& dictionaries)
      : fs_(fs), paths_(paths), state_(state), dictionaries_(dictionaries) {}

  std::vector<std::string> run() {
    for (const Rollup& rollup : state_.schema()->rollups) {
      for (Tier tier : kept_tiers(rollup)) {
        check_sections(rollup, tier);
        check_tier(rollup, tier);
      }
      check_cover(rollup);
    }
    return std::move(problems_);
  }

 private:
  std::string place(const Rollup& rollup, Tier tier, int32_t day) const {
    return "rollup \"" + rollup.name + "\", tier " + std::string(tier_name(tier)) + ", day " + day_text(day) + ": ";
  }

  bool is_live(const SegmentInfo& info, const SegmentDay& day) const {
    return day.through_lsn > state_.progress({info.rollup_id, info.tier, day.day}).dropped_lsn;
  }

  // --- sums ----------------------------------------------------------------------------------------------------------

  void check_tier(const Rollup& rollup, Tier tier) {
    const RollupShape shape = RollupShape::of(state_.schema(), rollup.id, tier);
    const Tier source = finer_tier(rollup, tier);
    Reading here, there;
    const Status read = read_tier(shape, tier, UINT64_MAX, here);
    const Status source_read = source == Tier::kRaw ? read_raw(shape, there) : read_tier(shape, source, 0, there);
    for (const Status& status : {read, source_read}) {
      if (!status) problems_.push_back("rollup \"" + rollup.name + "\": " + status.error().message);
    }
    if (!read || !source_read) return;
    for (const auto& [of, progress] : state_.tiers) {
      if (of.rollup_id != rollup.id || of.tier != tier || progress.dropped_lsn != 0) continue;
      const TierDay from{source == Tier::kRaw ? 0 : rollup.id, source, of.day};
      if (state_.progress(from).dropped_lsn != 0) continue;
      const DayFigures& ours = figures_of(here, shape, of.day);
      for (const std::string& what : ours.differences(figures_of(there, shape, of.day))) {
        problems_.push_back(place(rollup, tier, of.day) + what + " (" + names(here.files[of.day]) + ")");
      }
    }
  }

  static DayFigures& figures_of(Reading& reading, const RollupShape& shape, int32_t day) {
    return reading.days.try_emplace(day, shape).first->second;
  }

  static std::string names(const std::vector<std::string>& files) {
    constexpr size_t kNamed = 4;
    if (files.empty()) return "no file";
    std::string text;
    for (size_t i = 0; i < std::min(files.size(), kNamed); ++i) text += (i == 0 ? "" : ", ") + files[i];
    return files.size() <= kNamed ? text : text + " and " + std::to_string(files.size() - kNamed) + " more";
  }

  // Live sections of `tier`; `all` 0: of a source, those that the shape's tier has folded.
  Status read_tier(const RollupShape& shape, Tier tier, Lsn all, Reading& reading) {
    for (const auto& [number, info] : state_.segments) {
      if (info.rollup_id != shape.rollup_id || info.tier != tier) continue;
      TALLY_ASSIGN_OR_RETURN(auto reader, SegmentReader::open(fs_, paths_.segment(number), &info));
      auto cursor = reader->cursor(tier_selection(shape));
      for (size_t section = 0; section < info.days.size(); ++section) {
        const SegmentDay& day = info.days[section];
        const Lsn folded = all != 0 ? all : state_.progress({shape.rollup_id, shape.tier, day.day}).folded_lsn;
        if (day.through_lsn > folded || !is_live(info, day)) continue;
        reading.files[day.day].push_back(paths_.segment(number));
        TALLY_TRY(add_section(shape, *cursor, reader->sections()[section], figures_of(reading, shape, day.day)));
      }
    }
    return {};
  }

  static Status add_section(const RollupShape& shape, SegmentReader::Cursor& cursor,
                            const SegmentReader::Section& section, DayFigures& figures) {
    for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
      TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor.read(block));
      RollupRows::Input input;
      show_tier_block(shape, *columns, input);
      TALLY_TRY(figures.add(input, tier_us(shape.tier), [](uint32_t) { return true; }));
    }
    return {};
  }

  Status read_raw(const RollupShape& shape, Reading& reading) {
    RawValues values(shape, dictionaries_);
    for (const auto& [number, info] : state_.segments) {
      if (info.rollup_id != 0) continue;
      TALLY_ASSIGN_OR_RETURN(auto reader, SegmentReader::open(fs_, paths_.segment(number), &info));
      auto cursor = reader->cursor(values.selection());
      for (const SegmentReader::Section& section : reader->sections()) {
        const Lsn folded = state_.progress({shape.rollup_id, shape.tier, section.day}).folded_lsn;
        DayFigures& figures = figures_of(reading, shape, section.day);
        for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
          TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor->read(block));
          const RollupRows::Input& input = values.values(*columns, reader->schema());
          const Lsn* lsns = columns->rows.lsns;
          TALLY_TRY(figures.add(input, tier_us(shape.tier), [&](uint32_t row) { return lsns[row] <= folded; }));
        }
      }
    }
    return {};
  }

  // --- sections and cover ----------------------------------------------------------------------------------------------

  void check_sections(const Rollup& rollup, Tier tier) {
    const Tier coarser = coarser_tier(rollup, tier);
    for (const auto& [number, info] : state_.segments) {
      if (info.rollup_id != rollup.id || info.tier != tier) continue;
      bool live = false;
      for (const SegmentDay& day : info.days) {
        live = live || is_live(info, day);
        const TierProgress own = state_.progress({rollup.id, tier, day.day});
        if (own.dropped_lsn > day.above_lsn && own.dropped_lsn < day.through_lsn && own.dropped_lsn != 0 &&
            day.above_lsn != 0) {
          problems_.push_back(place(rollup, tier, day.day) + paths_.segment(number) + " holds the records " +
                              interval_text(day) + ", across the " + std::to_string(own.dropped_lsn) +
                              " up to which the tier was dropped");
        }
        if (coarser == Tier::kRaw) continue;
        const Lsn folded = state_.progress({rollup.id, coarser, day.day}).folded_lsn;
        if (folded <= day.above_lsn || folded >= day.through_lsn) continue;
        problems_.push_back(place(rollup, tier, day.day) + paths_.segment(number) + " holds the records " +
                            interval_text(day) + ", across the " + std::to_string(folded) + " up to which tier " +
                            std::string(tier_name(coarser)) + " has folded");
      }
      if (!live) {
        problems_.push_back(place(rollup, tier, info.days.front().day) + paths_.segment(number) +
                            " is listed, and all of it was dropped");
      }
    }
  }

  // Events of the rollup's last tier, of what is above it in the finer ones, of raw above those, and dropped ones.
  void check_cover(const Rollup& rollup) {
    if (rollup.since_version != 1) return;  // it may lack what raw had dropped before it came
    const std::vector<Tier> tiers = kept_tiers(rollup);
    uint64_t events = 0;
    for (const auto& [number, info] : state_.segments) {
      if (info.rollup_id != rollup.id) continue;
      const Tier coarser = coarser_tier(rollup, info.tier);
      for (const SegmentDay& day : info.days) {
        const Lsn folded = coarser == Tier::kRaw ? 0 : state_.progress({rollup.id, coarser, day.day}).folded_lsn;
        if (is_live(info, day) && day.above_lsn >= folded) events += day.events;
      }
    }
    const Result<uint64_t> raw = raw_events_above(rollup.id, tiers.front());
    if (!raw) return problems_.push_back("rollup \"" + rollup.name + "\": " + raw.error().message);
    const auto dropped = state_.dropped_events.find(rollup.id);
    const uint64_t gone = dropped == state_.dropped_events.end() ? 0 : dropped->second;
    if (events + *raw + gone == state_.ledger.accepted) return;
    problems_.push_back("rollup \"" + rollup.name + "\": its tiers hold " + std::to_string(events) + " events, raw " +
                        std::to_string(*raw) + " above them, retention has dropped " + std::to_string(gone) +
                        ", and the ledger accepted " + std::to_string(state_.ledger.accepted));
  }

  Result<uint64_t> raw_events_above(uint32_t rollup_id, Tier finest) {
    uint64_t events = 0;
    ColumnSelection selection;
    selection.lsns = true;
    selection.cached = false;
    for (const auto& [number, info] : state_.segments) {
      if (info.rollup_id != 0) continue;
      const bool any = std::ranges::any_of(info.days, [&](const SegmentDay& day) {
        return state_.progress({rollup_id, finest, day.day}).folded_lsn < info.max_lsn;
      });
      if (!any) continue;
      TALLY_ASSIGN_OR_RETURN(auto reader, SegmentReader::open(fs_, paths_.segment(number), &info));
      auto cursor = reader->cursor(selection);
      for (const SegmentReader::Section& section : reader->sections()) {
        const Lsn folded = state_.progress({rollup_id, finest, section.day}).folded_lsn;
        for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
          TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor->read(block));
          for (uint32_t row = 0; row < columns->rows.rows; ++row) {
            events += columns->rows.lsns[row] > folded && columns->rows.kinds[row] == RowKind::kEvent ? 1 : 0;
          }
        }
      }
    }
    return events;
  }

  FileSystem& fs_;
  const TablePaths& paths_;
  const ManifestState& state_;
  const std::map<uint32_t, const Dictionary*>& dictionaries_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_rollups(FileSystem& fs, const TablePaths& paths, const ManifestState& state,
                                       const std::map<uint32_t, const Dictionary*>& dictionaries) {
  return RollupCheck(fs, paths, state, dictionaries).run();
}

}  // namespace tally
