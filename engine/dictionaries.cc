#include "engine/dictionaries.h"

#include "base/status.h"
#include "engine/batch.h"

namespace tally {

Dictionaries::Dictionaries(std::span<const std::shared_ptr<const Schema>> versions) {
  for (const auto& version : versions) add(*version);
}

void Dictionaries::add(const Schema& schema) {
  std::lock_guard lock(mutex_);
  for (size_t position : schema.dimensions()) {
    const Column& column = schema.columns[position];
    std::shared_ptr<Dictionary>& dictionary = by_id_[column.id];
    if (dictionary == nullptr) dictionary = std::make_shared<Dictionary>(column.values_max);
  }
}

std::vector<std::shared_ptr<Dictionary>> Dictionaries::of(const Schema& schema) const {
  std::vector<std::shared_ptr<Dictionary>> dictionaries;
  std::lock_guard lock(mutex_);
  for (size_t position : schema.dimensions()) {
    auto found = by_id_.find(schema.columns[position].id);
    TALLY_CHECK(found != by_id_.end());
    dictionaries.push_back(found->second);
  }
  return dictionaries;
}

std::map<uint32_t, uint32_t> Dictionaries::sizes() const {
  std::map<uint32_t, uint32_t> sizes;
  std::lock_guard lock(mutex_);
  for (const auto& [id, dictionary] : by_id_) sizes.emplace(id, dictionary->size());
  return sizes;
}

std::shared_ptr<Dictionary> Dictionaries::find(uint32_t dimension_id) const {
  std::lock_guard lock(mutex_);
  auto found = by_id_.find(dimension_id);
  return found == by_id_.end() ? nullptr : found->second;
}

void find_codes(std::span<const std::shared_ptr<Dictionary>> dictionaries, PreparedBatch& batch) {
  for (size_t d = 0; d < batch.dimensions.size(); ++d) {
    PreparedBatch::Dimension& dimension = batch.dimensions[d];
    dimension.table_codes.resize(dimension.local_values.size() + 1);
    dimension.table_codes[0] = kNullCode;
    dictionaries[d]->find_all(dimension.local_values, std::span(dimension.table_codes).subspan(1));
  }
}

}  // namespace tally
