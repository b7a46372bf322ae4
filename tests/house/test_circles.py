"""No module needs itself to be imported: neither rooms nor modules within one form a circle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def name_module(path, root):
    """`harness.plan.store` for its file; of a package, the package's own name."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_imports(path, package):
    """What a module imports when it is imported itself; of a `from`, also each name that it takes."""
    for node in walk_now(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def walk_now(node):
    """All nodes but bodies of functions, and what is for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from walk_now(child)


def read_graph(root, package):
    """Modules of a package, each with those of them that it imports."""
    paths = {name_module(path, root): path for path in sorted((root / package).rglob("*.py"))}
    graph = {}
    for name, path in paths.items():
        parent = name if path.name == "__init__.py" else name.rpartition(".")[0]
        graph[name] = sorted({one for one in read_imports(path, parent) if one in paths and one != name})
    return graph


def find_circle(graph):
    """Modules of a circle, sorted; none where there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return sorted(set(error.args[1]))
    return []


def test_no_circle_is_left():
    graph = read_graph(ROOT, "harness")
    assert len(graph) > 200
    assert find_circle(graph) == []


CIRCLE = {
    "one": "from room.two import x\n",
    "two": "import room.three\n",
    "three": "from room import one\n",
    "lazy": "def f():\n    from room import one\n",
    "typed": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from room import user\n",
    "user": "from . import lazy, typed\n",
}


def write_room(folder, **texts):
    (folder / "room").mkdir()
    for name, text in {"__init__": "", **texts}.items():
        (folder / "room" / f"{name}.py").write_text(text)
    return read_graph(folder, "room")


def test_a_circle_is_found(tmp_path):
    graph = write_room(tmp_path, **CIRCLE)
    assert find_circle(graph) == ["room.one", "room.three", "room.two"]
    assert graph["room.user"] == ["room", "room.lazy", "room.typed"]


@pytest.mark.parametrize("late", ["lazy", "typed"])
def test_what_is_imported_later_makes_no_circle(tmp_path, late):
    names = ("lazy", "typed", "user")
    graph = write_room(tmp_path, **{name: CIRCLE[name] for name in names})
    assert graph[f"room.{late}"] == []
    assert find_circle(graph) == []
