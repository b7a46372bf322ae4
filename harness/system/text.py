r"""Text from anywhere made showable on every surface: terminals, logs, pages, tables of spreadsheets.

Nothing in what these functions return steers a terminal, turns the direction of writing, is a command to a CI
system, or is forbidden in UTF-8 or XML. What would be is shown as an escape (`\x1b`, `\u202e`).
"""

from __future__ import annotations

import json
import re
import textwrap

from harness.core.text import escape_character

MOST = 2000  # characters of a line, where nobody says otherwise
CUT = "\N{HORIZONTAL ELLIPSIS}"
# Control characters, invisible ones (joiners apart, which scripts and emoji need), those that turn the
# direction of writing or end a line, halves of surrogate pairs, and code points that are no characters.
HIDDEN = (
    (0x00, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200B),
    (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xD800, 0xDFFF), (0xFDD0, 0xFDEF),
    (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F),
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)),
)  # fmt: skip
CLASS = "".join(f"{chr(first)}-{chr(last)}" for first, last in HIDDEN)
UNFIT = re.compile(f"[{CLASS}]")
UNFIT_IN_LINES = re.compile(f"(?![\n\t])[{CLASS}]")
# To GitHub a line is a command that begins with `::error` or has `##[error]` anywhere, to Azure `##vso[`, to
# TeamCity `##teamcity[`. A long line may be broken anywhere, so that no place in it is safe.
COMMAND = re.compile(r":(?=:[A-Za-z])|#(?=#[A-Za-z]*\[)")
# A spreadsheet takes text that begins so for a formula, after whatever spaces. The apostrophe is among them
# so that one in front can be taken away again by whoever wants the text itself.
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20']|[\t\r\n]")


def make_line(text: str, most: int | None = MOST) -> str:
    """One line, of so many characters at most (None: of any number)."""
    if most is not None and len(text) > most:
        text = text[: most - 1] + CUT
    shown = quell_commands(show_characters(text))
    return shown if most is None or len(shown) <= most else shown[: most - 1] + CUT


def make_lines(text: str, most: int | None = None) -> str:
    """Lines, of which the last so many characters are kept."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if most is not None and len(text) > most:
        text = CUT + text[1 - most :]
    shown = quell_commands(UNFIT_IN_LINES.sub(escape_character, text))
    return shown if most is None or len(shown) <= most else CUT + shown[1 - most :]


def make_cell(text: str) -> str:
    """Text for a cell of a spreadsheet, which would run it otherwise: a `'` stands before a formula."""
    mark = "'" if FORMULA.match(text) else ""
    return mark + show_characters(text)


def make_json(text: str) -> str:
    """JSON of the same meaning: what steers others can only stand in its strings, and there as an escape."""
    if not text.isascii():
        text = UNFIT_IN_LINES.sub(lambda found: json.dumps(found[0])[1:-1], text)
    return text.replace("##", "#\\u0023")


def wrap_name(name: str, width: int) -> str:
    """A name in lines of so many characters, which end at spaces and hyphens where they can."""
    shown = make_line(name)
    return "\n".join(textwrap.wrap(shown, width)) or shown


def show_characters(text: str) -> str:
    """Text with an escape for every character that no line shows."""
    return text if text.isprintable() else UNFIT.sub(escape_character, text)


def quell_commands(text: str) -> str:
    """Text in which no CI system finds a command: the first of its marks is an escape."""
    return COMMAND.sub(escape_character, text)
