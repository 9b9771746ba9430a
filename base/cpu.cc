#include "base/cpu.h"

#include <cstdlib>
#include <string_view>

namespace tally {
namespace {

bool detect_avx2() {
  const char* wanted = std::getenv("TALLY_ISA");
  if (wanted != nullptr && std::string_view(wanted) == "baseline") return false;
  __builtin_cpu_init();
  // Exactly what the build gives the avx2 copies (cmake/TallyModules.cmake).
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("fma");
}

}  // namespace

bool cpu_has_avx2() {
  static const bool has = detect_avx2();
  return has;
}

}  // namespace tally
