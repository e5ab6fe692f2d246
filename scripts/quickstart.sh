#!/usr/bin/env bash
# From a fresh clone to pictures of the shipped model, a trained splat VAE and held-out numbers.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
Usage: scripts/quickstart.sh [--data DIR] [--epochs N]
  --data DIR   Flowers-102 in its official layout (jpg/ and setid.mat)
  --epochs N   train for N epochs instead of those of configs/quickstart.json
After the build the shipped model shows what it does (runs/first-look), then a small one is trained
(runs/quickstart).
Without --data the first of these that is there is taken: $NEUROSPLAT_DATA/flowers-102,
data/flowers-102, ../shared/data/flowers-102; else the set is downloaded to data/flowers-102.
Without data and network the model is trained on generated pictures.
TEXT
}

is_flowers() {
  [[ -d $1/jpg && -f $1/setid.mat ]]
}

# Sets `data` to a folder of Flowers-102, or to nothing when there is none to be had.
find_flowers() {
  local folder
  if [[ -n $data ]]; then
    return
  fi
  for folder in ${NEUROSPLAT_DATA:+"$NEUROSPLAT_DATA/flowers-102"} data/flowers-102 \
    ../shared/data/flowers-102; do
    if is_flowers "$folder"; then
      data=$folder
      return
    fi
  done
  say "no Flowers-102 on this machine: downloading it"
  if scripts/download_flowers.sh data/flowers-102; then
    data=data/flowers-102
  fi
}

# free_folder NAME: NAME, or NAME-2, NAME-3, ... where that is taken.
free_folder() {
  local folder=$1 number=2
  while [[ -e $folder ]]; do
    folder=$1-$((number++))
  done
  echo "$folder"
}

# What the shipped model makes of three stills, and of nothing.
first_look() {
  "$bin/neurosplat-evaluate" reconstruction --images models/stills --refine 8 --out "$1/reconstruction"
  "$bin/neurosplat-sample" splat-vae --out "$1/prior_normal.png"
  "$bin/neurosplat-sample" splat-vae --prior fitted --out "$1/prior_fitted.png"
  "$bin/neurosplat-live" lock --source models/stills --out "$1/lock" --headless
  say "the shipped model's pictures (originals beside reconstructions; two priors; retina, prior, locked):"
  find "$1" -name '*.png' | sort | sed "s|^|  $root/|"
}

print_results() {
  python3 - "$1" <<'PYTHON'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    results = json.load(file)["results"]
line = (
    f"held-out: {results['psnr_mean_db']:.2f} dB PSNR, {results['ssim_mean']:.3f} SSIM"
    f" on {results['images']} test pictures"
)
if results["pca_psnr_mean_db"] is not None:
    line += (
        f" (PCA floor {results['pca_psnr_mean_db']:.2f} dB,"
        f" mean image {results['mean_image_psnr_mean_db']:.2f} dB)"
    )
print(line)
PYTHON
}

# The last reconstructions and samples of the training, then those of the other programs.
list_pictures() {
  find "$1" -maxdepth 1 -name 'recon_*.png' | sort | tail -n 1
  find "$1" -maxdepth 1 -name 'sample_*.png' | sort | tail -n 1
  echo "$1/priors.png"
  find "$1/evaluation" -name '*.png' | sort
}

data=
epochs=()
while (($# > 0)); do
  case $1 in
    --data | --epochs) (($# > 1)) || usage_error "expected a value after $1, got none" ;;&
    --data)
      is_flowers "$2" ||
        fail "expected jpg/ and setid.mat in $2, found none: give --data the folder of Flowers-102"
      data=$(realpath -- "$2")
      shift
      ;;
    --epochs)
      [[ $2 =~ ^[1-9][0-9]*$ ]] || usage_error "expected a whole number of at least 1 after --epochs, got $2"
      epochs=(--epochs "$2")
      shift
      ;;
    -h | --help)
      usage
      exit
      ;;
    *) usage_error "expected --data or --epochs, got $1" ;;
  esac
  shift
done

if [[ -n ${NEUROSPLAT_DATA:-} ]]; then
  NEUROSPLAT_DATA=$(realpath -m -- "$NEUROSPLAT_DATA")
fi
cd "$root"
scripts/setup.sh
configure release
cmake --build build/release --parallel "$(nproc)" --target \
  neurosplat-train neurosplat-sample neurosplat-live neurosplat-evaluate
bin=build/release/bin
first_look "$(free_folder runs/first-look)"

find_flowers
generated="GENERATED PICTURES, not photographs"
if [[ -n $data ]]; then
  say "photographs: Flowers-102 in $data"
  train_on=(--dataset flowers --data "$data")
  evaluate_on=(--data "$data")
else
  say "neither data nor network: training on $generated"
  train_on=(--dataset synthetic)
  evaluate_on=(--dataset synthetic)
fi

run=$(free_folder runs/quickstart)
"$bin/neurosplat-train" splat-vae --config configs/quickstart.json "${train_on[@]}" --out "$run" \
  "${epochs[@]}"
"$bin/neurosplat-sample" splat-vae --model "$run" --mode grid --out "$run/priors.png"
"$bin/neurosplat-evaluate" reconstruction --model "$run" "${evaluate_on[@]}" --split test \
  --out "$run/evaluation"

print_results "$run/evaluation/metrics.json"
if [[ -z $data ]]; then
  say "these numbers are of $generated"
fi
say "pictures:"
list_pictures "$run" | sed "s|^|  $root/|"
