#include "engine/id_run.h"

#include <algorithm>
#include <iterator>

#include "base/checksum.h"
#include "base/limits.h"
#include "engine/id_run_format.h"

namespace tally {

using namespace id_run_format;  // NOLINT: this file is the format's other half

namespace {

__extension__ using Wide = unsigned __int128;

constexpr size_t kReadBytes = size_t{256} * 1024;  // of a cursor at a time
constexpr size_t kProblemsMax = 100;
constexpr size_t kAhead = 4;  // keys, whose places in a directory are asked of the memory

std::unexpected<Error> at_block(const IdRun& run, size_t block, Error error) {
  return std::unexpected(std::move(error).with_context(run.path() + ": block " + std::to_string(block) + ", offset " +
                                                       std::to_string(run.offset_of(block))));
}

BlockPlace place_of(const IdRun& run, size_t block) {
  return {.digest = run.file_digest(),
          .block = static_cast<uint32_t>(block),
          .entries = run.entries_of(block),
          .first_top = run.first_top(block)};
}

bool has_day(const IdRunSummary& summary, int32_t day) {
  return std::any_of(summary.newest.begin(), summary.newest.end(),
                     [day](const NewestOfDay& newest) { return newest.day == day; });
}

}  // namespace

void IdRunSummary::merge(const IdRunSummary& other) {
  newest_arrival_us = std::max(newest_arrival_us, other.newest_arrival_us);
  max_lsn = std::max(max_lsn, other.max_lsn);
  std::vector<NewestOfDay> both;
  auto mine = newest.begin();
  for (const NewestOfDay& theirs : other.newest) {
    while (mine != newest.end() && mine->day < theirs.day) both.push_back(*mine++);
    NewestOfDay newer = theirs;
    if (mine != newest.end() && mine->day == theirs.day) newer.event_us = std::max(newer.event_us, mine++->event_us);
    both.push_back(newer);
  }
  both.insert(both.end(), mine, newest.end());
  newest = std::move(both);
}

// --- the file ------------------------------------------------------------------------------------------------------

Result<std::shared_ptr<const IdRun>> IdRun::open(FileSystem& fs, const std::string& path, const IdRunInfo* expected) {
  Result<std::unique_ptr<File>> file = fs.open(path, OpenMode::kRead);
  if (!file) {
    Error error = std::move(file).error();
    if (expected != nullptr && error.code == Code::kNotFound) error.code = Code::kCorruption;  // the manifest lists it
    return std::unexpected(std::move(error));
  }
  return open(*std::move(file), expected);
}

Result<std::shared_ptr<const IdRun>> IdRun::open(std::unique_ptr<File> file, const IdRunInfo* expected) {
  std::shared_ptr<IdRun> run(new IdRun);
  run->file_ = std::move(file);
  run->path_ = run->file_->path();
  Status read = run->read_metadata();
  if (read && expected != nullptr) read = run->check_expected(*expected);
  if (!read) {
    // Messages of the disk name the path themselves.
    Error error = std::move(read).error();
    bool named = error.message.find(run->path_) != std::string::npos;
    return std::unexpected(named ? std::move(error) : std::move(error).with_context(run->path_));
  }
  return run;
}

Status IdRun::read_metadata() {
  TALLY_ASSIGN_OR_RETURN(uint64_t size, file_->size());
  if (size < kHeaderBytes + kTrailerBytes) {
    return fail(Code::kCorruption, "the file has " + std::to_string(size) + " bytes: it was cut off or never finished");
  }
  Bytes bytes(kHeaderBytes);
  TALLY_TRY(read_exactly(*file_, 0, bytes));
  TALLY_ASSIGN_OR_RETURN(Header header, decode_header(bytes));
  digest_ = id_run_format::file_digest(header.uuid);
  bytes.resize(kTrailerBytes);
  TALLY_TRY(read_exactly(*file_, size - kTrailerBytes, bytes));
  TALLY_ASSIGN_OR_RETURN(Trailer trailer, decode_trailer(bytes));
  if (trailer.file_size != size || trailer.digest != digest_) {
    return fail(Code::kCorruption, "the trailer speaks of another file or of another size");
  }
  const uint64_t before_trailer = size - kTrailerBytes;
  if (trailer.footer_offset > before_trailer || trailer.footer_length != before_trailer - trailer.footer_offset ||
      trailer.footer_length > kFooterBytesMax) {
    return fail(Code::kCorruption, "the trailer places the footer outside the file");
  }
  bytes.resize(trailer.footer_length);
  TALLY_TRY(read_exactly(*file_, trailer.footer_offset, bytes));
  if (xxh3(bytes) != trailer.footer_sum) return fail(Code::kCorruption, "the sum of the footer does not match");
  TALLY_ASSIGN_OR_RETURN(Footer footer, decode_footer(bytes, trailer.footer_offset));
  set_directory(footer.blocks);
  table_uuid_ = header.table_uuid;
  body_sum_ = trailer.body_sum;
  info_ = {.number = header.number,
           .uuid = header.uuid,
           .size = size,
           .entries = footer.entries,
           .place = header.place,
           .summary = std::move(footer.summary),
           .min_reader_version = header.min_reader_version};
  return {};
}

void IdRun::set_directory(std::span<const BlockEntry> blocks) {
  first_tops_.reserve(blocks.size());
  lengths_.reserve(blocks.size());
  offsets_.reserve(blocks.size() / kBlocksPerOffset + 1);
  uint64_t offset = kHeaderBytes;
  for (const BlockEntry& block : blocks) {
    if (lengths_.size() % kBlocksPerOffset == 0) offsets_.push_back(offset);
    first_tops_.push_back(top_of(block.first_lo));
    lengths_.push_back(static_cast<uint16_t>(block.length));
    offset += block.length;
  }
  if (lengths_.size() % kBlocksPerOffset == 0) offsets_.push_back(offset);
}

uint64_t IdRun::offset_of(size_t block) const {
  uint64_t offset = offsets_[block / kBlocksPerOffset];
  for (size_t before = block / kBlocksPerOffset * kBlocksPerOffset; before < block; ++before)
    offset += lengths_[before];
  return offset;
}

void IdRun::prefetch(uint64_t lo) const {
  const auto guess = static_cast<size_t>(Wide{lo} * lengths_.size() >> 64);
  __builtin_prefetch(first_tops_.data() + guess);
  __builtin_prefetch(lengths_.data() + guess / kBlocksPerOffset * kBlocksPerOffset);
  __builtin_prefetch(offsets_.data() + guess / kBlocksPerOffset);
}

Status IdRun::check_expected(const IdRunInfo& expected) {
  expected_ = true;
  info_.checksum = expected.checksum;  // of the whole file: verify() compares it
  if (info_ == expected) return {};
  if (info_.uuid != expected.uuid || info_.number != expected.number) {
    return fail(Code::kCorruption, "another file stands in its place: it is number " + std::to_string(info_.number) +
                                       " with id " + hex(info_.uuid) + ", and the manifest lists number " +
                                       std::to_string(expected.number) + " with id " + hex(expected.uuid));
  }
  return fail(Code::kCorruption, "it is not what the manifest lists: " + std::to_string(info_.size) + " bytes and " +
                                     std::to_string(info_.entries) + " entries, listed with " +
                                     std::to_string(expected.size) + " and " + std::to_string(expected.entries));
}

uint64_t IdRun::memory_bytes() const {
  return sizeof(IdRun) + first_tops_.capacity() * sizeof(uint32_t) + lengths_.capacity() * sizeof(uint16_t) +
         offsets_.capacity() * sizeof(uint64_t);
}

uint32_t IdRun::entries_of(size_t block) const {
  const uint64_t before = uint64_t{block} * kIdRunBlockEntries;
  return static_cast<uint32_t>(std::min<uint64_t>(info_.entries - before, kIdRunBlockEntries));
}

// Keys are hashes, so the block lies near the place that their share of the range says; from there in growing steps, then
// by halves, so that a file whose keys crowd is no worse than a binary search.
size_t IdRun::block_of(uint64_t lo) const {
  const size_t count = first_tops_.size();
  const uint32_t* firsts = first_tops_.data();
  const uint32_t top = top_of(lo);
  const auto guess = static_cast<size_t>(Wide{lo} * count >> 64);
  size_t low = guess, high = guess;  // what is sought: the first block in [low, high) whose first top is above
  size_t step = 4;
  if (firsts[guess] <= top) {
    while (high < count && firsts[high] <= top) {
      low = high + 1;
      high = std::min(high + step, count);
      step *= 2;
    }
  } else {
    while (low > 0 && firsts[low] > top) {
      high = low;
      low -= std::min(step, low);
      step *= 2;
    }
  }
  const auto above = static_cast<size_t>(std::upper_bound(firsts + low, firsts + high, top) - firsts);
  return above == 0 ? 0 : above - 1;
}

Status IdRun::read_blocks(size_t first, size_t end, Bytes& out) const {
  TALLY_CHECK(first < end && end <= blocks());
  const uint64_t offset = offset_of(first);
  out.resize(first + 1 == end ? length_of(first) : offset_of(end) - offset);
  return read_exactly(*file_, offset, out);
}

Status IdRun::check_whole_sum(std::vector<std::string>& problems) const {
  Xxh3Stream sum;
  Bytes bytes;
  const uint64_t body = info_.size - kTrailerBytes;
  for (uint64_t offset = 0; offset < info_.size;) {
    const uint64_t stop = offset < body ? body : info_.size;
    bytes.resize(std::min<uint64_t>(stop - offset, kReadBytes));
    TALLY_TRY(read_exactly(*file_, offset, bytes));
    sum.update(bytes);
    offset += bytes.size();
    if (offset == body && sum.digest() != body_sum_) problems.push_back(path_ + ": its sum does not match its trailer");
  }
  if (expected_ && sum.digest() != info_.checksum) {
    problems.push_back(path_ + ": its sum does not match what the manifest lists");
  }
  return {};
}

Result<std::vector<std::string>> IdRun::verify() const {
  std::vector<std::string> problems;
  TALLY_TRY(check_whole_sum(problems));
  // The cursor wants shared ownership, and none is needed here: it ends before this function does.
  IdRunCursor cursor(std::shared_ptr<const IdRun>(std::shared_ptr<const IdRun>(), this));
  int32_t last_day = 0;
  bool any = false;
  while (problems.size() < kProblemsMax) {
    auto entries = cursor.next();
    if (!entries && entries.error().code != Code::kCorruption) return std::unexpected(std::move(entries).error());
    if (!entries) {
      problems.push_back(std::move(entries).error().message);
      return problems;  // behind a block that does not hold, the order of keys says nothing
    }
    if (entries->empty()) break;
    for (const SeenEntry& entry : *entries) {
      if (any && entry.event_day == last_day) continue;
      any = true;
      last_day = entry.event_day;
      if (!has_day(info_.summary, last_day)) {
        problems.push_back(path_ + ": an entry of day " + std::to_string(last_day) + ", which its summary leaves out");
        return problems;
      }
    }
  }
  return problems;
}

// --- the cache -----------------------------------------------------------------------------------------------------

IdRunCache::IdRunCache() : slots_(limits::kIdRunCacheBytesMax / (kBlockBytesMax + sizeof(Slot))) {}

size_t IdRunCache::slot_of(const IdRun& run, size_t block) const {
  return (run.file_digest() + block * 0x9E3779B97F4A7C15u) % slots_.size();
}

const Bytes* IdRunCache::find(const IdRun& run, size_t block) const {
  const Slot& slot = slots_[slot_of(run, block)];
  bool hit = !slot.bytes.empty() && slot.digest == run.file_digest() && slot.block == block;
  return hit ? &slot.bytes : nullptr;
}

void IdRunCache::put(const IdRun& run, size_t block, Bytes& bytes) {
  Slot& slot = slots_[slot_of(run, block)];
  slot.digest = run.file_digest();
  slot.block = block;
  slot.bytes.swap(bytes);
}

uint64_t IdRunCache::memory_bytes() const {
  uint64_t bytes = slots_.capacity() * sizeof(Slot);
  for (const Slot& slot : slots_) bytes += slot.bytes.capacity();
  return bytes;
}

// --- looking keys up -----------------------------------------------------------------------------------------------

Status IdRunFinder::load(const IdRun& run, size_t block) {
  const Bytes* cached = cache_ == nullptr ? nullptr : cache_->find(run, block);
  if (cached != nullptr) {
    ++cache_hits_;
  } else {
    ++blocks_read_;
    bytes_.reserve(kBlockBytesMax);
    TALLY_TRY(run.read_blocks(block, block + 1, bytes_));
  }
  Result<BlockView> view = open_block(cached != nullptr ? *cached : bytes_, place_of(run, block));
  if (!view) return at_block(run, block, std::move(view).error());
  entries_ = view->entries;
  highs_ = view->highs;
  digests_ = view->digests;
  if (Status lows = decode_lows(*view, std::span(lows_).first(entries_)); !lows) {
    return at_block(run, block, std::move(lows).error());
  }
  if (block + 1 < run.blocks() && IdRun::top_of(lows_[entries_ - 1]) > run.first_top(block + 1)) {
    return at_block(run, block, {Code::kCorruption, "its keys reach beyond the next block's first"});
  }
  packed_days_ = view->days;
  base_day_ = view->base_day;
  days_unpacked_ = false;
  if (cache_ != nullptr && cached == nullptr) cache_->put(run, block, bytes_);  // the view stays where it is
  return {};
}

bool IdRunFinder::look_in_block(const Hash128& key, IdRunMatch& match) {
  const uint64_t* lows = lows_.data();
  auto at = static_cast<size_t>(std::lower_bound(lows, lows + entries_, key.lo) - lows);
  for (; at < entries_ && lows[at] == key.lo; ++at) {
    if (load_le<uint64_t>(highs_ + at * 8) != key.hi) continue;
    if (!days_unpacked_) packed_days_.unpack(static_cast<uint32_t>(base_day_), std::span(days_).first(entries_));
    days_unpacked_ = true;
    match = {
        .found = true, .digest = load_le<uint32_t>(digests_ + at * 4), .event_day = static_cast<int32_t>(days_[at])};
    return true;
  }
  return false;
}

Status IdRunFinder::find(const IdRun& run, std::span<const Hash128> keys, std::span<IdRunMatch> matches) {
  TALLY_CHECK(keys.size() == matches.size());
  constexpr size_t kNone = SIZE_MAX;
  size_t loaded = kNone;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i + kAhead < keys.size()) run.prefetch(keys[i + kAhead].lo);
    const uint32_t top = IdRun::top_of(keys[i].lo);
    // Keys with the same top may stand on both sides of a border between blocks.
    for (size_t block = run.block_of(keys[i].lo);; --block) {
      if (top < run.first_top(block)) break;
      if (block != loaded) {
        loaded = kNone;
        TALLY_TRY(load(run, block));
        loaded = block;
      }
      if (look_in_block(keys[i], matches[i]) || top != run.first_top(block) || block == 0) break;
    }
  }
  return {};
}

