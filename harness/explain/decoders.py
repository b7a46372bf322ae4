"""Which libjpeg each side of an explanation has decoded by, where they part in the pixels of a JPEG."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.explain.causes import Cause, Explanation
from harness.explain.counterfactual import Answers
from harness.explain.libjpegs import is_jpeg, name_class, read_classes, tell_missing
from harness.explain.pair import Pair, read_pixels

MOST_TOLD = 3  # examples of a pair: all versions take a second
NONE = "no libjpeg since 1998"


def tell_decoders(pair: Pair, found: Explanation, answers: Answers) -> Explanation:
    """An explanation, with the libjpegs that give both sides' pixels; its verdict stays as it is."""
    if all(one.cause != Cause.DECODER.value for one in found.causes):
        return found
    path = answers.find_file(found.example)
    hashes = [read_pixels(side.records[found.example]) for side in (pair.a, pair.b)]
    if path is None or not is_jpeg(path) or None in hashes or hashes[0] == hashes[1]:
        return found
    told_of = answers.decoded.get(pair.names, 0)
    if told_of == MOST_TOLD:
        return found
    answers.decoded[pair.names] = told_of + 1
    missing = tell_missing() or (None if read_classes(path) else "which libjpeg decodes these pixels")
    if missing is not None:
        return msgspec.structs.replace(found, untested=[*found.untested, missing])
    told = "; ".join(
        f"{name}'s pixels are those of {name_class(path, str(one)) or NONE}"
        for name, one in zip(pair.names, hashes, strict=True)
    )
    return msgspec.structs.replace(found, sentence=f"{found.sentence} By their hashes, {told}.")


def name_libjpeg(path: Path | None, pixels: str) -> str | None:
    """The libjpegs that give pixels of that hash of an example's file; None where none does, or can tell."""
    if path is None or not is_jpeg(path) or tell_missing() is not None:
        return None
    return name_class(path, pixels)
