#include "tests/support/temp_dir.h"

#include <cstdlib>
#include <filesystem>

#include "base/status.h"

namespace tally {

TempDir::TempDir() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/tally_test_XXXXXX";
  TALLY_CHECK(::mkdtemp(path_.data()) != nullptr);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tally