// --- all of them in order ------------------------------------------------------------------------------------------

Result<std::span<const SeenEntry>> IdRunCursor::next() {
  if (block_ == run_->blocks()) return std::span<const SeenEntry>();
  if (block_ == read_end_) {
    read_first_ = block_;
    const uint64_t stop = run_->offset_of(block_) + kReadBytes;
    while (read_end_ < run_->blocks() && run_->offset_of(read_end_ + 1) <= stop) ++read_end_;
    TALLY_TRY(run_->read_blocks(read_first_, read_end_, bytes_));
  }
  const size_t block = block_++;
  ByteSpan bytes =
      ByteSpan(bytes_).subspan(run_->offset_of(block) - run_->offset_of(read_first_), run_->length_of(block));
  Result<BlockView> view = open_block(bytes, place_of(*run_, block));
  if (!view) return at_block(*run_, block, std::move(view).error());
  const size_t count = view->entries;
  std::array<uint64_t, kIdRunBlockEntries> lows;
  std::array<uint32_t, kIdRunBlockEntries> days;
  if (Status done = decode_lows(*view, std::span(lows).first(count)); !done) {
    return at_block(*run_, block, std::move(done).error());
  }
  decode_days(*view, std::span(days).first(count));
  for (size_t i = 0; i < count; ++i) {
    entries_[i] = {.key = {.lo = lows[i], .hi = load_le<uint64_t>(view->highs + i * 8)},
                   .digest = load_le<uint32_t>(view->digests + i * 4),
                   .event_day = static_cast<int32_t>(days[i])};
  }
  if (last_ && entries_[0].key <= *last_) {
    return at_block(*run_, block, {Code::kCorruption, "its keys do not follow those of the block before"});
  }
  last_ = entries_[count - 1].key;
  return std::span<const SeenEntry>(entries_).first(count);
}

}  // namespace tally
