"""What two cells were run with: fingerprints, jobs and package lists, reduced to the differences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deepdiff import DeepDiff

from harness.ami.port import port_to_json, read_port
from harness.core.errors import InputError
from harness.detectors import DEFAULT as DETECTOR
from harness.summary.document import DifferenceSummary
from harness.system.numbers import show_parameter

View = Mapping[str, Mapping[str, Any]]
"""Sections of named values that can be compared; nothing in it says only where or when a cell ran."""

DIGITS = 12  # of a hash, as elsewhere
MOST_DIGITS = 24  # of a version or hash in a list
MOST_NAMES = 6

# Sections whose differences are told one by one, with the words before a name.
SINGLE = {
    "job": "",
    "port rules": "port rule ",
    "parameters": "",
    "preprocess": "preprocess ",
    "network": "network ",
    "settings": "",
    "versions": "",
    "system": "",
    "witnesses": "witnesses of ",
    "variables": "variable ",
    "packages": "package ",
    "image packages": "image package ",
    "image": "image ",
}
# Sections whose differences are one line each, and whether they are known to change numbers.
FOLDED = {
    "weights": True,
    "instruction sets": True,
    "other processor flags": False,
    "other packages": False,
    "other image packages": False,
}
MINOR = frozenset({("system", "kernel"), ("image", "tag"), ("image", "id")})
FROM_FINGERPRINT = frozenset(
    {
        "versions", "system", "variables", "packages", "image packages", "image", "instruction sets",
        "other processor flags", "other packages", "other image packages",
    }
)  # fmt: skip
IN_IMAGES = frozenset({"image packages", "other image packages"})
# Packages that compute or decode, whatever the framework, and those of one framework.
COMPUTES = (
    r"(python3?-|lib)?(atlas|blas|blis|cud(a|nn)|dnnl|gcc-s1|gfortran|glibc|gomp|intel-openmp|jpeg|lapack|mkl"
    r"|nvidia|numpy|omp|onednn|openblas|pil|pillow|quadmath|scipy|sleef|stdc\+\+|tbb|turbojpeg|xnnpack)|lib(c6|m6)$"
)
FRAMEWORKS = {
    "caffe": "(python3-|lib)?caffe",
    "onnxruntime": "(python3-|lib)?onnx",
    "openvino": "(python3-|lib)?(onnx|openvino)",
    "opencv": "(python3-)?opencv|libopencv-(core|dnn|imgcodecs|imgproc)",
    "pytorch": "(python3-|lib)?torch",
}
BESIDES = re.compile(".*-(dev|doc|test)$")
INSTRUCTIONS = re.compile(
    r"(sse|ssse|avx|amx|fma|f16c|bmi|neon|asimd|sve|sme|fp|vfp|crc32|i8mm|bf16|dotprod|altivec|vsx|rvv)"
)


def compare_cells(baseline: Mapping[str, Any], here: Mapping[str, Any]) -> tuple[DifferenceSummary, ...]:
    """In what one cell's environment, job and packages are not another's, what matters first.

    Both are what a `cell.json` holds; what either does not say is null in the difference.
    """
    used = [take_table(cell, "job").get(role) for cell in (baseline, here) for role in ("backend", "decoder")]
    packages = re.compile("|".join([COMPUTES, *(text for name, text in FRAMEWORKS.items() if name in used)]))
    ours, theirs = view_cell(baseline, packages), view_cell(here, packages)
    sections = [name for name in ours if ours[name] != theirs[name]]
    if not (ours["image"] and theirs["image"]):  # one ran in no image: its packages cannot be compared
        sections = [name for name in sections if name not in IN_IMAGES]
    if not (ours["network"] and theirs["network"]):  # earlier versions did not say it
        sections = [name for name in sections if name != "network"]
    told = [bool(take_table(cell, "fingerprint")) for cell in (baseline, here)]
    lines = []
    if not all(told):
        sections = [name for name in sections if name not in FROM_FINGERPRINT]
        lines = [] if not any(told) else [tell_missing(*told)]
    lines += [*tell_singles(ours, theirs, sections), *tell_folded(ours, theirs, sections)]
    return tuple(sorted(lines, key=lambda line: not line.matters))


def find_names(ours: View, theirs: View, sections: Sequence[str]) -> dict[str, list[str]]:
    """Names that differ within each of some sections, in the order in which they stand there."""
    changes = DeepDiff(
        {section: ours[section] for section in sections},
        {section: theirs[section] for section in sections},
        view="tree",
        ignore_numeric_type_changes=True,
        threshold_to_diff_deeper=0,
    )
    found = {tuple(one.path(output_format="list")[:2]) for kind in changes.values() for one in kind}
    return {
        section: [name for name in {**ours[section], **theirs[section]} if (section, name) in found]
        for section in sections
    }


def view_cell(cell: Mapping[str, Any], computing: re.Pattern[str]) -> View:
    """What is comparable of a `cell.json`; the pattern is of packages that may change numbers."""
    job, found = take_table(cell, "job"), take_table(cell, "fingerprint")
    hashes, model = take_table(cell, "hashes"), take_table(job, "model")
    flags = take_table(found, "cpu").get("flags")
    flags = [flag for flag in flags if isinstance(flag, str)] if isinstance(flags, list) else []
    versions = {
        **take_table(found, "versions"),
        "numpy": found.get("numpy"),
        "Python": found.get("python"),
    }
    image = take_table(found, "image")
    packages, others = split_table(take_table(found, "packages"), computing)
    installed, beside = split_table(take_table(take_table(image, "packages"), "debian"), computing)
    instructions, features = split_table(dict.fromkeys(flags, True), INSTRUCTIONS)
    return {
        "job": view_job(cell, job, hashes, model),
        "port rules": take_table(cell, "port") or view_rules(take_table(job, "port")),
        "parameters": take_table(job, "parameters"),
        "preprocess": take_table(model, "preprocess"),
        "settings": {
            name.replace("_", " "): value
            for name, value in take_table(job, "settings").items()
            if name != "threads"
        },
        "versions": versions,
        "system": view_system(found),
        "variables": view_variables(found),
        "packages": {name: one for name, one in packages.items() if name not in versions},
        "image packages": installed,
        "image": {name: value for name, value in image.items() if name != "packages"},
        "witnesses": take_table(hashes, "witnesses"),
        "network": {name: hashes[name] for name in ("layers",) if name in hashes},
        "weights": take_table(hashes, "parameters"),
        "instruction sets": instructions,
        "other processor flags": features,
        "other packages": others,
        "other image packages": beside,
    }


def split_table(table: Mapping[str, Any], pattern: re.Pattern[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entries whose names match, but for those of no use to a running program, and the others."""
    named = {name: value for name, value in table.items() if pattern.match(name) and not BESIDES.match(name)}
    return named, {name: value for name, value in table.items() if name not in named}


