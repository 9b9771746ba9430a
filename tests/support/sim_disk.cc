#include "tests/support/sim_disk.h"

#include <algorithm>

#include "base/checksum.h"
#include "tests/support/sim_state.h"

namespace tally {
namespace {

using sim::InodePtr;

std::unexpected<Error> refused(std::string_view verb, const std::string& path, Code code, std::string_view why) {
  return fail(code, std::string(verb) + " " + path + ": " + std::string(why));
}

Status finish(const SimDisk::State::Gate& gate) {
  if (gate.interrupted) return std::unexpected(gate.error);
  return {};
}

class SimLock final : public DirectoryLock {
 public:
  SimLock(SimDisk::State& state, std::string path)
      : state_(state), path_(std::move(path)), generation_(state.generation) {}
  ~SimLock() override {
    std::lock_guard lock(state_.mutex);
    if (generation_ == state_.generation) state_.locks.erase(path_);
  }

 private:
  SimDisk::State& state_;
  const std::string path_;
  const uint64_t generation_;
};

bool contains(const sim::Inode& directory, const InodePtr& wanted) {
  if (&directory == wanted.get()) return true;
  return std::ranges::any_of(directory.entries, [&](const auto& entry) { return contains(*entry.second, wanted); });
}

FileInfo info_of(std::string name, const sim::Inode& inode) {
  return {std::move(name), inode.cache.size(), inode.is_directory};
}

void list_tree(const sim::Inode& directory, const std::string& prefix, std::vector<std::string>& out) {
  for (const auto& [name, child] : directory.entries) {
    out.push_back(prefix + name + (child->is_directory ? "/" : ""));
    if (child->is_directory) list_tree(*child, prefix + name + "/", out);
  }
}

}  // namespace

std::string_view fate_name(Fate fate) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "drop unsynced", "keep all",         "random subset",  "tear 512",        "tear 4096",
      "garbage",       "dropped truncate", "dropped rename", "dropped entries", "mix"};
  return kNames[static_cast<size_t>(fate)];
}

std::string_view disk_op_name(DiskOp op) {
  static constexpr std::array<std::string_view, kDiskOps> kNames = {
      "create", "write", "sync",           "truncate", "preallocate", "rename", "unlink",
      "mkdir",  "rmdir", "sync directory", "lock",     "open",        "read",   "list"};
  return kNames[static_cast<size_t>(op)];
}

std::string DiskOperation::to_string() const {
  std::string text = std::string(disk_op_name(op)) + " " + path;
  if (offset != 0 || length != 0) text += " [" + std::to_string(offset) + ", +" + std::to_string(length) + ")";
  return text;
}

SimDisk::SimDisk(uint64_t seed) : state_(std::make_unique<State>(seed)) {}
SimDisk::SimDisk(std::unique_ptr<State> state) : state_(std::move(state)) {}
SimDisk::~SimDisk() = default;

// --- FileSystem ------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<File>> SimDisk::open(const std::string& path, OpenMode mode) {
  std::lock_guard lock(state_->mutex);
  bool create = mode == OpenMode::kCreate;
  State::Gate gate = state_->enter(create ? DiskOp::kCreate : DiskOp::kOpen, path);
  if (gate.refused) return std::unexpected(gate.error);
  TALLY_ASSIGN_OR_RETURN(State::Place at, state_->place(path, "open"));
  if (create && at.inode != nullptr) return refused("open", path, Code::kAlreadyExists, "File exists");
  if (create) at.inode = state_->add_inode(at, false);
  if (gate.interrupted) return std::unexpected(gate.error);
  if (at.inode == nullptr) return refused("open", path, Code::kNotFound, "No such file or directory");
  if (at.inode->is_directory) return refused("open", path, Code::kIoError, "Is a directory");
  return sim::make_sim_file(*state_, at.inode, path, mode);
}

