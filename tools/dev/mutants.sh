# ./dev mutants [WORD...]
source tools/dev/common.sh

bash tools/dev/setup.sh
exec python3 tests/mutants/run.py "$@"
