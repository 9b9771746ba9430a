# ./dev differential [--queries N] [--seed S] [--no-duckdb]
source tools/dev/common.sh

duckdb_version=$(sed -n 's/.*"@duckdb\/node-api": "\(.*\)".*/\1/p' tests/differential/package.json)
with_duckdb=1
arguments=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --queries | --seed)
      need_number "$1" "${2:-}"
      arguments+=("$1" "$2")
      shift 2
      ;;
    --no-duckdb)
      with_duckdb=
      shift
      ;;
    *) usage_error "differential: unknown option '$1'; it knows --queries, --seed and --no-duckdb" ;;
  esac
done

bash tools/dev/setup.sh
if [[ -n $with_duckdb ]]; then
  command -v npm >/dev/null || die "npm is missing (packages nodejs and npm); --no-duckdb does without"
  modules=build/duckdb
  if [[ ! -d $modules/node_modules/@duckdb/node-api ]]; then
    say "fetching DuckDB $duckdb_version"
    mkdir -p "$modules"
    cp tests/differential/package.json "$modules/"
    npm install --silent --no-audit --no-fund --prefix "$modules" || die "npm could not fetch DuckDB; --no-duckdb does without"
  fi
  arguments+=(--duckdb "$PWD/$modules")
fi
configure release
build_targets release differential_driver
exec build/release/differential_driver "${arguments[@]}"
