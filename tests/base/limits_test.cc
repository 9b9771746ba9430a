#include "base/limits.h"

#include <doctest/doctest.h>

#include "base/file_names.h"

namespace tally {
namespace {

// Relations between limits are asserted in limits.h itself; here are those with other modules.
TEST_CASE("limits: log alignment is a power of two that holds both tear sizes") {
  static_assert((limits::kLogAlignment & (limits::kLogAlignment - 1)) == 0);
  static_assert(limits::kLogAlignment % 4096 == 0);
  static_assert(limits::kLogFileBytes % limits::kLogAlignment == 0);
  CHECK(limits::kLogGroupsInFlightMax > 0);
}

TEST_CASE("limits: the longest plain table name fits a folder, the longest encoded one may not") {
  CHECK(check_table_name(std::string(limits::kNameBytesMax, 'a')));
  CHECK(check_table_name(std::string(limits::kNameBytesMax, 'A')).error().code == Code::kLimitExceeded);
}

}  // namespace
}  // namespace tally
