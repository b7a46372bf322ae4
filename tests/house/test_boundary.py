"""Files are read in one place, which knows limits and links; whoever reads one by other means says why."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEANS = {"read_text", "read_bytes", "loads", "decode_json"}
OWN = "a file that this harness has just written"
ELSEWHERE = {
    "harness/system/documents.py": "the one place",
    "harness/system/tables.py": "pieces of what the one place has read, to find a line in it",
    "harness/system/sealed.py": "under a hash of its own; its bytes are read in the one place",
    "harness/system/usage.py": OWN,
    "harness/plan/store.py": OWN,
    "harness/system/cache.py": "compared with what would be written, and with nothing else",
    "harness/examples/gather.py": "compared with what would be written, and with nothing else",
    "harness/examples/between.py": "compared with what would be written, and with nothing else",
    "harness/attacks/folder.py": "turns facts into what they are once they were written",
    "harness/attacks/produce.py": "this harness' own code",
    "harness/worker/fingerprint.py": "this harness' own code, and what the system says",
    "harness/backends/blas.py": "what the system says",
    "harness/backends/caffe.py": "a description that its model's reader has read",
    "harness/images/base.py": "what the system says",
    "harness/images/build.py": "the repository's Dockerfiles",
    "harness/report/html/page.py": "this harness' own code",
}


def list_reads(path):
    """Lines of a module that read a file, or take text for a document, by other means."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            means = (
                "decode_json" if owner == "msgspec.json" and node.func.attr == "decode" else node.func.attr
            )
            if means in MEANS and owner != "documents":
                yield f"{owner}.{node.func.attr}, line {node.lineno}"


@pytest.mark.parametrize("path", sorted((ROOT / "harness").rglob("*.py")), ids=lambda path: path.stem)
def test_files_are_read_in_one_place(path):
    found = list(list_reads(path))
    name = path.relative_to(ROOT).as_posix()
    assert not found or name in ELSEWHERE, found


def test_nothing_is_excused_that_needs_no_excuse():
    assert [name for name in ELSEWHERE if not list(list_reads(ROOT / name))] == []
