"""Results as AmI's notebooks print them: `  2 Gold-Original-Attribute:  737- 738-2216  |  Adversary: …`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.core.documents import read_bytes
from harness.core.errors import InputError
from harness.core.limits import MAX_LOG_BYTES
from harness.core.text import WIDE, decode_text, split_lines

MARK = "Gold-Original-Attribute:"
SAMPLE = f"`  1 {MARK}  737- 738-2216  |  Adversary: 1.0000 [  1/  1]`"
# The published notebooks say Adversary, an early draft of them True Positive.
RESULT = re.compile(
    r"(?P<before>(?:(?!Gold-).)*?)(?<![\w.,+-])(?<!\d:)(?P<number>\d{1,9})\s+Gold-Original-Attribute:"
    r"\s*(?P<gold>\d{1,9})-\s*(?P<original>\d{1,9})-\s*(?P<attribute>\d{1,9})"
    r"\s*\|\s*[A-Z][A-Za-z ]*:\s*(?P<rate>\d\.\d{1,9}|\d{1,3}(?:\.\d{1,9})?\s?%)"
    r"\s*\[\s*(?P<hits>\d{1,9})\s*/\s*(?P<of>\d{1,9})\s*\]\s*",
    re.ASCII,
)
# Numbers after the mark tell a damaged result from the notebook's own code, which prints it.
DAMAGED = re.compile(rf"\s*\d*\s*{MARK}|.*{MARK}\s*\d", re.ASCII)
PIECE = re.compile(r"(.*\s)?\d+\s+(\S+)\s*", re.ASCII)
# Colours and other orders to a terminal, which a log may have kept.
ORDERS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


@dataclass(frozen=True)
class Result:
    """One printed result; `line` is its place in the file, `hits` of `of` the running rate beside `rate`.

    The rate is as it was printed, in some logs in per cent.
    """

    line: int
    number: int
    gold: int
    original: int
    attribute: int
    rate: str
    hits: int
    of: int


@dataclass(frozen=True)
class Log:
    """A log's results, numbered from 1 on, and the places and texts of lines that are something else."""

    results: tuple[Result, ...]
    others: tuple[tuple[int, str], ...]


def read_log(path: Path) -> Log:
    """Results of a log; InputError, with the line, where one is damaged, missing or doubled.

    Before a result may stand what a logger puts there (time, level, a bar), and colours around it.
    """
    results: list[Result] = []
    others: list[tuple[int, str]] = []
    for line, printed in enumerate(read_lines(path), start=1):
        place, text = f"{path}:{line}", ORDERS.sub("", printed)
        found = RESULT.fullmatch(text) if MARK in text else None
        if found and not found["before"].strip().isdigit():
            results.append(take_result(line, found))
            check_number(place, results)
        elif is_piece(text):
            raise InputError(
                f"{place}: is cut off or damaged: {text.strip()[:100]!r}; it should read {SAMPLE}"
            )
        elif text.strip():
            others.append((line, text.strip()))
    if not results:
        raise InputError(f"{path}: holds no result as AmI's notebooks print them ({SAMPLE})")
    return Log(tuple(results), tuple(others))


def read_lines(path: Path) -> list[str]:
    """Lines of a text file in UTF-8, or in UTF-16 as PowerShell writes it; InputError where it is neither."""
    if path.suffix == ".ipynb":
        raise InputError(f"{path}: is a notebook; save what it printed (jupyter nbconvert --to markdown)")
    data = read_bytes(path, MAX_LOG_BYTES)
    text = decode_wide(data, path) if data.startswith(WIDE) else decode_text(data, path)
    if "\0" in text:
        raise InputError(f"{path}: is no text (it holds a NUL)")
    return split_lines(text)


def decode_wide(data: bytes, path: Path) -> str:
    """Text in UTF-16, as PowerShell writes it; InputError where it is cut off."""
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text ({error.reason}, byte {error.start})") from error


def take_result(line: int, found: re.Match[str]) -> Result:
    """The result that a line holds."""
    numbers = {key: int(text) for key, text in found.groupdict().items() if key not in {"rate", "before"}}
    return Result(line=line, rate=found["rate"].replace(" ", ""), **numbers)


def is_piece(text: str) -> bool:
    """Whether a line that is no result was one, or was to become one."""
    if DAMAGED.match(text):
        return True
    piece = PIECE.fullmatch(text)
    if piece is None or not MARK.startswith(piece[2]):
        return False
    # Other words may end with a number and a G: behind words, the mark has to have begun in earnest.
    return piece[2].startswith("Gold-") or not (piece[1] or "").strip()


def check_number(place: str, results: list[Result]) -> None:
    """InputError where the last result's number is not one more than the number before."""
    number, before = results[-1].number, len(results) - 1
    if number == before + 1:
        return
    if 1 <= number <= before:
        again = results[number - 1].line
        advice = "keep one run's lines in a file" if number == 1 else "remove one of them"
        raise InputError(f"{place}: result {number} is there already, in line {again}; {advice}")
    raise InputError(f"{place}: result {number} follows {before or 'nothing'}; give the whole log, from 1 on")
