// The simulated disk (reliability.md P1): a FileSystem in memory that keeps, for every file and every directory entry,
// what is durable apart from what is only visible, and can therefore show what a power failure leaves behind.
//
//   content   writes, truncates and preallocations of a file are *pending* until sync_data() or sync() of that file
//             succeeds. Reads see the cache: everything written.
//   entries   create, rename, unlink, mkdir, rmdir are pending until sync_directory() of the directory succeeds, whatever
//             was synced in the file itself. A rename within one directory is atomic; one across directories may show
//             the file under both names until both directories are synced, never under none. Entries of different names
//             survive in any combination.
//   fates     crash(fate) is the power failure and the reboot in one: every pending change gets a fate of its own, from
//             the seed. Bytes outside a pending write are never harmed (the "powersafe overwrite" assumption of SQLite):
//             tears and garbage stay within the bytes of the write they hit.
//   queue     an IoQueue runs its requests in seeded random order when they are reaped. A sync covers exactly the writes
//             that had *completed* when it was submitted: a sync racing with its write covers nothing of it.
//   failed    sync (W21): after a sync that was made to fail, the changes it should have covered are still in the cache
//   sync      but count as clean: a later sync succeeds without them and a power failure drops them. Opened with
//             kReadDirect a file shows the truth: durable bytes, plus what is still dirty (a direct read writes dirty
//             pages back first), without what a failed sync lost.
//
// Crash sweep (P2):
//   for (uint64_t n = 1;; ++n) {
//     SimDisk disk(seed);
//     disk.crash_at(n);
//     scenario(disk);                       // its errors are expected once disk.crashed()
//     if (!disk.crashed()) break;           // n is beyond the scenario's last operation: swept
//     for (Fate fate : kAllFates) verify(*disk.after_crash(fate, n));
//   }
// Error sweep (P3): for n = 1.., inject({.nth = n, .effect = FaultEffect::kIoError, .persistent = ...}) until
// faults_fired() is 0 after the scenario.
//
// Everything is a function of the constructor's seed, the calls and the fate's seed, as long as one thread calls.
// Threads: safe from several (one mutex); an IoQueue belongs to one. Ownership: the disk outlives its files, queues and
// locks. Handles opened before a crash or kill answer "simulated crash" for ever.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace tally {

enum class Fate : uint8_t {
  kDropUnsynced,     // nothing pending survived
  kKeepAll,          // everything did
  kRandomSubset,     // each change on its own, whole or not at all: reordering
  kTear512,          // writes survive in part, cut at 512-byte boundaries; entries as in kRandomSubset
  kTear4096,         // the same at 4,096
  kGarbage,          // sectors (512 bytes) of writes hold garbage: on the left, on the right, or all
  kDroppedTruncate,  // everything survived but truncates and changes of size by preallocation
  kDroppedRename,    // everything survived but renames
  kDroppedEntries,   // all content survived, of the directory entries a random subset
  kMix,              // one of the above for each change
};
inline constexpr std::array kAllFates = {
    Fate::kDropUnsynced, Fate::kKeepAll,         Fate::kRandomSubset,  Fate::kTear512,        Fate::kTear4096,
    Fate::kGarbage,      Fate::kDroppedTruncate, Fate::kDroppedRename, Fate::kDroppedEntries, Fate::kMix,
};
std::string_view fate_name(Fate fate);

enum class DiskOp : uint8_t {
  // Changes, counted by crash_at().
  kCreate,
  kWrite,
  kSync,  // sync and sync_data
  kTruncate,
  kPreallocate,
  kRename,
  kUnlink,
  kMakeDirectory,
  kRemoveDirectory,
  kSyncDirectory,
  kLock,
  // The rest changes nothing: a crash there is a crash at the next change.
  kOpen,
  kRead,
  kList,  // list, info, size, space
};
inline constexpr size_t kDiskOps = static_cast<size_t>(DiskOp::kList) + 1;
constexpr bool is_change(DiskOp op) { return op < DiskOp::kOpen; }
std::string_view disk_op_name(DiskOp op);

