"""The verbs of `harness images`."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from harness.system.invocation import show_example
from harness.system.streams import print_json, print_line
from harness.verbs import options

app = typer.Typer(
    name="images",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Make, list and remove the images that cells run in.",
)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Names or globs of images.")]
Mirror = Annotated[
    str | None,
    typer.Option(help="Debian archive; default: $HARNESS_DEBIAN_MIRROR, then this machine's apt sources."),
]


@app.command(epilog=show_example("images build 'caffe-*' --ca-bundle company.crt"))
def build(
    names: Names = None,
    mirror: Mirror = None,
    ca_bundle: options.CaBundle = None,
    again: Annotated[bool, typer.Option("--again", help="Build also what is there.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Lock changed images as they are now.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Build images that are not there yet (all of this processor, or those named) and report changed ones.

    Proxies are taken from the usual variables. No proxy, mirror or certificate stays in an image.
    """
    from harness.images.base import choose_mirror
    from harness.images.build import BuildOptions
    from harness.images.engine import connect_engine
    from harness.images.recipes import read_images, select_images
    from harness.images.series import build_images
    from harness.report.progress import ConsoleScreen
    from harness.system.cache import find_cache
    from harness.system.consoles import open_errors
    from harness.system.project import find_root

    root = find_root()
    chosen = select_images(read_images(root / "dockerfiles"), names or ())
    options = BuildOptions(find_cache(root), threading.Event(), choose_mirror(mirror), ca_bundle)
    results = build_images(
        connect_engine(),
        chosen,
        options,
        root / "environments",
        ConsoleScreen(open_errors()).say,
        again=again,
        accept=accept,
    )
    if as_json:
        print_json(results)
        return
    for result in results:
        print_line(f"{result['name']}: {result['tag']} {result['id'][:19]} {result['size'] / 1e9:.2f} GB")
        for change in result["changes"]:
            print_line(f"  changed since it was locked: {change}")


@app.command("list", epilog=show_example("images list --json"))
def list_all(as_json: options.AsJson = False) -> None:
    """List the images: which are built, and how large they are."""
    from dataclasses import asdict

    from harness.images.engine import connect_engine
    from harness.images.recipes import read_images
    from harness.images.sweep import list_statuses
    from harness.system.project import find_root

    images = read_images(find_root() / "dockerfiles")
    statuses = list_statuses(connect_engine(), images.values())
    if as_json:
        print_json([asdict(one) for one in statuses])
        return
    width = max((len(one.name) for one in statuses), default=0)
    for one in statuses:
        built = f"{one.id[:19]} {one.size / 1e9:.2f} GB" if one.id and one.size else "not built"
        lacking = "" if one.has_base or one.id else f"; its base {one.base} is not here"
        print_line(f"{one.name:<{width}}  {one.architecture}  {built}{lacking}")


@app.command(epilog=show_example("images prune --all"))
def prune(
    everything: Annotated[bool, typer.Option("--all", help="Remove also images of today's recipes.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Remove images of older recipes and what builds left behind; base images stay."""
    from harness.images.engine import connect_engine
    from harness.images.recipes import read_images
    from harness.images.sweep import list_unused, prune_images
    from harness.system.project import find_root

    images = read_images(find_root() / "dockerfiles")
    act = list_unused if dry_run else prune_images
    removed = act(connect_engine(), images, everything=everything)
    if as_json:
        print_json(removed)
        return
    for tag in removed:
        print_line(f"{'would remove' if dry_run else 'removed'} {tag}")
    print_line(f"{len(removed)} {'would go' if dry_run else 'removed'}")


@app.command(epilog=show_example("images base bullseye --arch arm64", sudo=True))
def base(
    release: Annotated[str, typer.Argument(help="Debian release: bullseye, bookworm, trixie, sid.")],
    arch: Annotated[str | None, typer.Option(help="amd64 or arm64; default: this machine's.")] = None,
    mirror: Mirror = None,
) -> None:
    """Make a base image from Debian's archive where none can be pulled; needs debootstrap and root."""
    from harness.images.base import choose_mirror, make_base
    from harness.images.engine import connect_engine
    from harness.images.recipes import native_architecture
    from harness.report.progress import ConsoleScreen
    from harness.system.cache import find_cache
    from harness.system.consoles import open_errors
    from harness.system.project import find_root

    client = connect_engine()
    tag = make_base(
        client,
        release,
        arch or native_architecture(),
        choose_mirror(mirror),
        find_cache(find_root()),
        threading.Event(),
        ConsoleScreen(open_errors()).say,
    )
    print_line(tag)
