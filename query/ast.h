// What a statement says, before any name in it means anything. Plain data; offsets are bytes of the statement's text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tally {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind : uint8_t {
  kNull,
  kBool,
  kNumber,
  kString,  // text: the value; kBool: "true" or "false"
  kInterval,
  kTimestamp,  // INTERVAL '1 day', TIMESTAMP '2020-01-01': text: between the quotes
  kParameter,  // text: the number
  kName,       // text, qualifier (a table, or empty)
  kStar,       // of COUNT(*) and SELECT *; qualifier
  kCall,       // text: the function, lower case; args; distinct
  kNegate,
  kNot,     // args[0]
  kBinary,  // op; args[0], args[1]
  kAnd,
  kOr,  // two or more args
  kIsNull,
  kIsTrue,
  kIsFalse,  // args[0]; negated
  kIn,       // args[0] among the others; negated
  kBetween,  // args[0] from args[1] to args[2]; negated
  kLike,     // args[0] against args[1]; negated; op: kEqual or, for ILIKE, kEqualFolded
  kCase,     // WHEN, THEN pairs, then the ELSE if has_else; `CASE x WHEN y` is written out as x = y
  kCast,     // args[0]; text: the type as written; precision, scale
};

enum class BinaryOp : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kConcat,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kDistinctFrom,
  kNotDistinctFrom,  // IS [NOT] DISTINCT FROM
  kEqualFolded,
};

struct Expr {
  ExprKind kind = ExprKind::kNull;
  BinaryOp op = BinaryOp::kAdd;
  bool negated = false;
  bool distinct = false;
  bool has_else = false;
  bool parenthesized = false;
  bool quoted = false;    // kName: in double quotes
  uint8_t precision = 0;  // of a cast to DECIMAL(precision, scale); 0: any
  uint8_t scale = 0;
  uint16_t depth = 1;   // of the tree below, this node included
  uint32_t offset = 0;  // of its first character, or of its operator
  std::string text;
  std::string qualifier;
  std::vector<ExprPtr> args;
};

struct TableName {
  std::string name;
  bool system = false;  // system.name
  bool raw = false;     // name.raw
  std::string alias;
  uint32_t offset = 0;
};

struct SelectItem {
  ExprPtr expr;
  std::string alias;  // empty: none was given
  std::string text;   // as written
  uint32_t offset = 0;
};

struct OrderItem {
  ExprPtr expr;
  bool descending = false;
  bool nulls_first = false;  // by default last when ascending, first when descending
};

struct SelectStatement {
  bool distinct = false;
  std::vector<SelectItem> items;
  std::optional<TableName> from;
  ExprPtr where;
  bool group_all = false;
  std::vector<ExprPtr> group_by;
  uint32_t group_offset = 0;
  bool fill = false;
  uint32_t fill_offset = 0;
  ExprPtr having;
  std::vector<OrderItem> order_by;
  ExprPtr limit, offset;
};

struct ColumnDefinition {
  enum class Kind : uint8_t { kEventTime, kId, kDimension, kField, kMeasure, kDerived } kind = Kind::kField;
  std::string name;
  uint32_t offset = 0;
  // Dimensions and fields.
  enum class Type : uint8_t { kString, kInt64, kDecimal } type = Type::kString;
  uint32_t precision = 0, scale = 0;
  std::optional<uint64_t> values_max;
  // The id.
  std::string within;
  uint32_t within_offset = 0;
  std::vector<std::pair<std::string, uint32_t>> id_from;  // name, offset
  // Measures.
  enum class Aggregate : uint8_t { kCount, kSum, kMin, kMax, kUnique } aggregate = Aggregate::kCount;
  std::pair<std::string, uint32_t> argument;
  std::optional<uint64_t> unique_precision;
  uint32_t unique_precision_offset = 0;
  ExprPtr expression;           // the condition, or what a derived measure is
  std::string expression_text;  // as written
};

struct RollupDefinition {
  std::string name;
  uint32_t offset = 0;
  std::vector<std::pair<std::string, uint32_t>> dimensions, measures;
  struct Retention {
    std::string tier, interval;
    uint32_t offset = 0, interval_offset = 0;
  };
  std::vector<Retention> retention;
};

struct LatenessDefinition {
  std::string interval;
  uint32_t offset = 0;
  ExprPtr condition;  // nullptr: every row
  std::string condition_text;
};

// What stands before the names of the tables that Tally shows of itself: no table of a user can have it.
inline constexpr std::string_view kSystemSchema = "system";

struct CreateTableStatement {
  std::string name;
  uint32_t offset = 0;
  bool if_not_exists = false;
  std::vector<ColumnDefinition> columns;
  std::vector<RollupDefinition> rollups;
  std::vector<LatenessDefinition> lateness;
  std::optional<std::pair<std::string, uint32_t>> raw_retention, grace;  // interval, offset
  std::optional<bool> fsync;
};

// ALTER TABLE name ACTION.
struct AlterTableStatement {
  enum class Action : uint8_t { kAdd, kDrop, kSetRetention, kSetLateness, kSetGrace, kSetDurability };
  enum class Part : uint8_t { kDimension, kField, kMeasure, kRollup };  // of ADD and DROP
  std::string table;
  uint32_t offset = 0;  // of the table's name
  Action action = Action::kAdd;
  uint32_t action_offset = 0;
  Part part = Part::kDimension;
  std::optional<ColumnDefinition> column;     // ADD DIMENSION, FIELD, MEASURE
  std::optional<RollupDefinition> rollup;     // ADD ROLLUP; SET RETENTION of a rollup: its name and retention
  std::pair<std::string, uint32_t> dropped;   // DROP: name, offset
  std::pair<std::string, uint32_t> interval;  // SET GRACE, SET RETENTION raw: interval, offset
  std::vector<LatenessDefinition> lateness;   // SET LATENESS: all classes, in order
  bool fsync = true;                          // SET DURABILITY
  bool dry_run = false;                       // SET RETENTION ... DRY RUN
};

struct DropTableStatement {
  std::string table;
  uint32_t offset = 0;
  bool if_exists = false;
};

struct ShowTablesStatement {};
struct ShowSettingsStatement {
  uint32_t offset = 0;
};
struct DescribeStatement {
  std::string table;
  uint32_t offset = 0;
};
struct ExplainStatement {
  SelectStatement select;
  bool analyze = false;  // run it
};

using Statement = std::variant<SelectStatement, CreateTableStatement, AlterTableStatement, DropTableStatement,
                               ShowTablesStatement, ShowSettingsStatement, DescribeStatement, ExplainStatement>;

}  // namespace tally
