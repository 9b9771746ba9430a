// The corruption sweep: one thing of a small database is harmed, then it is opened and asked everything. The answers are the
// same, or an error of kind kCorruption names the file; nothing changes in silence, nothing acknowledged goes without an
// error, nothing crashes. `check` is asked too: it finds what a start refuses, and whatever lies under a sum.
//
// Known exceptions are counted, never passed over: each names the one place where it may happen (ToleratedLoss).
//
//   const CorruptionWorld world(CorruptionWorld::Ending::kClosed, seed);
//   const CorruptionPlan plan(world);
//   CorruptionSweepResult result = sweep_corruption(world, plan, plan.every_byte(), {});
// Free of the test framework. Threads: one.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/engine/corruption_world.h"

namespace tally {

enum class Harm : uint8_t {
  kFlip,    // one bit
  kCut,     // the file ends at `offset`
  kZero,    // the sector at `offset` reads as zeros
  kRemove,  // the file is gone
  kSwap,    // it and another of its kind have changed places
  kStale,   // it holds what it held earlier
};
inline constexpr size_t kHarms = 6;
std::string_view harm_name(Harm harm);

struct HarmedPlace {
  Harm harm = Harm::kFlip;
  size_t file = 0;  // in world.files()
  uint64_t offset = 0;
  unsigned bit = 0;
  size_t other = 0;  // kSwap: in world.files(); kStale: in world.old_versions()
};

// Every harm of a world under a number from 1 to size(), the same for the same world: what a failure names.
class CorruptionPlan {
 public:
  explicit CorruptionPlan(const CorruptionWorld& world);

  uint64_t size() const { return size_; }
  HarmedPlace at(uint64_t number) const;
  std::string describe(uint64_t number) const;

  // Parts of it, for a test. Bytes: those of sectors that hold something, and every 61st of the zeros between them.
  std::vector<uint64_t> every_byte() const;  // one bit of each, chosen by the seed
  // Every bit of segments' headers and of all from their footers on, of the headers of the manifest in force, its frames, log
  // files, their groups and first records, and of small files as a whole.
  std::vector<uint64_t> header_and_footer_bits() const;
  // Cuts (every 37th size, and those around the borders of pages), sectors, and all whole-file harms.
  std::vector<uint64_t> the_rest() const;

 private:
  struct Range {  // of one harm of one file
    Harm harm;
    size_t file;
    uint64_t first;  // number
    uint64_t count;
  };
  void add(Harm harm, size_t file, uint64_t count);
  uint64_t number_of(Harm harm, size_t file, uint64_t index) const;

  const CorruptionWorld& world_;
  std::vector<Range> ranges_;
  std::vector<HarmedPlace> swaps_;
  uint64_t size_ = 0;
};

struct CorruptionSweepOptions {
  std::function<bool()> stop = [] { return false; };
  std::function<void(uint64_t done)> progress = {};  // now and then
  // Every n-th harm, if its database answers the same: everything is sent again, and it is started once more. 0: none.
  uint64_t resend_every = 50;
  // Every n-th harm that a start refuses: `check` must see it too.
  uint64_t check_every = 4;
};

struct CorruptionSweepResult {
  uint64_t states = 0;
  uint64_t refused = 0;   // with an error that names the file
  uint64_t reported = 0;  // the same answers, and `check` says what is wrong
  uint64_t resent = 0;    // of the two: everything was sent again, and nothing was counted twice
  uint64_t same = 0;      // the same answers, nothing to say: padding, spare copies, files of no further use
  std::map<std::string, uint64_t> tolerated;  // by name of the exception
  std::string failure;                        // empty: none. Ends with what the harm was
  uint64_t failed_number = 0;
  std::string summary() const;
};

CorruptionSweepResult sweep_corruption(const CorruptionWorld& world, const CorruptionPlan& plan,
                                       const std::vector<uint64_t>& numbers, const CorruptionSweepOptions& options);

}  // namespace tally
