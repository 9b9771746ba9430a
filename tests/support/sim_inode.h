// What the simulated disk is made of: files and directories with what is visible, what is durable and what is pending,
// and the fates that decide about the pending part. Nothing here knows operations, faults or handles (sim_disk.cc does).
//
// Invariants
//   I1  durable content + executed pending changes in order = cache, unless a failed sync lost some (`lost`).
//   I2  durable entries + pending entry changes in order = visible entries.
//   I3  a change in flight (queued and not executed) or abandoned (failed) is not in the cache and covered by no sync.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sparse_bytes.h"

namespace tally::sim {

struct ContentChange {
  enum class Kind : uint8_t { kWrite, kTruncate, kGrow };
  Kind kind = Kind::kWrite;
  uint64_t id = 0;        // of the change, for the queue that executes it
  uint64_t sequence = 0;  // of its execution: a sync covers what is below the number at its start
  bool in_flight = false;
  bool abandoned = false;  // a write that failed: it may reach the disk, until the next sync of the file
  uint64_t offset = 0;
  uint64_t size = 0;  // of a truncate or a preallocation
  std::shared_ptr<const Bytes> bytes;
};

struct Inode {
  uint64_t id = 0;
  bool is_directory = false;
  int open_handles = 0;

  SparseBytes cache;
  SparseBytes durable;
  std::vector<ContentChange> pending;
  bool lost = false;  // the cache shows bytes that a failed sync did not bring to the disk

  std::map<std::string, std::shared_ptr<Inode>> entries;
  std::map<std::string, std::shared_ptr<Inode>> durable_entries;

  SparseBytes on_disk() const;  // what a direct read sees: durable, then what is dirty
};
using InodePtr = std::shared_ptr<Inode>;

// An added name has `to`, a removed one has `from`, a rename has both.
struct EntryChange {
  InodePtr from_directory;
  std::string from;
  InodePtr to_directory;
  std::string to;
  InodePtr inode;
  bool is_rename() const { return from_directory != nullptr && to_directory != nullptr; }
};

void apply(SparseBytes& content, const ContentChange& change);
void apply_to_durable(const EntryChange& change);

struct Volume {
  InodePtr root;
  std::vector<EntryChange> pending_entries;

  Volume clone() const;
  std::vector<InodePtr> inodes() const;  // reachable by a visible, durable or pending name, in order of their ids
  void sync_entries(const InodePtr& directory);
  // Decides every pending change and makes the outcome the whole truth.
  void settle(Fate fate, Random& random);
};

}  // namespace tally::sim
