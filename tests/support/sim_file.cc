// The file handle of the simulated disk.
#include <algorithm>

#include "tests/support/sim_state.h"

namespace tally::sim {
namespace {

using State = SimDisk::State;
using Gate = SimDisk::State::Gate;
using Kind = ContentChange::Kind;

ContentChange write_change(uint64_t offset, ByteSpan bytes) {
  ContentChange change;
  change.offset = offset;
  change.bytes = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  return change;
}

ContentChange abandoned_write(uint64_t offset, ByteSpan bytes) {
  ContentChange change = write_change(offset, bytes);
  change.abandoned = true;
  return change;
}

ContentChange queued_write(uint64_t offset, ByteSpan bytes) {
  ContentChange change = write_change(offset, bytes);
  change.in_flight = true;
  return change;
}

ContentChange size_change(Kind kind, uint64_t size) {
  ContentChange change;
  change.kind = kind;
  change.size = size;
  return change;
}

class SimFile final : public File {
 public:
  SimFile(State& state, InodePtr inode, std::string path, OpenMode mode)
      : state_(state), inode_(std::move(inode)), path_(std::move(path)), mode_(mode), generation_(state.generation) {
    ++inode_->open_handles;
  }
  ~SimFile() override {
    std::lock_guard lock(state_.mutex);
    if (generation_ == state_.generation) --inode_->open_handles;
  }

  const std::string& path() const override { return path_; }
  Result<uint64_t> size() const override;
  Result<size_t> read_at(uint64_t offset, MutableByteSpan out) override;
  Status write_at(uint64_t offset, ByteSpan bytes) override;
  Status sync_data() override { return sync(); }
  Status sync() override;
  Status truncate(uint64_t size) override;
  Status preallocate(uint64_t size) override;
  void drop_cache(uint64_t, uint64_t) override {}

  const InodePtr& inode() const { return inode_; }
  bool writable() const { return mode_ == OpenMode::kReadWrite || mode_ == OpenMode::kCreate; }

 private:
  Status refuse_read_only(std::string_view verb) const;
  void write_part(uint64_t offset, ByteSpan bytes);

  State& state_;
  const InodePtr inode_;
  const std::string path_;
  const OpenMode mode_;
  const uint64_t generation_;
};

Status SimFile::refuse_read_only(std::string_view verb) const {
  if (writable()) return {};
  return fail(Code::kIoError, std::string(verb) + " " + path_ + ": Bad file descriptor");
}

Result<uint64_t> SimFile::size() const {
  std::lock_guard lock(state_.mutex);
  Gate gate = state_.enter(generation_, DiskOp::kList, path_);
  if (gate.refused) return std::unexpected(gate.error);
  return inode_->cache.size();
}

Result<size_t> SimFile::read_at(uint64_t offset, MutableByteSpan out) {
  std::lock_guard lock(state_.mutex);
  Gate gate = state_.enter(generation_, DiskOp::kRead, path_, offset, out.size());
  if (gate.refused) return std::unexpected(gate.error);
  if (mode_ != OpenMode::kReadDirect || !inode_->lost) return inode_->cache.read(offset, out);
  // The size is the kernel's, the bytes are the disk's: what never got there reads as zeros.
  SparseBytes on_disk = inode_->on_disk();
  on_disk.resize(inode_->cache.size());
  return on_disk.read(offset, out);
}

void SimFile::write_part(uint64_t offset, ByteSpan bytes) {
  if (!bytes.empty()) state_.change(*inode_, write_change(offset, bytes));
}

Status SimFile::write_at(uint64_t offset, ByteSpan bytes) {
  std::lock_guard lock(state_.mutex);
  TALLY_TRY(refuse_read_only("write"));
  Gate gate = state_.enter(generation_, DiskOp::kWrite, path_, offset, bytes.size());
  if (gate.failed && gate.error.code == Code::kIoError && !bytes.empty()) {
    state_.change(*inode_, abandoned_write(offset, bytes));
  }
  if (gate.refused) return std::unexpected(gate.error);
  size_t fits = state_.fitting(*inode_, offset, bytes.size());
  size_t first = gate.cut_short && fits > 1 ? 1 + state_.random.below(fits - 1) : fits;
  write_part(offset, bytes.first(first));
  write_part(offset + first, bytes.subspan(first, fits - first));
  if (gate.interrupted) return std::unexpected(gate.error);
  if (fits < bytes.size()) return fail(Code::kNoSpace, "write " + path_ + ": No space left on device");
  return {};
}

Status SimFile::sync() {
  std::lock_guard lock(state_.mutex);
  Gate gate = state_.enter(generation_, DiskOp::kSync, path_);
  if (gate.failed) state_.lose_content(*inode_, state_.next_sequence, gate.survives);
  if (gate.refused || gate.interrupted) return std::unexpected(gate.error);
  state_.sync_content(*inode_, state_.next_sequence);
  return {};
}

Status SimFile::truncate(uint64_t size) {
  std::lock_guard lock(state_.mutex);
  TALLY_TRY(refuse_read_only("truncate"));
  Gate gate = state_.enter(generation_, DiskOp::kTruncate, path_, 0, size);
  if (gate.refused) return std::unexpected(gate.error);
  if (size != inode_->cache.size()) state_.change(*inode_, size_change(Kind::kTruncate, size));
  if (gate.interrupted) return std::unexpected(gate.error);
  return {};
}

Status SimFile::preallocate(uint64_t size) {
  std::lock_guard lock(state_.mutex);
  TALLY_TRY(refuse_read_only("preallocate"));
  Gate gate = state_.enter(generation_, DiskOp::kPreallocate, path_, 0, size);
  if (gate.refused) return std::unexpected(gate.error);
  uint64_t now = inode_->cache.size();
  size_t growth = size > now ? static_cast<size_t>(size - now) : 0;
  if (state_.fitting(*inode_, now, growth) < growth) {
    return fail(Code::kNoSpace, "preallocate " + path_ + ": No space left on device");
  }
  if (growth > 0) state_.change(*inode_, size_change(Kind::kGrow, size));
  if (gate.interrupted) return std::unexpected(gate.error);
  return {};
}

// Requests change the disk when they are reaped, in seeded random order; until then they are in flight, and a crash
// decides about them like about every other pending change.
class SimQueue final : public IoQueue {
 public:
  SimQueue(State& state, unsigned depth)
      : state_(state), generation_(state.generation), depth_(depth), random_(state.random.next()) {}
  ~SimQueue() override {
    std::vector<Completion> ignored;
    while (!requests_.empty()) (void)reap(true, ignored);
  }

