#include "engine/open_table.h"

#include <algorithm>

#include "engine/dictionary_file.h"
#include "engine/orphans.h"
#include "engine/table_impl.h"

namespace tally {

namespace {

// A table's folder gets its name only when it has a CURRENT: without one it is damaged, and not a table that is not there.
Result<std::shared_ptr<const ManifestState>> load_manifest(FileSystem& fs, const TablePaths& paths) {
  Result<std::shared_ptr<const ManifestState>> state = Manifest::load(fs, paths.directory());
  if (state || state.error().code != Code::kNotFound) return state;
  return fail(Code::kCorruption, std::move(state).error().message);
}

}  // namespace

Result<std::unique_ptr<Table>> open_table(FileSystem& fs, Clock& clock, const TablePaths& paths,
                                          const TableOptions& options) {
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<const ManifestState> state, load_manifest(fs, paths));
  auto table = std::make_unique<TableImpl>(fs, clock, paths, options, std::move(state));
  TALLY_TRY(table->recover());
  return table;
}

Status TableImpl::recover() {
  std::lock_guard lock(start_mutex_);
  TALLY_TRY(check_listed_files(fs_, paths_.directory(), *publisher_.get()->manifest));
  TALLY_ASSIGN_OR_RETURN(orphans_, count_orphans(fs_, paths_.directory()));
  TALLY_TRY(load_dictionaries());
  TALLY_ASSIGN_OR_RETURN(RetractionFiles files,
                         open_retraction_files(fs_, paths_, publisher_.get()->manifest->retraction_files));
  publisher_.update([&](PublishedState& state) { state.retraction_files = std::move(files); });
  return replay_log();
}

Status TableImpl::load_dictionaries() {
  const std::shared_ptr<const ManifestState> state = publisher_.get()->manifest;
  std::vector<DictionaryTarget> targets;
  for (const auto& [id, size] : dictionaries_->sizes()) targets.push_back({id, dictionaries_->find(id).get()});
  for (const DictionaryFileInfo& file : state->dictionary_files) {
    TALLY_TRY(load_dictionary_file(fs_, paths_.dictionary(file.number), file, targets));
  }
  for (const DictionaryTarget& target : targets) {
    const auto known = state->dictionary_sizes.find(target.dimension_id);
    const uint32_t expected = known == state->dictionary_sizes.end() ? kFirstValueCode : known->second;
    if (target.dictionary->size() != expected) {
      return fail(Code::kCorruption, "dimension \"" + state->find_column(target.dimension_id)->name + "\" has " +
                                         std::to_string(target.dictionary->size()) +
                                         " dictionary codes, the manifest says " + std::to_string(expected));
    }
  }
  return {};
}

Status TableImpl::replay_log() {
  const std::shared_ptr<const ManifestState> state = publisher_.get()->manifest;
  Replay replay(*state, hasher_, *dictionaries_, shard_pointers());
  auto visit = [&](const RecordView& record) -> Status {
    TALLY_TRY(load_ids());  // only a table with something to replay pays for them here
    return replay.apply(record);
  };
  TALLY_ASSIGN_OR_RETURN(log_recovery_, recover_log(log_options(), state->log, visit));
  if (replay.last_lsn() == state->log.flushed_lsn && !log_recovery_.torn) return {};
  Status persisted = persist_recovered(replay);
  if (!persisted && persisted.error().code == Code::kNoSpace) {
    // Queries are served from what was replayed; a later start, with room, begins here again.
    read_only_ = fail(Code::kReadOnly,
                      "the table is read-only: there is no room on the disk to write down what the log "
                      "recovered: " +
                          persisted.error().message);
    return {};
  }
  return persisted;
}

// What was replayed goes to fresh segments and a fresh manifest before anything is acknowledged (W21). LSNs up to the highest
// one seen are settled by it: they are in segments, or were never acknowledged and never will be.
Status TableImpl::persist_recovered(const Replay& replay) {
  TALLY_TRY(open_manifest());
  FlushJob job;
  const Lsn settled = std::max(replay.last_lsn(), log_recovery_.highest_lsn_seen);
  job.log = {.flushed_lsn = settled, .synced_lsn = settled, .first_file = log_recovery_.highest_file + 1};
  job.newest_arrival_us = replay.last_arrival_us();
  job.arrival_back = replay.arrival_back();
  job.newest_forget_us = replay.newest_forget_us();
  // The anchor of before belongs to the clock that was taken back; what is read now has to prove itself.
  if (replay.arrival_back()) job.anchor = take_anchor(clock_, replay.last_arrival_us(), std::nullopt);
  job.reference_us = replay.reference_us();
  job.new_schema = replay.new_schema();
  job.dictionary_sizes = dictionaries_->sizes();
  for (const auto& shard : shards_) job.shards.push_back(shard->freeze(settled, replay.last_arrival_us()));
  job.ledger_before = ledger_before_;
  TALLY_ASSIGN_OR_RETURN(Flushed flushed, tally::flush(flush_context(), job));
  for (size_t i = 0; i < shards_.size(); ++i) {
    shards_[i]->release(job.shards[i]);
    shards_[i]->adopt(std::move(flushed.ids.by_shard[i]));
  }
  const std::shared_ptr<const ManifestState> manifest = manifest_->state();
  publisher_.update([&](PublishedState& state) {
    state.segments = make_segment_list(fs_, paths_, *manifest, state.segments.get(), options_.block_cache);
    state.manifest = manifest;
    for (auto& chunks : state.chunks) chunks = std::make_shared<const ChunkList>();
    state.retraction_files = flushed.retraction_files;
    for (auto& logs : state.retractions) logs.clear();
  });
  unlink_removed(flush_context(), flushed.removed);
  letters_->release(settled);
  // The manifest has left that file behind: should nothing ever be written again, nobody else keeps it (W11).
  return keep_torn_file(log_options(), log_recovery_);
}

}  // namespace tally
