// How fast a figure grows.
#pragma once

#include <utility>
#include <vector>

namespace tally {

// Of a line through points (x, y), by least squares; 0 where no two have another x.
inline double slope(const std::vector<std::pair<double, double>>& points) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [at, value] : points) {
    n += 1;
    x += at;
    y += value;
    xx += at * at;
    xy += at * value;
  }
  const double spread = n * xx - x * x;
  return spread <= 0 ? 0 : (n * xy - x * y) / spread;
}

}  // namespace tally
