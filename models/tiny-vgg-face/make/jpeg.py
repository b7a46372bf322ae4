"""JPEG copies of some bundled examples, for decoders to differ on.

    python models/tiny-vgg-face/make/jpeg.py

Every eighth example of the list, as its camera might have stored it: quality 90, chroma at half resolution.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
STEP = 8
QUALITY = 90
CHROMA = "4:2:0"


def encode_jpeg(path: Path, quality: int) -> bytes:
    """An image file anew as JPEG, with chroma at half resolution."""
    buffer = io.BytesIO()
    with Image.open(path) as image:
        image.save(buffer, "JPEG", quality=quality, subsampling=CHROMA)
    return buffer.getvalue()


def copy_example(folder: Path, line: dict[str, Any]) -> dict[str, Any]:
    """Write one example's JPEG copy; its line of the list."""
    name = f"{line['id']}-jpeg"
    data = encode_jpeg(folder / line["file"], QUALITY)
    (folder / "jpeg" / f"{name}.jpg").write_bytes(data)
    return {
        **line,
        "id": name,
        "file": f"jpeg/{name}.jpg",
        "sha256": hashlib.sha256(data).hexdigest(),
        "jpeg": {"quality": QUALITY, "chroma": CHROMA},
    }


def make_copies(folder: Path) -> int:
    """Write the copies of the examples in a folder, and their list; how many there are."""
    (folder / "jpeg").mkdir(exist_ok=True)
    lines = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    copies = [copy_example(folder, line) for line in lines[::STEP]]
    text = "".join(json.dumps(line) + "\n" for line in copies)
    (folder / "jpeg.jsonl").write_text(text, encoding="utf-8")
    return len(copies)


if __name__ == "__main__":
    print(f"{make_copies(EXAMPLES)} JPEG copies")
