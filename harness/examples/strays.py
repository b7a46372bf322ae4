"""Files and folders that file managers, disks and archives leave everywhere, and that nobody means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.core.text import store_name

NAMES = frozenset(
    {
        "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",  # Windows
        ".ds_store", "__macosx", ".appledouble", ".fseventsd", ".spotlight-v100", ".trashes", "icon\r",  # Mac
        "@eadir", "#recycle", ".@__thumb", "lost+found",  # network drives, Linux
    }
)  # fmt: skip
BEGINNINGS = ("._", "~$")  # a Mac's second half of a file; an office program's lock
ENDINGS = (":zone.identifier",)  # where Windows had a file from, as Linux shows it
MOST_NAMED = 5


def is_stray(path: Path) -> bool:
    """Whether something is such a stray, by its name."""
    name = path.name.lower()
    return name in NAMES or name.startswith(BEGINNINGS) or name.endswith(ENDINGS)


def describe_strays(paths: Sequence[Path]) -> list[str]:
    """What is said of strays that were left out; nothing without any."""
    if not paths:
        return []
    names = list(dict.fromkeys(path.name.strip() for path in paths))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    first = ", ".join(names[:MOST_NAMED])
    return [store_name(f"left out, since file managers and archives make such files: {first}{more}")]
