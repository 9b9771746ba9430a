// Requests go to the kernel one by one as they are submitted, unlinked (W18); completions are matched by user_data, which
// is the number of a slot. Invariants:
//   I1  a slot is busy from the submit that the kernel took until its completion was appended to `out`.
//   I2  after a failed submit the queue is broken: it takes nothing any more, and only drains (W19).
//   I3  nobody is told that a request is done while the kernel may still read its bytes: a wait that fails for good ends the
//       process, since memory given back now could be written into the log.
#include <liburing.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/io_queues.h"
#include "base/limits.h"
#include "base/posix_file.h"

namespace tally::posix {
namespace {

// A request's length is 32 bits wide; more is transferred short, which the caller handles anyway.
constexpr size_t kRequestBytesMax = limits::kGiB;
constexpr int kBusyRetriesMax = 1000;  // while the kernel is out of memory for requests
constexpr useconds_t kBusyWaitUs = 1000;

std::unexpected<Error> uring_failed(std::string_view what, int result) {
  return fail(Code::kIoError, "io_uring: " + std::string(what) + ": " + std::generic_category().message(-result));
}

class UringQueue final : public IoQueue {
 public:
  explicit UringQueue(unsigned depth) : slots_(depth) {}
  ~UringQueue() override;
  UringQueue(const UringQueue&) = delete;
  UringQueue& operator=(const UringQueue&) = delete;

  Status start();

  std::string_view name() const override { return "io_uring"; }
  size_t in_flight() const override { return busy_; }
  Status submit_write(File& file, uint64_t offset, ByteSpan bytes, uint64_t tag) override;
  Status submit_sync_data(File& file, uint64_t tag) override;
  Status reap(bool wait, std::vector<Completion>& out) override;

 private:
  struct Slot {
    PosixFile* file = nullptr;  // null: free
    uint64_t tag = 0;
    uint64_t offset = 0;
    ByteSpan bytes;
    bool is_sync = false;
  };

  Status submit(const Slot& request);
  Status push(size_t slot);
  Status enter();
  void finish(const io_uring_cqe& cqe, std::vector<Completion>& out);

  io_uring ring_{};
  bool started_ = false;
  bool broken_ = false;
  size_t busy_ = 0;
  std::vector<Slot> slots_;
};

UringQueue::~UringQueue() {
  std::vector<Completion> ignored;
  while (busy_ > 0 && reap(true, ignored)) ignored.clear();
  if (started_) ::io_uring_queue_exit(&ring_);
}

bool supports_what_is_needed(io_uring& ring) {
  io_uring_probe* probe = ::io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  bool supported = ::io_uring_opcode_supported(probe, IORING_OP_WRITE) != 0 &&
                   ::io_uring_opcode_supported(probe, IORING_OP_FSYNC) != 0;
  ::io_uring_free_probe(probe);
  return supported;
}

Status UringQueue::start() {
  TALLY_CHECK(!slots_.empty());
  int result = ::io_uring_queue_init(static_cast<unsigned>(slots_.size()), &ring_, 0);
  if (result < 0) {
    return fail(Code::kUnsupported, "io_uring is refused: " + std::generic_category().message(-result));
  }
  started_ = true;
  if (!supports_what_is_needed(ring_)) {
    return fail(Code::kUnsupported, "io_uring of this kernel cannot write or sync");
  }
  return {};
}

Status UringQueue::submit_write(File& file, uint64_t offset, ByteSpan bytes, uint64_t tag) {
  return submit({.file = &dynamic_cast<PosixFile&>(file),
                 .tag = tag,
                 .offset = offset,
                 .bytes = bytes.first(std::min(bytes.size(), kRequestBytesMax)),
                 .is_sync = false});
}

Status UringQueue::submit_sync_data(File& file, uint64_t tag) {
  return submit({.file = &dynamic_cast<PosixFile&>(file), .tag = tag, .offset = 0, .bytes = {}, .is_sync = true});
}

Status UringQueue::submit(const Slot& request) {
  if (broken_) return fail(Code::kIoError, "io_uring failed before and takes no more requests");
  auto slot = std::ranges::find(slots_, nullptr, &Slot::file);
  if (slot == slots_.end()) {
    return fail(Code::kInternal, "more than " + std::to_string(slots_.size()) + " requests in flight");
  }
  *slot = request;
  Status pushed = push(static_cast<size_t>(slot - slots_.begin()));
  if (!pushed) *slot = {};
  return pushed;
}

// Gives the request in the slot to the kernel.
Status UringQueue::push(size_t slot) {
  const Slot& request = slots_[slot];
  io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
  TALLY_CHECK(sqe != nullptr);  // as many entries as slots, and each submit empties them
  int fd = request.file->descriptor();
  if (request.is_sync) {
    ::io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
  } else {
    ::io_uring_prep_write(sqe, fd, request.bytes.data(), static_cast<unsigned>(request.bytes.size()), request.offset);
  }
  ::io_uring_sqe_set_data64(sqe, slot);
  TALLY_TRY(enter());
  ++busy_;
  return {};
}

Status UringQueue::enter() {
  for (int tries = 0;; ++tries) {
    int result = ::io_uring_submit(&ring_);
    if (result == 1) return {};
    if (result == -EINTR) continue;
    bool busy = result == -EAGAIN || result == -EBUSY || result == 0;
    if (!busy || tries >= kBusyRetriesMax) {
      broken_ = true;
      return uring_failed("submit", result == 0 ? -EBUSY : result);
    }
    ::usleep(kBusyWaitUs);
  }
}

void UringQueue::finish(const io_uring_cqe& cqe, std::vector<Completion>& out) {
  Slot& slot = slots_[static_cast<size_t>(cqe.user_data)];
  bool again = cqe.res == -EINTR || cqe.res == -EAGAIN;
  --busy_;
  if (again && !slot.is_sync && !broken_ && push(static_cast<size_t>(cqe.user_data))) return;
  if (cqe.res >= 0) {
    out.push_back({slot.tag, static_cast<size_t>(cqe.res), {}});
  } else {
    out.push_back({slot.tag, 0, failed(slot.is_sync ? "fdatasync" : "write", slot.file->path(), -cqe.res)});
  }
  slot = {};
}

Status UringQueue::reap(bool wait, std::vector<Completion>& out) {
  size_t before = out.size();
  while (busy_ > 0) {
    io_uring_cqe* next = nullptr;
    bool block = wait && out.size() == before;
    int result = block ? ::io_uring_wait_cqe(&ring_, &next) : ::io_uring_peek_cqe(&ring_, &next);
    if (result == -EAGAIN && !block) break;
    if (result == -EINTR) continue;
    if (result == -EAGAIN || result == -EBUSY) {
      ::usleep(kBusyWaitUs);
      continue;
    }
    TALLY_CHECK(result == 0);
    io_uring_cqe cqe = *next;
    ::io_uring_cqe_seen(&ring_, next);
    finish(cqe, out);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<IoQueue>> make_uring_queue(unsigned depth) {
  auto queue = std::make_unique<UringQueue>(depth);
  TALLY_TRY(queue->start());
  return queue;
}

}  // namespace tally::posix