  std::string_view name() const override { return "simulated"; }
  size_t in_flight() const override { return requests_.size(); }
  Status submit_write(File& file, uint64_t offset, ByteSpan bytes, uint64_t tag) override;
  Status submit_sync_data(File& file, uint64_t tag) override;
  Status reap(bool wait, std::vector<Completion>& out) override;

 private:
  struct Request {
    explicit Request(const SimFile& file) : inode(file.inode()), path(file.path()) {}
    InodePtr inode;
    std::string path;
    uint64_t tag = 0;
    uint64_t change = 0;          // of a write
    uint64_t covered_before = 0;  // of a sync
    uint64_t offset = 0;
    size_t length = 0;
    Gate gate;
  };
  Completion complete(Request& request);
  Completion complete_write(Request& request);
  Status check_depth() const;

  State& state_;
  const uint64_t generation_;
  const unsigned depth_;
  Random random_;
  std::vector<Request> requests_;
};

Status SimQueue::check_depth() const {
  if (requests_.size() < depth_) return {};
  return fail(Code::kInternal, "more than " + std::to_string(depth_) + " requests in flight");
}

Status SimQueue::submit_write(File& file, uint64_t offset, ByteSpan bytes, uint64_t tag) {
  std::lock_guard lock(state_.mutex);
  TALLY_TRY(check_depth());
  auto& target = dynamic_cast<SimFile&>(file);
  if (!target.writable()) return fail(Code::kIoError, "write " + file.path() + ": Bad file descriptor");
  Request request(target);
  request.tag = tag;
  request.offset = offset;
  request.length = bytes.size();
  request.gate = state_.enter(generation_, DiskOp::kWrite, file.path(), offset, bytes.size());
  if (request.gate.refused && !request.gate.failed) return std::unexpected(request.gate.error);
  if (!request.gate.failed) {
    request.change = state_.change(*target.inode(), queued_write(offset, bytes));
  } else if (request.gate.error.code == Code::kIoError) {
    state_.change(*target.inode(), abandoned_write(offset, bytes));
  }
  if (request.gate.interrupted) return std::unexpected(request.gate.error);
  requests_.push_back(std::move(request));
  return {};
}

Status SimQueue::submit_sync_data(File& file, uint64_t tag) {
  std::lock_guard lock(state_.mutex);
  TALLY_TRY(check_depth());
  Request request(dynamic_cast<SimFile&>(file));
  request.tag = tag;
  request.covered_before = state_.next_sequence;
  request.gate = state_.enter(generation_, DiskOp::kSync, file.path());
  if (request.gate.refused && !request.gate.failed) return std::unexpected(request.gate.error);
  if (request.gate.interrupted) return std::unexpected(request.gate.error);
  requests_.push_back(std::move(request));
  return {};
}

IoQueue::Completion SimQueue::complete_write(Request& request) {
  size_t fits = state_.fitting(*request.inode, request.offset, request.length);
  bool cut = request.gate.cut_short || random_.chance(state_.short_writes);
  size_t bytes = cut && fits > 1 ? 1 + random_.below(fits - 1) : fits;
  state_.execute(*request.inode, request.change, bytes);
  if (bytes == 0 && request.length > 0) {
    return {request.tag, 0, fail(Code::kNoSpace, "write " + request.path + ": No space left on device")};
  }
  return {request.tag, bytes, {}};
}

IoQueue::Completion SimQueue::complete(Request& request) {
  bool is_write = request.covered_before == 0;
  if (state_.is_crashed || generation_ != state_.generation) {
    Error error{Code::kIoError, "simulated crash: " + request.path + " in flight at the power failure"};
    return {request.tag, 0, std::unexpected(error)};
  }
  if (request.gate.failed) {
    if (!is_write) state_.lose_content(*request.inode, request.covered_before, request.gate.survives);
    return {request.tag, 0, std::unexpected(request.gate.error)};
  }
  if (is_write) return complete_write(request);
  state_.sync_content(*request.inode, request.covered_before);
  return {request.tag, 0, {}};
}

Status SimQueue::reap(bool wait, std::vector<Completion>& out) {
  std::lock_guard lock(state_.mutex);
  size_t count = requests_.empty() ? 0 : random_.between(wait ? 1 : 0, requests_.size());
  for (; count > 0; --count) {
    auto chosen = requests_.begin() + static_cast<std::ptrdiff_t>(random_.below(requests_.size()));
    out.push_back(complete(*chosen));
    requests_.erase(chosen);
  }
  return {};
}

}  // namespace

std::unique_ptr<File> make_sim_file(State& state, InodePtr inode, std::string path, OpenMode mode) {
  return std::make_unique<SimFile>(state, std::move(inode), std::move(path), mode);
}
std::unique_ptr<IoQueue> make_sim_queue(State& state, unsigned depth) {
  return std::make_unique<SimQueue>(state, depth);
}

}  // namespace tally::sim
