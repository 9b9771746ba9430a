# ./dev differential [--queries N] [--seed S] [--no-duckdb]
source tools/dev/common.sh

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
  command -v node >/dev/null || die "node is missing (package nodejs): run ./dev setup --all, or do without: --no-duckdb"
  [[ $(duckdb_version_there) == "$(duckdb_version_wanted)" ]] ||
    die "DuckDB $(duckdb_version_wanted) is missing in $duckdb_modules/: run ./dev setup --all, or do without: --no-duckdb"
  arguments+=(--duckdb "$PWD/$duckdb_modules")
fi
configure release
build_targets release differential_driver
exec build/release/differential_driver "${arguments[@]}"
