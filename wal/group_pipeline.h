// Groups on their way to the disk: write in full, then sync, then durable (reliability.md W18).
//
//   state of a group   kWriting -> kWritten -> kSyncing -> kSynced -> leaves when it is the oldest
//
// Invariants
//   1 A sync is submitted only while no other is in flight, and counts for exactly the groups that were kWritten then.
//   2 durable_lsn() is the last LSN of a group that was kSynced with all groups before it: no holes, never back.
//   3 A short transfer is resubmitted for the rest; a group is kWritten when all its bytes were reported transferred.
//   4 A completion belongs to the request whose tag it carries, whatever the order.
//   5 After the first error nothing is submitted, nothing becomes durable, and no buffer is reused (W19, W20).
//   6 All groups in flight belong to one file: the owner drains before it changes files (W17).
// Threads: one, apart from durable_lsn(). Ownership: buffers live here; files must outlive their groups.
#pragma once

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "wal/log.h"

namespace tally {

class GroupPipeline {
 public:
  // `stats` and `clock` outlive the pipeline.
  GroupPipeline(std::unique_ptr<IoQueue> queue, Clock& clock, LogStats& stats, Lsn durable_lsn)
      : queue_(std::move(queue)), clock_(clock), stats_(stats), durable_lsn_(durable_lsn) {}

  static constexpr unsigned kQueueDepth = limits::kLogGroupsInFlightMax + 1;  // every group's write, and one sync

  bool full() const { return count_ == slots_.size(); }
  size_t in_flight() const { return count_; }
  Lsn durable_lsn() const { return durable_lsn_.load(std::memory_order_acquire); }
  std::string_view io_method() const { return queue_->name(); }

  // The buffer for the next group; valid until submit(). Not to be called when full().
  MutableByteSpan buffer(size_t bytes);
  // Starts the write of that buffer.
  Status submit(File& file, uint64_t offset, Lsn last_lsn);
  Status poll(bool wait);
  Status drain();  // until nothing is in flight

 private:
  enum class State : uint8_t { kWriting, kWritten, kSyncing, kSynced };
  struct Free {
    void operator()(uint8_t* bytes) const { std::free(bytes); }
  };
  struct Slot {
    std::unique_ptr<uint8_t[], Free> bytes;  // aligned, kept from group to group
    size_t capacity = 0;
    size_t size = 0;
    size_t written = 0;
    File* file = nullptr;
    uint64_t offset = 0;
    Lsn last_lsn = 0;
    uint64_t tag = 0;
    State state = State::kSynced;
  };

  Slot& slot(size_t i) { return slots_[(first_ + i) % slots_.size()]; }  // 0 is the oldest in flight
  Status submit_rest(Slot& slot);
  Status start_sync();
  Status complete(const IoQueue::Completion& completion);
  Status complete_write(const IoQueue::Completion& completion);
  Status complete_sync(const IoQueue::Completion& completion);
  void retire_synced();
  static void trim(Slot& slot);

  std::array<Slot, limits::kLogGroupsInFlightMax> slots_;
  std::unique_ptr<IoQueue> queue_;  // behind slots_: destroyed first, which waits for everything that uses their bytes
  Clock& clock_;
  LogStats& stats_;
  std::atomic<Lsn> durable_lsn_;
  size_t first_ = 0;
  size_t count_ = 0;
  uint64_t next_tag_ = 1;
  uint64_t sync_tag_ = 0;  // 0: no sync in flight
  TimeUs sync_started_us_ = 0;
  bool failed_ = false;
  std::vector<IoQueue::Completion> completions_;
};

}  // namespace tally
