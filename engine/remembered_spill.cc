#include "engine/remembered_spill.h"

#include <algorithm>
#include <cmath>

#include "base/file_names.h"
#include "engine/id_run_merge.h"
#include "engine/id_run_writer.h"

namespace tally {

namespace {

IdRunWriter::Options options_of(const IdRunPlace& place, const IdRunTarget& target) {
  return {.fs = target.fs,
          .directory = target.directory,
          .number = target.number,
          .uuid = target.uuid,
          .table_uuid = target.table_uuid,
          .place = place};
}

Result<std::shared_ptr<const IdRun>> open_run(const IdRunTarget& target, const IdRunInfo& info) {
  return IdRun::open(*target.fs, join_path(target.directory, id_run_name(info.number)), &info);
}

void keys_of(std::span<const SeenEntry> entries, std::vector<Hash128>& keys) {
  keys.clear();
  for (const SeenEntry& entry : entries) keys.push_back(entry.key);
}

// Each entry goes to the run and its key to the filter, which covers the runs before already.
Result<IdRunInfo> write_run(const SpillWork& work, const IdRunTarget& target, RememberedFilter& filter) {
  TALLY_ASSIGN_OR_RETURN(auto writer, IdRunWriter::create(options_of(work.place, target)));
  std::vector<SeenEntry> entries;
  std::vector<Hash128> keys;
  for (size_t part = 0; part < RememberedTable::kParts; ++part) {
    work.ids->table.sorted_part(part, entries);
    TALLY_TRY(writer->add(entries));
    keys_of(entries, keys);
    filter.add(keys);
  }
  return writer->finish(work.ids->summary);
}

bool is_added_to(const SpillWork& work) {
  return work.filter && (work.filter_full || work.filter->has_room_for(work.ids->table.size()));
}

Result<MergedIds> seal(const MergeWork& work) {
  MergedIds sealed;
  sealed.place = work.place;
  for (const auto& run : work.sealed) sealed.ribbon_runs.push_back(run->info().number);
  TALLY_ASSIGN_OR_RETURN(sealed.ribbon, make_ribbon(work.sealed));
  return sealed;
}

Result<MergedIds> make_base(const MergeWork& work) {
  MergedIds based;
  based.place = work.place;
  based.filters = work.filters;
  for (const auto& run : work.base_of) based.inputs.push_back(run->info().number);
  TALLY_ASSIGN_OR_RETURN(LoadedFilter loaded,
                         load_filter(work.base_of, work.place.shard, work.place.shards, work.filter_bits));
  based.filter = std::move(loaded.filter);
  return based;
}

}  // namespace

Result<SpilledIds> write_spill(const SpillWork& work, const IdRunTarget& target) {
  const RememberedFilters::Filter before = is_added_to(work) ? work.filter : nullptr;
  const auto filter =
      before ? std::make_shared<RememberedFilter>(*before)
             : std::make_shared<RememberedFilter>(std::max(work.ids->table.size(), work.filter_ids), work.filter_bits);
  TALLY_ASSIGN_OR_RETURN(IdRunInfo info, write_run(work, target, *filter));
  TALLY_ASSIGN_OR_RETURN(auto run, open_run(target, info));
  return SpilledIds{
      .place = work.place, .ids = work.ids, .run = std::move(run), .filter = filter, .filter_before = before};
}

Result<MergedIds> write_merge(const MergeWork& work, const IdRunTarget& target) {
  if (!work.sealed.empty()) return seal(work);
  if (!work.base_of.empty()) return make_base(work);
  MergedIds merged;
  merged.place = work.place;
  uint64_t entries = 0;
  for (const auto& input : work.inputs) {
    merged.inputs.push_back(input->info().number);
    entries += input->info().entries;
  }
  std::shared_ptr<RememberedFilter> filter;
  KeyVisitor visit;
  if (!work.filters.empty()) {
    filter = std::make_shared<RememberedFilter>(entries, work.filter_bits);
    visit = [&](std::span<const Hash128> keys) { filter->add(keys); };
  }
  TALLY_ASSIGN_OR_RETURN(IdRunMergeResult result, merge_id_runs(options_of(work.place, target), work.inputs, visit));
  TALLY_ASSIGN_OR_RETURN(merged.run, open_run(target, result.info));
  merged.filter = std::move(filter);
  merged.filters = work.filters;
  merged.repeated = result.repeated;
  return merged;
}

double own_share(const IdRunPlace& place, uint32_t shard, uint32_t shards) {
  auto edge = [](uint32_t at, uint32_t of) { return static_cast<double>(at) / of; };
  const double first = std::max(edge(place.shard, place.shards), edge(shard, shards));
  const double end = std::min(edge(place.shard + 1, place.shards), edge(shard + 1, shards));
  return std::max(0.0, end - first) * place.shards;
}

Result<LoadedFilter> load_filter(std::span<const std::shared_ptr<const IdRun>> runs, uint32_t shard, uint32_t shards,
                                 double filter_bits) {
  double expected = 0;
  for (const auto& run : runs) {
    expected += static_cast<double>(run->info().entries) * own_share(run->info().place, shard, shards);
  }
  LoadedFilter loaded{
      .filter = std::make_shared<RememberedFilter>(static_cast<uint64_t>(std::ceil(expected)), filter_bits),
      .own_ids = {}};
  std::vector<Hash128> keys;
  for (const auto& run : runs) {
    const bool foreign = run->info().place.shard != shard || run->info().place.shards != shards;
    const uint64_t before = loaded.filter->ids();
    IdRunCursor cursor(run);
    for (;;) {
      TALLY_ASSIGN_OR_RETURN(auto entries, cursor.next());
      if (entries.empty()) break;
      keys_of(entries, keys);
      if (foreign) std::erase_if(keys, [&](const Hash128& key) { return shard_of(key, shards) != shard; });
      loaded.filter->add(keys);
    }
    loaded.own_ids.push_back(loaded.filter->ids() - before);
  }
  return loaded;
}

}  // namespace tally
