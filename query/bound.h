// A SELECT whose names have become columns and whose types fit: what the executor runs. Expressions stand over the slots of
// a block: before aggregation the input columns, after it the group keys followed by the aggregates.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/snapshot.h"
#include "query/datum.h"
#include "query/like.h"
#include "query/time_bucket.h"

namespace tally {

enum class Op : uint8_t {
  kConstant,
  kSlot,
  kAggregate,  // only while binding: becomes a kSlot
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kAbs,
  kRound,
  kTrunc,
  kFloor,
  kCeil,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kDistinctFrom,
  kNotDistinctFrom,
  kAnd,
  kOr,
  kNot,
  kIsNull,
  kIsTrue,
  kIsFalse,
  kIn,
  kLike,
  kCase,
  kCoalesce,
  kNullIf,
  kGreatest,
  kLeast,
  kCast,
  kConcat,
  kLower,
  kUpper,
  kLength,
  kBucket,
  kByCode,  // args[0], a condition over one dimension, evaluated once a code and remembered
};

// The constants of an IN list.
struct InSet {
  std::vector<Datum> values;  // without NULLs, all of one type
  bool has_null = false;
  std::unordered_set<std::string> keys;  // of datum_key()
};
std::string datum_key(const Datum& datum);  // equal for values that are equal: 1.0 and 1

struct BoundExpr;
using BoundExprPtr = std::unique_ptr<BoundExpr>;

struct BoundExpr {
  Op op = Op::kConstant;
  SqlType type = SqlType::kNull;
  bool negated = false;                        // kIsNull, kIsTrue, kIsFalse, kIn, kLike
  bool untyped = false;                        // a string literal or parameter that takes the type it meets
  uint8_t cast_precision = 0, cast_scale = 0;  // kCast to DECIMAL(p, s); 0: any
  uint32_t slot = 0;                           // kSlot, kAggregate; kByCode: of its memory
  uint32_t code_slot = 0;                      // kByCode: the slot of its dimension
  std::optional<uint32_t> offset;              // in the statement
  uint64_t hash = 0;                           // of the structure
  Datum constant;
  std::vector<BoundExprPtr> args;
  std::shared_ptr<const InSet> set;
  std::shared_ptr<const LikePattern> pattern;  // kLike with a constant pattern
  std::shared_ptr<const Bucketer> bucketer;
};

bool same(const BoundExpr& a, const BoundExpr& b);
BoundExprPtr copy(const BoundExpr& from);
uint64_t structure_hash(const BoundExpr& expr);
inline bool is_constant(const BoundExpr& expr) { return expr.op == Op::kConstant; }
inline bool is_null_constant(const BoundExpr& expr) { return is_constant(expr) && expr.constant.is_null(); }

// Where a slot of the input comes from.
struct InputColumn {
  enum class Source : uint8_t { kTime, kId, kDimension, kField, kKind, kLsn, kArrival, kRow } source = Source::kTime;
  uint32_t column_id = 0;  // kDimension, kField
  size_t position = 0;     // kDimension: among the dimensions; kRow: within the given rows
  SqlType type = SqlType::kString;
  uint8_t scale = 0;
  std::string name;
};

// Which decided rows an aggregate looks at. Additive measures take retractions with a negative sign.
enum class RowClass : uint8_t { kAll, kAdditive, kEvents, kDuplicates, kConflicts, kRetracted, kLate };

// Rows an aggregate takes: a class, a measure's condition (nullptr: none), and since when the measure counts.
struct RowFilter {
  RowClass rows = RowClass::kAll;
  BoundExprPtr condition;
  uint32_t since_version = 1;  // rows of older versions of the schema are not taken
};

enum class AggregateFunction : uint8_t {
  kCountRows,
  kCount,
  kSum,
  kMin,
  kMax,
  kAverage,
  kCountDistinct,
  kApproxDistinct
};

struct Aggregate {
  AggregateFunction function = AggregateFunction::kCountRows;
  BoundExprPtr argument;         // nullptr: kCountRows
  uint32_t filter = 0;           // among BoundSelect::filters
  uint32_t measure_id = 0;       // the declared measure that it is, as rollups store it; 0: none
  bool zero_when_empty = false;  // SUM of a measure; ordinary SUM of nothing is NULL
  uint8_t precision = 14;        // kApproxDistinct
  SqlType type = SqlType::kInt64;
  std::optional<uint32_t> offset;
  std::string name;  // for EXPLAIN: "SUM(clicks)"
};

struct OutputColumn {
  std::string name;
  BoundExprPtr expr;
};

struct OrderKey {
  BoundExprPtr expr;
  bool descending = false;
  bool nulls_first = false;
};

// GROUP BY ... FILL: which key is the bucket of time, and from when to when there must be one.
struct GapFilling {
  uint32_t key = 0;
  TimeUs from = INT64_MIN, to = INT64_MAX;  // [from, to), of what is bucketed; an open end is where the groups end
};

struct BoundSelect {
  enum class Source : uint8_t { kOneRow, kTable, kRaw, kRows } source = Source::kOneRow;
  std::string table_name;
  std::shared_ptr<const Snapshot> snapshot;    // kTable, kRaw
  std::vector<std::vector<Datum>> given_rows;  // kRows: of a system table
  std::vector<InputColumn> inputs;
  bool every_kind = false;  // kRaw: the query names _kind
  bool from_raw = false;    // kTable: no rollup is to answer
  TimeUs grace_us = 0;      // what makes an event late

  BoundExprPtr where;
  TimeUs from = INT64_MIN, to = INT64_MAX;  // event time, from WHERE: [from, to)
  bool aggregated = false;
  std::vector<BoundExprPtr> keys;
  std::vector<RowFilter> filters;
  std::vector<Aggregate> aggregates;
  std::vector<uint32_t> appears_when;  // aggregates of which one must be above 0 for a group to appear
  std::optional<GapFilling> fill;
  BoundExprPtr having;
  std::vector<OutputColumn> outputs;
  std::vector<OrderKey> order_by;
  bool distinct = false;
  uint64_t limit = UINT64_MAX, offset = 0;
  uint32_t code_memories = 0;  // number of kByCode nodes
};

}  // namespace tally
