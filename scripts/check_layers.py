#!/usr/bin/env python3
"""Checks that files include only what their CMake files say they use and that none has grown too long.

The rule stands in CMake: USES, COMMANDS_USE and PRIVATE_HEADERS_OF of neurosplat_module(),
neurosplat_executable(), neurosplat_plugin() and neurosplat_test(). docs/architecture.md says what modules are."""

import argparse
import pathlib
import re
import sys

LONGEST = 450
SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}
CALL = re.compile(r"^\s*neurosplat_(module|executable|plugin|test)\(([^)]*)\)", re.MULTILINE)
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^">]+)[">]')
LISTS = {"SOURCES", "USES", "LINKS", "PRIVATE_LINKS", "COMMANDS", "COMMANDS_USE", "PRIVATE_HEADERS_OF"}
OTHERS = {"LABELS", "TIMEOUT"}


class Unit:
    """A module, a program or a test program, as its CMake file describes it."""

    def __init__(self, kind, text, cmake):
        words = re.sub(r"#.*", "", text).split()
        self.kind, self.name, self.cmake = kind, words[0], cmake
        self.lists = {key: [] for key in LISTS | OTHERS}
        key = None
        for word in words[1:]:
            if word in self.lists:
                key = word
            elif key:
                self.lists[key].append(word)

    def uses_of(self, file):
        """What this file may include; headers do not say whether they are a command's."""
        commands = file.suffix != ".cpp" or file.name in self.lists["COMMANDS"]
        return self.lists["USES"] + (self.lists["COMMANDS_USE"] if commands else [])


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = sorted(
            path.relative_to(root)
            for top in ("include/neurosplat", "src", "apps", "python", "tests", "benchmarks")
            for path in (root / top).rglob("*")
            if path.suffix in SUFFIXES
        )
        self.units = {}  # of each folder with a CMake file
        for top in ("src", "apps", "python", "tests", "benchmarks"):
            for path in sorted((root / top).rglob("*")):
                if path.name == "CMakeLists.txt" or path.suffix == ".cmake":
                    cmake = path.relative_to(root)
                    text = path.read_text(encoding="utf-8")
                    found = [Unit(kind, body, cmake) for kind, body in CALL.findall(text) if "$" not in body.split()[0]]
                    self.units.setdefault(cmake.parent, []).extend(found)
        self.modules = {u.name: u for units in self.units.values() for u in units if u.kind == "module"}
        self.folders = {}  # a module's folder under src/: the names of its libraries
        for unit in self.modules.values():
            folder = unit.cmake.parent.relative_to("src").as_posix()
            self.folders.setdefault(folder, []).append(unit.name)

    def folder_of(self, path):
        """The folder of the module that a path below src/ or the like lies in; None outside of all."""
        for parent in pathlib.PurePosixPath(path).parents:
            if parent.as_posix() in self.folders:
                return parent.as_posix()
        return None

    def home_of(self, file):
        """The module that a file belongs to: its own or, for a test, the one it tests."""
        parts = file.parts[2:] if file.parts[0] == "include" else file.parts[1:]
        return self.folder_of("/".join(parts)) if file.parts[0] in ("include", "src", "tests") else None

    def describers_of(self, file):
        """The calls in CMake that speak for a file: those that list it, else all of its folder."""
        if file.parts[0] in ("include", "src"):
            return [self.modules[name] for name in self.folders[self.home_of(file)]]
        for folder in file.parents:
            units = self.units.get(folder)
            if units:
                listed = [u for u in units if any(s.split("/")[-1] == file.name for s in u.lists["SOURCES"])]
                return listed or units
        return []


def errors_of_modules(tree):
    """USES that name no module, cycles, and modules below the systems that know one of them."""
    for unit in (u for units in tree.units.values() for u in units):
        for name in unit.lists["USES"] + unit.lists["COMMANDS_USE"] + unit.lists["PRIVATE_HEADERS_OF"]:
            if name not in tree.modules:
                yield f"{unit.cmake}: {unit.name} uses '{name}', got no module of that name: name another"
            elif unit.kind == "module" and tree.modules[name].cmake.parts[1] == "systems" != unit.cmake.parts[1]:
                yield f"{unit.cmake}: {unit.name} uses the system {name}: expected it to know none, turn it round"
    done, path = set(), []

    def visit(name):
        if name in path:
            return [*path[path.index(name):], name]
        if name in done or name not in tree.modules:
            return None
        path.append(name)
        unit = tree.modules[name]
        for used in unit.lists["USES"] + unit.lists["COMMANDS_USE"]:
            if cycle := visit(used):
                return cycle
        path.pop()
        done.add(name)
        return None

    for name in tree.modules:
        path.clear()
        if cycle := visit(name):
            yield f"{tree.modules[name].cmake}: expected no cycle, got {' -> '.join(cycle)}: take one USES out"
            return


def target_of(tree, file, included):
    """('public' | 'private' | 'test', module folder) of an include of ours; None for others."""
    if included.startswith("neurosplat/"):
        return "public", tree.folder_of(included.removeprefix("neurosplat/"))
    if (tree.root / file.parent / included).is_file():
        return None  # beside the file itself
    if (tree.root / "src" / included).is_file():
        return "private", tree.folder_of(included)
    if (tree.root / "tests" / included).is_file():
        folder = tree.folder_of(included)
        return ("test", folder) if folder else None
    return None


def errors_of_file(tree, file):
    lines = (tree.root / file).read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) > LONGEST:
        yield f"{file}: expected at most {LONGEST} lines, got {len(lines)}: split the file"
    home = tree.home_of(file)
    if file.parts[0] in ("include", "src") and home is None:
        yield f"{file}: expected a folder of a module ({', '.join(sorted(tree.folders))}): move it or add a module"
        return
    units = tree.describers_of(file)
    # What no call speaks for, like tests/support, is there for all.
    used = {name for unit in units for name in unit.uses_of(file)} or {"core"}
    folders = {folder for folder, names in tree.folders.items() if used & set(names)}
    private = {name for unit in units for name in unit.lists["PRIVATE_HEADERS_OF"]}
    names = "/".join(sorted(unit.name for unit in units)) or "no CMake file"
    for number, line in enumerate(lines, start=1):
        match = INCLUDE.match(line)
        target = match and target_of(tree, file, match.group(1))
        if not target:
            continue
        kind, folder = target
        if folder is None:
            yield f"{file}:{number}: expected a module's folder after neurosplat/, got {match.group(1)}"
        elif kind == "private" and folder != home and not private & set(tree.folders[folder]):
            yield (f"{file}:{number}: {match.group(1)} is a private header of {folder}: use a public one, "
                   f"or say PRIVATE_HEADERS_OF")
        elif folder not in folders and not (folder == home and file.parts[0] != "tests"):
            yield f"{file}:{number}: {match.group(1)}: expected {folder} in the USES of {names}: add it, or do without"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "root",
        nargs="?",
        type=pathlib.Path,
        default=pathlib.Path(__file__).resolve().parent.parent,
        help="the checkout (default: the one this script lies in)",
    )
    tree = Tree(parser.parse_args().root)
    if not tree.files or not tree.modules:
        sys.exit(f"check_layers: expected modules and sources under {tree.root}, found none")
    errors = list(errors_of_modules(tree))
    errors += [error for file in tree.files for error in errors_of_file(tree, file)]
    for error in errors:
        print(error, file=sys.stderr)
    if errors:
        sys.exit(1)
    print(f"check_layers: {len(tree.files)} files of {len(tree.folders)} modules include only what they use")


if __name__ == "__main__":
    main()
