#include "engine/rollup_check.h"

#include <algorithm>

#include "base/timestamp.h"
#include "engine/raw_values.h"
#include "engine/rollup_totals.h"
#include "engine/segment_format.h"

namespace tally {
namespace {

using DayTotals = std::map<int32_t, RollupTotals>;

class RollupCheck {
 public:
  RollupCheck(FileSystem& fs, const TablePaths& paths, const ManifestState& state,
              const std::map<uint32_t, const Dictionary*>& dictionaries)
      : fs_(fs), paths_(paths), state_(state), dictionaries_(dictionaries) {}

  std::vector<std::string> run() {
    for (const Rollup& rollup : state_.schema()->rollups) {
      for (Tier tier : kept_tiers(rollup)) check_tier(rollup, tier);
    }
    return std::move(problems_);
  }

 private:
  void check_tier(const Rollup& rollup, Tier tier) {
    const RollupShape shape = RollupShape::of(state_.schema(), rollup.id, tier);
    const Tier source = finer_tier(rollup, tier);
    DayTotals here, there;
    const Status read = read_tier(shape, tier, UINT64_MAX, tier, here);
    const Status source_read = source == Tier::kRaw ? read_raw(shape, there) : read_tier(shape, source, 0, tier, there);
    for (const Status& status : {read, source_read}) {
      if (!status) problems_.push_back("rollup \"" + rollup.name + "\": " + status.error().message);
    }
    if (!read || !source_read) return;
    for (const auto& [of, progress] : state_.tiers) {
      if (of.rollup_id != rollup.id || of.tier != tier || progress.dropped_lsn != 0) continue;
      const TierDay from{source == Tier::kRaw ? 0 : rollup.id, source, of.day};
      if (state_.progress(from).dropped_lsn != 0) continue;
      compare(rollup, shape, of.day, here[of.day], there[of.day]);
    }
  }

  void compare(const Rollup& rollup, const RollupShape& shape, int32_t day, RollupTotals& here, RollupTotals& there) {
    here.resize(shape.values.size());
    there.resize(shape.values.size());
    for (size_t i = 0; i < here.size(); ++i) {
      if (here[i] == there[i]) continue;
      const __int128 off = here[i] - there[i];
      problems_.push_back("rollup \"" + rollup.name + "\", tier " + std::string(tier_name(shape.tier)) + ", day " +
                          format_timestamp(TimeUs{day} * kMicrosPerDay).substr(0, 10) + ": " +
                          segment_format::column_name(*shape.schema, shape.values[i].column_id) + " is " +
                          (off > 0 ? "more" : "less") + " than what was folded into it, by " +
                          std::to_string(static_cast<long long>(off > 0 ? off : -off)));
    }
  }

  // Live sections of `tier`; of a source those that `into` has folded.
  Status read_tier(const RollupShape& shape, Tier tier, Lsn all, Tier into, DayTotals& totals) {
    for (const auto& [number, info] : state_.segments) {
      if (info.rollup_id != shape.rollup_id || info.tier != tier) continue;
      TALLY_ASSIGN_OR_RETURN(auto reader, SegmentReader::open(fs_, paths_.segment(number), &info));
      auto cursor = reader->cursor(tier_selection(shape));
      for (size_t section = 0; section < info.days.size(); ++section) {
        const SegmentDay& day = info.days[section];
        const Lsn folded = all != 0 ? all : state_.progress({shape.rollup_id, into, day.day}).folded_lsn;
        if (day.through_lsn > folded) continue;
        if (day.through_lsn <= state_.progress({shape.rollup_id, tier, day.day}).dropped_lsn) continue;
        RollupTotals& of_day = totals.try_emplace(day.day, shape.values.size()).first->second;
        TALLY_TRY(add_section(shape, *cursor, reader->sections()[section], of_day));
      }
    }
    return {};
  }

  static Status add_section(const RollupShape& shape, SegmentReader::Cursor& cursor,
                            const SegmentReader::Section& section, RollupTotals& totals) {
    for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
      TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor.read(block));
      RollupRows::Input input;
      show_tier_block(shape, *columns, input);
      add_totals(shape, input, 0, input.rows, totals);
    }
    return {};
  }

  Status read_raw(const RollupShape& shape, DayTotals& totals) {
    RawValues values(shape, dictionaries_);
    for (const auto& [number, info] : state_.segments) {
      if (info.rollup_id != 0) continue;
      TALLY_ASSIGN_OR_RETURN(auto reader, SegmentReader::open(fs_, paths_.segment(number), &info));
      auto cursor = reader->cursor(values.selection());
      for (const SegmentReader::Section& section : reader->sections()) {
        const Lsn folded = state_.progress({shape.rollup_id, shape.tier, section.day}).folded_lsn;
        RollupTotals& of_day = totals.try_emplace(section.day, shape.values.size()).first->second;
        for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
          TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor->read(block));
          const RollupRows::Input& input = values.values(*columns, reader->schema());
          for (uint32_t row = 0; row < input.rows; ++row) {
            if (columns->rows.lsns[row] <= folded) add_totals(shape, input, row, 1, of_day);
          }
        }
      }
    }
    return {};
  }

  FileSystem& fs_;
  const TablePaths& paths_;
  const ManifestState& state_;
  const std::map<uint32_t, const Dictionary*>& dictionaries_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_rollup_sums(FileSystem& fs, const TablePaths& paths, const ManifestState& state,
                                           const std::map<uint32_t, const Dictionary*>& dictionaries) {
  return RollupCheck(fs, paths, state, dictionaries).run();
}

}  // namespace tally
