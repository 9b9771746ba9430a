#include "engine/memtable_filter.h"

#include "engine/dictionary.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

// Takes the rows out of `words` that do not match; looks only at those that are still in.
template <class Matches>
void keep(std::span<uint64_t> words, Matches matches) {
  for_each_selected(words, [&](size_t row) {
    if (!matches(row)) words[row / 64] &= ~(uint64_t{1} << row % 64);
  });
}

void keep_matches(const ScanPredicate& predicate, const MemtableSlice& slice, const BlockColumns::Selected& column,
                  std::span<uint64_t> words) {
  if (const IdPredicate* ids = std::get_if<IdPredicate>(&predicate.matches)) {
    return keep(words, [&](size_t row) { return ids->matches(slice.id_kinds[row], slice.ids[row]); });
  }
  if (const StringPredicate* strings = std::get_if<StringPredicate>(&predicate.matches)) {
    if (column.strings == nullptr) return select_none(words);
    return keep(words, [&](size_t row) { return strings->matches(column.strings[row]); });
  }
  const IntPredicate& ints = std::get<IntPredicate>(predicate.matches);
  if (column.codes != nullptr) return keep(words, [&](size_t row) { return ints.matches(column.codes[row]); });
  if (column.ints != nullptr) {
    return keep(words, [&](size_t row) {
      return (column.nulls == nullptr || column.nulls[row] == 0) && ints.matches(column.ints[row]);
    });
  }
  if (!predicate.is_dimension || !ints.matches(kNullCode)) select_none(words);
}

}  // namespace

void filter_slice(const ScanFilter& filter, const MemtableSlice& slice, std::span<uint64_t> words) {
  select_all(slice.rows, words);
  for (size_t i = 0; i < filter.predicates.size(); ++i) {
    keep_matches(filter.predicates[i], slice, slice.columns[i], words);
  }
  if (filter.from == INT64_MIN && filter.to == INT64_MAX) return;
  keep(words, [&](size_t row) { return slice.times[row] >= filter.from && slice.times[row] < filter.to; });
}

}  // namespace tally
