"""Tests lie in the rooms that they test, and share helpers through tests/support alone."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "tests").rglob("*.py"))
# Rooms of tests that test no room of their name.
ELSEWHERE = {"faults", "fuzz", "house", "support"}


def list_imports(path):
    """Names of all modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_no_module_imports_a_test_module():
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in MODULES
        for name in list_imports(path)
        if name.rpartition(".")[2].startswith("test_")
    ]
    assert not found, "move what is shared into tests/support"


def test_every_room_of_tests_tests_a_room():
    rooms = {path.name for path in (ROOT / "harness").iterdir() if (path / "__init__.py").exists()}
    tested = {path.parts[len(ROOT.parts) + 1] for path in MODULES if path.parent != ROOT / "tests"}
    assert tested - ELSEWHERE <= rooms
