# ./dev demo: counts a real data set, loads it again, kills a load midway and goes on; every step proves what it says.
# ./dev has built the program. TALLY_BINARY names another one, TALLY_DEMO_KEEP=1 keeps the database.
source tools/dev/common.sh

[[ $# -eq 0 ]] || usage_error "demo: takes no arguments, and was given '$1'"
tally=${TALLY_BINARY:-build/release/tally}
[[ -x $tally ]] || die "$tally is missing: run ./dev build"
data=data/open_bandit.csv.gz

work=$(mktemp -d "${TMPDIR:-/tmp}/tally_demo.XXXXXX")
shop=$work/shop
loader=
finish() {
  [[ -z $loader ]] || kill -9 "$loader" 2>/dev/null || true
  if [[ ${TALLY_DEMO_KEEP:-} == 1 ]]; then echo "The database is in $shop."; else rm -rf "$work"; fi
}
trap finish EXIT

if [[ -t 1 ]]; then bold=$'\033[1m' dim=$'\033[2m' green=$'\033[32m' red=$'\033[31m' plain=$'\033[0m'; else bold= dim= green= red= plain=; fi
chapter() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
grouped() { sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta' <<<"$1"; }
tell() { printf '%s\n' "$*"; }

# Shows the command as a person would type it, then runs it.
run() {
  local shown='tally'
  for word in "$@"; do
    shown+=" ${word/#$work\//}"
  done
  printf '%s$ %s%s\n' "$dim" "$shown" "$plain"
  "$tally" "$@"
}

# Shows a question and its answer as a table.
show() {
  printf '%s$ tally sql --data shop -c "\n%s"%s\n' "$dim" "$1" "$plain"
  "$tally" sql --data "$shop" --format table -c "$1"
  tell
}

ask() { "$tally" sql --data "$shop" --format csv -c "$1" | tail -n +2; }

# expect <what> <found> <wanted>
expect() {
  if [[ $2 == "$3" ]]; then
    printf '  %s✓%s %s\n' "$green" "$plain" "$1"
  else
    printf '  %s✗ %s%s\n    wanted: %s\n    found:  %s\n' "$red" "$1" "$plain" "${3//$'\n'/ / }" "${2//$'\n'/ / }" >&2
    die "the demo failed"
  fi
}

by_campaign() { ask "SELECT campaign, policy, SUM(impressions), SUM(clicks) FROM $1 GROUP BY campaign, policy ORDER BY campaign, policy"; }
by_day() { ask "SELECT time_bucket('1 day', timestamp) AS day, SUM(impressions) FROM $1 GROUP BY day ORDER BY day" | cut -d, -f2; }
truth_by_campaign=$'men,bts,10000,69\nmen,random,10000,46\nwomen,bts,10000,46\nwomen,random,10000,46'
truth_by_day=$'6693\n4891\n5193\n6064\n6320\n5471\n5368'

expect_truth() {
  expect "10,000 impressions for each campaign and policy, with 69, 46, 46 and 46 clicks" "$(by_campaign "$1")" "$truth_by_campaign"
  expect "6,693 + 4,891 + 5,193 + 6,064 + 6,320 + 5,471 + 5,368 impressions from the 24th to the 30th" "$(by_day "$1")" "$truth_by_day"
}

chapter "1. A database, and 40,000 real impressions of a fashion shop"
run init "$shop"
run sql --data "$shop" -f data/impressions.sql
run load --data "$shop" --table impressions --replay "$data"

chapter "2. Who clicks on what"
ratio="ROUND(100 * SUM(clicks) / SUM(impressions), 2) AS ctr_percent"
show "  SELECT campaign, policy, SUM(impressions) AS impressions, SUM(clicks) AS clicks,
         $ratio
  FROM impressions GROUP BY campaign, policy ORDER BY campaign, policy"
show "  SELECT time_bucket('1 day', timestamp) AS day, SUM(impressions) AS impressions, SUM(clicks) AS clicks,
         $ratio
  FROM impressions GROUP BY day ORDER BY day"
show "  SELECT campaign, item_id, SUM(impressions) AS impressions, SUM(clicks) AS clicks,
         $ratio
  FROM impressions GROUP BY campaign, item_id ORDER BY clicks DESC, impressions, item_id LIMIT 5"
expect_truth impressions

chapter "3. The same file again: every row is known, nothing is counted twice"
again=$(run load --data "$shop" --table impressions --replay "$data" | tee "$work/again" | awk '$1 == "duplicates" { print $2 }')
cat "$work/again"
expect "40,000 duplicates" "$again" "40,000"
expect_truth impressions

chapter "4. A slower load into a second table, killed midway with SIGKILL"
sed 's/CREATE TABLE impressions/CREATE TABLE survivors/' data/impressions.sql | "$tally" sql --data "$shop" 2>"$work/create" || die "$(<"$work/create")"
slow=(load --data "$shop" --table survivors --replay --rate 12000 --batch 400 --ack-file "$work/acknowledged" "$data")
acknowledged() { awk '$1 == "rows" { n = $2 } END { print n + 0 }' "$work/acknowledged" 2>/dev/null || echo 0; }
"$tally" "${slow[@]}" >"$work/first_load" 2>&1 &
loader=$!
printf '%s$ tally %s &%s\n' "$dim" "${slow[*]//"$work/"/}" "$plain"
for ((tries = 0; tries < 600; ++tries)); do
  if (($(acknowledged) >= 15000)); then break; fi
  kill -0 "$loader" 2>/dev/null || die "the load ended by itself: $(<"$work/first_load")"
  sleep 0.05
done
kill -9 "$loader"
wait "$loader" 2>/dev/null || true
loader=
rows=$(acknowledged)
printf '%s$ kill -9 %s%s\n' "$dim" "the load" "$plain"
tell "When it died, $(grouped "$rows") of 40,000 rows had been acknowledged, says the ack file."
expect "it died midway" "$((rows >= 15000 && rows < 40000))" 1

chapter "5. Nothing acknowledged is lost, nothing is there twice, before anything is sent again"
ask "SELECT impression_id, COUNT(*) FROM survivors.raw GROUP BY impression_id" >"$work/counts"
zcat "$data" | awk -F, -v rows="$rows" 'NR > 1 && NR <= rows + 1 { print $2 }' >"$work/promised"
there=$(awk -F, 'NR == FNR { count[$1] = $2; next } count[$1] == 1 { ++n } END { print n + 0 }' "$work/counts" "$work/promised")
twice=$(awk -F, '$2 != 1 { ++n } END { print n + 0 }' "$work/counts")
expect "each of the $(grouped "$rows") acknowledged rows is there exactly once" "$there" "$rows"
expect "no row is there twice ($(grouped "$(wc -l <"$work/counts")") rows in all)" "$twice" 0

chapter "6. The same command again goes on where it was"
run load --data "$shop" --table survivors --replay --ack-file "$work/acknowledged" "$data"
expect_truth survivors
expect "survivors and impressions hold the same 40,000 rows" \
  "$(ask "SELECT COUNT(*) FROM survivors.raw"),$(ask "SELECT COUNT(*) FROM impressions.raw")" "40000,40000"

chapter "7. Every checksum and every count"
run check "$shop"

chapter "All of it held."
cat <<END
Try next:
  $tally init shop
  $tally generate --profile ad --events 1000000 --days 30 --seed 1 --dup 2 --data shop
  $tally sql --data shop
    SELECT country, SUM(clicks) AS clicks, SUM(spend) AS spend, ctr FROM ad_events GROUP BY country ORDER BY clicks DESC LIMIT 10;
or your own file: CREATE TABLE as data/impressions.sql does, then $tally load --data shop --table NAME --replay FILE.
END
