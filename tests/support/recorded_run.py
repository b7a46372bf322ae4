"""A run in a folder, with records as cells write them."""

import json

RECORD = {
    "example": "benign-0001", "source": "s", "attack": "benign", "gold": 0, "original": 0, "attribute": 46,
    "case": "X-X-Y", "detected": True, "margin_original": 10.415565490722656, "margin_attribute": 1e-12,
    "score": -0.1, "top5_original": [[0, 11.9]], "sigma_ratio": ["conv3_3", 2e-07], "seconds": 0.25,
    "hashes": {"file": "a", "pixels": "b", "input": "c", "logits_original": "d", "logits_attribute": "e"},
}  # fmt: skip
HEAD = {"alpha": 100.0, "beta": 60.0, "epsilon": 1.15}


def make_run(root, cells):
    """A run of cells, each with its records' lines; None is a cell that failed."""
    for name, lines in cells.items():
        folder = root / "run" / "cells" / name
        folder.mkdir(parents=True)
        job = {
            "cell": f"m/{name}",
            "environment": name,
            "backend": "reference",
            "port": None,
            "parameters": HEAD,
        }
        status = "failed" if lines is None else "done"
        (folder / "cell.json").write_text(json.dumps({"schema": 1, "status": status, "job": job}))
        (folder / "records.jsonl").write_text("".join(f"{line}\n" for line in lines or ["torn"]))
    return root / "run"
