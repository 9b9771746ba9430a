#include "base/path_inside.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace tally {

namespace {

// Absolute first: of a relative path whose first part is not there yet, weakly_canonical() leaves out where it stands.
std::filesystem::path real_path(const std::string& path, std::error_code& error) {
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return {};
  std::filesystem::path real = std::filesystem::weakly_canonical(absolute, error);
  return real.has_filename() ? real : real.parent_path();  // "a/" is "a"
}

}  // namespace

bool path_inside(const std::string& path, const std::string& directory) {
  std::error_code error;
  const std::filesystem::path whole = real_path(path, error);
  if (error) return false;
  const std::filesystem::path root = real_path(directory, error);
  if (error) return false;
  return std::ranges::mismatch(root, whole).in1 == root.end();
}

}  // namespace tally
