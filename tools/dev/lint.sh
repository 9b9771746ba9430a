# ./dev lint [--fix] [--tidy] [file...]
source tools/dev/common.sh

fix=
tidy=
files=()
for argument in "$@"; do
  case $argument in
    --fix) fix=1 ;;
    --tidy) tidy=1 ;;
    -*) usage_error "lint: unknown option '$argument'; it knows --fix and --tidy" ;;
    *)
      [[ -f $argument ]] || usage_error "lint: no file '$argument'"
      files+=("$argument")
      ;;
  esac
done
for tool in python3 git clang++-19 clang-format-19; do
  command -v "$tool" >/dev/null || die "$tool is missing: run ./dev setup --all"
done

say "linting"
if [[ -n $fix ]]; then python3 -B tools/lint/formatting.py "${files[@]}"; fi
result=0
python3 -B tools/lint/lint.py "${files[@]}" || result=1
if [[ -n $tidy ]]; then
  command -v clang-tidy-19 >/dev/null || die "clang-tidy-19 is missing: run ./dev setup --all"
  configure debug
  python3 -B tools/lint/tidy.py "${files[@]}" || result=1
fi
exit $result
