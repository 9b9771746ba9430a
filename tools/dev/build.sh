# ./dev build [preset...]
source tools/dev/common.sh

presets=("$@")
[[ ${#presets[@]} -gt 0 ]] || presets=(release)
for preset in "${presets[@]}"; do check_preset "$preset"; done
for preset in "${presets[@]}"; do
  say "building $preset"
  configure "$preset"
  case $preset in
    tsan) build_targets tsan tally_tests ;;
    fuzz) build_targets fuzz tally_fuzz ;;
    *) build_targets "$preset" ;;
  esac
done
