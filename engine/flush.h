// A flush: everything that the shards applied up to LSN b goes into one raw segment per shard, the ids they remember since the
// flush before into runs, and one manifest edit takes it all over together with what else a replay from b + 1 starts from
// (dictionary codes, ledger, times, log position).
//
// What success promises: the edit is durable; the caller may publish the new state, has each shard adopt its runs, and may have
// the log truncated through b.
// Errors leave at most orphans and temporary files. kNoSpace: try again later, nothing is lost. Anything else: the manifest
// is in doubt and the table must be poisoned.
// Threads: one flush at a time, on any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/file_names.h"
#include "engine/block_cache.h"
#include "engine/dictionaries.h"
#include "engine/dictionary_file.h"
#include "engine/manifest_turn.h"
#include "engine/shard.h"

namespace tally {

// What the sequencer knew when it sent the marker behind LSN b, and what each shard handed over at it.
struct FlushJob {
  LogPosition log;  // flushed_lsn = b
  TimeUs newest_arrival_us = 0;
  TimeUs reference_us = 0;
  std::map<uint32_t, uint32_t> dictionary_sizes;  // by dimension id, as of b
  std::shared_ptr<const Schema> new_schema;       // of a SCHEMA record since the flush before
  std::vector<FrozenShard> shards;
  Ledger ledger_before;               // of the manifest when the table was opened: shards count from there
  bool may_drop_letters = false;      // the clock is believed: retention may drop dead letters
  std::optional<ClockAnchor> anchor;  // what it is believed by
  bool arrival_back = false;          // newest_arrival_us counts even if it is lower than the manifest's
  TimeUs newest_forget_us = 0;        // arrival of the newest FORGET record; 0 = none
  std::atomic<uint32_t> shards_left{0};
};

struct FlushContext {
  FileSystem* fs = nullptr;
  ManifestTurn* manifest = nullptr;
  TablePaths paths{""};
  const Dictionaries* dictionaries = nullptr;
  uint32_t segment_block_rows = 0;          // 0: the default
  std::shared_ptr<BlockCache> block_cache;  // for those who read the new segments
  DeadLetters* letters = nullptr;
  TimeUs letter_retention_us = limits::kDeadLetterRetentionUs;
  bool threads = false;  // the shards' segments and runs are written beside each other, a thread for each
};

// Numbers of files that a durable edit has removed (ManifestState::removed_files). They are unlinked once no reader is shown the
// state before it any more; those that stay go at the next start. Segments go with their last reader instead (SegmentHandle).
struct RemovedFiles {
  std::vector<uint64_t> id_runs;
  std::vector<uint64_t> retraction_files;
  std::vector<uint64_t> letter_files;
};
void unlink_removed(const FlushContext& context, const RemovedFiles& removed);

// What all shards together may forget: for the sequencer to log. One record for each generation.
std::vector<ForgetRecord> join_forgettable(std::span<const std::vector<ForgetRecord>> by_shard);

// What became of the ids that the shards froze.
struct FlushedIds {
  std::vector<std::vector<SpilledIds>> by_shard;
};

struct Flushed {
  FlushedIds ids;
  RetractionFiles retraction_files;  // all that are live now
  RemovedFiles removed;              // for unlink_removed()
};

Result<Flushed> flush(const FlushContext& context, const FlushJob& job);

// Joins runs of remembered ids and has the manifest list the one instead of the others, whose files are then for
// unlink_removed(). nullopt: they were forgotten meanwhile, and nothing came of it. Errors as of flush(). Threads: one at a time, beside a flush.
Result<std::optional<MergedIds>> merge_ids(const FlushContext& context, const MergeWork& work);

}  // namespace tally
