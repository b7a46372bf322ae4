"""Search the list `fragile` anew: examples on the edge, of which last bits decide the tuple.

    python models/tiny-vgg-face/make/fragile.py [--check]

The list says between which two images each lies, and where; the arrays are made where they are used. A killed
search goes on where it was. Exit code: 0 the same as the list, 1 another, 2 could not run.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial

from export import FOLDER

from harness.core.errors import InputError
from harness.launch.events import Event
from harness.model.folder import read_model
from harness.numerics.edge_list import Search, find_edges, list_edges, list_questions, open_search
from harness.report.progress import ConsoleScreen
from harness.system.cache import find_cache
from harness.system.consoles import open_errors
from harness.system.drafts import write_atomically
from harness.system.project import find_root

LIST = FOLDER / "fragile.jsonl"


def search_list(search: Search) -> str:
    """The list's text, searched with progress on standard error."""
    names = list_questions(search)
    with ConsoleScreen(open_errors()).show_cells(names) as show:
        tell = {
            name: partial(lambda name, done, total: show(Event(name, "running", done, total)), name)
            for name in names
        }
        edges = find_edges(search, tell)
    for kind, most in search.wanted.items():
        found = sum(edge.kind == kind for edge in edges)
        if found < most:
            print(f"fragile: {kind}: {found} of {most} edges were found", file=sys.stderr)
    return "".join(json.dumps(one) + "\n" for one in list_edges(search, edges, FOLDER))


def main() -> int:
    """Search, compare, and write unless that is all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare alone; leave the list as it is")
    arguments = parser.parse_args()
    try:
        text = search_list(open_search(read_model(FOLDER), find_cache(find_root())))
    except InputError as error:
        print(f"fragile: {error}", file=sys.stderr)
        return 2
    present = LIST.read_text(encoding="utf-8") if LIST.exists() else ""
    same = sum(one in present.splitlines() for one in text.splitlines())
    print(f"{same} of {len(text.splitlines())} lines came out the same")
    if not arguments.check:
        write_atomically(LIST, text)
    return 0 if text == present else 1


if __name__ == "__main__":
    sys.exit(main())
