// One value outside a column: a literal of a condition, a dictionary entry, a cell of a result.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace tally {

// NULL, an integer (also timestamps in microseconds and DECIMALs scaled by their column), or a string.
using Value = std::variant<std::monostate, int64_t, std::string>;

inline bool is_null(const Value& value) { return std::holds_alternative<std::monostate>(value); }

}  // namespace tally
