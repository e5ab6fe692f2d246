#!/usr/bin/env bash
# Builds everything, runs every test, then checks the modules, the documents and the layout of the code.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
Usage: scripts/check.sh [--skip-slow] [--asan]
  --skip-slow   leave out the tests that carry the label "slow"
  --asan        build and test with the address and undefined-behaviour sanitizers (preset asan)
TEXT
}

preset=release
tests=()
while (($# > 0)); do
  case $1 in
    --skip-slow) tests+=(-LE slow) ;;
    --asan) preset=asan ;;
    -h | --help)
      usage
      exit
      ;;
    *) usage_error "expected --skip-slow or --asan, got $1" ;;
  esac
  shift
done

cd "$root"
cores=$(nproc)
scripts/setup.sh
say "building (preset $preset, $cores cores)"
configure "$preset"
cmake --build "build/$preset" --parallel "$cores"
say "running the tests"
ctest --test-dir "build/$preset" --no-tests=error --output-on-failure -j "$cores" "${tests[@]}"
# A suite of which some tests were skipped counts as passed: they are named here.
grep -h '^SKIPPED ' "build/$preset/Testing/Temporary/LastTest.log" | sort || true
say "checking what modules include"
python3 scripts/check_layers.py
say "checking links and citations"
python3 scripts/check_docs.py
say "checking the layout with clang-format"
git ls-files -z -- '*.h' '*.cpp' '*.cu' '*.cuh' | xargs -0 -r clang-format --dry-run -Werror ||
  fail "the layout differs: run clang-format -i on the files named above"
say "all green"
