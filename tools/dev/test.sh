# ./dev test [--preset P] [FILTER]
source tools/dev/common.sh

preset=release
filter=
while [[ $# -gt 0 ]]; do
  case $1 in
    --preset)
      need_value "$1" "${2:-}"
      preset=$2
      shift 2
      ;;
    -*) usage_error "test: unknown option '$1'; it knows --preset" ;;
    *)
      [[ -z $filter ]] || usage_error "test: one filter only; '$filter' and '$1' were given"
      filter=$1
      shift
      ;;
  esac
done
check_preset "$preset"
[[ $preset != fuzz ]] || usage_error "test: the fuzz preset has no tests; see ./dev fuzz"

bash tools/dev/setup.sh $([[ $preset == release ]] || echo --all)
bash tools/dev/build.sh "$preset"
# The long sweeps run in one thread: a race detector has nothing to see there, and its minutes are short. Asked for by name
# they run all the same.
single_threaded='power failure at every|every operation|at every change|every flipped bit|damage is refused|corruption: '
left_out=
[[ $preset != tsan || -n $filter ]] || left_out=$single_threaded
say "testing $preset"
ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$(jobs_max)" \
  ${filter:+-R "$filter"} ${left_out:+-E "$left_out"}
