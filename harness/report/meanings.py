"""What each cause is, as docs/causes.md says it, for pages that are read without a network."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.system.documents import read_shape

PLACE = Path(__file__).with_name("meanings.json")
SECTION = re.compile(r"^### ([\w-]+)\n\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
MOST_BYTES = 1_000_000
PARTS = ("Shows", "Proof", "Do")


@dataclass(frozen=True)
class Meaning:
    """A cause's section: what it is, how it shows, how it is proven, what to do; empty: it does not say."""

    slug: str
    what: str
    shows: str = ""
    proof: str = ""
    do: str = ""


def read_sections(text: str) -> list[Meaning]:
    """The sections of docs/causes.md as plain text, without their commands."""
    return [read_section(slug, body) for slug, body in SECTION.findall(text)]


def read_section(slug: str, body: str) -> Meaning:
    """One section."""
    plain = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain).replace("`", "")
    what, *rest = re.split(rf"\*({'|'.join(PARTS)})\*:", " ".join(plain.split()))
    said = {name.lower(): words.strip() for name, words in zip(rest[::2], rest[1::2], strict=True)}
    return Meaning(slug, what.strip(), **said)


@cache
def read_meanings() -> dict[str, Meaning]:
    """All meanings by the causes' names."""
    return {one.slug: one for one in read_shape(PLACE, list[Meaning], MOST_BYTES)}


def list_meanings(causes: Iterable[str]) -> list[Meaning]:
    """Meanings of these causes, each once, in their order; none of a cause that nobody knows."""
    known = read_meanings()
    return [known[name] for name in dict.fromkeys(causes) if name in known]
