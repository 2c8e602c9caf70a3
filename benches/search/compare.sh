#!/usr/bin/env bash
# Gallery search beside faiss's, one thread, in one run: each takes its turn three times, so that a busy moment of the machine meets all.
#
#   PYTHON=python3 benches/search/compare.sh
#
# PYTHON needs faiss-cpu and numpy. Prints the least milliseconds of all turns, and GB/s of the int8 rows.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
bench=(cargo bench --quiet -p edge-infer --features std --bench search)
"${bench[@]}" -- --list > /dev/null
for _ in 1 2 3; do
  # A table with a heading a benchmark and a line a number of rows, of which the first figure is the least.
  "${bench[@]}" -- 'plain_read|one_probe|eight_probes|two_threads' 2>&1 | awk '
    { gsub(/[│├╰─]/, " ") }
    $1 ~ /^[a-z]/ { name = $1 }
    $1 ~ /^[0-9]+$/ && $3 ~ /^(ns|µs|ms)$/ { print name, $1, $2 * ($3 == "ms" ? 1 : $3 == "µs" ? 1e-3 : 1e-6) }'
  "$python" benches/search/faiss_search.py 1000 100000 1000000
done | awk '
  { at = $1 " " $2; if (!(at in least) || $3 < least[at]) least[at] = $3; if (!seen[at]++) order[++count] = at }
  END { for (i = 1; i <= count; i++) { split(order[i], of, " ")
        printf "%-28s %9d rows %9.4f ms %7.1f GB/s\n", of[1], of[2], least[order[i]], of[2] * 128 / least[order[i]] / 1e6 } }'
