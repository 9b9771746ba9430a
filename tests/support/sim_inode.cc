#include "tests/support/sim_inode.h"

#include <algorithm>

namespace tally::sim {
namespace {

using Kind = ContentChange::Kind;

constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kPageBytes = 4096;

// Calls visit(first, last) for each piece of [0, length) of a write at `offset`, cut at multiples of `grain` of the file.
template <class Visitor>
void for_each_piece(uint64_t offset, size_t length, uint64_t grain, Visitor visit) {
  for (size_t first = 0; first < length;) {
    uint64_t boundary = ((offset + first) / grain + 1) * grain;
    size_t last = static_cast<size_t>(std::min<uint64_t>(boundary - offset, length));
    visit(first, last);
    first = last;
  }
}

enum class Tear : uint8_t { kWhole, kNothing, kPrefix, kSuffix, kAnyPieces, kSizeOnly };

void tear(SparseBytes& content, const ContentChange& change, uint64_t grain, Random& random) {
  ByteSpan bytes(*change.bytes);
  size_t pieces = 0;
  for_each_piece(change.offset, bytes.size(), grain, [&](size_t, size_t) { ++pieces; });
  auto how = static_cast<Tear>(random.below(6));
  uint64_t cut = random.below(pieces + 1);
  size_t index = 0;
  for_each_piece(change.offset, bytes.size(), grain, [&](size_t first, size_t last) {
    bool coin = random.chance(0.5);
    bool kept = how == Tear::kWhole || (how == Tear::kPrefix && index < cut) ||
                (how == Tear::kSuffix && index >= cut) || (how == Tear::kAnyPieces && coin);
    if (kept) content.write(change.offset + first, bytes.subspan(first, last - first));
    ++index;
  });
  // Delayed allocation: the new size came to the disk, the bytes did not.
  if (how == Tear::kSizeOnly) content.resize(std::max(content.size(), change.offset + bytes.size()));
}

void garble(Bytes& bytes, size_t first, size_t last, Random& random) {
  size_t middle = first + (last - first) / 2;
  switch (random.below(3)) {
    case 0: last = std::max(middle, first + 1); break;  // the left half
    case 1: first = std::min(middle, last - 1); break;  // the right half
    default: break;
  }
  MutableByteSpan part(bytes.data() + first, last - first);
  if (random.chance(0.25)) {
    std::fill(part.begin(), part.end(), uint8_t{0});
  } else {
    random.fill(part);
  }
}

void write_garbled(SparseBytes& content, const ContentChange& change, Random& random) {
  Bytes bytes = *change.bytes;
  double density = random.chance(0.5) ? 0.1 : 1.0;
  for_each_piece(change.offset, bytes.size(), kSectorBytes, [&](size_t first, size_t last) {
    if (random.chance(density)) garble(bytes, first, last, random);
  });
  content.write(change.offset, bytes);
}

Fate drawn(Fate fate, Random& random) {
  if (fate != Fate::kMix) return fate;
  static constexpr std::array kParts = {Fate::kDropUnsynced, Fate::kKeepAll,  Fate::kKeepAll,
                                        Fate::kTear512,      Fate::kTear4096, Fate::kGarbage};
  return kParts[random.below(kParts.size())];
}

void settle_write(SparseBytes& content, const ContentChange& change, Fate fate, Random& random) {
  if (change.bytes->empty()) return;
  switch (fate) {
    case Fate::kDropUnsynced: return;
    case Fate::kRandomSubset:
      if (random.chance(0.5)) apply(content, change);
      return;
    case Fate::kTear512: return tear(content, change, kSectorBytes, random);
    case Fate::kTear4096: return tear(content, change, kPageBytes, random);
    case Fate::kGarbage:
      if (random.chance(0.3)) return;
      if (random.chance(0.3)) return apply(content, change);
      return write_garbled(content, change, random);
    default: return apply(content, change);
  }
}

void settle_size(SparseBytes& content, const ContentChange& change, Fate fate, Random& random) {
  switch (fate) {
    case Fate::kDropUnsynced:
    case Fate::kDroppedTruncate: return;
    case Fate::kKeepAll:
    case Fate::kDroppedRename:
    case Fate::kDroppedEntries: return apply(content, change);
    default:
      if (random.chance(0.5)) apply(content, change);
  }
}

bool entry_survives(const EntryChange& change, Fate fate, Random& random) {
  switch (fate) {
    case Fate::kDropUnsynced: return false;
    case Fate::kKeepAll:
    case Fate::kDroppedTruncate: return true;
    case Fate::kDroppedRename: return !change.is_rename();
    default: return random.chance(0.5);
  }
}

void settle_content(Inode& inode, Fate fate, Random& random) {
  for (const ContentChange& change : inode.pending) {
    Fate own = drawn(fate, random);
    if (change.kind == Kind::kWrite) {
      settle_write(inode.durable, change, own, random);
    } else {
      settle_size(inode.durable, change, own, random);
    }
  }
  inode.pending.clear();
  inode.cache = inode.durable;
  inode.lost = false;
  inode.open_handles = 0;
}

class Cloner {
 public:
  InodePtr copy(const InodePtr& from) {
    if (from == nullptr) return nullptr;
    auto [at, is_new] = copies_.try_emplace(from.get());
    if (!is_new) return at->second;
    InodePtr to = std::make_shared<Inode>(*from);
    at->second = to;
    for (auto& [name, child] : to->entries) child = copy(child);
    for (auto& [name, child] : to->durable_entries) child = copy(child);
    return to;
  }