enum class FaultEffect : uint8_t {
  kIoError,  // EIO. Of a write: nothing is visible, something may have reached the disk. Of a sync: W21.
  kNoSpace,  // ENOSPC, nothing done
  kShort,    // IoQueue write: a seeded part is transferred; File: invisible (two transfers); others: no effect
};

struct Fault {
  FaultEffect effect = FaultEffect::kIoError;
  std::vector<DiskOp> ops = {};  // empty: every operation, size() and other kList ones left out
  std::string path_part = {};    // only paths that contain it
  uint64_t nth = 1;              // the n-th matching operation from now; 1 is the next
  bool persistent = false;       // and every matching one after it
  double survives = 0.0;         // of a failed sync: the chance of each covered change to be durable all the same
};

struct DiskOperation {
  DiskOp op;
  std::string path;
  uint64_t offset = 0;
  uint64_t length = 0;
  std::string to_string() const;
};

class SimDisk final : public FileSystem {
 public:
  explicit SimDisk(uint64_t seed);  // an empty, mounted root "/"; relative paths count from it
  ~SimDisk() override;

  // --- FileSystem ---
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status unlink(const std::string& path) override;
  Status make_directory(const std::string& path) override;
  Status remove_directory(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<SpaceInfo> space(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override;
  Result<std::unique_ptr<IoQueue>> make_io_queue(unsigned depth) override;

  // --- power failure ---
  // The n-th change from now (1 is the next) is interrupted by the power failure: it is pending like all before it, it and
  // every operation from then on fail with "simulated crash" until crash(). 0 takes it back.
  void crash_at(uint64_t n);
  bool crashed() const;
  // Power failure now and reboot: this disk becomes what a machine finds. Faults and budgets are forgotten.
  void crash(Fate fate, uint64_t seed);
  // The same on a copy, this disk left as it is, so that one scenario serves many fates.
  std::unique_ptr<SimDisk> after_crash(Fate fate, uint64_t seed) const;
  // kill -9: handles, locks and queued requests die (each request of a queue runs or not, by the seed), the cache stays.
  void kill_process();

  // --- faults ---
  void inject(Fault fault);
  void clear_faults();
  uint64_t faults_fired() const;
  // Bytes that all files together may hold (their sizes); ENOSPC beyond. Default: 1 TiB.
  void set_capacity(uint64_t bytes);
  // The chance of an IoQueue write above one byte to be transferred in part only. Default 0.
  void set_short_writes(double chance);
  // Forgets every clean page, so that reads see what a failed sync has lost.
  void evict_cache();

  // --- looking at it, and harming it; none of these counts as an operation ---
  uint64_t changes() const;  // so far, since construction
  uint64_t count(DiskOp op) const;
  std::vector<DiskOperation> trace() const;  // the last kTraceMax operations
  std::string trace_text() const;            // one line each, for a failing test
  uint64_t seed() const;
  bool exists(const std::string& path) const;
  Bytes content(const std::string& path) const;          // as reads see it; empty if there is none
  Bytes durable_content(const std::string& path) const;  // if power failed now and nothing pending survived
  std::vector<std::string> tree() const;                 // every path, sorted, folders with a / behind them
  uint64_t unsynced() const;                             // pending changes, of content and entries
  // Damage to what is stored, cache and disk alike. False if there is no such byte.
  bool flip_bit(const std::string& path, uint64_t offset, unsigned bit);
  bool overwrite(const std::string& path, uint64_t offset, ByteSpan bytes);
  bool cut(const std::string& path, uint64_t size);
  uint64_t hash() const;  // of everything visible, durable and pending: two runs of one seed must agree

  static constexpr size_t kTraceMax = 4096;

  struct State;

 private:
  explicit SimDisk(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// True for the error that a disk gives after its crash, so that a test can tell it from a wrong answer.
bool is_simulated_crash(const Error& error);

}  // namespace tally
