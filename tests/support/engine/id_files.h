// Remembered ids of one shard with their files, as a table would keep them: flushed, merged, listed.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/file_names.h"
#include "base/random.h"
#include "engine/remembered_ids.h"
#include "tests/support/sim_disk.h"

namespace tally {

inline constexpr TimeUs kStart = 20'000 * kMicrosPerDay;
inline constexpr TimeUs kWithin = 72 * kMicrosPerHour;

// Files of a shard, and what a manifest would list of them.
struct Files {
  explicit Files(uint64_t seed) : disk(seed) { REQUIRE(disk.make_directory("ids")); }

  IdRunTarget target() {
    FileUuid uuid{};
    store_le(uuid.data(), next_number);
    return {.fs = &disk, .directory = "ids", .number = next_number++, .uuid = uuid, .table_uuid = {}};
  }
  void drop(const RememberedIds::GenerationId& id) {
    std::erase_if(listed, [&](const auto& item) {
      const IdRunPlace& place = item.second.place;
      return place.lateness_class == id.lateness_class && place.generation == id.generation;
    });
  }
  void remove_unlisted() {
    const std::vector<FileInfo> files = disk.list("ids").value();
    for (const FileInfo& file : files) {
      const uint64_t number = std::strtoull(file.name.c_str(), nullptr, 10);
      if (!listed.contains(number)) REQUIRE(disk.unlink(join_path("ids", file.name)));
    }
  }
  std::vector<IdRunInfo> infos() const {
    std::vector<IdRunInfo> all;
    for (const auto& [number, info] : listed) all.push_back(info);
    return all;
  }

  SimDisk disk;
  std::map<uint64_t, IdRunInfo> listed;
  uint64_t next_number = 1;
};

// Everything that stands in memory goes to runs, and the manifest lists them.
inline void flush(RememberedIds& ids, Files& files, Lsn through) {
  RememberedIds::Frozen frozen = ids.freeze(through);
  for (const RememberedIds::GenerationId& id : frozen.forgotten) files.drop(id);
  for (const SpillWork& work : frozen.spills) {
    SpilledIds spilled = write_spill(work, files.target()).value();
    files.listed[spilled.run->info().number] = spilled.run->info();
    ids.adopt(std::move(spilled));
  }
}

inline void merge_all(RememberedIds& ids, Files& files, TimeUs arrival_us) {
  while (std::optional<MergeWork> work = ids.plan_merge(arrival_us)) {
    MergedIds merged = write_merge(*work, files.target()).value();
    if (merged.run) {
      for (uint64_t number : merged.inputs) files.listed.erase(number);
      files.listed[merged.run->info().number] = merged.run->info();
    }
    ids.adopt(std::move(merged));
  }
}

inline Hash128 key_of(uint64_t number) {
  Random mixer(number);
  uint64_t lo = mixer.next();
  return {.lo = lo, .hi = mixer.next()};
}

// Remembers ids [first, end) at one arrival; all must be new.
inline void remember(RememberedIds& ids, uint64_t first, uint64_t end, TimeUs arrival_us, uint32_t lateness_class = 0) {
  std::vector<Hash128> keys;
  for (uint64_t i = first; i < end; ++i) keys.push_back(key_of(i));
  std::vector<uint32_t> digests(keys.size(), 7);
  REQUIRE(ids.begin_batch(keys, digests));
  for (size_t row = 0; row < keys.size(); ++row) {
    REQUIRE(ids.find(row) == RememberedIds::Probe::kNew);
    ids.insert(row, {.lateness_class = lateness_class, .event_us = arrival_us - 1, .arrival_us = arrival_us});
  }
}

// How many of ids [first, end) are known.
inline size_t known_of(RememberedIds& ids, uint64_t first, uint64_t end) {
  std::vector<Hash128> keys;
  for (uint64_t i = first; i < end; ++i) keys.push_back(key_of(i));
  std::vector<uint32_t> digests(keys.size(), 7);
  std::vector<RememberedIds::Probe> probes(keys.size());
  REQUIRE(ids.find_batch(keys, digests, probes));
  return static_cast<size_t>(std::count(probes.begin(), probes.end(), RememberedIds::Probe::kSameDigest));
}

inline RememberedIds one_class(uint64_t plenty_bytes = 0) {
  const TimeUs durations[] = {kWithin};
  return {0, 1, durations, plenty_bytes};
}

}  // namespace tally
