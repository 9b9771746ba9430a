// Numbers groups by the values of the keys of GROUP BY, from 0, in the order in which they first appear.
//
// Keys that are dimensions, and one bucket of event time beside them, are packed into one word, codes below and the bucket's
// number above: a table by that word where it is small, else a hash table. Any other keys become words of their own, strings and
// wide numbers through the values seen so far (group_table.h).
// Threads: one at a time.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "query/bound.h"
#include "query/evaluate.h"
#include "query/sql_error.h"
#include "query/vector.h"

namespace tally {

// Rows of one group that stand in a row, up to `end`; the first run begins with the first row.
struct GroupRun {
  uint32_t end = 0;
  uint32_t group = 0;
};

class GroupKeys {
 public:
  virtual ~GroupKeys() = default;
  // Where long runs of rows are of one group `runs` says so, and groups, room for one each, is left alone; else `runs` is
  // empty, and groups[i] is that of rows[i].
  virtual Sql<void> number(const Block& block, Selection rows, EvaluationMemory& memory, uint32_t* groups,
                           std::vector<GroupRun>& runs) = 0;
  virtual uint32_t size() const = 0;
  // The values of a key, by group; strings of dictionaries stay codes.
  virtual Vector values(size_t key) const = 0;
  // Takes over the groups of `other`, made for the same select: numbers[i] is the number here of its group i.
  virtual void adopt(const GroupKeys& other, std::vector<uint32_t>& numbers) = 0;
  // Whether the bucket of every time in [min, max] has a group of which `holds` is true, which it then stays. False where the
  // keys are more than one bucket of event time.
  virtual bool covers(TimeUs min, TimeUs max, const std::function<bool(uint32_t group)>& holds);
  virtual uint64_t memory_bytes() const = 0;
};

// `select` has keys, and must outlive it.
std::unique_ptr<GroupKeys> make_group_keys(const BoundSelect& select);

}  // namespace tally
