# Language, warnings, sanitizers, compiler cache. Everything of ours links tally_options.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -D_GLIBCXX_ASSERTIONS")
if(TALLY_FUZZ)
  set(CMAKE_CXX_FLAGS_DEBUG "-O2 -g1 -D_GLIBCXX_ASSERTIONS")  # more executions; the checks are the same
endif()

set(gcc OFF)
set(clang OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(gcc ON)
  set(oldest 12)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(clang ON)
  set(oldest 19)  # the first that understands <expected> of libstdc++ 12
else()
  message(FATAL_ERROR "Tally is built by GCC 12 or clang 19, not by ${CMAKE_CXX_COMPILER_ID}.")
endif()
if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS oldest)
  message(FATAL_ERROR "Tally needs ${CMAKE_CXX_COMPILER_ID} ${oldest} or newer, and this is "
    "${CMAKE_CXX_COMPILER_VERSION}. ./dev setup --all installs the right ones.")
endif()

# Warnings are errors with the compilers that CI uses; others know warnings that nobody here has seen.
string(REGEX MATCH "^[0-9]+" major "${CMAKE_CXX_COMPILER_VERSION}")
set(werror_default OFF)
if(major EQUAL oldest)
  set(werror_default ON)
endif()
option(TALLY_WERROR "Treat warnings as errors" ${werror_default})

add_library(tally_options INTERFACE)
target_include_directories(tally_options INTERFACE "${CMAKE_SOURCE_DIR}")
# Messages and debug information name files from the top of the tree, wherever it was checked out; ccache has made paths
# relative to the build directory by then.
file(RELATIVE_PATH up "${CMAKE_BINARY_DIR}" "${CMAKE_SOURCE_DIR}")
target_compile_options(tally_options INTERFACE
  "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=" "-ffile-prefix-map=${up}="
  "-fdebug-prefix-map=${CMAKE_BINARY_DIR}=.")
target_compile_options(tally_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wsuggest-override -Wextra-semi
  -Wformat=2 -Wvla -Wcast-qual -Wredundant-decls
  $<$<BOOL:${TALLY_WERROR}>:-Werror>)
if(gcc)
  target_compile_options(tally_options INTERFACE
    -Wno-restrict  # false positives of GCC 12 on std::string
    -Wduplicated-cond -Wlogical-op)
else()
  target_compile_options(tally_options INTERFACE
    -Wno-deprecated-declarations  # clang finds them inside std::stable_sort of libstdc++ 12; GCC keeps watch over ours
    -Wthread-safety -Werror=thread-safety -Wshorten-64-to-32 -Wunreachable-code -Wrange-loop-analysis
    -fno-omit-frame-pointer)
endif()

if(TALLY_SANITIZE)
  set(sanitizers "-fsanitize=${TALLY_SANITIZE}")
  if(TALLY_FUZZ)
    string(APPEND sanitizers ",fuzzer-no-link")
  endif()
  target_compile_options(tally_options INTERFACE ${sanitizers} -fno-sanitize-recover=all)
  target_link_options(tally_options INTERFACE ${sanitizers})
endif()

# lld links a sanitized binary several times faster; without it the default linker does.
if(clang)
  find_program(TALLY_LLD NAMES ld.lld-19 ld.lld)
  if(TALLY_LLD)
    target_link_options(tally_options INTERFACE "--ld-path=${TALLY_LLD}")
  endif()
endif()

# The cache is shared between checkouts: paths under the source directory are hashed relative to it.
find_program(TALLY_CCACHE ccache)
if(TALLY_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${TALLY_CCACHE}")
endif()
