#!/usr/bin/env bash
# Builds the renderers with little more than LibTorch, checks them against each other on the CPU
# and, where there is one, on an NVIDIA GPU, and times the GPU.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
Usage: scripts/gpu_check.sh [--json FILE] [--slow]
Needs CMake, a C++ compiler and a LibTorch: NEUROSPLAT_LIBTORCH, or the torch of .venv or of
python3. For the GPU half also nvcc and an NVIDIA GPU. No network, nothing else.
  --json FILE   write the rows of all tables there
  --slow        the slow cases too
Steps: every case in values, gradients and support on the CPU; the same with the CUDA renderer;
its lock step; small cases under compute-sanitizer (memcheck, racecheck); the GPU benchmark.
Without a GPU the CPU half runs and a line says so. Exits with 1 when anything failed.
TEXT
}

json=
slow=()
while (($# > 0)); do
  case $1 in
    --json)
      (($# > 1)) || usage_error "--json: expected a file after it"
      json=$(realpath -m -- "$2")
      shift
      ;;
    --slow) slow=(--slow) ;;
    -h | --help)
      usage
      exit
      ;;
    *) usage_error "expected --json FILE or --slow, got $1" ;;
  esac
  shift
done

# The folder of a Python's torch, without importing it.
torch_of() {
  "$1" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])' \
    2>/dev/null
}

find_libtorch() {
  local python
  if [[ -n ${NEUROSPLAT_LIBTORCH:-} ]]; then
    echo "$NEUROSPLAT_LIBTORCH"
    return
  fi
  for python in "$root/.venv/bin/python" python3; do
    if command -v "$python" >/dev/null && torch_of "$python"; then return; fi
  done
  fail "expected a LibTorch: set NEUROSPLAT_LIBTORCH, or install torch for python3"
}

build=$root/build/gpu_check
bin=$build/bin
rows=$build/rows
failures=0

# step TITLE COMMAND...: runs it and remembers a failure.
step() {
  say "$1"
  shift
  if ! "$@"; then
    say "FAILED: $*" >&2
    failures=$((failures + 1))
  fi
}

# check_renderer PROGRAM NAME DEVICE
check_renderer() {
  local program=$1 name=$2 device=$3
  step "$program: the $name renderer on $device" "$bin/$program" values gradients support \
    --renderer "$name" --device "$device" --json "$rows/${program}_${name}_$device.json" "${slow[@]}"
}

sanitize() {
  local sanitizer
  sanitizer=$(command -v compute-sanitizer || echo "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer")
  if [[ ! -x $sanitizer ]]; then
    say "SKIPPED: compute-sanitizer is not installed"
    return
  fi
  # Without LibTorch's own allocator, so that every array ends where it ends.
  export PYTORCH_NO_CUDA_MEMORY_CACHING=1
  for tool in memcheck racecheck; do
    step "$tool on small cases" "$sanitizer" --tool "$tool" --error-exitcode 1 \
      "$bin/renderer_check" values gradients --renderer cuda --device cuda --small
    step "$tool on small cases of patches" "$sanitizer" --tool "$tool" --error-exitcode 1 \
      "$bin/patches_check" values gradients --renderer cuda --device cuda --small
    step "$tool on the lock step" "$sanitizer" --tool "$tool" --error-exitcode 1 \
      "$bin/cuda_lock_check" --small
  done
  unset PYTORCH_NO_CUDA_MEMORY_CACHING
}

# Why the GPU half cannot run, or nothing.
reason_without_gpu() {
  if [[ ! -x $bin/gpu_benchmark ]]; then
    echo "this build has no CUDA renderer (see CMake's line above)"
  else
    "$bin/renderer_check" support --only none --renderer cuda --device cuda |
      sed -n 's/^SKIPPED: //p'
  fi
}

check_gpu() {
  check_renderer renderer_check cuda cuda
  check_renderer renderer_check dense cuda
  check_renderer patches_check cuda cuda
  check_renderer patches_check eager cuda
  step "the lock step in its graph" "$bin/cuda_lock_check"
  sanitize
  step "timing the GPU" "$bin/gpu_benchmark" --json "$rows/benchmark.json"
  step "timing patches on the GPU" "$bin/patches_check" speed --slow --only model_size \
    --renderer cuda --device cuda --json "$rows/patches_speed.json"
}

write_json() {
  python3 - "$rows" "$json" <<'PYTHON'
import json
import pathlib
import sys

rows = {path.stem: json.loads(path.read_text()) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json"))}
pathlib.Path(sys.argv[2]).write_text(json.dumps(rows, indent=1) + "\n")
PYTHON
}

libtorch=$(find_libtorch)
generator=()
if command -v ninja >/dev/null && [[ ! -e $build/CMakeCache.txt ]]; then generator=(-G Ninja); fi
cmake -S "$root" -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DNEUROSPLAT_GPU_CHECK=ON \
  -DNEUROSPLAT_LIBTORCH="$libtorch"
cmake --build "$build" --parallel "$(nproc)"
rm -rf -- "$rows"
mkdir -p -- "$rows"
check_renderer renderer_check dense cpu
check_renderer renderer_check matrix cpu
check_renderer patches_check eager cpu
check_renderer patches_check fused cpu
reason=$(reason_without_gpu)
if [[ -n $reason ]]; then
  say "SKIPPED the GPU half, no CUDA kernel has run: $reason"
else
  check_gpu
fi
if [[ -n $json ]]; then write_json; fi
((failures == 0)) || fail "$failures steps failed"
say "all green"
