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


def copy_example(line: dict[str, Any]) -> dict[str, Any]:
    """Write one example's JPEG copy; its line of the list."""
    name = f"{line['id']}-jpeg"
    buffer = io.BytesIO()
    with Image.open(EXAMPLES / line["file"]) as image:
        image.save(buffer, "JPEG", quality=QUALITY, subsampling=CHROMA)
    data = buffer.getvalue()
    (EXAMPLES / "jpeg" / f"{name}.jpg").write_bytes(data)
    return {
        **line,
        "id": name,
        "file": f"jpeg/{name}.jpg",
        "sha256": hashlib.sha256(data).hexdigest(),
        "jpeg": {"quality": QUALITY, "chroma": CHROMA},
    }


def main() -> None:
    """Write the copies and their list."""
    (EXAMPLES / "jpeg").mkdir(exist_ok=True)
    lines = [json.loads(line) for line in (EXAMPLES / "examples.jsonl").read_text().splitlines()]
    copies = [copy_example(line) for line in lines[::STEP]]
    text = "".join(json.dumps(line) + "\n" for line in copies)
    (EXAMPLES / "jpeg.jsonl").write_text(text, encoding="utf-8")
    print(f"{len(copies)} JPEG copies")


if __name__ == "__main__":
    main()
