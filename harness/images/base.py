"""Debian base images where none can be pulled: made from Debian's archive and loaded under the same tag."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.images.archive import write_archive
from harness.images.engine import explain_errors
from harness.images.follow import Say, follow_log
from harness.images.recipes import ARCHITECTURES, name_base, native_architecture
from harness.system.drafts import find_mounts, hold_draft, sweep_drafts
from harness.system.locks import hold_lock
from harness.system.processes import run_step

FORMATS = Path("/proc/sys/fs/binfmt_misc")
EMULATORS = {"amd64": "qemu-x86_64", "arm64": "qemu-aarch64"}
MIRROR_VARIABLE = "HARNESS_DEBIAN_MIRROR"
APT = Path("/etc/apt")
SOURCE_LINE = re.compile(r"^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+/debian/?)\s+\S+\s+.*\bmain\b", re.MULTILINE)
SOURCE_FIELD = re.compile(r"^URIs:\s*(\S+/debian/?)(?:\s|$)", re.MULTILINE | re.IGNORECASE)
# Left out of the layer: what the archive was read from, and what a container gets from its engine.
EXCLUDED = ("./dev/*", "./proc/*", "./sys/*", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*")
UNREAD = ("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*", "./usr/share/info/*")


def choose_mirror(given: str | None) -> str | None:
    """Debian's archive: as given, as the variable says, as this machine's apt uses, or None for the usual."""
    return given or os.environ.get(MIRROR_VARIABLE) or read_mirror(APT)


def read_mirror(apt: Path) -> str | None:
    """The first address of Debian's archive in a folder with apt's sources."""
    paths = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found = (SOURCE_FIELD if path.suffix == ".sources" else SOURCE_LINE).search(text)
        if found:
            return found.group(1)
    return None


def make_base(
    client: Any,
    release: str,
    architecture: str,
    mirror: str | None,
    cache: Path,
    stop: threading.Event,
    say: Say,
) -> str:
    """Make a release's base image and load it into the engine; its tag.

    InputError, with the end of the log, where debootstrap is missing, lacks rights, or fails.
    """
    check_rights(release, architecture)
    tag = name_base(release, architecture)
    folder = cache / "bases"
    sweep_drafts(folder, unmount_below)
    with hold_lock(cache, f"base-{release}-{architecture}", stop, say), hold_draft(folder) as work:
        log = folder / f"{release}-{architecture}.log"
        log.write_text(f"{tag}\n", encoding="utf-8")
        try:
            with follow_log(log, f"{tag}: from Debian's archive", say):
                bootstrap(release, architecture, mirror, work, log, stop)
        finally:
            unmount_below(work)
        say(f"{tag}: handing it to the engine")
        write_archive(work / "layer.tar", work / "image.tar", tag, architecture)
        with explain_errors(f"image {tag}"), (work / "image.tar").open("rb") as file:
            client.images.load(file)
    return tag


def unmount_below(folder: Path) -> None:
    """Unmount what a killed debootstrap mounted, so that nobody removes files of the system through it."""
    for place in reversed(find_mounts(folder)):
        subprocess.run([shutil.which("umount") or "umount", str(place)], capture_output=True, check=False)


def check_rights(release: str, architecture: str) -> None:
    """InputError where this process cannot make a root file system of that kind."""
    place = f"base image {release} ({architecture})"
    if shutil.which("debootstrap") is None:
        raise InputError(f"{place}: debootstrap is not installed; install it (apt-get install debootstrap)")
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise InputError(f"{place}: debootstrap needs root; run this command with sudo")
    if architecture not in ARCHITECTURES.values():
        raise InputError(f"{place}: no such architecture; choose amd64 or arm64")
    if architecture != native_architecture() and not is_emulated(architecture):
        raise InputError(
            f"{place}: this machine cannot run programs of {architecture}; {advise_emulation(architecture)}"
        )


def is_emulated(architecture: str) -> bool:
    """Whether the kernel hands programs of an architecture to qemu."""
    return (FORMATS / EMULATORS[architecture]).exists()


def advise_emulation(architecture: str) -> str:
    """How to have the kernel hand them to qemu: what is missing of installing, mounting and registering."""
    name = EMULATORS[architecture]
    if not any(shutil.which(program) for program in (f"{name}-static", name)):
        return "install it: sudo apt-get install qemu-user-static binfmt-support"
    if not (FORMATS / "register").exists():
        return (
            f"{name} is installed, but binfmt_misc is not mounted: sudo mount -t binfmt_misc none {FORMATS}"
        )
    return f"{name} is installed, but not registered: sudo update-binfmts --enable {name} (of binfmt-support)"


def bootstrap(
    release: str, architecture: str, mirror: str | None, work: Path, log: Path, stop: threading.Event
) -> None:
    """Make the root file system in `work/root` and pack it as `work/layer.tar`."""
    failure = f"base image {release} ({architecture}): cannot be made"
    where = [mirror] if mirror else []
    command = ["debootstrap", "--variant=minbase", f"--arch={architecture}", release, str(work / "root")]
    run_step([*command, *where], log, stop, failure)
    excluded = [f"--exclude={pattern}" for pattern in (*EXCLUDED, *UNREAD)]
    options = ["--numeric-owner", "--sort=name", "--directory", str(work / "root")]
    run_step(
        ["tar", *options, *excluded, "--create", "--file", str(work / "layer.tar"), "."], log, stop, failure
    )