Status SimDisk::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(state_->mutex);
  State::Gate gate = state_->enter(DiskOp::kRename, from);
  if (gate.refused) return std::unexpected(gate.error);
  TALLY_ASSIGN_OR_RETURN(State::Place source, state_->place(from, "rename"));
  TALLY_ASSIGN_OR_RETURN(State::Place target, state_->place(to, "rename"));
  if (source.inode == nullptr) return refused("rename", from, Code::kNotFound, "No such file or directory");
  if (source.inode == target.inode) return finish(gate);
  if (source.inode->is_directory && contains(*source.inode, target.directory)) {
    return refused("rename", from, Code::kIoError, "Invalid argument");
  }
  if (target.inode != nullptr) {
    if (target.inode->is_directory != source.inode->is_directory) {
      return refused("rename", from, Code::kIoError, target.inode->is_directory ? "Is a directory" : "Not a directory");
    }
    if (!target.inode->entries.empty()) return refused("rename", to, Code::kAlreadyExists, "Directory not empty");
    state_->unlinked.push_back(target.inode);
  }
  source.directory->entries.erase(source.name);
  target.directory->entries[target.name] = source.inode;
  state_->volume.pending_entries.push_back({.from_directory = source.directory,
                                            .from = source.name,
                                            .to_directory = target.directory,
                                            .to = target.name,
                                            .inode = source.inode});
  return finish(gate);
}

Status SimDisk::unlink(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  State::Gate gate = state_->enter(DiskOp::kUnlink, path);
  if (gate.refused) return std::unexpected(gate.error);
  TALLY_ASSIGN_OR_RETURN(State::Place at, state_->place(path, "unlink"));
  if (at.inode == nullptr) return refused("unlink", path, Code::kNotFound, "No such file or directory");
  if (at.inode->is_directory) return refused("unlink", path, Code::kIoError, "Is a directory");
  state_->remove_entry(at);
  return finish(gate);
}

Status SimDisk::make_directory(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  State::Gate gate = state_->enter(DiskOp::kMakeDirectory, path);
  if (gate.refused) return std::unexpected(gate.error);
  if (normal_path(path) == "/") return refused("mkdir", path, Code::kAlreadyExists, "File exists");
  TALLY_ASSIGN_OR_RETURN(State::Place at, state_->place(path, "mkdir"));
  if (at.inode != nullptr) return refused("mkdir", path, Code::kAlreadyExists, "File exists");
  state_->add_inode(at, true);
  return finish(gate);
}

Status SimDisk::remove_directory(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  State::Gate gate = state_->enter(DiskOp::kRemoveDirectory, path);
  if (gate.refused) return std::unexpected(gate.error);
  TALLY_ASSIGN_OR_RETURN(State::Place at, state_->place(path, "rmdir"));
  if (at.inode == nullptr) return refused("rmdir", path, Code::kNotFound, "No such file or directory");
  if (!at.inode->is_directory) return refused("rmdir", path, Code::kIoError, "Not a directory");
  if (!at.inode->entries.empty()) return refused("rmdir", path, Code::kAlreadyExists, "Directory not empty");
  state_->remove_entry(at);
  return finish(gate);
}

Status SimDisk::sync_directory(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  State::Gate gate = state_->enter(DiskOp::kSyncDirectory, path);
  if (gate.refused || gate.interrupted) return std::unexpected(gate.error);
  InodePtr inode = state_->find(path);
  if (inode == nullptr) return refused("sync directory", path, Code::kNotFound, "No such file or directory");
  if (!inode->is_directory) return refused("sync directory", path, Code::kNotFound, "Not a directory");
  state_->volume.sync_entries(inode);
  return {};
}

Result<std::vector<FileInfo>> SimDisk::list(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  State::Gate gate = state_->enter(DiskOp::kList, path);
  if (gate.refused) return std::unexpected(gate.error);
  InodePtr inode = state_->find(path);
  if (inode == nullptr) return refused("list", path, Code::kNotFound, "No such file or directory");
  if (!inode->is_directory) return refused("list", path, Code::kNotFound, "Not a directory");
  std::vector<FileInfo> files;
  for (const auto& [name, child] : inode->entries) files.push_back(info_of(name, *child));
  return files;
}

Result<FileInfo> SimDisk::info(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  State::Gate gate = state_->enter(DiskOp::kList, path);
  if (gate.refused) return std::unexpected(gate.error);
  InodePtr inode = state_->find(path);
  if (inode == nullptr) return refused("stat", path, Code::kNotFound, "No such file or directory");
  std::string normal = normal_path(path);
  return info_of(normal.substr(normal.rfind('/') + 1), *inode);
}