def take_table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table within a table; empty where it is none."""
    found = table.get(name)
    return found if isinstance(found, Mapping) else {}


def view_job(
    cell: Mapping[str, Any], job: Mapping[str, Any], hashes: Mapping[str, Any], model: Mapping[str, Any]
) -> dict[str, Any]:
    """What was asked for, without ports, parameters and settings."""
    return {
        "model": model.get("name"),
        "examples": hashes.get("examples"),
        ".npy convention": take_table(job, "examples").get("npy"),
        "port": take_table(job, "port").get("preset"),
        "detector": job.get("detector", DETECTOR),
        "backend": job.get("backend"),
        "decoder": job.get("decoder"),
        "batch size": job.get("batch_size"),
        "steering": cell.get("steering"),
        "worker code": hashes.get("worker"),
    }


def view_rules(port: Mapping[str, Any]) -> Mapping[str, Any]:
    """Every rule of a port; the rules it names itself where its preset is not known here."""
    rules = take_table(port, "rules")
    try:
        return port_to_json(read_port(str(port.get("preset")), rules))
    except (InputError, TypeError):
        return rules


def view_system(found: Mapping[str, Any]) -> dict[str, Any]:
    """Machine and operating system of a fingerprint."""
    return {
        "operating system": found.get("os"),
        "C library": found.get("libc"),
        "architecture": found.get("machine"),
        "processor": take_table(found, "cpu").get("model"),
        "threads": found.get("threads"),
        "kernel": found.get("kernel"),
    }


def view_variables(found: Mapping[str, Any]) -> dict[str, Any]:
    """Variables of a fingerprint; those that only repeat the number of threads say so."""
    threads = str(found.get("threads"))
    return {
        name: "as threads" if name.endswith("_NUM_THREADS") and value == threads else value
        for name, value in take_table(found, "variables").items()
    }


def tell_missing(baseline: bool, here: bool) -> DifferenceSummary:
    """That only one of two cells says in what it ran."""
    names = {True: "recorded", False: None}
    return DifferenceSummary(what="fingerprint", baseline=names[baseline], here=names[here], matters=True)


def tell_singles(ours: View, theirs: View, sections: Sequence[str]) -> Iterator[DifferenceSummary]:
    """One line a difference."""
    found = find_names(ours, theirs, [name for name in sections if name in SINGLE])
    for section, words in SINGLE.items():
        for name in found.get(section, ()):
            told, values = f"{words}{name}", (ours[section].get(name), theirs[section].get(name))
            part, baseline, here = split_builds(*map(show_value, values))
            yield DifferenceSummary(
                what=f"{told}, {part}" if part else told,
                baseline=baseline,
                here=here,
                matters=(section, name) not in MINOR,
            )


def show_value(value: Any) -> str | None:
    """A value as text: of a hash the first digits, of system libraries what tells them apart."""
    if value is None:
        return None
    shown = show_parameter(value) if isinstance(value, float) else str(value)
    text = re.sub(r"/usr/lib/(\w+-linux-gnu/)?", "", shown)
    return text[:DIGITS] if re.fullmatch("[0-9a-f]{64}", text) else text


def split_builds(baseline: str | None, here: str | None) -> tuple[str, str | None, str | None]:
    """Of two lists of build settings what only one has; where it is one setting, its name and its values."""
    if baseline is None or here is None:
        return "", baseline, here
    ours, theirs = (dict.fromkeys(text.split("; ")) for text in (baseline, here))
    mine = [one for one in ours if one not in theirs]
    yours = [one for one in theirs if one not in ours]
    if len(mine) == len(yours) == 1:
        (name, colon, value), (other_name, _, other) = mine[0].partition(": "), yours[0].partition(": ")
        if colon and name == other_name:
            return name, value, other
    if not mine and not yours:  # only their order differs
        return "", baseline, here
    return "", "; ".join(mine) or None, "; ".join(yours) or None


def tell_folded(ours: View, theirs: View, sections: Sequence[str]) -> Iterator[DifferenceSummary]:
    """One line a section: which of its names only one cell has, or has otherwise."""
    for section, matters in FOLDED.items():
        if section in sections:
            baseline, here = ours[section], theirs[section]
            names = [name for name in {**baseline, **here} if baseline.get(name) != here.get(name)]
            yield DifferenceSummary(
                what=section,
                baseline=list_names(baseline, names),
                here=list_names(here, names),
                matters=matters,
            )


def list_names(table: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """`avx2, fma and 3 more`: those of some names that a table has, with what it says of them."""
    found = [show_name(name, table[name]) for name in names if name in table]
    more = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else ""
    return ", ".join(found[:MOST_NAMES]) + more if found else None


def show_name(name: str, value: Any) -> str:
    """A name with its version or hash, where it is more than there."""
    return name if value is True else f"{name} {str(value)[:MOST_DIGITS]}"
