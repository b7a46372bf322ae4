"""The verb `harness fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from harness.system.invocation import show_example
from harness.system.streams import print_json, print_line

EXAMPLE = show_example("fetch vgg-face --mirror https://mirror.example.org/vgg_face_caffe.tar.gz")
INTERRUPTED = 130


def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="vgg-face, ami-data; without it, what there is.")
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The same archive elsewhere; a URL that ends in / is its folder."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="The archive, where you have it already.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Name or folder of the model whose model.toml names the source; default: any here."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is in place as JSON.")] = False,
) -> None:
    """Fetch published weights or data from their publisher into the model's folder.

    A download that was cut off goes on where it was. Where no hash is known, what comes first is recorded and
    anything else refused afterwards.
    """
    from harness.core.errors import InputError
    from harness.fetch.fetch import ArchiveOrigin, fetch_source
    from harness.fetch.screen import open_screen
    from harness.fetch.sources import choose_source, find_sources
    from harness.system.cache import find_cache
    from harness.system.consoles import open_errors
    from harness.system.project import find_root

    sources = find_sources(model)
    if name is None:
        list_sources(sources, as_json=as_json)
        return
    if mirror is not None and file is not None:
        raise InputError("--mirror and --from: give one of them")
    source = choose_source(name, sources)
    try:
        with open_screen(open_errors()) as screen:
            fetched = fetch_source(source, ArchiveOrigin(mirror, file), find_cache(find_root()), screen)
    except KeyboardInterrupt:
        print_line("harness: interrupted; what has come is kept and used next time", error=True)
        raise typer.Exit(INTERRUPTED) from None
    show_fetched(fetched, as_json=as_json)


def list_sources(sources: Any, *, as_json: bool) -> None:
    """Print what can be fetched, from where, and whether it was."""
    from harness.fetch.ledger import read_ledger

    found = [
        {
            "name": one.name,
            "url": one.table.url,
            "about": one.table.about,
            "folder": str(one.folder),
            "fetched": getattr(read_ledger(one.folder).get(one.name), "fetched", None),
        }
        for one in sources
    ]
    if as_json:
        print_json(found)
        return
    for one in found:
        when = f"fetched {one['fetched']}" if one["fetched"] else "not fetched"
        for line in (f"{one['name']}: {one['about']} ({when})", f"  {one['url']}", f"  into {one['folder']}"):
            print_line(line)


def show_fetched(fetched: Any, *, as_json: bool) -> None:
    """Print what is in place now."""
    if as_json:
        files = {place: {"bytes": size, "sha256": digest} for place, (size, digest) in fetched.files.items()}
        found = {
            "name": fetched.name,
            "folder": str(fetched.folder),
            "was_there": fetched.was_there,
            "files": files,
        }
        print_json(found)
        return
    size = sum(size for size, _ in fetched.files.values()) / 1e6
    state = "there already, unchanged" if fetched.was_there else "fetched"
    print_line(f"{fetched.name}: {len(fetched.files)} files, {size:.1f} MB in {fetched.folder} ({state})")
    if fetched.left_out:
        print_line(f"  {fetched.left_out} other files of the archive were left out")
    places = list(fetched.files)
    for place in places[:5]:
        print_line(f"  {place}")
    if len(places) > 5:
        print_line(f"  and {len(places) - 5} more")
