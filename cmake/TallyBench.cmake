# tools/bench/<name>_bench.cc makes bench_<name>; other .cc files there are shared by all of them. With TALLY_BENCH_TINY=1
# in the environment a benchmark runs for a moment only: so ctest keeps it from rotting. Those that use Google Benchmark are
# left out where it is not installed.
file(GLOB bench_sources RELATIVE "${CMAKE_SOURCE_DIR}/tools/bench" CONFIGURE_DEPENDS "tools/bench/*.cc")
set(bench_shared ${bench_sources})
list(FILTER bench_shared EXCLUDE REGEX "_bench\\.cc$")
list(FILTER bench_sources INCLUDE REGEX "_bench\\.cc$")
list(TRANSFORM bench_shared PREPEND "tools/bench/")

add_library(tally_bench_shared INTERFACE)
if(bench_shared)
  add_library(tally_bench_shared_objects STATIC ${bench_shared})
  target_link_libraries(tally_bench_shared_objects PUBLIC tally_tools PRIVATE tally_options)
  target_link_libraries(tally_bench_shared INTERFACE tally_bench_shared_objects)
endif()

foreach(source IN LISTS bench_sources)
  string(REGEX REPLACE "_bench\\.cc$" "" name "${source}")
  file(STRINGS "${CMAKE_SOURCE_DIR}/tools/bench/${source}" google REGEX "^#include <benchmark/")
  if(google AND NOT benchmark_FOUND)
    message(STATUS "bench_${name} is left out: it needs libbenchmark-dev, which ./dev setup --all installs")
    continue()
  endif()
  add_executable(bench_${name} tools/bench/${source})
  target_link_libraries(bench_${name} PRIVATE tally_options tally_bench_shared tally_tools tally_dep_benchmark)
  if(TALLY_TESTS)
    add_test(NAME "bench: ${name} runs" COMMAND bench_${name} WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
    set_tests_properties("bench: ${name} runs" PROPERTIES
      LABELS bench TIMEOUT 120 ENVIRONMENT "TALLY_BENCH_TINY=1")
    add_dependencies(tally_tests bench_${name})
  endif()
endforeach()