Result<SpaceInfo> SimDisk::space(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  State::Gate gate = state_->enter(DiskOp::kList, path);
  if (gate.refused) return std::unexpected(gate.error);
  if (state_->find(path) == nullptr) return refused("space", path, Code::kNotFound, "No such file or directory");
  uint64_t used = state_->used_bytes();
  return SpaceInfo{state_->capacity, used < state_->capacity ? state_->capacity - used : 0};
}

Result<std::unique_ptr<DirectoryLock>> SimDisk::lock(const std::string& path) {
  std::lock_guard guard(state_->mutex);
  State::Gate gate = state_->enter(DiskOp::kLock, path);
  if (gate.refused) return std::unexpected(gate.error);
  TALLY_ASSIGN_OR_RETURN(State::Place at, state_->place(path, "lock"));
  if (at.inode == nullptr) at.inode = state_->add_inode(at, false);
  if (gate.interrupted) return std::unexpected(gate.error);
  if (!state_->locks.insert(normal_path(path)).second) {
    return fail(Code::kLocked, path + " is held: the database is open in this process already");
  }
  return std::make_unique<SimLock>(*state_, normal_path(path));
}

Result<std::unique_ptr<IoQueue>> SimDisk::make_io_queue(unsigned depth) {
  std::lock_guard lock(state_->mutex);
  return sim::make_sim_queue(*state_, depth);
}

// --- power failure, faults -------------------------------------------------------------------------------------------

void SimDisk::crash_at(uint64_t n) {
  std::lock_guard lock(state_->mutex);
  state_->crash_countdown = n;
}

bool SimDisk::crashed() const {
  std::lock_guard lock(state_->mutex);
  return state_->is_crashed;
}

void SimDisk::crash(Fate fate, uint64_t seed) {
  std::lock_guard lock(state_->mutex);
  state_->volume = state_->volume.clone();  // files still open keep what they had to themselves
  state_->settle(fate, seed);
}

std::unique_ptr<SimDisk> SimDisk::after_crash(Fate fate, uint64_t seed) const {
  std::lock_guard lock(state_->mutex);
  auto next = std::make_unique<State>(state_->seed);
  next->volume = state_->volume.clone();
  next->next_inode = state_->next_inode;
  next->next_sequence = state_->next_sequence;
  next->settle(fate, seed);
  return std::unique_ptr<SimDisk>(new SimDisk(std::move(next)));
}

void SimDisk::kill_process() {
  std::lock_guard lock(state_->mutex);
  for (const InodePtr& inode : state_->volume.inodes()) {
    std::vector<uint64_t> queued;
    for (const sim::ContentChange& change : inode->pending) {
      if (change.in_flight) queued.push_back(change.id);
    }
    for (uint64_t id : queued) {
      if (state_->random.chance(0.5)) {
        state_->execute(*inode, id, SIZE_MAX);
      } else {
        std::erase_if(inode->pending, [id](const sim::ContentChange& change) { return change.id == id; });
      }
    }
    inode->open_handles = 0;
  }
  ++state_->generation;
  state_->locks.clear();
  state_->unlinked.clear();
}

void SimDisk::inject(Fault fault) {
  std::lock_guard lock(state_->mutex);
  state_->faults.push_back({std::move(fault), 0});
}

void SimDisk::clear_faults() {
  std::lock_guard lock(state_->mutex);
  state_->faults.clear();
}

uint64_t SimDisk::faults_fired() const {
  std::lock_guard lock(state_->mutex);
  return state_->fired;
}

void SimDisk::set_capacity(uint64_t bytes) {
  std::lock_guard lock(state_->mutex);
  state_->capacity = bytes;
}

void SimDisk::set_short_writes(double chance) {
  std::lock_guard lock(state_->mutex);
  state_->short_writes = chance;
}

void SimDisk::evict_cache() {
  std::lock_guard lock(state_->mutex);
  for (const InodePtr& inode : state_->volume.inodes()) {
    if (!inode->lost) continue;
    inode->cache = inode->on_disk();
    inode->lost = false;
  }
}

// --- looking at it, harming it ---------------------------------------------------------------------------------------

