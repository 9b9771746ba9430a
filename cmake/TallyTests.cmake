# tests/<folder>/**/*_test.cc make <folder>_tests, which links no more than the folder it tests, so that wal_tests builds
# while the engine does not. Each test case is a test of ctest: "<folder>: <name of the test case>". Tests run at the top
# of the tree; TALLY_BINARY names the program for those that start it.
add_library(tally_test_main OBJECT tests/main.cc)
target_link_libraries(tally_test_main PRIVATE tally_options tally_dep_doctest)

add_custom_target(tally_tests)  # everything that ctest runs

set(TALLY_TEST_ENVIRONMENT
  "TALLY_BINARY=${CMAKE_BINARY_DIR}/tally"
  "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=0"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")
if(TALLY_SANITIZE)
  list(APPEND TALLY_TEST_ENVIRONMENT "TALLY_SANITIZED=${TALLY_SANITIZE}")
endif()
find_program(TALLY_SYMBOLIZER NAMES llvm-symbolizer-19 llvm-symbolizer)
if(TALLY_SYMBOLIZER)
  list(APPEND TALLY_TEST_ENVIRONMENT "ASAN_SYMBOLIZER_PATH=${TALLY_SYMBOLIZER}")
endif()

# tests/support knows base and wal; tests/support/engine everything up to the engine, tests/support/query up to queries.
function(tally_add_support target sources_glob module)
  file(GLOB sources CONFIGURE_DEPENDS "${sources_glob}")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PRIVATE tally_options tally_dep_doctest PUBLIC ${module} ${ARGN})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${module} ${ARGN})
  endif()
endfunction()
tally_add_support(tally_test_support "tests/support/*.cc" tally_wal)
tally_add_support(tally_test_support_engine "tests/support/engine/*.cc" tally_engine tally_test_support)
tally_add_support(tally_test_support_query "tests/support/query/*.cc" tally_query tally_test_support_engine
  tally_dep_boost tally_dep_cctz)

# The support libraries a test folder may use, and the layer it tests.
function(tally_test_links folder out)
  list(FIND TALLY_LAYERS ${folder} index)
  if(folder STREQUAL "support" OR (index GREATER -1 AND index LESS 2))
    set(links tally_test_support)
  elseif(index GREATER -1 AND index LESS 3)
    set(links tally_test_support_engine tally_${folder})
  elseif(index GREATER -1)
    set(links tally_test_support_query tally_${folder})
  else()
    set(links tally_test_support_query tally_tools)
  endif()
  set(${out} ${links} PARENT_SCOPE)
endfunction()

function(tally_add_tests folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "tests/${folder}/*_test.cc")
  if(NOT sources)
    return()
  endif()
  set(target ${folder}_tests)
  tally_test_links(${folder} links)
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE tally_test_main tally_options tally_dep_doctest ${links})
  target_compile_definitions(${target} PRIVATE DOCTEST_CONFIG_SUPER_FAST_ASSERTS)
  add_dependencies(tally_tests ${target})
  if(TARGET tally AND folder MATCHES "^(tools|end_to_end)$")
    add_dependencies(${target} tally)
  endif()
  tally_register_tests(${target} ${folder})
endfunction()

# ctest asks the binary for its test cases when it runs, so that a build never runs what it built.
function(tally_register_tests target folder)
  set(include_file "${CMAKE_BINARY_DIR}/${target}_ctest.cmake")
  file(GENERATE OUTPUT "${include_file}" CONTENT
"set(binary [==[$<TARGET_FILE:${target}>]==])
set(folder [==[${folder}]==])
set(work_dir [==[${CMAKE_SOURCE_DIR}]==])
set(environment [==[${TALLY_TEST_ENVIRONMENT}]==])
include([==[${CMAKE_SOURCE_DIR}/cmake/TallyListTests.cmake]==])
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${include_file}")
endfunction()

enable_testing()
file(GLOB entries RELATIVE "${CMAKE_SOURCE_DIR}/tests" CONFIGURE_DEPENDS "tests/*")
foreach(folder IN LISTS entries)
  if(IS_DIRECTORY "${CMAKE_SOURCE_DIR}/tests/${folder}"
      AND (NOT TALLY_TEST_FOLDERS OR folder IN_LIST TALLY_TEST_FOLDERS))
    tally_add_tests(${folder})
  endif()
endforeach()

file(GLOB differential_sources CONFIGURE_DEPENDS "tests/differential/*.cc")
list(FILTER differential_sources EXCLUDE REGEX "_test\\.cc$")
if(differential_sources)
  add_executable(differential_driver ${differential_sources})
  target_link_libraries(differential_driver PRIVATE tally_options tally_test_support_query)
endif()

file(GLOB crash_sources CONFIGURE_DEPENDS "tests/crash/*.cc")
list(FILTER crash_sources EXCLUDE REGEX "_test\\.cc$")
if(crash_sources)
  add_executable(crash_driver ${crash_sources})
  target_link_libraries(crash_driver PRIVATE tally_options tally_test_support_engine tally_tools)
endif()
