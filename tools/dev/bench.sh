# ./dev bench [name [args...]]
source tools/dev/common.sh

names() {
  [[ -d tools/bench ]] || return 0
  find tools/bench -name '*_bench.cc' -printf '%f\n' | sed 's/_bench\.cc$//' | sort
}

if [[ $# -eq 0 ]]; then
  echo "benchmarks:"
  names | sed 's/^/  /'
  exit 0
fi
name=$1
shift
names | grep -qx -- "$name" || usage_error "bench: no benchmark '$name'; ./dev bench lists them"
bash tools/dev/setup.sh --all
configure release
build_targets release "bench_$name"
exec "build/release/bench_$name" "$@"
