#!/usr/bin/env bash
# Takes a system out of a copy of the checkout and builds the rest: nothing else may need it.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
Usage: scripts/check_removal.sh SYSTEM [--configure-only]
  SYSTEM             a folder of src/systems that no other system uses, e.g. cortex
  --configure-only   do not build what is left
The copy lies in build/without-SYSTEM, with its folders, its lines in apps/ and CMake taken out.
TEXT
}

system=
build=1
while (($# > 0)); do
  case $1 in
    --configure-only) build= ;;
    -h | --help)
      usage
      exit
      ;;
    -*) usage_error "expected --configure-only, got $1" ;;
    *) system=$1 ;;
  esac
  shift
done
[[ -n $system ]] || usage_error "expected a system, got none"
[[ -d $root/src/systems/$system ]] || usage_error "expected a folder of src/systems, got $system"

cd "$root"
copy=$root/build/without-$system
rm -rf -- "$copy"
mkdir -p -- "$copy"
git ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' file; do [[ ! -f $file ]] || printf '%s\0' "$file"; done |
  tar --null --files-from=- -cf - | tar -xf - -C "$copy"
[[ ! -e .venv ]] || ln -s "$(realpath .venv)" "$copy/.venv"

say "taking $system out of $copy"
python3 - "$copy" "$system" <<'PYTHON'
import pathlib
import re
import shutil
import sys

root, system = pathlib.Path(sys.argv[1]), sys.argv[2]
commands = root / "include/neurosplat/systems" / system / "commands.h"
offered = re.findall(r"^\w+ (\w+)\(", commands.read_text(), re.MULTILINE)
for top in ("include/neurosplat", "src", "tests"):
    shutil.rmtree(root / top / "systems" / system, ignore_errors=True)

line_of_command = re.compile(rf"systems/{system}/|\b({'|'.join(offered)})\(")
for path in (root / "apps").glob("*.cpp"):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line_of_command.search(line)))

call = re.compile(r"^ *neurosplat_(\w+)\((\w[\w-]*)[^)]*\)[^\n]*\n", re.MULTILINE)
word = re.compile(rf"(?<=\s){system}(?=[\s)])")


def without(match):
    text = match.group()
    if not word.search(text):
        return text
    if match.group(1) in ("module", "plugin"):
        sys.exit(f"check_removal: expected a system that no other uses, got {system}, which "
                 f"{match.group(2)} uses: take that out first")
    if path.parent.name == "benchmarks":  # a program that measures the system goes with it
        gone.append(match.group(2))
        return ""
    return re.sub(r" +\n", "\n", re.sub(r"(?<=\S)  +(?=\S)", " ", word.sub("", text)))


gone = []
for path in sorted(root.rglob("*")):
    if path.name != "CMakeLists.txt" or not path.is_file():
        continue
    text = path.read_text()
    text = text.replace(f"add_subdirectory(systems/{system})\n", "")
    text = call.sub(without, text)
    for name in gone:
        (path.parent / f"{name}.cpp").unlink(missing_ok=True)
        text = re.sub(rf"^target_\w+\({name}\b[^)]*\)\n", "", text, flags=re.MULTILINE)
        text = re.sub(rf" {name}(?=[ )])", "", text)
    path.write_text(text)
PYTHON
python3 "$copy/scripts/check_layers.py"
# The preset's folder: what did not change comes out of ccache.
cmake -S "$copy" --preset release
[[ -z $build ]] || cmake --build "$copy/build/release" --parallel "$(nproc)"
say "the rest stands without $system"
