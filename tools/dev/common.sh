# Sourced by ./dev and its scripts, which run at the top of the tree.
set -euo pipefail

die() {
  echo "./dev: $*" >&2
  exit 1
}

# A wrong command line: says what is wrong, exit code 2.
usage_error() {
  echo "./dev: $*" >&2
  exit 2
}

say() { echo "== $*"; }

jobs_max() { nproc; }

# need_value --option "${2:-}": the option came with a value; need_number: with a positive whole number.
need_value() { [[ -n $2 && $2 != -* ]] || usage_error "$1 wants a value"; }

need_number() {
  need_value "$1" "$2"
  [[ $2 =~ ^[0-9]+$ && $2 -gt 0 ]] || usage_error "$1 wants a positive whole number, not '$2'"
}

check_preset() {
  case $1 in
    release | debug | tsan | fuzz) ;;
    *) usage_error "unknown preset '$1'; there are release, debug, tsan and fuzz" ;;
  esac
}

compiler_of() {
  if [[ $1 == release ]]; then echo g++-12; else echo clang++-19; fi
}

# configure <preset>: quiet unless it fails.
configure() {
  command -v cmake >/dev/null && command -v ninja >/dev/null || die "cmake or ninja is missing: run ./dev setup"
  command -v "$(compiler_of "$1")" >/dev/null ||
    die "$(compiler_of "$1") is missing: run ./dev setup$([[ $1 == release ]] || echo ' --all')"
  mkdir -p build
  if ! cmake --preset "$1" >"build/configure_$1.log" 2>&1; then
    cat "build/configure_$1.log" >&2
    die "configuring $1 failed"
  fi
}

# build_targets <preset> [target...]
build_targets() {
  local preset=$1
  shift
  cmake --build "build/$preset" -j "$(jobs_max)" ${1:+--target "$@"} || die "building $preset failed"
}

has_target() { ninja -C "build/$1" -t query "$2" >/dev/null 2>&1; }

# DuckDB, which ./dev differential asks: ./dev setup --all installs the version that tests/differential/package.json names.
duckdb_modules=build/duckdb
duckdb_version_wanted() { sed -n 's/.*"@duckdb\/node-api": "\(.*\)".*/\1/p' tests/differential/package.json; }
duckdb_version_there() {
  local package=$duckdb_modules/node_modules/@duckdb/node-api/package.json
  [[ ! -f $package ]] || sed -n 's/^ *"version": "\(.*\)".*/\1/p' "$package"
}
