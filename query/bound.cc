#include "query/bound.h"

#include "base/checksum.h"

namespace tally {
namespace {

uint64_t mix(uint64_t hash, uint64_t value) {
  hash ^= value + 0x9E3779B97F4A7C15u + (hash << 6) + (hash >> 2);
  return hash * 0xBF58476D1CE4E5B9u;
}

bool same_sets(const InSet* a, const InSet* b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr || a->has_null != b->has_null || a->values.size() != b->values.size()) return false;
  for (size_t i = 0; i < a->values.size(); ++i) {
    if (!same(a->values[i], b->values[i])) return false;
  }
  return true;
}

}  // namespace

std::string datum_key(const Datum& datum) {
  if (datum.type == SqlType::kString) return datum.text;
  std::string key;
  auto append = [&key](const auto& value) { key.append(reinterpret_cast<const char*>(&value), sizeof value); };
  if (datum.type == SqlType::kTimestamp) append(datum.time);
  if (datum.type == SqlType::kBool) append(datum.boolean);
  if (datum.type == SqlType::kInterval) append(approximate_us(unpack_interval(datum.number.value)));
  if (is_numeric(datum.type)) {
    Numeric number = normalized(datum.number);
    append(number.value);
    append(number.scale);
  }
  return key;
}

uint64_t structure_hash(const BoundExpr& expr) {
  uint64_t hash = mix(static_cast<uint64_t>(expr.op), static_cast<uint64_t>(expr.type));
  hash = mix(hash, expr.slot * 2 + (expr.negated ? 1 : 0));
  if (is_constant(expr)) hash = mix(hash, xxh3(as_bytes(datum_key(expr.constant))));
  if (expr.set != nullptr) hash = mix(hash, expr.set->values.size());
  for (const BoundExprPtr& arg : expr.args) hash = mix(hash, arg->hash);
  return hash;
}

bool same(const BoundExpr& a, const BoundExpr& b) {
  if (a.hash != b.hash || a.op != b.op || a.type != b.type || a.negated != b.negated || a.slot != b.slot ||
      a.cast_precision != b.cast_precision || a.cast_scale != b.cast_scale || a.args.size() != b.args.size()) {
    return false;
  }
  if (!same(a.constant, b.constant) || !same_sets(a.set.get(), b.set.get())) return false;
  for (size_t i = 0; i < a.args.size(); ++i) {
    if (!same(*a.args[i], *b.args[i])) return false;
  }
  return true;
}

BoundExprPtr copy(const BoundExpr& from) {
  auto result = std::make_unique<BoundExpr>();
  result->op = from.op;
  result->type = from.type;
  result->negated = from.negated;
  result->untyped = from.untyped;
  result->cast_precision = from.cast_precision;
  result->cast_scale = from.cast_scale;
  result->slot = from.slot;
  result->offset = from.offset;
  result->hash = from.hash;
  result->constant = from.constant;
  result->set = from.set;
  result->pattern = from.pattern;
  result->bucketer = from.bucketer;
  for (const BoundExprPtr& arg : from.args) result->args.push_back(copy(*arg));
  return result;
}

}  // namespace tally
