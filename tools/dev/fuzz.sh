# ./dev fuzz [--seconds N | --runs N | --total-seconds N] [target]
source tools/dev/common.sh

seconds=60
total=
runs=
target=
while [[ $# -gt 0 ]]; do
  case $1 in
    --seconds | --total-seconds | --runs)
      need_number "$1" "${2:-}"
      case $1 in
        --seconds) seconds=$2 ;;
        --total-seconds) total=$2 ;;
        --runs) runs=$2 ;;
      esac
      shift 2
      ;;
    -*) usage_error "fuzz: unknown option '$1'; it knows --seconds, --runs and --total-seconds" ;;
    *)
      [[ -z $target ]] || usage_error "fuzz: one target only; '$target' and '$1' were given"
      target=$1
      shift
      ;;
  esac
done

mapfile -t names < <(find fuzz -maxdepth 1 -name '*_fuzz.cc' -printf '%f\n' | sed 's/_fuzz\.cc$//' | sort)
[[ ${#names[@]} -gt 0 ]] || die "there are no fuzz targets: fuzz/*_fuzz.cc"
if [[ -n $target ]]; then
  [[ " ${names[*]} " == *" $target "* ]] || usage_error "fuzz: no target '$target'; there are: ${names[*]}"
  names=("$target")
fi
if [[ -n $total ]]; then
  seconds=$((total / ${#names[@]}))
  [[ $seconds -gt 0 ]] || seconds=1
fi

configure fuzz
build_targets fuzz "${names[@]/#/fuzz_}"
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
symbolizer=$(command -v llvm-symbolizer-19 || true)
[[ -z $symbolizer ]] || export ASAN_SYMBOLIZER_PATH=$symbolizer

fuzz_one() {
  local name=$1 log=build/fuzz/logs/$1.log
  local corpus=build/fuzz/corpus/$name crashes=build/fuzz/crashes/$name
  mkdir -p build/fuzz/logs "$corpus" "$crashes"
  local arguments=(-verbosity=0 -print_final_stats=1 -timeout=10 -rss_limit_mb=2048 "-artifact_prefix=$crashes/")
  if [[ -n $runs ]]; then arguments+=("-runs=$runs"); else arguments+=("-max_total_time=$seconds"); fi
  [[ ! -f fuzz/$name.dict ]] || arguments+=("-dict=fuzz/$name.dict")
  arguments+=("$corpus")
  local seeds
  for seeds in "fuzz/corpus/$name" "fuzz/corpus/${name%%_*}"; do  # its own, and those of its layer
    [[ ! -d $seeds || $seeds == "${arguments[-1]}" ]] || arguments+=("$seeds")
  done
  if ! "build/fuzz/fuzz_$name" "${arguments[@]}" >"$log" 2>&1; then
    cat "$log"
    die "fuzzing $name failed. The input is in $crashes/; once the bug is found, keep it in fuzz/corpus/$name/."
  fi
  printf '%-32s %12s inputs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
}

for name in "${names[@]}"; do fuzz_one "$name"; done
