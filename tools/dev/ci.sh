# ./dev ci: the stages in order, the first that fails ends it; minutes for each at the end.
source tools/dev/common.sh

[[ $# -eq 0 ]] || usage_error "ci: takes no arguments, and was given '$1'"
started=$SECONDS
table=()

print_table() {
  echo
  echo "stage            minutes  budget"
  printf '%s\n' "${table[@]}"
  printf '%-16s %7s  %6s\n' all "$(minutes $((SECONDS - started)))" 25
}

minutes() { printf '%d.%d' $(($1 / 60)) $(($1 % 60 * 10 / 60)); }

stage() {
  local name=$1 budget=$2 begun=$SECONDS
  shift 2
  echo
  say "stage: $name"
  local result=0
  "$@" || result=$?
  table+=("$(printf '%-16s %7s  %6s' "$name" "$(minutes $((SECONDS - begun)))" "$budget")")
  if [[ $result -ne 0 ]]; then
    print_table
    die "stage $name failed"
  fi
}

fuzz_smoke() {
  if compgen -G 'fuzz/*_fuzz.cc' >/dev/null; then bash tools/dev/fuzz.sh --total-seconds 40; fi
}

stage setup - bash tools/dev/setup.sh --all
stage release 5 bash tools/dev/test.sh
stage debug 8 bash tools/dev/test.sh --preset debug
stage tsan 3 bash tools/dev/test.sh --preset tsan
stage lint 2 bash tools/dev/lint.sh
stage "fuzz smoke" 2 fuzz_smoke
print_table
