// Columns in flight. A Block views the rows of one step; a Vector holds one value a selected row, computed by evaluate().
// Strings are views: into the block, a dictionary, or memory that the vector keeps alive.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/string_ref.h"
#include "engine/chunk.h"
#include "engine/code_runs.h"
#include "engine/dictionary.h"
#include "query/datum.h"

namespace tally {

struct Vector {
  SqlType type = SqlType::kNull;
  uint32_t size = 0;
  bool constant = false;  // one stored value stands for all
  bool all_null = false;
  std::vector<uint8_t> nulls;   // empty: none
  std::vector<Int128> numbers;  // kInt64, kDecimal, kInterval (packed)
  uint8_t scale = 0;            // of all numbers, where `scales` is empty
  std::vector<uint8_t> scales;
  std::vector<int64_t> times;
  std::vector<uint8_t> bools;
  std::vector<std::string_view> strings;
  const Dictionary* dictionary = nullptr;  // then `codes` hold the values, of kString or kInt64
  std::vector<uint32_t> codes;
  std::vector<std::shared_ptr<const void>> kept;  // what strings point into

  uint32_t index(uint32_t i) const { return constant ? 0 : i; }
  bool is_null(uint32_t i) const { return all_null || (!nulls.empty() && nulls[index(i)] != 0); }
  bool may_have_nulls() const { return all_null || !nulls.empty(); }
  Numeric number(uint32_t i) const {
    if (dictionary != nullptr) return {code_number(codes[index(i)]), 0};
    return {numbers[index(i)], scales.empty() ? scale : scales[index(i)]};
  }
  int64_t time(uint32_t i) const { return times[index(i)]; }
  bool boolean(uint32_t i) const { return bools[index(i)] != 0; }
  bool is_true(uint32_t i) const { return !is_null(i) && boolean(i); }
  std::string_view text(uint32_t i) const {
    return dictionary != nullptr ? code_text(codes[index(i)]) : strings[index(i)];
  }
  bool uniform_numbers() const { return dictionary == nullptr && scales.empty(); }
  Datum datum(uint32_t i) const;

  // (other) has no number.
  bool is_null_code(uint32_t code) const {
    return code == kNullCode || (type == SqlType::kInt64 && code == kOtherCode);
  }

  // A vector of `size` rows with storage for `type`; no NULL yet.
  static Vector of(SqlType type, uint32_t size);
  static Vector of_constant(const Datum& datum, uint32_t size);  // `datum` must outlive it
  static Vector of_null(uint32_t size);
  void set_null(uint32_t i) {
    if (nulls.empty()) nulls.assign(size, 0);
    nulls[i] = 1;
  }
  void set_number(uint32_t i, Numeric value);
  void set_text(uint32_t i, std::string value);           // kept by the vector, one by one
  void set(uint32_t i, const Vector& from, uint32_t at);  // of a vector that lives as long
  void set(uint32_t i, const Datum& value);

 private:
  std::string_view code_text(uint32_t code) const;
  Int128 code_number(uint32_t code) const;
};

// One column of a block, not owned.
struct BlockColumn {
  enum class Kind : uint8_t { kTimes, kCodes, kInts, kStrings, kIds, kKinds, kLsns, kVector } kind = Kind::kVector;
  SqlType type = SqlType::kString;
  uint8_t scale = 0;
  const TimeUs* times = nullptr;
  std::optional<TimeUs>
      one_time;  // kTimes: stands for all rows where buckets alone are asked for; then there are no `times`
  const uint32_t* codes = nullptr;
  CodeRuns runs;  // kCodes: instead of `codes`, where it is a key of GROUP BY alone
  const Dictionary* dictionary = nullptr;
  const int64_t* ints = nullptr;
  const uint8_t* nulls = nullptr;
  const StringRef* strings = nullptr;
  const IdSlot* ids = nullptr;
  const IdKind* id_kinds = nullptr;
  const RowKind* kinds = nullptr;
  const Lsn* lsns = nullptr;
  const Vector* vector = nullptr;
};

struct Block {
  uint32_t rows = 0;
  std::span<const uint64_t> selected;  // rows that the scan has let through (engine/encoding/selection.h); empty: all
  std::vector<BlockColumn> columns;
  // By BoundSelect::filters: the rows in which its condition holds, where the scan has found them (one bit a row, only selected
  // rows count); without words: the condition is to be evaluated. Empty: none was.
  std::vector<std::span<const uint64_t>> marks;
  // What aggregates over measures look at beside columns; nullptr where not read.
  const RowKind* kinds = nullptr;
  const TimeUs* times = nullptr;
  const TimeUs* arrivals = nullptr;
  // Of a rollup tier: what it has stored for each aggregate, and what is to be taken off (kVector without a vector: nothing).
  // Rows are buckets then, and else decided rows.
  bool is_stored = false;
  std::vector<BlockColumn> stored, stored_minus;
  const Schema* schema = nullptr;  // that the rows are of; nullptr: the one in force
};

// Row numbers of a block, ascending; a view. Of a block that is wanted whole it is known that they are 0, 1, 2, ..., so that
// loops over them read the columns straight.
class Selection {
 public:
  Selection() = default;
  Selection(const uint32_t* rows, size_t size) : rows_(rows), size_(size) {}
  Selection(const std::vector<uint32_t>& rows) : Selection(rows.data(), rows.size()) {}  // NOLINT: as a span has it
  static Selection all(uint32_t rows);                                                   // at most kAllMax
  static constexpr uint32_t kAllMax = 65'536;

  bool is_all() const { return all_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const uint32_t* data() const { return rows_; }
  const uint32_t* begin() const { return rows_; }
  const uint32_t* end() const { return rows_ + size_; }
  uint32_t operator[](size_t i) const { return rows_[i]; }

 private:
  const uint32_t* rows_ = nullptr;
  size_t size_ = 0;
  bool all_ = false;
};

Vector load(const BlockColumn& column, Selection rows);

}  // namespace tally
