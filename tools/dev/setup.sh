# ./dev setup [--all]: installs what tools/dev/packages_*.txt name; with --all also DuckDB, whose version stands in
# tests/differential/package.json, into build/duckdb/.
source tools/dev/common.sh

all=
lists=(tools/dev/packages_release.txt)
for argument in "$@"; do
  case $argument in
    --all)
      all=1
      lists+=(tools/dev/packages_all.txt)
      ;;
    *) usage_error "setup: unknown option '$argument'; it knows --all" ;;
  esac
done
mapfile -t packages < <(sed 's/#.*//' "${lists[@]}" | tr -s ' \t' '\n' | grep -v '^$')

# Node comes with npm, or as two packages, depending on who packed it.
[[ -z $all ]] || { command -v node && command -v npm; } >/dev/null || packages+=(nodejs npm)

command -v dpkg-query >/dev/null ||
  die "setup installs Debian packages, and this is no Debian. Tally needs: ${packages[*]}"

missing_packages() {
  dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/^installed //p' | sort -u >"$1" || true
  printf '%s\n' "${packages[@]}" | sort -u | comm -23 - "$1"
}

scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT
mapfile -t missing < <(missing_packages "$scratch")
# Runs a command during which no package starts its service: prometheus is wanted for promtool alone. Afterwards it is not
# started with the machine either.
keep_services_stopped() {
  local policy=/usr/sbin/policy-rc.d made='' code=0
  [[ " ${missing[*]} " == *" prometheus "* ]] || {
    "$@"
    return
  }
  if [[ ! -e $policy ]]; then
    made=1
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  "$@" || code=$?
  [[ -z $made ]] || "${as_root[@]}" rm -f "$policy"
  "${as_root[@]}" systemctl disable --now prometheus >/dev/null 2>&1 || true # no systemd here: nothing runs
  return "$code"
}

install_missing() {
  as_root=()
  if [[ $EUID -ne 0 ]]; then
    command -v sudo >/dev/null || die "these packages are missing, and installing them takes root: ${missing[*]}"
    as_root=(sudo)
  fi
  apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
      -o Dpkg::Use-Pty=0 "$@" </dev/null
  }

  say "installing ${missing[*]}"
  apt update || say "the package lists could not be refreshed; trying with those that are there"
  keep_services_stopped apt install -y --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt-get could not install: ${missing[*]}"
  mapfile -t missing < <(missing_packages "$scratch")
  [[ ${#missing[@]} -eq 0 ]] || die "still missing after apt-get: ${missing[*]}"
}
[[ ${#missing[@]} -eq 0 ]] || install_missing

install_duckdb() {
  say "installing DuckDB $(duckdb_version_wanted) into $duckdb_modules/"
  mkdir -p "$duckdb_modules"
  cp tests/differential/package.json "$duckdb_modules/"
  npm install --silent --no-audit --no-fund --prefix "$duckdb_modules" ||
    say "npm could not install DuckDB: ./dev differential does without when it is told --no-duckdb"
}
[[ -z $all || $(duckdb_version_there) == "$(duckdb_version_wanted)" ]] || install_duckdb
