// The lateness classes of a table over all versions of its schema. Each version that changes WITHIN or LATENESS starts classes of
// its own, numbered on from those before: ids remembered under the old rules stay in their classes until these are forgotten.
//
// What a class forgets is forgotten for every class of later versions too: a retry of an old row is of a new class now, and its
// horizon there must say what the old one does.
// Threads: constant once made; add() by its owner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/schema.h"

namespace tally {

class LatenessClasses {
 public:
  explicit LatenessClasses(std::span<const std::shared_ptr<const Schema>> versions);
  // The next version. Returns how many classes there were before.
  uint32_t add(const Schema& schema);

  uint32_t count() const { return static_cast<uint32_t>(durations_us_.size()); }
  uint32_t first() const { return firsts_.back(); }  // of the version in force
  // How long each class's ids are remembered: max(WITHIN, its lateness).
  std::span<const TimeUs> durations_us() const { return durations_us_; }
  uint32_t longest() const;  // of the classes in force
  // The first class of the version after that of `lateness_class`; count() where there is none.
  uint32_t first_after(uint32_t lateness_class) const;

 private:
  std::vector<uint32_t> firsts_;  // of each version that started classes, ascending
  std::vector<TimeUs> durations_us_;
  TimeUs within_us_ = 0;
  std::vector<LatenessClass> last_;
};

}  // namespace tally
