"""An image archive as `docker load` takes it, made from one tar file of a root file system."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

LAYER, CONFIG = "layer.tar", "config.json"
CREATED = "1970-01-01T00:00:00Z"  # of no interest, and the same layer is the same image this way


def write_archive(layer: Path, archive: Path, tag: str, architecture: str) -> None:
    """Write the archive of an image with one layer; unlike an import it can be of any processor."""
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with tarfile.open(archive, "w") as tar:
        add_json(tar, CONFIG, describe_config(digest, architecture))
        add_json(tar, "manifest.json", [{"Config": CONFIG, "RepoTags": [tag], "Layers": [LAYER]}])
        tar.add(layer, arcname=LAYER)


def describe_config(digest: str, architecture: str) -> dict[str, Any]:
    """The image's configuration: a shell, the usual path, one layer."""
    return {
        "architecture": architecture,
        "os": "linux",
        **({"variant": "v8"} if architecture == "arm64" else {}),
        "created": CREATED,
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": ["bash"],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": CREATED, "created_by": "debootstrap"}],
    }


def add_json(tar: tarfile.TarFile, name: str, data: Any) -> None:
    """Add plain data as a file."""
    add_bytes(tar, name, json.dumps(data, sort_keys=True).encode())


def add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file that anybody may read."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))
