// An id run: remembered ids of one shard and one generation as an immutable, sorted, checksummed file of entries (key,
// event day, digest), under 20 bytes an entry from 100,000 entries on (docs/formats/id_run.md). This header: what a manifest
// keeps of a run, and its reading. Written by id_run_writer.h, joined by id_run_merge.h.
//
// Reading is by pread, no mmap: an error of the disk is an error, not a signal. Every block is checked against its sum, its
// file's id, its number and the directory before a byte of it is used; nothing in a file is trusted.
// Errors: kCorruption with file, block and offset; what the disk says otherwise.
// Threads: an IdRun is constant once open and shared freely. IdRunFinder, IdRunCursor and IdRunCache belong to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "engine/encoding/bit_pack.h"
#include "engine/seen_ids.h"
#include "wal/log.h"

namespace tally {

namespace id_run_format {
struct BlockEntry;
}

using FileUuid = std::array<uint8_t, 16>;  // the same as of segments

// The newest event time among ids of one UTC day: what a horizon is made of when they are forgotten.
struct NewestOfDay {
  int32_t day = 0;
  TimeUs event_us = 0;
  friend bool operator==(const NewestOfDay&, const NewestOfDay&) = default;
};

// Whose ids a run holds. `generation` counts thirds of the class's duration since 1970 (remembered_ids.h).
struct IdRunPlace {
  uint32_t lateness_class = 0;
  int64_t generation = 0;
  uint32_t shard = 0;  // of `shards`: the number of shards of the table when it was written
  uint32_t shards = 1;
  friend bool operator==(const IdRunPlace&, const IdRunPlace&) = default;
};

// What the ids of a run, or of a whole generation, have in common.
struct IdRunSummary {
  TimeUs newest_arrival_us = 0;
  Lsn max_lsn = 0;                  // the flush marker that the ids stood before
  std::vector<NewestOfDay> newest;  // ascending, one for each day that an entry has
  void merge(const IdRunSummary& other);
  friend bool operator==(const IdRunSummary&, const IdRunSummary&) = default;
};

// What a manifest keeps of a run (M4).
struct IdRunInfo {
  uint64_t number = 0;  // names the file
  FileUuid uuid{};
  uint64_t size = 0;
  uint64_t checksum = 0;  // XXH3 of the whole file
  uint64_t entries = 0;
  IdRunPlace place;
  IdRunSummary summary;
  uint16_t min_reader_version = 1;
  friend bool operator==(const IdRunInfo&, const IdRunInfo&) = default;
};

inline constexpr size_t kIdRunBlockEntries = 64;  // of every block but the last: a look-up reads 1.2 KB

class IdRun {
 public:
  // Reads and checks header, directory and trailer. `expected` (from the manifest) must match; nullptr reads it alone.
  static Result<std::shared_ptr<const IdRun>> open(FileSystem& fs, const std::string& path, const IdRunInfo* expected);
  static Result<std::shared_ptr<const IdRun>> open(std::unique_ptr<File> file, const IdRunInfo* expected);

  const std::string& path() const { return path_; }
  const IdRunInfo& info() const { return info_; }  // checksum 0 where nobody was expecting one
  const std::array<uint8_t, 16>& table_uuid() const { return table_uuid_; }
  uint64_t file_digest() const { return digest_; }  // XXH3 of the uuid: what its blocks carry
  size_t blocks() const { return lengths_.size(); }
  uint64_t memory_bytes() const;  // of the directory: 6.25 bytes a block

  // The directory keeps the upper half of a low word: its top. Of all keys, few share one.
  static uint32_t top_of(uint64_t lo) { return static_cast<uint32_t>(lo >> 32); }
  // The last block that may hold a key with this low word; earlier ones may too if its top is the first of that block.
  size_t block_of(uint64_t lo) const;
  uint32_t first_top(size_t block) const { return first_tops_[block]; }
  // Starts fetching what block_of(lo) and read_blocks() of that block will touch.
  void prefetch(uint64_t lo) const;
  uint32_t entries_of(size_t block) const;
  uint64_t offset_of(size_t block) const;  // of blocks(): where the footer begins
  uint32_t length_of(size_t block) const { return lengths_[block]; }

