#include "tests/support/sim_state.h"

#include <algorithm>

namespace tally {
namespace {

constexpr std::string_view kCrashText = "simulated crash";

std::unexpected<Error> no_such(std::string_view verb, const std::string& path) {
  return fail(Code::kNotFound, std::string(verb) + " " + path + ": No such file or directory");
}

Error crash_error(DiskOp op, const std::string& path, std::string_view what) {
  return {Code::kIoError,
          std::string(kCrashText) + ": " + std::string(disk_op_name(op)) + " " + path + std::string(what)};
}

Error fault_error(FaultEffect effect, DiskOp op, const std::string& path) {
  bool space = effect == FaultEffect::kNoSpace;
  return {space ? Code::kNoSpace : Code::kIoError, std::string(disk_op_name(op)) + " " + path + ": " +
                                                       (space ? "No space left on device" : "Input/output error") +
                                                       " (injected)"};
}

}  // namespace

bool is_simulated_crash(const Error& error) { return error.message.find(kCrashText) != std::string::npos; }

std::string normal_path(const std::string& path) {
  std::string normal;
  for (size_t first = 0; first < path.size();) {
    size_t last = std::min(path.find('/', first), path.size());
    std::string_view part(path.data() + first, last - first);
    if (!part.empty() && part != ".") normal.append("/").append(part);
    first = last + 1;
  }
  return normal.empty() ? "/" : normal;
}

SimDisk::State::State(uint64_t the_seed) : seed(the_seed), random(the_seed) {
  volume.root = std::make_shared<sim::Inode>();
  volume.root->is_directory = true;
}

const Fault* SimDisk::State::firing(DiskOp op, const std::string& path) {
  const Fault* found = nullptr;
  for (ArmedFault& armed : faults) {
    const Fault& fault = armed.fault;
    bool matches = fault.ops.empty() ? op != DiskOp::kList : std::ranges::count(fault.ops, op) > 0;
    if (!matches || path.find(fault.path_part) == std::string::npos) continue;
    ++armed.seen;
    if (armed.seen == fault.nth || (fault.persistent && armed.seen > fault.nth)) found = &fault;
  }
  return found;
}

SimDisk::State::Gate SimDisk::State::enter(DiskOp op, const std::string& path, uint64_t offset, uint64_t length) {
  Gate gate;
  if (is_crashed) {
    gate.refused = true;
    gate.error = crash_error(op, path, " after the power failure");
    return gate;
  }
  ++counts[static_cast<size_t>(op)];
  operations.push_back({op, path, offset, length});
  if (operations.size() > kTraceMax) operations.pop_front();
  if (is_change(op)) {
    ++change_count;
    if (crash_countdown > 0 && --crash_countdown == 0) {
      is_crashed = true;
      gate.interrupted = true;
      gate.error = crash_error(op, path, " interrupted by the power failure");
      return gate;
    }
  }
  const Fault* fault = firing(op, path);
  if (fault == nullptr) return gate;
  ++fired;
  if (fault->effect == FaultEffect::kShort) {
    gate.cut_short = true;
    return gate;
  }
  gate.refused = gate.failed = true;
  gate.survives = fault->survives;
  gate.error = fault_error(fault->effect, op, path);
  return gate;
}

SimDisk::State::Gate SimDisk::State::enter(uint64_t handle_generation, DiskOp op, const std::string& path,
                                           uint64_t offset, uint64_t length) {
  if (handle_generation == generation) return enter(op, path, offset, length);
  Gate gate;
  gate.refused = true;
  gate.error = crash_error(op, path, " by a handle of before it");
  return gate;
}

sim::InodePtr SimDisk::State::find(const std::string& path) const {
  sim::InodePtr inode = volume.root;
  std::string normal = normal_path(path);
  for (size_t first = 1; first < normal.size() && inode != nullptr;) {
    size_t last = std::min(normal.find('/', first), normal.size());
    auto entry = inode->entries.find(normal.substr(first, last - first));
    inode = entry == inode->entries.end() ? nullptr : entry->second;
    first = last + 1;
  }
  return inode;
}

Result<SimDisk::State::Place> SimDisk::State::place(const std::string& path, std::string_view verb) const {
  std::string normal = normal_path(path);
  size_t slash = normal.rfind('/');
  Place at{.directory = find(normal.substr(0, slash)), .name = normal.substr(slash + 1), .inode = nullptr};
  if (at.directory == nullptr || !at.directory->is_directory) return no_such(verb, path);
  if (at.name.empty()) return fail(Code::kIoError, std::string(verb) + " " + path + ": Device or resource busy");
  auto entry = at.directory->entries.find(at.name);
  if (entry != at.directory->entries.end()) at.inode = entry->second;
  return at;
}

sim::InodePtr SimDisk::State::add_inode(const Place& at, bool is_directory) {
  auto inode = std::make_shared<sim::Inode>();
  inode->id = next_inode++;
  inode->is_directory = is_directory;
  at.directory->entries[at.name] = inode;
  volume.pending_entries.push_back(
      {.from_directory = nullptr, .from = {}, .to_directory = at.directory, .to = at.name, .inode = inode});
  return inode;
}

void SimDisk::State::remove_entry(const Place& at) {
  at.directory->entries.erase(at.name);
  unlinked.push_back(at.inode);
  volume.pending_entries.push_back(
      {.from_directory = at.directory, .from = at.name, .to_directory = nullptr, .to = {}, .inode = at.inode});
}

uint64_t SimDisk::State::change(sim::Inode& inode, sim::ContentChange change) {
  change.id = change.sequence = next_sequence++;
  if (!change.in_flight && !change.abandoned) sim::apply(inode.cache, change);
  inode.pending.push_back(std::move(change));
  return inode.pending.back().id;
}

void SimDisk::State::execute(sim::Inode& inode, uint64_t id, size_t bytes) {
  auto at = std::ranges::find(inode.pending, id, &sim::ContentChange::id);
  if (at == inode.pending.end()) return;
  sim::ContentChange change = std::move(*at);
  inode.pending.erase(at);
  if (bytes < change.bytes->size()) {
    change.bytes = std::make_shared<const Bytes>(change.bytes->begin(),
                                                 change.bytes->begin() + static_cast<std::ptrdiff_t>(bytes));
  }
  change.in_flight = false;
  change.sequence = next_sequence++;
  sim::apply(inode.cache, change);
  inode.pending.push_back(std::move(change));
}

void SimDisk::State::sync_content(sim::Inode& inode, uint64_t sequence) {
  std::vector<sim::ContentChange> rest;
  for (sim::ContentChange& change : inode.pending) {
    if (change.in_flight || change.sequence >= sequence) {
      rest.push_back(std::move(change));
    } else if (!change.abandoned) {
      sim::apply(inode.durable, change);
    }
  }
  inode.pending = std::move(rest);
}

void SimDisk::State::lose_content(sim::Inode& inode, uint64_t sequence, double survives) {
  std::vector<sim::ContentChange> rest;
  for (sim::ContentChange& change : inode.pending) {
    if (change.in_flight || change.sequence >= sequence) {
      rest.push_back(std::move(change));
    } else if (random.chance(survives)) {
      sim::apply(inode.durable, change);
    } else if (!change.abandoned) {
      inode.lost = true;
    }
  }
  inode.pending = std::move(rest);
}

uint64_t SimDisk::State::used_bytes() const {
  uint64_t used = 0;
  std::vector<const sim::Inode*> open = {volume.root.get()};
  while (!open.empty()) {
    const sim::Inode* inode = open.back();
    open.pop_back();
    used += inode->cache.size();
    for (const auto& [name, child] : inode->entries) open.push_back(child.get());
  }
  for (const auto& weak : unlinked) {
    sim::InodePtr inode = weak.lock();
    if (inode != nullptr && inode->open_handles > 0) used += inode->cache.size();
  }
  return used;
}

size_t SimDisk::State::fitting(const sim::Inode& inode, uint64_t offset, size_t length) const {
  uint64_t end = offset + length;
  if (capacity == kCapacityDefault || end <= inode.cache.size()) return length;
  uint64_t used = used_bytes();
  uint64_t free = used < capacity ? capacity - used : 0;
  uint64_t end_max = inode.cache.size() + free;
  if (end <= end_max) return length;
  return end_max > offset ? static_cast<size_t>(end_max - offset) : 0;
}

void SimDisk::State::settle(Fate fate, uint64_t fate_seed) {
  uint64_t mixed = seed ^ (fate_seed * 0x9E3779B97F4A7C15u) ^ (uint64_t{static_cast<uint8_t>(fate)} << 56);
  random = Random(mixed);
  volume.settle(fate, random);
  ++generation;
  crash_countdown = 0;
  is_crashed = false;
  faults.clear();
  fired = 0;
  capacity = kCapacityDefault;
  short_writes = 0.0;
  locks.clear();
  unlinked.clear();
}

}  // namespace tally