 private:
  std::map<const Inode*, InodePtr> copies_;
};

}  // namespace

SparseBytes Inode::on_disk() const {
  SparseBytes content = durable;
  for (const ContentChange& change : pending) {
    if (!change.in_flight && !change.abandoned) apply(content, change);
  }
  return content;
}

void apply(SparseBytes& content, const ContentChange& change) {
  switch (change.kind) {
    case Kind::kWrite: content.write(change.offset, *change.bytes); break;
    case Kind::kTruncate: content.resize(change.size); break;
    case Kind::kGrow: content.resize(std::max(content.size(), change.size)); break;
  }
}

void apply_to_durable(const EntryChange& change) {
  if (change.from_directory != nullptr) change.from_directory->durable_entries.erase(change.from);
  if (change.to_directory != nullptr) change.to_directory->durable_entries[change.to] = change.inode;
}

Volume Volume::clone() const {
  Cloner cloner;
  Volume copy;
  copy.root = cloner.copy(root);
  for (EntryChange change : pending_entries) {
    change.from_directory = cloner.copy(change.from_directory);
    change.to_directory = cloner.copy(change.to_directory);
    change.inode = cloner.copy(change.inode);
    copy.pending_entries.push_back(std::move(change));
  }
  return copy;
}

std::vector<InodePtr> Volume::inodes() const {
  std::map<uint64_t, InodePtr> found;
  std::vector<InodePtr> open = {root};
  for (const EntryChange& change : pending_entries) {
    for (const InodePtr& inode : {change.from_directory, change.to_directory, change.inode}) {
      if (inode != nullptr) open.push_back(inode);
    }
  }
  while (!open.empty()) {
    InodePtr inode = open.back();
    open.pop_back();
    if (!found.emplace(inode->id, inode).second) continue;
    for (const auto& [name, child] : inode->entries) open.push_back(child);
    for (const auto& [name, child] : inode->durable_entries) open.push_back(child);
  }
  std::vector<InodePtr> sorted;
  for (auto& [id, inode] : found) sorted.push_back(inode);
  return sorted;
}

void Volume::sync_entries(const InodePtr& directory) {
  std::vector<EntryChange> rest;
  for (EntryChange& change : pending_entries) {
    bool removes_here = change.from_directory == directory;
    bool adds_here = change.to_directory == directory;
    if (!removes_here && !adds_here) {
      rest.push_back(std::move(change));
    } else if (adds_here && change.from_directory != nullptr && !removes_here) {
      // The new name is safe; the old one may still be there until its own directory is synced.
      directory->durable_entries[change.to] = change.inode;
      change.to_directory = nullptr;
      rest.push_back(std::move(change));
    } else {
      apply_to_durable(change);  // a rename away too is safe as a whole: no file system loses the file between
    }
  }
  pending_entries = std::move(rest);
}

void Volume::settle(Fate fate, Random& random) {
  std::vector<InodePtr> all = inodes();
  for (const EntryChange& change : pending_entries) {
    if (entry_survives(change, fate, random)) apply_to_durable(change);
  }
  pending_entries.clear();
  for (const InodePtr& inode : all) {
    settle_content(*inode, fate, random);
    inode->entries = inode->durable_entries;
  }
}

}  // namespace tally::sim
