"""What stored arrays hold, where it can be proven: BGR without the mean, or pixels in one order or the other.

Values alone tell pixels from differences to a mean, never RGB from BGR. That takes the clean image that an
array was made from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.ami.decode import DECODERS, decode_array, decode_image
from harness.ami.errors import InputError, RefusedError
from harness.ami.examples import is_array_file, read_bytes
from harness.ami.preprocess import NPY_CONVENTIONS, Preprocess, check_array
from harness.evaluate.rates import BENIGN

AUTO = "auto"
MINUS_MEAN = "bgr-minus-mean"
SLACK = 16.0  # levels by which attacks that do not clip may leave a convention's range
NEAR = 16.0  # mean distance, in levels, of an attacked image to its source
CLEAR = 4.0  # how much farther than twice that the source is in every other convention


@dataclass(frozen=True)
class Settled:
    """Entries whose arrays say what they hold, arrays of which that is not known, and what was found."""

    entries: tuple[dict[str, Any], ...]
    refused: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """The conventions that an array's values allow, and the one that its clean source proves."""

    entry: Mapping[str, Any]
    fitting: tuple[str, ...]
    by_source: str | None

    @property
    def proven(self) -> str | None:
        """The one convention that it can be, by its values or by its source."""
        return self.fitting[0] if len(self.fitting) == 1 else self.by_source


def settle_conventions(entries: Sequence[Mapping[str, Any]], preprocess: Preprocess) -> Settled:
    """Find out what every array holds, attack by attack; one attack's arrays are taken to hold the same.

    InputError where nothing is proven of any array of an attack.
    """
    clean = {
        one["source"]: Path(one["file"])
        for one in entries
        if one["attack"] == BENIGN and not is_array_file(Path(one["file"]))
    }
    arrays = [one for one in entries if is_array_file(Path(one["file"])) and not one.get("npy")]
    asked = {one["id"] for one in arrays}
    known: dict[str, str] = {}
    refused: list[str] = []
    notes: list[str] = []
    for attack in dict.fromkeys(one["attack"] for one in arrays):
        found = weigh_arrays([one for one in arrays if one["attack"] == attack], clean, preprocess, refused)
        if found:
            known.update(judge_attack(attack, found, refused))
            notes.append(describe_findings(attack, found, known))
    settled = [
        {**one, "npy": known[one["id"]]} if one["id"] in known else dict(one)
        for one in entries
        if one["id"] not in asked or one["id"] in known
    ]
    return Settled(tuple(settled), tuple(refused), tuple(notes))


def weigh_arrays(
    entries: Sequence[Mapping[str, Any]],
    clean: Mapping[str, Path],
    preprocess: Preprocess,
    refused: list[str],
) -> list[Evidence]:
    """Evidence on one attack's arrays; those that are none go among the refused."""
    found = []
    for entry in entries:
        try:
            found.append(weigh_array(entry, clean, preprocess))
        except RefusedError as error:
            refused.append(f"{entry['file']}: {error}")
    return found


def judge_attack(attack: str, found: Sequence[Evidence], refused: list[str]) -> dict[str, str]:
    """What each of one attack's arrays holds; those of which that is not known go among the refused."""
    chosen = choose_convention(attack, found)
    known = {}
    for one in found:
        convention = one.proven or chosen
        if convention in one.fitting:
            known[one.entry["id"]] = convention
        else:
            refused.append(f"{one.entry['file']}: {explain_doubt(one, chosen)}")
    return known


def weigh_array(entry: Mapping[str, Any], clean: Mapping[str, Path], preprocess: Preprocess) -> Evidence:
    """What one array's values and its clean source, where that is there, say of its convention."""
    data = read_bytes(Path(entry["file"]))
    values = check_array(decode_array(data), preprocess.height, preprocess.width)
    fitting = tuple(one for one in NPY_CONVENTIONS if is_in_range(values, one, preprocess))
    source = clean.get(entry["source"])
    pixels = None if source is None else read_source(source)
    if pixels is None or pixels.shape != values.shape:
        return Evidence(entry, fitting, None)
    distances = {
        one: float(np.abs(show_array(values, one, preprocess) - pixels).mean()) for one in NPY_CONVENTIONS
    }
    return Evidence(entry, fitting, pick_nearest(distances))


def is_in_range(values: np.ndarray, convention: str, preprocess: Preprocess) -> bool:
    """Whether values (3, H, W) can be pixels 0-255 under a convention, give or take some levels."""
    pixels = show_array(values, convention, preprocess)
    return bool(pixels.min() >= -SLACK and pixels.max() <= 255 + SLACK)


def show_array(values: np.ndarray, convention: str, preprocess: Preprocess) -> np.ndarray:
    """RGB pixels (3, H, W) that a stored array shows if it holds what a convention says."""
    if convention == MINUS_MEAN:
        mean = preprocess.mean if preprocess.channel_order == "bgr" else preprocess.mean[::-1]
        values = values / preprocess.scale + np.array(mean, dtype=np.float32)[:, None, None]
    return values if convention == "raw-rgb" else values[::-1]


def read_source(path: Path) -> np.ndarray | None:
    """RGB pixels (3, H, W), float32, of a clean image; None where it cannot be decoded."""
    missing = []
    for decoder in DECODERS:
        try:
            return decode_image(read_bytes(path), decoder).transpose(2, 0, 1).astype(np.float32)
        except RefusedError:
            return None
        except InputError as error:
            missing.append(str(error))
    raise InputError(f"--npy {AUTO}: {path} is to be looked at, but {'; '.join(missing)}")


def pick_nearest(distances: Mapping[str, float]) -> str | None:
    """The convention under which an array is near its source and under all others clearly farther."""
    (best, distance), (_, following), *_ = sorted(distances.items(), key=lambda one: one[1])
    return best if distance <= NEAR and following >= 2 * distance + CLEAR else None


def choose_convention(attack: str, found: Sequence[Evidence]) -> str | None:
    """The convention that all proofs among one attack's arrays agree on; None where they do not."""
    proven = {one.proven for one in found if one.proven}
    if not proven:
        first = found[0]
        fitting = " and ".join(first.fitting) or "no convention"
        raise InputError(
            f"--npy {AUTO}: nothing proves what the {len(found)} arrays of {attack} hold; the values of"
            f" {first.entry['file']} allow {fitting}, and there is no clean image of their names"
            " (--examples benign=DIR) to compare them with; name the convention with --npy"
        )
    return proven.pop() if len(proven) == 1 else None


def explain_doubt(one: Evidence, chosen: str | None) -> str:
    """Why an array's convention is not known."""
    fitting = " or ".join(one.fitting) or "no convention"
    if chosen is None:
        return f"may hold {fitting}, and the arrays beside it hold different things; name its convention"
    return f"its values allow {fitting}, and the arrays beside it hold {chosen}"


def describe_findings(attack: str, found: Sequence[Evidence], known: Mapping[str, str]) -> str:
    """Which conventions one attack's arrays were found to hold, and by what."""
    counts = Counter(known[one.entry["id"]] for one in found if one.entry["id"] in known)
    proofs = Counter(
        "by their values" if len(one.fitting) == 1 else "by their sources" if one.by_source else "as the rest"
        for one in found
        if one.entry["id"] in known
    )
    held = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"npy {AUTO}: {attack}: {held} ({', '.join(f'{count} {how}' for how, count in proofs.items())})"
