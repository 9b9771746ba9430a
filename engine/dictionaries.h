// The dictionaries of a table, by dimension id: of every dimension that any version of its schema has, dropped ones too, since
// the rows they belong to stay. A dimension that comes by ALTER TABLE begins with an empty one.
// Ownership: a dictionary, once made, lives as long as the table and its snapshots; references stay good.
// Threads: everything by any; what a Dictionary allows stands there.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/dictionary.h"
#include "engine/schema.h"

namespace tally {

struct PreparedBatch;

class Dictionaries {
 public:
  explicit Dictionaries(std::span<const std::shared_ptr<const Schema>> versions);

  // Makes those of the dimensions that no version before had.
  void add(const Schema& schema);
  // By dimension of `schema`, a version that was added.
  std::vector<std::shared_ptr<Dictionary>> of(const Schema& schema) const;
  // How many codes each has, by dimension id.
  std::map<uint32_t, uint32_t> sizes() const;
  std::shared_ptr<Dictionary> find(uint32_t dimension_id) const;  // nullptr: no version has this dimension

 private:
  mutable std::mutex mutex_;
  std::map<uint32_t, std::shared_ptr<Dictionary>> by_id_;  // guarded by mutex_
};

// Gives the values of a batch the codes that they have; Dictionary::kNotFoundCode to those that are new. `dictionaries` are
// of the schema that the batch was decoded for.
void find_codes(std::span<const std::shared_ptr<Dictionary>> dictionaries, PreparedBatch& batch);

}  // namespace tally
