# Read by ctest: adds one test for each test case of `binary`. Names reach doctest as patterns, in which a comma separates
# and `*` and `?` stand for others; what CMake or doctest would read differently becomes `?`.
if(NOT EXISTS "${binary}")
  add_test("${folder}: not built" "${binary}")
  return()
endif()
execute_process(COMMAND "${binary}" --list-test-cases --no-intro --no-colors=1 WORKING_DIRECTORY "${work_dir}"
  OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${binary} cannot list its test cases: ${result}")
endif()
string(REGEX REPLACE "[][;\\$]" "?" output "${output}")
string(REPLACE "\n" ";" lines "${output}")
foreach(name IN LISTS lines)
  if(name STREQUAL "" OR name MATCHES "^(===|\\?doctest\\?)")
    continue()
  endif()
  string(REPLACE "," "?" pattern "${name}")
  add_test("${folder}: ${name}" "${binary}" "--test-case=${pattern}" --no-intro --no-version)
  set_tests_properties("${folder}: ${name}" PROPERTIES
    WORKING_DIRECTORY "${work_dir}" LABELS "${folder}" TIMEOUT 300 ENVIRONMENT "${environment}"
    FAIL_REGULAR_EXPRESSION "test cases: +0 ")
endforeach()
