"""Which libjpeg decodes a file to some pixels: every version since 1998, as the package jpeglib has them.

A libjpeg may end the program that it is in, so that they decode in a process of their own, which is this
module's: started with FILE, it prints a line for each version and way.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.core.decode import JPEG_MAGIC
from harness.core.documents import open_file, parse_json_lines
from harness.core.errors import InputError
from harness.system.extras import EXTRAS, is_there, write_install

SECONDS = 120
WAYS: dict[str, dict[str, Any]] = {
    "": {},
    "by its fast transform": {"dct_method": "JDCT_IFAST"},
    "by its floating-point transform": {"dct_method": "JDCT_FLOAT"},
    "without smooth colours": {"flags": ["-DO_FANCY_UPSAMPLING"]},
}
FAMILIES = (("turbo", "libjpeg-turbo"), ("mozjpeg", "mozjpeg"), ("", "libjpeg"))
NAME = re.compile(r"(turbo|mozjpeg|)(\d+)([a-z]?)")
Classes = Mapping[str, Sequence[tuple[str, str]]]
"""Hash of pixels -> versions and ways that give them."""


def is_jpeg(path: Path) -> bool:
    """Whether a file begins as a JPEG."""
    try:
        with open_file(path) as file:
            return file.read(len(JPEG_MAGIC)) == JPEG_MAGIC
    except InputError:
        return False


def tell_missing() -> str | None:
    """What to install; None where it is there."""
    if is_there("jpeglib"):
        return None
    return f"which libjpeg decodes these pixels ({write_install([EXTRAS['jpeg']['jpeglib']])})"


def make_variables() -> dict[str, str]:
    """This process's variables, with which another one finds the harness."""
    own, more = str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([own, *([more] if more else [])])}


@lru_cache(maxsize=64)
def read_classes(path: Path) -> Classes:
    """What every libjpeg makes of a file; empty where none can tell."""
    words = [sys.executable, "-m", "harness.explain.libjpegs", str(path)]
    try:
        done = subprocess.run(words, env=make_variables(), capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    found: dict[str, list[tuple[str, str]]] = {}
    for _, line in parse_json_lines(done.stdout[: done.stdout.rfind(b"\n") + 1], "libjpegs"):
        found.setdefault(str(line["pixels"]), []).append((str(line["version"]), str(line["way"])))
    return found


def name_class(path: Path, pixels: str) -> str | None:
    """The libjpegs that give pixels of that hash, in words; None where none can tell, or does."""
    ones = read_classes(path).get(pixels, ())
    for way in WAYS:
        versions = [version for version, other in ones if other == way]
        if versions:
            return f"{join_versions(versions)}{f' {way}' if way else ''}"
    return None


def join_versions(versions: Sequence[str]) -> str:
    """`libjpeg 9a to 9f, libjpeg-turbo 1.2.0 to 2.1.0`: of each family the first and the last of them."""
    parts = []
    for prefix, family in FAMILIES:
        split = map(split_version, versions)
        ones = sorted((one for one in split if one[0] == prefix), key=order)
        if ones:
            ends = list(dict.fromkeys((show_version(ones[0]), show_version(ones[-1]))))
            parts.append(f"{family} {' to '.join(ends)}")
    return ", ".join(reversed(parts))


Version = tuple[str, str, str]


def split_version(name: str) -> Version:
    """Family, digits and letter of a version's name in the package."""
    found = NAME.fullmatch(name)
    return (found[1], found[2], found[3]) if found else ("", name, "")


def order(version: Version) -> tuple[int, str]:
    """Older versions first."""
    _, digits, letter = version
    return (int(digits) if digits.isdigit() else 0), letter


def show_version(version: Version) -> str:
    """A version as its makers write it."""
    family, digits, letter = version
    return ".".join(digits) if family else f"{digits}{letter}"


def choose(package: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the package has them, which names its transforms."""
    return {key: getattr(package, one) if isinstance(one, str) else one for key, one in options.items()}


def list_decoded(path: str) -> Iterator[dict[str, str]]:
    """What every version makes of a file in every way, as hashes of pixels."""
    import jpeglib
    import numpy as np

    from harness.worker.prepare import hash_array

    for version in jpeglib.version.versions():
        jpeglib.version.set(version)
        for way, options in WAYS.items():
            try:
                image = jpeglib.read_spatial(
                    path, out_color_space=jpeglib.JCS_RGB, **choose(jpeglib, options)
                )
                pixels = np.asarray(image.spatial)
            except Exception:  # noqa: BLE001, S112 - an old version cannot read every file
                continue
            yield {"version": version, "way": way, "pixels": hash_array(pixels)}


if __name__ == "__main__":
    for one in list_decoded(sys.argv[1]):
        sys.stdout.write(json.dumps(one) + "\n")
        sys.stdout.flush()
