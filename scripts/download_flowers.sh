#!/usr/bin/env bash
# Fetches Oxford Flowers-102 from its official place: archive, labels and splits.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

url=${NEUROSPLAT_FLOWERS_URL:-https://www.robots.ox.ac.uk/~vgg/data/flowers/102}
md5_archive=${NEUROSPLAT_FLOWERS_MD5_ARCHIVE:-52808999861908f626f3c1f4e79d11fa}
md5_labels=${NEUROSPLAT_FLOWERS_MD5_LABELS:-e0620be6f572b9609742df49c70aed4d}
md5_splits=${NEUROSPLAT_FLOWERS_MD5_SPLITS:-a5357ecc9cb78c4bef273ce3793fc85c}
no_ranges=33 # curl's code for a server that cannot go on from the middle of a file

usage() {
  cat <<'TEXT'
Usage: scripts/download_flowers.sh DIR
Downloads Oxford Flowers-102 (about 345 MB) into DIR: setid.mat, imagelabels.mat and jpg/.
An interrupted download goes on where it stopped; every file is checked by its MD5.
Environment:
  NEUROSPLAT_FLOWERS_URL                          another place that has the three files
  NEUROSPLAT_FLOWERS_MD5_{ARCHIVE,LABELS,SPLITS}  what to expect of other files
TEXT
}

has_md5() {
  [[ -f $1 ]] && [[ $(md5sum <"$1") == "$2  -" ]]
}

# download FILE PART: goes on with PART where it stopped, or from zero where that is refused.
download() {
  local code=0 options=(--fail --location --retry 3 --retry-delay 2 --connect-timeout 15
    --speed-limit 1000 --speed-time 60)
  if [[ -t 2 ]]; then
    options+=(--progress-bar)
  else
    options+=(--silent --show-error)
  fi
  curl "${options[@]}" -C - -o "$2" "$url/$1" || code=$?
  if ((code == no_ranges)); then
    say "$url cannot go on with $1: starting it again"
    rm -f "$2"
    code=0
    curl "${options[@]}" -o "$2" "$url/$1" || code=$?
  fi
  ((code == 0)) || fail "expected to download $url/$1, curl ended with code $code: run this again to go on"
}

# fetch FILE MD5: the file in the folder, whole and right.
fetch() {
  local file=$folder/$1 part=$folder/$1.part
  if has_md5 "$file" "$2"; then
    say "$1 is there"
    return
  fi
  if ! has_md5 "$part" "$2"; then
    say "downloading $url/$1"
    download "$1" "$part"
  fi
  if ! has_md5 "$part" "$2"; then
    local got
    got=$(md5sum <"$part")
    rm -f "$part"
    fail "expected MD5 $2 of $1, got ${got%% *}: the download is removed, run this again"
  fi
  mv -f "$part" "$file"
}

holds_files() {
  [[ -d $1 && -n $(ls -A "$1") ]]
}

# jpg/ appears by one rename, so a folder of that name with files in it is whole.
unpack() {
  unpacked=$(mktemp -d "$folder/unpack.XXXXXX")
  trap 'rm -rf "$unpacked"' EXIT
  say "unpacking 102flowers.tgz"
  tar -xzf "$folder/102flowers.tgz" --no-same-owner -C "$unpacked" ||
    fail "could not unpack $folder/102flowers.tgz: see above, then run this again"
  holds_files "$unpacked/jpg" || fail "expected a folder jpg in 102flowers.tgz, found none: check NEUROSPLAT_FLOWERS_URL"
  if [[ -d $folder/jpg ]]; then
    rmdir "$folder/jpg"
  fi
  mv "$unpacked/jpg" "$folder/jpg"
}

case ${1:-} in
  '') usage_error "expected the folder to download to" ;;
  -h | --help)
    usage
    exit
    ;;
  -*) usage_error "expected the folder to download to, got $1" ;;
esac
(($# == 1)) || usage_error "expected one folder, got $# arguments"
folder=$1
mkdir -p "$folder" || fail "could not make the folder $folder: choose another one"
fetch setid.mat "$md5_splits"
fetch imagelabels.mat "$md5_labels"
if holds_files "$folder/jpg"; then
  say "jpg is there"
else
  fetch 102flowers.tgz "$md5_archive"
  unpack
fi
say "Flowers-102 is in $folder"
