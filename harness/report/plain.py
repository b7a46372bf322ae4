"""Text from files and logs made harmless: nothing in it steers a terminal, or is forbidden in XML."""

from __future__ import annotations

import textwrap

UNFIT = "\N{REPLACEMENT CHARACTER}"
PICTURES = 0x2400  # Unicode has a picture of every control character from here on
TURNS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # they reverse the order in which text is shown
TABLE = {
    **{code: chr(PICTURES + code) for code in range(0x20)},
    0x7F: "\N{SYMBOL FOR DELETE}",
    **dict.fromkeys((*range(0x80, 0xA0), *TURNS, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), UNFIT),
}
LINES_TABLE = {code: text for code, text in TABLE.items() if chr(code) not in "\n\t"}
CUT = "\N{HORIZONTAL ELLIPSIS}"


def make_line(text: str, most: int | None = None) -> str:
    """One line, of so many characters at most; control characters are shown as pictures."""
    if most is not None and len(text) > most:
        text = text[: most - 1] + CUT
    return text.translate(TABLE)


def wrap_name(name: str, width: int) -> str:
    """A name in lines of so many characters, which end at spaces and hyphens where they can."""
    return "\n".join(textwrap.wrap(make_line(name), width)) or name


def make_lines(text: str, most: int | None = None) -> str:
    """Lines, of which the last so many characters are kept; other control characters become pictures."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if most is not None and len(text) > most:
        text = CUT + text[1 - most :]
    return text.translate(LINES_TABLE)
