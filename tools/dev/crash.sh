# ./dev crash [--preset P] [--seconds N] [args...]
source tools/dev/common.sh

preset=release
arguments=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --preset)
      need_value "$1" "${2:-}"
      preset=$2
      shift 2
      ;;
    --seconds)
      need_number "$1" "${2:-}"
      arguments+=("$1" "$2")
      shift 2
      ;;
    *)
      arguments+=("$1")
      shift
      ;;
  esac
done
check_preset "$preset"
bash tools/dev/setup.sh $([[ $preset == release ]] || echo --all)
configure "$preset"
has_target "$preset" crash_driver || die "there is no crash driver: tests/crash/ is empty"
targets=(crash_driver)
[[ " ${arguments[*]} " != *" --kill "* ]] || targets+=(tally)
build_targets "$preset" "${targets[@]}"
exec "build/$preset/crash_driver" "${arguments[@]}"
