"""Markdown's pieces, safe with any text: escaping, tables, folds."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from harness.system.text import make_line, make_lines

MOST_CHARACTERS = 200
# No entity is taken for one of Markdown's own marks, in tables, HTML blocks and links alike. They stand for
# these marks everywhere, for others where a link, a sign in words, or a list would begin.
SPECIAL = re.compile(
    r"[\\`*\[\]<>#|~$&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|/(?=/)|:(?=[A-Za-z+_-])|(?<=[Ww])\.|^[-+=]|^\d(?=\d*[.)]\s)"
)
MENTION = "<span>&#64;</span>"  # a site makes a link of @name only where both stand in one text


def escape(text: str, most: int = MOST_CHARACTERS) -> str:
    """A line of text as Markdown that shows just this."""
    entities = SPECIAL.sub(lambda found: f"&#{ord(found[0])};", make_line(text.strip(), most))
    return entities.replace("@", MENTION)


def code(text: str, most: int = MOST_CHARACTERS) -> str:
    """A line of text in the face of code."""
    return f"<code>{escape(text, most)}</code>"


def fold(title: str, *blocks: str) -> str:
    """Blocks that open under an escaped title."""
    return "\n\n".join((f"<details><summary>{title}</summary>", *blocks, "</details>"))


def quote_lines(text: str, most: int) -> str:
    """The end of a text as it is, escaped."""
    return f"<pre>\n{html.escape(make_lines(text.strip(), most))}\n</pre>"


def draw_table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    """A table of escaped cells; the first `words` columns hold words, the others numbers."""
    rule = ["---" if place < words else "---:" for place in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def count_bytes(text: str) -> int:
    """Size of a text in a file."""
    return len(text.encode())


def fit_rows(head: Sequence[str], rows: Iterable[list[str]], budget: int) -> list[list[str]]:
    """The leading rows of a table that fit into so many bytes, its head included; no others are made."""
    size = count_bytes(" | ".join(head)) + 8 * len(head)
    kept: list[list[str]] = []
    for cells in rows:
        size += count_bytes(" | ".join(cells)) + 5
        if size > budget:
            break
        kept.append(cells)
    return kept
