# shellcheck shell=bash
# What the scripts of this folder share. Sourced, not run.

root=$(CDPATH="" cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -n ${NEUROSPLAT_LIBTORCH:-} ]]; then
  NEUROSPLAT_LIBTORCH=$(realpath -m -- "$NEUROSPLAT_LIBTORCH")
  export NEUROSPLAT_LIBTORCH
fi

say() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$*"
}

fail() {
  say "$*" >&2
  exit 1
}

usage_error() {
  say "$*; see --help" >&2
  exit 2
}

# configure PRESET: CMake with the LibTorch that the environment names, if it names one.
configure() {
  local options=()
  if [[ -n ${NEUROSPLAT_LIBTORCH:-} ]]; then
    options+=("-DNEUROSPLAT_LIBTORCH=$NEUROSPLAT_LIBTORCH")
  fi
  if [[ -n ${Torch_DIR:-} ]]; then
    options+=("-DTorch_DIR=$Torch_DIR")
  fi
  cmake -S "$root" --preset "$1" "${options[@]}"
}
