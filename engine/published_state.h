// What readers see of a table: the manifest's state, the segments it names and the chunk lists of the shards, as one
// immutable object behind one pointer. Every change makes a new object and swaps the pointer, so a reader holds a
// consistent pair (manifest, chunks) for as long as it likes without a lock.
// Threads: all of it from any thread; the mutex is held for the copy of a few pointers, never across I/O.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/file_names.h"
#include "engine/block_cache.h"
#include "engine/chunk.h"
#include "engine/manifest.h"
#include "engine/retraction_file.h"
#include "engine/retraction_log.h"
#include "engine/segment_reader.h"

namespace tally {

// Numbers of segment files that were removed, gathered for the next manifest edit. Threads: any.
class UnlinkedFiles {
 public:
  void add(uint64_t number) { give_back({&number, 1}); }
  void give_back(std::span<const uint64_t> numbers);
  std::vector<uint64_t> take();

 private:
  std::mutex mutex_;
  std::vector<uint64_t> numbers_;  // guarded by mutex_
};

// A live segment whose file is opened and checked when it is first read, so that opening a table costs the same however
// many rows it holds.
class SegmentHandle {
 public:
  // `dictionary_sizes`, by dimension id: no code of the file may be at or above them.
  SegmentHandle(FileSystem& fs, std::string path, SegmentInfo info, std::map<uint32_t, uint32_t> dictionary_sizes,
                std::shared_ptr<BlockCache> cache);
  const SegmentInfo& info() const { return info_; }
  const std::string& path() const { return path_; }
  Result<std::shared_ptr<SegmentReader>> reader() const;
  // The manifest does not list it any more: the file goes with its last reader (M9).
  void remove_when_unused(std::shared_ptr<UnlinkedFiles> unlinked) const;
  ~SegmentHandle();

 private:
  FileSystem& fs_;
  const std::string path_;
  const SegmentInfo info_;
  const std::map<uint32_t, uint32_t> dictionary_sizes_;
  const std::shared_ptr<BlockCache> cache_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<SegmentReader> reader_;    // guarded by mutex_
  mutable std::shared_ptr<UnlinkedFiles> unlinked_;  // guarded by mutex_; nullptr: the file is live
};

using ChunkList = std::vector<std::shared_ptr<const Chunk>>;
using SegmentList = std::vector<std::shared_ptr<const SegmentHandle>>;

struct PublishedState {
  std::shared_ptr<const ManifestState> manifest;
  // In force: of the last SCHEMA record that a shard has applied. As new as any row that is shown; the manifest's may lag.
  std::shared_ptr<const Schema> schema;
  std::shared_ptr<const SegmentList> segments;
  std::vector<std::shared_ptr<const ChunkList>> chunks;  // by shard, oldest first
  RetractionFiles retraction_files;                      // oldest first
  // What is in none of those yet, by shard, oldest first.
  std::vector<std::vector<std::shared_ptr<const RetractionLog>>> retractions;
};

class StatePublisher {
 public:
  explicit StatePublisher(PublishedState first);
  std::shared_ptr<const PublishedState> get() const;
  // Replaces the state by a copy that `change` has edited.
  void update(const std::function<void(PublishedState&)>& change);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const PublishedState> state_;  // guarded by mutex_
};

// The handles for a manifest's segments; those already in `known` are taken over.
std::shared_ptr<const SegmentList> make_segment_list(FileSystem& fs, const TablePaths& paths,
                                                     const ManifestState& state, const SegmentList* known,
                                                     const std::shared_ptr<BlockCache>& cache);

}  // namespace tally
