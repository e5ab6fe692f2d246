"""Puts the library of operators and the shipped model into the package. The library is $NEUROSPLAT_LIBRARY, else
the newest that the checkout has built, else one that CMake builds now."""

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import setuptools
from setuptools.command.build_py import build_py

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIBRARY = "libneurosplat_operators.so"
OPENED_BY_IT = ("libneurosplat_cuda.so",)  # beside it, where the build has CUDA
MODEL = ROOT / "models" / "flowers-128.safetensors"


def torch_folder():
    """The torch that the package will run with. pip builds in an environment of its own, without it, but the
    interpreter's prefix is the real one's."""
    found = importlib.util.find_spec("torch")
    if found:
        return pathlib.Path(found.submodule_search_locations[0])
    wheels = sorted(pathlib.Path(sys.prefix).glob("lib/python3*/site-packages/torch"))
    return wheels[0] if wheels else None


def version():
    """The checkout's."""
    cmake = ROOT / "CMakeLists.txt"
    if not cmake.is_file():
        sys.exit(f"expected the checkout of neurosplat around {ROOT / 'python'}, found none: install from a checkout")
    return re.search(r"project\(neurosplat VERSION (\S+)", cmake.read_text(encoding="utf-8")).group(1)


def build_library():
    folder = ROOT / "build" / "python"
    options = ["-DNEUROSPLAT_BUILD_APPS=OFF", "-DNEUROSPLAT_BUILD_TESTS=OFF", "-DNEUROSPLAT_BUILD_BENCHMARKS=OFF"]
    if torch_folder():
        options.append(f"-DNEUROSPLAT_LIBTORCH={torch_folder()}")
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", *options], check=True)
    subprocess.run(["cmake", "--build", folder, "--target", "neurosplat_operators", "--parallel"], check=True)
    return folder / "lib" / LIBRARY


def find_library():
    named = os.environ.get("NEUROSPLAT_LIBRARY")
    if named:
        if not pathlib.Path(named).is_file():
            sys.exit(f"NEUROSPLAT_LIBRARY: expected a file, found none: {named}")
        return pathlib.Path(named)
    # Other presets' libraries need a sanitizer's runtime.
    built = [ROOT / "build" / preset / "lib" / LIBRARY for preset in ("release", "python")]
    built = [path for path in built if path.is_file()]
    return max(built, key=lambda path: path.stat().st_mtime) if built else build_library()


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        package = pathlib.Path(self.build_lib) / "neurosplat"
        library = find_library()
        shutil.copy2(library, package / LIBRARY)
        for name in OPENED_BY_IT:
            if (library.parent / name).is_file():
                shutil.copy2(library.parent / name, package / name)
        if MODEL.is_file():
            (package / "models").mkdir(exist_ok=True)
            shutil.copy2(MODEL, package / "models" / MODEL.name)


class Platform(setuptools.Distribution):
    def has_ext_modules(self):
        return True  # the wheel is for this machine


setuptools.setup(version=version(), cmdclass={"build_py": BuildWithLibrary}, distclass=Platform)
