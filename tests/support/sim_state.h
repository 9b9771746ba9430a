// The inside of SimDisk that its files and queues share: the volume, the operation count, faults. Every function expects
// the mutex to be held by its caller unless it says otherwise.
#pragma once

#include <deque>
#include <mutex>
#include <set>
#include <string>

#include "base/random.h"
#include "tests/support/sim_inode.h"

namespace tally {

struct SimDisk::State {
  explicit State(uint64_t the_seed);

  // What an operation must do, decided before it does anything.
  struct Gate {
    bool refused = false;      // do nothing, return `error`
    bool interrupted = false;  // the power fails during it: change what is pending, then return `error`
    bool cut_short = false;
    bool failed = false;  // refused by an injected fault (a sync then loses what it should have covered)
    double survives = 0.0;
    Error error;
  };
  Gate enter(DiskOp op, const std::string& path, uint64_t offset = 0, uint64_t length = 0);
  // Of an operation by a handle: refused if the handle is of before a crash or kill.
  Gate enter(uint64_t handle_generation, DiskOp op, const std::string& path, uint64_t offset = 0, uint64_t length = 0);

  // --- names ---
  sim::InodePtr find(const std::string& path) const;
  // The parent directory of `path` and the last name of it; kNotFound if there is no such directory.
  struct Place {
    sim::InodePtr directory;
    std::string name;
    sim::InodePtr inode;  // null if there is none
  };
  Result<Place> place(const std::string& path, std::string_view verb) const;
  sim::InodePtr add_inode(const Place& at, bool is_directory);
  void remove_entry(const Place& at);

  // --- content ---
  // A change that is executed at once; or later, where it is marked in flight; or never (abandoned). Returns its id.
  uint64_t change(sim::Inode& inode, sim::ContentChange change);
  // Of a queued write: the first `bytes` of it happen now.
  void execute(sim::Inode& inode, uint64_t id, size_t bytes);
  // Makes durable what was executed before `sequence`; or, where the sync failed, loses it.
  void sync_content(sim::Inode& inode, uint64_t sequence);
  void lose_content(sim::Inode& inode, uint64_t sequence, double survives);
  size_t fitting(const sim::Inode& inode, uint64_t offset,
                 size_t length) const;  // of a write, under the capacity
  uint64_t used_bytes() const;

  void settle(Fate fate, uint64_t fate_seed);  // power failure and reboot

  mutable std::mutex mutex;
  const uint64_t seed;
  Random random;
  sim::Volume volume;
  uint64_t next_inode = 1;
  uint64_t next_sequence = 1;
  uint64_t generation = 1;  // of handles; grows with every crash and kill

  uint64_t crash_countdown = 0;
  bool is_crashed = false;
  struct ArmedFault {
    Fault fault;
    uint64_t seen = 0;
  };
  std::vector<ArmedFault> faults;
  uint64_t fired = 0;
  uint64_t capacity = kCapacityDefault;
  double short_writes = 0.0;
  std::set<std::string> locks;
  std::vector<std::weak_ptr<sim::Inode>> unlinked;  // they take space while a handle is open

  std::array<uint64_t, kDiskOps> counts{};
  uint64_t change_count = 0;
  std::deque<DiskOperation> operations;

  static constexpr uint64_t kCapacityDefault = uint64_t{1} << 40;

 private:
  const Fault* firing(DiskOp op, const std::string& path);
};

std::string normal_path(const std::string& path);  // "/a/b": no empty or "." parts

}  // namespace tally

namespace tally::sim {

// Files and queues, made by SimDisk.
std::unique_ptr<File> make_sim_file(SimDisk::State& state, InodePtr inode, std::string path, OpenMode mode);
std::unique_ptr<IoQueue> make_sim_queue(SimDisk::State& state, unsigned depth);

}  // namespace tally::sim
