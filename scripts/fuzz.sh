#!/usr/bin/env bash
# Builds the fuzzing targets (preset fuzz) and runs them.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
Usage: scripts/fuzz.sh SECONDS [options] [TARGET...]
  SECONDS       how long they run in all, each its share; building and minimising come on top
  TARGET        those of tests/fuzz/readers.h; default: all
  --keep        choose anew what tests/corpora keeps of each target's corpus, at most 24 KiB
  --json FILE   write the table's rows there too; those of targets that did not run stay
                (default: build/fuzz/fuzz.json)
  --list        print the targets and their shares
Runs go on from the corpora of earlier ones in build/fuzz/corpora. What breaks a reader is kept in
build/fuzz/findings and named with the command that shows it again; the exit code is then 1.
JSON: a list of rows with the keys target, seconds, runs, runs_per_second, edges, features,
edges_in_all (of the program, other modules among it), corpus_files, corpus_bytes, peak_rss_mb,
finding and command (null without one).
Needs clang 14 or later: scripts/setup.sh --fuzz installs it.
TEXT
}

for word in "$@"; do
  if [[ $word == -h || $word == --help ]]; then
    usage
    exit
  fi
done
(($# > 0)) || usage_error "expected SECONDS, got nothing"
if [[ $1 == --list ]]; then
  exec python3 "$root/scripts/fuzz_targets.py" --list
fi
[[ $1 =~ ^[1-9][0-9]{0,6}$ ]] || usage_error "expected seconds, 1 to 9999999, got $1"
python3 "$root/scripts/fuzz_targets.py" --check "$@" || exit 2
command -v clang++ >/dev/null || fail "expected clang++, found none: run scripts/setup.sh --fuzz"
say "building the targets"
[[ -e $root/build/fuzz/build.ninja ]] || configure fuzz
cmake --build "$root/build/fuzz" --parallel "$(nproc)" --target fuzz
exec python3 "$root/scripts/fuzz_targets.py" "$@"
