"""The report's scripts as its pages hold them, for a linter: names of one file are used in others."""

import sys
from pathlib import Path

from harness.report.html.page import SCRIPTS, join_assets


def write_scripts(folder: Path) -> None:
    """Write what runs before a page is drawn, and what runs after."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, parts in (("theme.js", ("theme.js",)), ("page.js", SCRIPTS)):
        (folder / name).write_text(join_assets(parts), encoding="utf-8")


if __name__ == "__main__":
    write_scripts(Path(sys.argv[1]))
