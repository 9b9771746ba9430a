# fuzz/<name>_fuzz.cc defines LLVMFuzzerTestOneInput. The fuzz preset links it with libFuzzer as fuzz_<name>; elsewhere the
# same name is a program that replays fuzz/corpus/<name>/, and ctest runs it. A name that begins with a layer's
# (wal_record_fuzz.cc) links no more than that layer; where fuzz/corpus/<layer>/ is there, it belongs to all of the layer's.
file(GLOB fuzz_sources RELATIVE "${CMAKE_SOURCE_DIR}/fuzz" CONFIGURE_DEPENDS "fuzz/*_fuzz.cc")
add_custom_target(tally_fuzz)
if(TALLY_TESTS)
  enable_testing()
endif()

# Comparisons are traced so that the fuzzer finds the values that code asks for. Loops over registers and over what a target
# compares ask for none, and tracing them takes half of the time.
if(TALLY_FUZZ)
  file(GLOB untraced RELATIVE "${CMAKE_SOURCE_DIR}" "engine/hyperloglog*.cc" "engine/sketch_format.cc")
  set_source_files_properties(${untraced} TARGET_DIRECTORY tally_engine
    PROPERTIES COMPILE_OPTIONS -fno-sanitize-coverage=trace-cmp)
endif()

foreach(source IN LISTS fuzz_sources)
  string(REGEX REPLACE "_fuzz\\.cc$" "" name "${source}")
  string(REGEX MATCH "^[a-z]+" layer "${name}")
  if(NOT layer IN_LIST TALLY_LAYERS)
    set(layer tools)
  endif()
  if(NOT TALLY_FUZZ AND (NOT TALLY_TESTS OR TALLY_TEST_FOLDERS))
    continue()
  endif()
  add_executable(fuzz_${name} fuzz/${source})
  if(TALLY_FUZZ)
    set_source_files_properties(fuzz/${source} PROPERTIES COMPILE_OPTIONS -fno-sanitize-coverage=trace-cmp)
  endif()
  target_link_libraries(fuzz_${name} PRIVATE tally_options tally_${layer})
  add_dependencies(tally_fuzz fuzz_${name})
  if(TALLY_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE fuzz/replay_main.cc)
    add_test(NAME "fuzz: replay of ${name}" COMMAND fuzz_${name} fuzz/corpus/${name} fuzz/corpus/${layer}
      WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    set_tests_properties("fuzz: replay of ${name}" PROPERTIES LABELS fuzz TIMEOUT 120)
  endif()
endforeach()
