// How a log is read after a start (reliability.md W9-W12, W21). recover_log() stands in log.h; here is its one
// decision, apart from all I/O, so that a test can go through every combination.
#pragma once

#include <cstdint>
#include <string_view>

namespace tally {

// W10. Of the place where the chain of good groups ends: x is the LSN that should follow.
struct TailEvidence {
  bool last_file = false;            // no file of the log follows
  bool clean_mark = false;           // the log was closed
  bool later_group_durable = false;  // a later group of the same epoch says that x was synced
  bool manifest_synced = false;      // the manifest says that x was synced
  bool within_pipeline = false;      // the damage spans no more groups than can have been in flight
};

enum class TailVerdict : uint8_t {
  kTorn,           // never acknowledged: drop it and what is behind it (W11)
  kNotInLastFile,  // the rest are corruption: refuse (W12)
  kClosedCleanly,
  kLaterGroupDurable,
  kManifestSynced,
  kTooManyGroups,
};

TailVerdict judge_tail(const TailEvidence& evidence);
std::string_view describe(TailVerdict verdict);  // why it cannot be a torn tail

}  // namespace tally
