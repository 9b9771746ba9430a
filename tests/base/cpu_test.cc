#include "base/cpu.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string_view>

namespace tally {
namespace {

TEST_CASE("cpu: the answer stands, and TALLY_ISA=baseline makes it no") {
  bool has = cpu_has_avx2();
  CHECK(cpu_has_avx2() == has);
  const char* wanted = std::getenv("TALLY_ISA");
  if (wanted != nullptr && std::string_view(wanted) == "baseline") CHECK(!has);
}

}  // namespace
}  // namespace tally