uint64_t SimDisk::changes() const {
  std::lock_guard lock(state_->mutex);
  return state_->change_count;
}

uint64_t SimDisk::count(DiskOp op) const {
  std::lock_guard lock(state_->mutex);
  return state_->counts[static_cast<size_t>(op)];
}

std::vector<DiskOperation> SimDisk::trace() const {
  std::lock_guard lock(state_->mutex);
  return {state_->operations.begin(), state_->operations.end()};
}

std::string SimDisk::trace_text() const {
  std::string text;
  for (const DiskOperation& operation : trace()) text += operation.to_string() + "\n";
  return text;
}

uint64_t SimDisk::seed() const { return state_->seed; }

bool SimDisk::exists(const std::string& path) const {
  std::lock_guard lock(state_->mutex);
  return state_->find(path) != nullptr;
}

Bytes SimDisk::content(const std::string& path) const {
  std::lock_guard lock(state_->mutex);
  InodePtr inode = state_->find(path);
  return inode == nullptr ? Bytes{} : inode->cache.to_bytes();
}

Bytes SimDisk::durable_content(const std::string& path) const {
  return after_crash(Fate::kDropUnsynced, 0)->content(path);
}

std::vector<std::string> SimDisk::tree() const {
  std::lock_guard lock(state_->mutex);
  std::vector<std::string> paths;
  list_tree(*state_->volume.root, "/", paths);
  return paths;
}

uint64_t SimDisk::unsynced() const {
  std::lock_guard lock(state_->mutex);
  uint64_t count = state_->volume.pending_entries.size();
  for (const InodePtr& inode : state_->volume.inodes()) count += inode->pending.size();
  return count;
}

bool SimDisk::overwrite(const std::string& path, uint64_t offset, ByteSpan bytes) {
  std::lock_guard lock(state_->mutex);
  InodePtr inode = state_->find(path);
  if (inode == nullptr || offset + bytes.size() > inode->cache.size()) return false;
  inode->cache.write(offset, bytes);
  inode->durable.write(offset, bytes);
  return true;
}

bool SimDisk::flip_bit(const std::string& path, uint64_t offset, unsigned bit) {
  Bytes bytes = content(path);
  if (offset >= bytes.size()) return false;
  auto flipped = static_cast<uint8_t>(bytes[static_cast<size_t>(offset)] ^ (1u << (bit % 8)));
  return overwrite(path, offset, {&flipped, 1});
}

bool SimDisk::cut(const std::string& path, uint64_t size) {
  std::lock_guard lock(state_->mutex);
  InodePtr inode = state_->find(path);
  if (inode == nullptr || size > inode->cache.size()) return false;
  inode->cache.resize(size);
  inode->durable.resize(std::min(inode->durable.size(), size));
  inode->pending.clear();
  return true;
}

namespace {

void hash_content(Xxh3Stream& stream, ByteWriter& writer, const SparseBytes& content) {
  writer.u64(content.size());
  content.for_each_page([&](uint64_t offset, ByteSpan bytes) {
    bool zeros = std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
    if (zeros) return;
    writer.u64(offset);
    stream.update(bytes);
  });
}

void hash_entries(ByteWriter& writer, const std::map<std::string, InodePtr>& entries) {
  writer.u64(entries.size());
  for (const auto& [name, child] : entries) {
    writer.string(name);
    writer.u64(child->id);
  }
}

}  // namespace

uint64_t SimDisk::hash() const {
  std::lock_guard lock(state_->mutex);
  Xxh3Stream stream;
  Bytes rest;
  ByteWriter writer(rest);
  for (const InodePtr& inode : state_->volume.inodes()) {
    writer.u64(inode->id);
    hash_content(stream, writer, inode->cache);
    hash_content(stream, writer, inode->durable);
    hash_entries(writer, inode->entries);
    hash_entries(writer, inode->durable_entries);
    for (const sim::ContentChange& change : inode->pending) {
      writer.u64(change.offset);
      writer.u64(change.size);
      if (change.bytes != nullptr) stream.update(*change.bytes);
    }
  }
  for (const sim::EntryChange& change : state_->volume.pending_entries) {
    writer.string(change.from);
    writer.string(change.to);
  }
  stream.update(rest);
  return stream.digest();
}

}  // namespace tally
