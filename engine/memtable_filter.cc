#include "engine/memtable_filter.h"

#include <bit>

#include "engine/dictionary.h"
#include "engine/encoding/selection.h"

namespace tally {

namespace {

// Takes the rows out of `words` that do not match; looks only at those that are still in.
template <class Matches>
void keep(std::span<uint64_t> words, Matches matches) {
  for (size_t word = 0; word < words.size(); ++word) {
    for (uint64_t left = words[word]; left != 0; left &= left - 1) {
      const unsigned bit = static_cast<unsigned>(std::countr_zero(left));
      if (!matches(word * 64 + bit)) words[word] &= ~(uint64_t{1} << bit);
    }
  }
}

void keep_matches(const ScanPredicate& predicate, const BlockColumns::Selected& column, std::span<uint64_t> words) {
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

void filter_slice(const ScanFilter& filter, uint32_t rows, const TimeUs* times,
                  std::span<const BlockColumns::Selected> columns, std::span<uint64_t> words) {
  select_all(rows, words);
  for (size_t i = 0; i < filter.predicates.size(); ++i) keep_matches(filter.predicates[i], columns[i], words);
  if (filter.from == INT64_MIN && filter.to == INT64_MAX) return;
  keep(words, [&](size_t row) { return times[row] >= filter.from && times[row] < filter.to; });
}

}  // namespace tally