  // Raw bytes of blocks [first, end) as they stand in the file, unchecked; `out` is replaced.
  Status read_blocks(size_t first, size_t end, Bytes& out) const;
  // Everything: whole-file sum, every block, order, counts, days. One line a problem; an empty list is a sound file. Fails
  // only when the file cannot be read at all.
  Result<std::vector<std::string>> verify() const;

 private:
  IdRun() = default;
  Status read_metadata();
  void set_directory(std::span<const id_run_format::BlockEntry> blocks);
  Status check_expected(const IdRunInfo& expected);
  Status check_whole_sum(std::vector<std::string>& problems) const;

  std::string path_;
  std::unique_ptr<File> file_;
  IdRunInfo info_;
  std::array<uint8_t, 16> table_uuid_{};
  uint64_t digest_ = 0;
  uint64_t body_sum_ = 0;
  bool expected_ = false;
  static constexpr size_t kBlocksPerOffset = 32;
  std::vector<uint32_t> first_tops_;  // by block
  std::vector<uint16_t> lengths_;     // by block
  std::vector<uint64_t> offsets_;     // of every 32nd block, and beyond the last of them where the blocks end
};

// Checked blocks of any runs, as they stand in their files; a block takes the place of another whose number falls on the
// same slot. At most limits::kIdRunCacheBytesMax.
class IdRunCache {
 public:
  IdRunCache();
  const Bytes* find(const IdRun& run, size_t block) const;
  // Takes the bytes over, and leaves those that they replace in `bytes`, for its memory to be used again.
  void put(const IdRun& run, size_t block, Bytes& bytes);
  uint64_t memory_bytes() const;

 private:
  struct Slot {
    uint64_t digest = 0;
    size_t block = 0;
    Bytes bytes;  // empty: the slot is free
  };
  size_t slot_of(const IdRun& run, size_t block) const;
  std::vector<Slot> slots_;
};

struct IdRunMatch {
  bool found = false;
  uint32_t digest = 0;
  int32_t event_day = 0;
};

// Looks keys up. Reuse it: its memory stays.
class IdRunFinder {
 public:
  explicit IdRunFinder(IdRunCache* cache) : cache_(cache) {}
  // `keys` ascending (equal ones may follow each other), `matches` as long: what is found is written there, what is not is
  // left as it is. A block is read once for all its keys.
  Status find(const IdRun& run, std::span<const Hash128> keys, std::span<IdRunMatch> matches);

  uint64_t blocks_read() const { return blocks_read_; }  // from the file, since construction
  uint64_t cache_hits() const { return cache_hits_; }

 private:
  Status load(const IdRun& run, size_t block);
  bool look_in_block(const Hash128& key, IdRunMatch& match);

  IdRunCache* const cache_;  // may be nullptr
  Bytes bytes_;
  const uint8_t* highs_ = nullptr;  // of the loaded block, in bytes_ or in the cache
  const uint8_t* digests_ = nullptr;
  PackedBits packed_days_;
  int32_t base_day_ = 0;
  bool days_unpacked_ = false;  // most look-ups find nothing
  size_t entries_ = 0;
  std::array<uint64_t, kIdRunBlockEntries> lows_;
  std::array<uint32_t, kIdRunBlockEntries> days_;
  uint64_t blocks_read_ = 0;
  uint64_t cache_hits_ = 0;
};

// Every entry in the order of keys, a block at a time.
class IdRunCursor {
 public:
  explicit IdRunCursor(std::shared_ptr<const IdRun> run) : run_(std::move(run)) {}
  const IdRun& run() const { return *run_; }
  // The next block's entries; none behind the last. Valid until the next call.
  Result<std::span<const SeenEntry>> next();

 private:
  std::shared_ptr<const IdRun> run_;
  size_t block_ = 0;       // the next one
  size_t read_first_ = 0;  // blocks in bytes_
  size_t read_end_ = 0;
  Bytes bytes_;
  std::optional<Hash128> last_;
  std::array<SeenEntry, kIdRunBlockEntries> entries_;
};

}  // namespace tally
