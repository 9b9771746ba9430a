# ./dev help [command]
source tools/dev/common.sh

declare -A text=(
  [setup]="setup [--all]
    Installs the Debian packages that building and testing need; --all adds clang 19, linting, fuzzing and, through
    npm, DuckDB in build/duckdb/. Asks nothing; quick when nothing is missing."
  [build]="build [release|debug|tsan|fuzz]...
    Builds into build/<preset>/. Without a preset: release."
  [test]="test [--preset release|debug|tsan] [FILTER]
    Sets up, builds and tests. Tests are named '<folder>: <case>'; FILTER is a regular expression on that:
    ./dev test '^wal:'. tsan holds the folders base, wal and engine. TALLY_SEED=N replays a random test."
  [lint]="lint [--fix] [--tidy] [FILE...]
    Checks conventions, formatting, links, and that every header compiles alone. --fix formats the code first;
    --tidy runs clang-tidy too, which takes minutes."
  [bench]="bench [NAME [ARGS...]]
    Runs a benchmark of the release build; without a name, lists them."
  [fuzz]="fuzz [--seconds N | --runs N | --total-seconds N] [TARGET]
    Fuzzes one target, or each in turn: 60 seconds each unless told. New inputs go to build/fuzz/corpus/, crashes to
    build/fuzz/crashes/."
  [crash]="crash [--preset P] [--seconds N] [ARGS...]
    Runs the crash sweep (release build) and prints the states it explored. All but --preset goes to crash_driver.
    --model [--operations N] [--seed S]: the engine against a model of its promises. --kill [--kills N] [--seed S]: the
    program, killed again and again while it loads real rows."
  [mutants]="mutants [WORD...]
    Plants bugs in a copy of the tree, one at a time, and prints which test catches each. WORDs choose by name. A survivor
    is a failure."
  [differential]="differential [--queries N] [--seed S] [--no-duckdb]
    Asks N random queries (10,000 unless told) of the engine, of a row-at-a-time interpreter and, over the same rows,
    of DuckDB (./dev setup --all installs it), prints its seed and every difference."
  [demo]="demo
    Sets up, builds, and counts a real data set: twice, and across a crash."
  [ci]="ci
    Everything CI checks, with the minutes each stage took."
  [help]="help [COMMAND]"
)

if [[ $# -gt 0 ]]; then
  [[ -n ${text[$1]:-} ]] || usage_error "unknown command '$1'; ./dev help lists them"
  echo "./dev ${text[$1]}"
  exit 0
fi
echo "usage: ./dev COMMAND [OPTIONS]"
echo
for command in setup build test lint bench fuzz crash differential mutants demo ci help; do
  echo "  ${text[$command]}"
done
