"""Links, anchors, paths and commands of the documentation lead to what there is."""

import re
import shlex
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer

from harness.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
# Paths from the root that the text names; a star or capitals stand for something else.
NAMED = re.compile(r"`((?:harness|tests|docs|environments|dockerfiles|models|bench|requirements)/[\w./-]*)`")
MADE_LATER = ("models/vgg-face/",)  # by `harness fetch`


def read(path):
    return path.read_text(encoding="utf-8")


def drop_code(text):
    return CODE.sub("", text)


@cache
def list_anchors(path):
    """The anchors that GitHub gives a page's headings."""
    anchors, seen = set(), {}
    for heading in re.findall(r"^#+ (.+)$", drop_code(read(path)), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = seen.get(plain, 0)
        seen[plain] = number + 1
        anchors.add(f"{plain}-{number}" if number else plain)
    return anchors


def list_broken(path, text):
    """Links of a page that lead nowhere."""
    for link in LINK.findall(drop_code(text)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = unquote(link).partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (anchor and anchor not in list_anchors(target)):
            yield link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_and_anchor_leads_somewhere(path):
    assert list(list_broken(path, read(path))) == []


@pytest.mark.parametrize("link", ["nowhere.md", "words.md#nowhere", "#nowhere", "../docs"])
def test_a_broken_link_is_noticed(link):
    page = ROOT / "docs" / "runs.md"
    broken = list(list_broken(page, f"see [it]({link}) and [words](words.md#cases)"))
    assert broken == ([] if link == "../docs" else [link])


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = (unquote(link).partition("#")[0] for link in LINK.findall(read(page)))
        found = {(page.parent / link).resolve() for link in links if link.endswith(".md")}
        waiting.extend(found - reached - set(waiting))
    assert sorted(set(PAGES) - reached) == []


@pytest.mark.parametrize(
    "path", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda path: path.name
)
def test_every_path_that_is_named_exists(path):
    named = [name for name in NAMED.findall(read(path)) if "NAME" not in name]
    assert [name for name in named if not (name.startswith(MADE_LATER) or (ROOT / name).exists())] == []


# `NAME` in `FILE.py`: what the file has under that name.
DEFINED = re.compile(r"`(\w+)` in\s+`([\w/]+\.py)`")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_name_that_is_named_with_its_file_is_there(path):
    named = DEFINED.findall(read(path))
    assert [pair for pair in named if not defines(*pair)] == []
    assert named or path.name != "CONTRIBUTING.md"


def defines(name, place):
    """Whether a module has a definition or a value of that name."""
    return re.search(rf"^(def |class )?{name}\b( =|:|\()", read(ROOT / place), re.MULTILINE) is not None


def test_a_name_that_is_not_there_is_noticed():
    assert defines("CHOICES", "harness/ami/port.py")
    assert defines("Port", "harness/ami/port.py")
    assert defines("read_port", "harness/ami/port.py")
    assert not defines("CHOICE", "harness/ami/port.py")
    assert not defines("choice", "harness/ami/port.py")


# `room.module.function`, as docs/architecture.md names them.
HANDED = re.compile(r"`((?:[a-z_]+\.)+(?!toml|jsonl?`)[a-z_]+)`")


def find_function(name):
    """Whether `room.module.function` is defined where it says."""
    *folders, function = name.split(".")
    place = ROOT.joinpath("harness", *folders)
    module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return module.is_file() and f"\ndef {function}(" in read(module)


def test_the_way_of_an_example_goes_by_functions_that_there_are():
    text = read(ROOT / "docs" / "architecture.md")
    names = [name for name in HANDED.findall(text) if (ROOT / "harness" / name.split(".")[0]).is_dir()]
    assert len(names) > 20
    assert [name for name in names if not find_function(name)] == []


def test_a_function_that_is_not_there_is_noticed():
    assert find_function("plan.plan.plan_cells")
    assert find_function("backends.find_backend")
    assert not find_function("plan.plan.plan_cell")
    assert not find_function("plan.plans.plan_cells")


def list_commands(text):
    """Words of every command that a console block shows, comments and pipes cut off."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        lines = [line[2:] for line in block.replace("\\\n", " ").splitlines() if line.startswith("$ ")]
        yield from (shlex.split(line.replace("…", ""), comments=True) for line in lines)


def find_verb(words):
    """The verb of a command of ours and the words that follow it; None for another program."""
    if words[:3] == ["nox", "-s", "matrix"]:
        words = (
            ["harness", "matrix", *words[words.index("--") + 1 :]] if "--" in words else ["harness", "matrix"]
        )
    if words[:4] == ["nox", "-s", "harness", "--"]:
        words = ["harness", *words[4:]]
    if words[:1] == ["sudo"]:
        words = words[1:]
    if words[:1] != ["harness"]:
        return None
    verb, rest = typer.main.get_command(app), words[1:]
    while rest and hasattr(verb, "commands"):
        verb, rest = verb.commands[rest[0]], rest[1:]
    return verb, rest


def list_unknown(words):
    """Options of a command that its verb does not have, or all of it where there is no such verb."""
    try:
        found = find_verb(words)
    except KeyError:
        return words
    if found is None:
        return []
    verb, rest = found
    known = {name for one in verb.params for name in (*one.opts, *one.secondary_opts)} | {
        "--help",
        "--version",
    }
    return [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]


COMMANDS = [(page.name, words) for page in PAGES for words in list_commands(read(page))]


def test_there_are_commands():
    assert sum(find_verb(words) is not None for _, words in COMMANDS if words) > 40


@pytest.mark.parametrize(
    ("page", "words"), COMMANDS, ids=lambda one: one if isinstance(one, str) else one[-1]
)
def test_every_verb_and_option_that_is_shown_exists(page, words):
    assert list_unknown(words) == [], page


@pytest.mark.parametrize(
    "text", ["harness compare A B", "nox -s matrix -- --groups x", "harness diff A --against=b --x"]
)
def test_a_wrong_verb_or_option_is_noticed(text):
    assert list_unknown(text.split())


def test_every_session_that_is_shown_exists():
    text = read(ROOT / "noxfile.py")
    sessions = set(re.findall(r"^def (\w+)\(session", text, re.MULTILINE)) | set(
        re.findall(r'name="([\w-]+)"', text)
    )
    shown = {name for page in PAGES for name in re.findall(r"nox -s ([\w-]+)", read(page))}
    assert {"matrix", "docs"} <= shown
    assert shown <= sessions
